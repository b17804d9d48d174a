// learning/actor_critic.cpp - policy-gradient, actor-critic, ppo: a softmax policy and a critic, both perceptrons.
#include "learning/actor_critic.hpp"

#include <algorithm>
#include <numeric>

#include "learning/trajectory.hpp"

namespace ruvector::learning {

namespace {

class ActorCritic final : public Policy {
public:
	ActorCritic(Algorithm algorithm, const Shape &shape, uint32_t inputs, uint32_t hidden, uint32_t layers)
		: Policy(algorithm, shape), actor_(Mlp::layer_sizes(inputs, hidden, layers, shape.actions), Activation::tanh),
		  critic_(Mlp::layer_sizes(inputs, hidden, layers, 1), Activation::tanh) {
		actor_adam_.reset(actor_.weights.size());
		critic_adam_.reset(critic_.weights.size());
	}

	static size_t parameters(const Shape &shape, uint32_t inputs, uint32_t hidden, uint32_t layers) {
		return Mlp::parameters(Mlp::layer_sizes(inputs, hidden, layers, shape.actions)) +
			   Mlp::parameters(Mlp::layer_sizes(inputs, hidden, layers, 1));
	}

	static std::unique_ptr<Policy> make(const Config &config, const Shape &shape, uint64_t seed) {
		uint32_t hidden = uint32_t(config.count("hidden_size")), layers = uint32_t(config.count("hidden_layers"));
		check_parameters(parameters(shape, shape.state_dim, hidden, layers));
		auto policy = std::make_unique<ActorCritic>(config.algorithm(), shape, shape.state_dim, hidden, layers);
		Random random(seed, kInitialize);
		policy->actor_.initialize(random, 0.01); // nearly uniform at first
		policy->critic_.initialize(random, 1);
		return policy;
	}

	static std::unique_ptr<Policy> read(Algorithm algorithm, const Shape &shape, Reader &in) {
		uint32_t hidden = in.integer<uint32_t>(1, 1024, "size of a layer"),
				 layers = in.integer<uint32_t>(0, 4, "number of layers");
		uint64_t seen = in.integer<uint64_t>();
		Keys keys;
		keys.read(in);
		if (shape.state_dim != 0 && keys.size() != 0)
			Reader::damaged("it has keys and vectors");
		uint32_t inputs = shape.state_dim + keys.size();
		size_t n = parameters(shape, inputs, hidden, layers);
		if (n > kMaxParameters)
			Reader::damaged("too many weights");
		in.need(n, 12);
		auto policy = std::make_unique<ActorCritic>(algorithm, shape, inputs, hidden, layers);
		policy->seen_ = seen;
		policy->keys_.swap(keys);
		in.f32s(policy->actor_.weights);
		in.f32s(policy->critic_.weights);
		policy->actor_adam_.read(in, policy->actor_.weights.size());
		policy->critic_adam_.read(in, policy->critic_.weights.size());
		return policy;
	}

	std::vector<uint8_t> serialize() const override {
		Writer out;
		const auto &sizes = actor_.sizes();
		out.integer(sizes.size() > 2 ? sizes[1] : 1u);
		out.integer(uint32_t(sizes.size() - 2));
		out.integer(seen_);
		keys_.write(out);
		out.f32s(actor_.weights);
		out.f32s(critic_.weights);
		actor_adam_.write(out);
		critic_adam_.write(out);
		return seal(*this, out);
	}

	size_t memory() const override {
		return size_t(actor_.weights.size() + critic_.weights.size()) * 12 + keys_.memory();
	}

	Metrics train(const Experience &e, const Config &config, uint64_t seed, const Poll &poll) override {
		e.check(shape());
		check_shape(config, "hidden_layers", uint32_t(actor_.sizes().size() - 2));
		if (actor_.sizes().size() > 2)
			check_shape(config, "hidden_size", actor_.sizes()[1]);
		Random random(seed, kTrain);
		Batch b(e, shape(), config, keys_);
		grow(random);
		Metrics m;
		m.rows = e.count;
		m.mean_return = b.trajectories.mean_return(e);
		seen_ += e.count;
		rate_ = config.get("learning_rate");
		if (double over = config.get("anneal_steps"); over > 0)
			rate_ *= std::max(0.05, 1 - 0.95 * double(seen_) / over);

		std::vector<uint32_t> rows(e.count); // all
		std::iota(rows.begin(), rows.end(), 0u);
		Matrix before = log_softmax(actor_.forward(b.states));
		if (algorithm() == Algorithm::ppo)
			for (size_t round = 0; round < config.count("rounds") && !m.finished_early; round++)
				train_ppo(b, config, round == 0 ? before : log_softmax(actor_.forward(b.states)), rows, random, poll,
						  m);
		else
			train_on_policy(b, config, rows, poll, m);

		Matrix after = log_softmax(actor_.forward(b.states));
		Matrix p = before.array().exp();
		m.kl = double((p.array() * (before - after).array()).sum()) / double(e.count);
		m.change = double((p - Matrix(after.array().exp())).cwiseAbs().mean());
		m.entropy = -double((after.array().exp() * after.array()).sum()) / double(e.count);
		if (!m.losses.empty()) {
			m.first_loss = m.losses.front();
			m.last_loss = m.losses.back();
		}
		return m;
	}

protected:
	Scores scores(const Query &query, const std::vector<uint32_t> &available, const Config &, Random &,
				  const Poll &) const override {
		Input x = keys_.input(shape(), query.state);
		Matrix logits = actor_.forward(x);
		Scores s;
		s.score.assign(logits.data(), logits.data() + logits.size());
		s.value.assign(shape().actions, NAN);
		s.state_value = double(critic_.forward(x)(0, 0));
		s.probability = softmax(s.score, available, query.temperature);
		return s;
	}

private:
	enum Stream : uint64_t { kInitialize = 1, kTrain = 2 };

	struct Batch {
		const Experience &e;
		Input states, next;
		Trajectories trajectories;
		std::vector<double> log_behaviour;
		double discount, lambda, clip;

		Batch(const Experience &experience, const Shape &shape, const Config &config, Keys &keys)
			: e(experience), states(keys.input(shape, e, false)), next(keys.input(shape, e, true)), trajectories(e),
			  discount(config.get("discount_factor")), lambda(config.get("gae_lambda")),
			  clip(config.get("importance_clip")) {
			for (size_t i = 0; i < e.count; i++)
				log_behaviour.push_back(std::log(
					e.behaviour && !std::isnan(e.behaviour[i]) ? e.behaviour[i] : 1.0 / double(shape.actions)));
		}
	};

	// Of some rows, in their order, as policy and critic are now. A step that follows in another part is cut off: it
	// is bootstrapped from the critic.
	struct Estimates {
		std::vector<double> ratio; // policy / behaviour
		Advantages of;
	};
	Estimates estimate(const Batch &b, const std::vector<uint32_t> &rows, const Matrix &log_p, const Matrix &value) {
		size_t n = rows.size();
		std::vector<uint32_t> next(n, kNone), open, open_at;
		std::vector<double> rewards(n), v(n), v_next(n, 0);
		Estimates out;
		uint32_t first = rows.front();
		for (size_t i = 0; i < n; i++) { // rows are consecutive
			uint32_t row = rows[i], following = b.trajectories.next[row];
			v[i] = double(value(0, Eigen::Index(i)));
			rewards[i] = b.e.rewards[row];
			out.ratio.push_back(std::exp(double(log_p(b.e.actions[row], Eigen::Index(i))) - b.log_behaviour[row]));
			if (following != kNone && following - first < n)
				next[i] = following - first;
			else if (!b.e.terminated[row]) {
				open.push_back(row);
				open_at.push_back(uint32_t(i));
			}
		}
		if (!open.empty()) {
			Matrix bootstrap = critic_.forward(b.next.rows(open.data(), open.size()));
			for (size_t i = 0; i < open.size(); i++)
				v_next[open_at[i]] = double(bootstrap(0, Eigen::Index(i)));
		}
		for (size_t i = 0; i < n; i++)
			if (next[i] != kNone)
				v_next[i] = v[next[i]];
		out.of = advantages(rewards.data(), next, v, v_next, out.ratio, b.discount, b.lambda, b.clip);
		return out;
	}

	static void normalize(std::vector<double> &x) {
		if (x.size() < 2)
			return;
		double mean = std::accumulate(x.begin(), x.end(), 0.0) / double(x.size()), square = 0;
		for (double v : x)
			square += (v - mean) * (v - mean);
		double sd = std::sqrt(square / double(x.size()));
		for (double &v : x)
			v = (v - mean) / (sd + 1e-8);
	}

	double critic_step(const Input &x, const std::vector<double> &target, const Config &config) {
		Mlp::Tape tape;
		Matrix d = critic_.forward(x, tape);
		double loss = 0;
		for (Eigen::Index i = 0; i < d.cols(); i++) {
			d(0, i) -= float(target[size_t(i)]);
			loss += double(d(0, i) * d(0, i)) / double(d.cols());
		}
		d /= float(d.cols());
		Vector gradient = Vector::Zero(critic_.weights.size());
		critic_.backward(x, tape, std::move(d), gradient);
		critic_adam_.step(critic_.weights, gradient, rate_, config.get("max_gradient_norm"));
		return loss;
	}

	void actor_step(const Input &x, const Mlp::Tape &tape, Matrix d, const Config &config) {
		Vector gradient = Vector::Zero(actor_.weights.size());
		actor_.backward(x, tape, std::move(d), gradient);
		actor_adam_.step(actor_.weights, gradient, rate_, config.get("max_gradient_norm"));
	}

	// policy-gradient: one step on all rows. actor-critic: a step for each part of batch_size consecutive rows.
	void train_on_policy(const Batch &b, const Config &config, const std::vector<uint32_t> &all, const Poll &poll,
						 Metrics &m) {
		size_t part = algorithm() == Algorithm::actor_critic ? config.count("batch_size") : all.size();
		double entropy_weight = config.get("entropy_coefficient");
		for (size_t epoch = 0; epoch < config.count("epochs"); epoch++) {
			double loss = 0, value_loss = 0;
			for (size_t from = 0; from < all.size(); from += part) {
				if (poll.finish()) {
					m.finished_early = true;
					return;
				}
				std::vector<uint32_t> rows(all.begin() + ptrdiff_t(from),
										   all.begin() + ptrdiff_t(std::min(all.size(), from + part)));
				double n = double(rows.size());
				Input x = b.states.rows(rows.data(), rows.size());
				Mlp::Tape tape;
				Matrix log_p = log_softmax(actor_.forward(x, tape));
				Estimates est = estimate(b, rows, log_p, critic_.forward(x));
				if (config.get("normalize_advantages") != 0)
					normalize(est.of.advantage);
				Matrix d(log_p.rows(), log_p.cols());
				for (size_t i = 0; i < rows.size(); i++) {
					Eigen::Index col = Eigen::Index(i);
					uint32_t action = b.e.actions[rows[i]];
					double weight = std::min(b.clip, est.ratio[i]) * est.of.advantage[i];
					loss -= weight * double(log_p(action, col)) / double(all.size());
					policy_gradient(log_p.col(col), action, weight / n, entropy_weight / n, d.col(col));
				}
				actor_step(x, tape, std::move(d), config);
				value_loss += critic_step(x, est.of.target, config) * n / double(all.size());
				m.updates++;
			}
			m.losses.push_back(loss);
			m.value_loss = value_loss;
			m.epochs++;
		}
	}

	// The behaviour need not be the policy of before: its ratios weight the rows, and the clipped ratio is that to the
	// policy before (decoupled objective, Hilton, Cobbe & Schulman 2022).
	void train_ppo(const Batch &b, const Config &config, const Matrix &before, std::vector<uint32_t> rows,
				   Random &random, const Poll &poll, Metrics &m) {
		Estimates est = estimate(b, rows, before, critic_.forward(b.states));
		double clip = config.get("clip_range"), entropy_weight = config.get("entropy_coefficient"),
			   target_kl = config.get("target_kl");
		size_t parts = std::min(config.count("minibatches"), rows.size());
		for (size_t epoch = 0; epoch < config.count("epochs"); epoch++) {
			for (size_t i = rows.size(); i > 1; i--)
				std::swap(rows[i - 1], rows[random.below(uint32_t(i))]);
			double loss = 0, value_loss = 0, kl = 0;
			for (size_t part = 0; part < parts; part++) {
				if (poll.finish()) {
					m.finished_early = true;
					return;
				}
				size_t from = rows.size() * part / parts, n = rows.size() * (part + 1) / parts - from;
				const uint32_t *which = rows.data() + from;
				std::vector<double> advantage(n), target(n);
				for (size_t i = 0; i < n; i++) {
					advantage[i] = est.of.advantage[which[i]];
					target[i] = est.of.target[which[i]];
				}
				if (config.get("normalize_advantages") != 0)
					normalize(advantage);
				Input x = b.states.rows(which, n);
				Mlp::Tape tape;
				Matrix log_p = log_softmax(actor_.forward(x, tape));
				Matrix d(log_p.rows(), log_p.cols());
				for (size_t i = 0; i < n; i++) {
					Eigen::Index col = Eigen::Index(i);
					uint32_t row = which[i], action = b.e.actions[row];
					double moved = double(log_p(action, col)) - double(before(action, row)), ratio = std::exp(moved);
					double weight = std::min(b.clip, est.ratio[row]) * advantage[i];
					double cut = std::min(1 + clip, std::max(1 - clip, ratio));
					loss -= std::min(ratio * weight, cut * weight) / double(rows.size());
					kl += (ratio - 1 - moved) / double(rows.size());
					bool moves = ppo_moves(ratio, weight, clip);
					policy_gradient(log_p.col(col), action, (moves ? ratio * weight : 0) / double(n),
									entropy_weight / double(n), d.col(col));
				}
				actor_step(x, tape, std::move(d), config);
				value_loss += critic_step(x, target, config) * double(n) / double(rows.size());
				m.updates++;
			}
			m.losses.push_back(loss);
			m.value_loss = value_loss;
			m.epochs++;
			if (target_kl > 0 && kl > target_kl)
				return;
		}
	}

	void grow(Random &random) {
		if (shape().state_dim != 0 || keys_.size() == actor_.sizes()[0])
			return;
		const auto &sizes = actor_.sizes();
		check_parameters(
			parameters(shape(), keys_.size(), sizes.size() > 2 ? sizes[1] : 1, uint32_t(sizes.size() - 2)));
		for (auto [net, adam] : {std::pair(&actor_, &actor_adam_), std::pair(&critic_, &critic_adam_)}) {
			Mlp::grow(adam->mean, net->sizes(), keys_.size());
			Mlp::grow(adam->square, net->sizes(), keys_.size());
			net->grow(keys_.size(), random);
		}
	}

	Keys keys_;
	Mlp actor_, critic_;
	Adam actor_adam_, critic_adam_;
	uint64_t seen_ = 0; // experiences
	double rate_ = 0;   // of this train()
};

} // namespace

std::unique_ptr<Policy> make_actor_critic(const Config &config, const Shape &shape, uint64_t seed) {
	return ActorCritic::make(config, shape, seed);
}

std::unique_ptr<Policy> read_actor_critic(Algorithm algorithm, const Shape &shape, Reader &in) {
	return ActorCritic::read(algorithm, shape, in);
}

} // namespace ruvector::learning
