// learning/transformer.cpp - decision-transformer: actions as a sequence model of returns, states and actions.
#include "learning/transformer.hpp"

#include <algorithm>

#include "learning/trajectory.hpp"

namespace ruvector::learning {

namespace {

using Windows = WindowsT<float>;

class DecisionTransformer final : public Policy {
public:
	DecisionTransformer(const Shape &shape, const TransformerSize &size)
		: Policy(Algorithm::decision_transformer, shape), net_(size) {
		adam_.reset(net_.weights.size());
	}

	static std::unique_ptr<Policy> make(const Config &config, const Shape &shape, uint64_t seed) {
		TransformerSize size{shape.state_dim,
							 shape.actions,
							 uint32_t(config.count("embedding_size")),
							 uint32_t(config.count("layers")),
							 uint32_t(config.count("heads")),
							 uint32_t(config.count("context_length")),
							 uint32_t(config.count("max_timestep"))};
		if (size.width % size.heads != 0)
			throw Error(ErrorKind::invalid_argument, "embedding_size must be a multiple of heads");
		check_parameters(TransformerT<float>::parameters(size));
		auto policy = std::make_unique<DecisionTransformer>(shape, size);
		Random random(seed, kInitialize);
		policy->net_.initialize(random);
		return policy;
	}

	static std::unique_ptr<Policy> read(const Shape &shape, Reader &in) {
		TransformerSize size{};
		size.actions = shape.actions;
		size.width = in.integer<uint32_t>(4, 256, "width");
		size.layers = in.integer<uint32_t>(1, 8, "layers");
		size.heads = in.integer<uint32_t>(1, 16, "heads");
		size.context = in.integer<uint32_t>(1, 64, "context");
		size.timesteps = in.integer<uint32_t>(1, 65536, "timesteps");
		double scale = in.f64(), aim = in.f64();
		Keys keys;
		keys.read(in);
		size.inputs = shape.state_dim + keys.size();
		if (size.width % size.heads != 0 || !(scale > 0) || (shape.state_dim != 0 && keys.size() != 0))
			Reader::damaged("its sizes do not fit");
		size_t n = TransformerT<float>::parameters(size);
		if (n > kMaxParameters)
			Reader::damaged("too many weights");
		in.need(n, 12);
		auto policy = std::make_unique<DecisionTransformer>(shape, size);
		policy->scale_ = scale;
		policy->aim_ = aim;
		policy->keys_.swap(keys);
		in.f32s(policy->net_.weights);
		policy->adam_.read(in, policy->net_.weights.size());
		return policy;
	}

	std::vector<uint8_t> serialize() const override {
		Writer out;
		const TransformerSize &s = net_.size();
		for (uint32_t x : {s.width, s.layers, s.heads, s.context, s.timesteps})
			out.integer(x);
		out.f64(scale_);
		out.f64(aim_);
		keys_.write(out);
		out.f32s(net_.weights);
		adam_.write(out);
		return seal(*this, out);
	}

	size_t memory() const override { return size_t(net_.weights.size()) * 12 + keys_.memory(); }

	Metrics train(const Experience &e, const Config &config, uint64_t seed, const Poll &poll) override {
		e.check(shape());
		const TransformerSize &size = net_.size();
		check_shape(config, "embedding_size", size.width);
		check_shape(config, "layers", size.layers);
		check_shape(config, "heads", size.heads);
		check_shape(config, "context_length", size.context);
		check_shape(config, "max_timestep", size.timesteps);
		Random random(seed, kTrain);
		Input states = keys_.input(shape(), e, false);
		if (states.by_key && keys_.size() != size.inputs) {
			TransformerSize grown = size;
			grown.inputs = keys_.size();
			check_parameters(TransformerT<float>::parameters(grown));
			net_.grow(adam_.mean, keys_.size());
			net_.grow(adam_.square, keys_.size());
			net_.grow(keys_.size(), random);
		}

		Trajectories t(e);
		std::vector<double> to_go(e.count), whole;
		double largest = 0;
		for (size_t i = e.count; i-- > 0;) {
			to_go[i] = e.rewards[i] + (t.next[i] == kNone ? 0 : to_go[t.next[i]]);
			largest = std::max(largest, std::fabs(to_go[i]));
			if (t.previous[i] == kNone)
				whole.push_back(to_go[i]);
		}
		if (adam_.steps == 0) // later data must not change what the network's numbers mean
			scale_ = largest > 0 ? largest : 1;
		std::sort(whole.begin(), whole.end());
		aim_ = whole[size_t(config.get("target_quantile") * double(whole.size() - 1) + 0.5)];

		Metrics m;
		m.rows = e.count;
		m.mean_return = t.mean_return(e);
		std::vector<std::vector<uint32_t>> probes;
		for (size_t i = 0; i < std::min<size_t>(64, e.count); i++)
			probes.push_back(window(t, random.below(uint32_t(e.count))));
		Windows probe = gather(e, states, to_go, t, probes);
		Matrix before = log_softmax(net_.run(probe)).array().exp();

		size_t steps = config.count("gradient_steps"), batch = config.count("batch_size"),
			   sixteenths = std::min<size_t>(16, steps), warm = std::max<size_t>(1, steps / 20), in_loss = 0;
		double rate = config.get("learning_rate"), decay = config.get("weight_decay"), sum = 0;
		Vector mask = net_.decayed(), gradient(net_.weights.size());
		bool fresh = adam_.steps == 0;
		for (size_t step = 0; step < steps; step++) {
			if (poll.finish()) {
				m.finished_early = true;
				break;
			}
			std::vector<std::vector<uint32_t>> windows;
			for (size_t i = 0; i < batch; i++)
				windows.push_back(window(t, random.below(uint32_t(e.count))));
			gradient.setZero();
			double loss;
			net_.run(gather(e, states, to_go, t, windows), &gradient, &loss);
			double now = fresh ? rate * std::min(1.0, double(step + 1) / double(warm)) : rate;
			if (decay > 0)
				net_.weights.array() *= 1 - float(now * decay) * mask.array();
			adam_.step(net_.weights, gradient, now, config.get("max_gradient_norm"));
			m.updates++;
			sum += loss;
			in_loss++;
			if ((step + 1) * sixteenths / steps != step * sixteenths / steps) {
				m.losses.push_back(sum / double(in_loss));
				sum = 0;
				in_loss = 0;
			}
		}
		if (in_loss)
			m.losses.push_back(sum / double(in_loss));
		m.epochs = m.updates * batch / e.count;
		if (!m.losses.empty()) {
			m.first_loss = m.losses.front();
			m.last_loss = m.losses.back();
		}
		Matrix after = log_softmax(net_.run(probe));
		m.entropy = -double((after.array().exp() * after.array()).sum()) / double(after.cols());
		m.change = double((Matrix(after.array().exp()) - before).cwiseAbs().mean());
		return m;
	}

protected:
	Scores scores(const Query &query, const std::vector<uint32_t> &available, const Config &, Random &,
				  const Poll &) const override {
		Windows w;
		const Experience *h = query.history;
		size_t past = h ? std::min<size_t>(h->count, net_.size().context - 1) : 0, from = h ? h->count - past : 0;
		double target = query.target_return;
		if (h && h->count)
			h->check(shape());
		if (std::isnan(target)) {
			target = aim_;
			for (size_t i = 0; h && i < h->count; i++)
				target -= h->rewards[i];
		} else if (!std::isfinite(target))
			throw Error(ErrorKind::invalid_argument, "the target return must be finite");
		w.states.by_key = shape().state_dim == 0;
		if (!w.states.by_key)
			w.states.dense.resize(shape().state_dim, Eigen::Index(past) + 1);
		w.returns.assign(past + 1, float(target / scale_));
		for (size_t i = past; i-- > 0;) {
			target += h->rewards[from + i];
			w.returns[i] = float(target / scale_);
		}
		for (size_t i = 0; i <= past; i++) {
			State state = query.state;
			if (i < past) {
				state = {};
				if (w.states.by_key)
					state.key = h->state_keys[from + i];
				else
					state.vector = h->states + (from + i) * shape().state_dim;
			}
			if (w.states.by_key)
				w.states.keys.push_back(keys_.find(state.key));
			else
				w.states.dense.col(Eigen::Index(i)) = Eigen::Map<const Vector>(state.vector, shape().state_dim);
			w.actions.push_back(i < past ? h->actions[from + i] : 0); // the last one comes after what is asked for
			w.times.push_back(uint32_t(from + i));
		}
		w.lengths.push_back(uint32_t(past + 1));
		Matrix logits = net_.run(w);
		Scores s;
		auto last = logits.col(Eigen::Index(past));
		s.score.assign(last.data(), last.data() + last.size());
		s.value.assign(shape().actions, NAN);
		s.probability = softmax(s.score, available, query.temperature);
		return s;
	}

private:
	enum Stream : uint64_t { kInitialize = 1, kTrain = 2 };

	// The rows up to `last` of its trajectory, as many as attention sees.
	std::vector<uint32_t> window(const Trajectories &t, uint32_t last) const {
		std::vector<uint32_t> rows;
		for (uint32_t row = last; row != kNone && rows.size() < net_.size().context; row = t.previous[row])
			rows.push_back(row);
		std::reverse(rows.begin(), rows.end());
		return rows;
	}
	Windows gather(const Experience &e, const Input &states, const std::vector<double> &to_go, const Trajectories &t,
				   const std::vector<std::vector<uint32_t>> &windows) const {
		Windows w;
		std::vector<uint32_t> all;
		for (const auto &rows : windows) {
			all.insert(all.end(), rows.begin(), rows.end());
			w.lengths.push_back(uint32_t(rows.size()));
		}
		w.states = states.rows(all.data(), all.size());
		for (uint32_t row : all) {
			w.returns.push_back(float(to_go[row] / scale_));
			w.actions.push_back(e.actions[row]);
			w.times.push_back(t.time[row]);
		}
		return w;
	}

	Keys keys_;
	TransformerT<float> net_;
	Adam adam_;
	double scale_ = 1; // of returns
	double aim_ = 0;   // the return to aim at by default
};

} // namespace

std::unique_ptr<Policy> make_transformer(const Config &config, const Shape &shape, uint64_t seed) {
	return DecisionTransformer::make(config, shape, seed);
}

std::unique_ptr<Policy> read_transformer(const Shape &shape, Reader &in) {
	return DecisionTransformer::read(shape, in);
}

} // namespace ruvector::learning
