// learning/dqn.cpp - deep Q-learning with replay, a target network and double targets.
#include <algorithm>

#include "learning/network.hpp"
#include "learning/trajectory.hpp"

namespace ruvector::learning {

namespace {

class Dqn final : public Policy {
public:
	Dqn(const Shape &shape, std::vector<uint32_t> sizes)
		: Policy(Algorithm::dqn, shape), online_(std::move(sizes), Activation::relu), target_(online_) {
		adam_.reset(online_.weights.size());
	}

	static std::unique_ptr<Dqn> make(const Config &config, const Shape &shape, uint64_t seed) {
		auto sizes = Mlp::layer_sizes(shape.state_dim, uint32_t(config.count("hidden_size")),
									  uint32_t(config.count("hidden_layers")), shape.actions);
		check_parameters(Mlp::parameters(sizes));
		auto policy = std::make_unique<Dqn>(shape, sizes);
		Random random(seed, kInitialize);
		policy->online_.initialize(random, 1);
		policy->target_ = policy->online_;
		return policy;
	}

	static std::unique_ptr<Dqn> read(const Shape &shape, Reader &in) {
		uint32_t hidden = in.integer<uint32_t>(1, 1024, "size of a layer"),
				 layers = in.integer<uint32_t>(0, 4, "number of layers");
		Keys keys;
		keys.read(in);
		if (shape.state_dim != 0 && keys.size() != 0)
			Reader::damaged("it has keys and vectors");
		auto sizes = Mlp::layer_sizes(shape.state_dim + keys.size(), hidden, layers, shape.actions);
		size_t n = Mlp::parameters(sizes);
		if (n > kMaxParameters)
			Reader::damaged("too many weights");
		in.need(n, 16);
		auto policy = std::make_unique<Dqn>(shape, sizes);
		policy->keys_.swap(keys);
		in.f32s(policy->online_.weights);
		in.f32s(policy->target_.weights);
		policy->adam_.read(in, policy->online_.weights.size());
		return policy;
	}

	std::vector<uint8_t> serialize() const override {
		Writer out;
		const auto &sizes = online_.sizes();
		out.integer(sizes.size() > 2 ? sizes[1] : 1u);
		out.integer(uint32_t(sizes.size() - 2));
		keys_.write(out);
		out.f32s(online_.weights);
		out.f32s(target_.weights);
		adam_.write(out);
		return seal(*this, out);
	}

	size_t memory() const override { return size_t(online_.weights.size()) * 16 + keys_.memory(); }

	Metrics train(const Experience &all, const Config &config, uint64_t seed, const Poll &poll) override {
		all.check(shape());
		check_shape(config, "hidden_layers", uint32_t(online_.sizes().size() - 2));
		if (online_.sizes().size() > 2)
			check_shape(config, "hidden_size", online_.sizes()[1]);
		Experience e = all;
		size_t size = config.count("replay_size");
		if (e.count > size) {
			size_t skip = e.count - size;
			e.count = size;
			if (shape().state_dim == 0)
				e.state_keys += skip, e.next_state_keys += skip;
			else
				e.states += skip * shape().state_dim, e.next_states += skip * shape().state_dim;
			e.actions += skip, e.rewards += skip, e.terminated += skip;
			e.truncated += e.truncated ? skip : 0;
			e.trajectory += e.trajectory ? skip : 0;
			e.behaviour += e.behaviour ? skip : 0;
		}
		Random random(seed, kTrain);
		Input states = keys_.input(shape(), e, false), next = keys_.input(shape(), e, true);
		if (states.by_key)
			grow(random);

		Metrics m;
		m.rows = e.count;
		Trajectories trajectories(e);
		m.mean_return = trajectories.mean_return(e);
		std::vector<uint32_t> sample;
		for (size_t i = 0; i < std::min<size_t>(e.count, 256); i++)
			sample.push_back(random.below(uint32_t(e.count)));
		Input probe = states.rows(sample.data(), sample.size());
		Matrix before = online_.forward(probe);

		size_t batch = std::min(config.count("batch_size"), e.count), steps = config.count("gradient_steps");
		size_t reach = config.count("n_step");
		float target_rate = float(config.get("target_rate"));
		float discount = float(config.get("discount_factor")), delta = float(config.get("huber_delta"));
		bool twice = config.get("double") != 0;
		double first_rate = config.get("learning_rate"), anneal = config.get("anneal_steps"),
			   norm = config.get("max_gradient_norm");
		// No return lies outside what the extreme rewards would give for ever; targets that do are the bootstrap feeding
		// on itself (as Andrychowicz et al. 2017).
		auto [least, greatest] = std::minmax_element(e.rewards, e.rewards + e.count);
		double horizon = 1 / (1 - config.get("discount_factor")); // infinite: no bounds
		float low = *least < 0 ? float(*least * horizon) : 0, high = *greatest > 0 ? float(*greatest * horizon) : 0;
		std::vector<uint32_t> rows(batch), lasts(batch);
		std::vector<float> sums(batch), weights(batch);
		Vector gradient(online_.weights.size());
		Mlp::Tape tape;
		size_t sixteenths = std::min<size_t>(16, steps);
		double loss = 0;
		size_t in_loss = 0;
		for (size_t step = 0; step < steps; step++) {
			if (poll.finish()) {
				m.finished_early = true;
				break;
			}
			for (uint32_t &row : rows)
				row = random.below(uint32_t(e.count));
			for (size_t i = 0; i < batch; i++) {
				uint32_t at = rows[i];
				float sum = float(e.rewards[at]), weight = discount;
				for (size_t n = 1; n < reach; n++) {
					uint32_t after = trajectories.next[at];
					if (after == kNone || !e.behaviour || !(e.behaviour[after] > 0.5))
						break; // the behaviour explores there, or nothing is known of it
					at = after;
					sum += weight * float(e.rewards[at]);
					weight *= discount;
				}
				lasts[i] = at;
				sums[i] = sum;
				weights[i] = e.terminated[at] ? 0 : weight;
			}
			Input from = states.rows(rows.data(), batch), to = next.rows(lasts.data(), batch);
			Matrix value = target_.forward(to);
			Matrix choice = twice ? online_.forward(to) : value;
			const Matrix &q = online_.forward(from, tape);
			Matrix d = Matrix::Zero(q.rows(), q.cols());
			for (size_t i = 0; i < batch; i++) {
				Eigen::Index col = Eigen::Index(i), best;
				choice.col(col).maxCoeff(&best);
				float y = sums[i] + weights[i] * value(best, col);
				y = std::min(high, std::max(low, y));
				float error = q(e.actions[rows[i]], col) - y, size = std::fabs(error);
				loss += double(size <= delta ? error * error / 2 : delta * (size - delta / 2)) / double(batch);
				d(e.actions[rows[i]], col) = std::min(delta, std::max(-delta, error)) / float(batch);
			}
			gradient.setZero();
			online_.backward(from, tape, std::move(d), gradient);
			double rate = anneal > 0 ? std::max(0.05, 1 - double(adam_.steps) / anneal) * first_rate : first_rate;
			adam_.step(online_.weights, gradient, rate, norm);
			target_.weights += target_rate * (online_.weights - target_.weights);
			m.updates++;
			in_loss++;
			if ((step + 1) * sixteenths / steps != step * sixteenths / steps) {
				m.losses.push_back(loss / double(in_loss));
				loss = 0;
				in_loss = 0;
			}
		}
		if (in_loss)
			m.losses.push_back(loss / double(in_loss));
		m.epochs = m.updates * batch / e.count;
		if (!m.losses.empty()) {
			m.first_loss = m.losses.front();
			m.last_loss = m.losses.back();
		}
		m.change = double((online_.forward(probe) - before).cwiseAbs().mean());
		return m;
	}

protected:
	Scores scores(const Query &query, const std::vector<uint32_t> &available, const Config &config, Random &,
				  const Poll &) const override {
		Matrix q = online_.forward(keys_.input(shape(), query.state));
		Scores s;
		s.value.assign(q.data(), q.data() + q.size());
		s.score = s.value;
		s.state_value = -HUGE_VAL;
		for (uint32_t a : available)
			s.state_value = std::max(s.state_value, s.value[a]);
		s.probability = epsilon_greedy(s.score, available, epsilon_at(config, query.steps));
		return s;
	}

private:
	enum Stream : uint64_t { kInitialize = 1, kTrain = 2 };

	void grow(Random &random) {
		uint32_t known = online_.sizes()[0];
		if (keys_.size() == known)
			return;
		auto sizes = online_.sizes(), grown = sizes;
		grown[0] = keys_.size();
		check_parameters(Mlp::parameters(grown));
		Mlp::grow(adam_.mean, sizes, keys_.size());
		Mlp::grow(adam_.square, sizes, keys_.size());
		online_.grow(keys_.size(), random);
		Eigen::Index at = Eigen::Index(known) * sizes[1], more = Eigen::Index(keys_.size() - known) * sizes[1];
		target_.grow(keys_.size(), random);
		target_.weights.segment(at, more) = online_.weights.segment(at, more);
	}

	Keys keys_;
	Mlp online_, target_;
	Adam adam_;
};

} // namespace

std::unique_ptr<Policy> make_dqn(const Config &config, const Shape &shape, uint64_t seed) {
	return Dqn::make(config, shape, seed);
}

std::unique_ptr<Policy> read_dqn(const Shape &shape, Reader &in) {
	return Dqn::read(shape, in);
}

} // namespace ruvector::learning
