// learning/network.hpp - multi-layer perceptrons with hand-written derivatives, Adam, and the keys of states.
// Matrices have one column for each sample. T is float; tests check the derivatives with double.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <Eigen/Dense>

#include "learning/bytes.hpp"
#include "ruvector/learning/policy.hpp"

namespace ruvector::learning {

template <typename T>
using MatrixT = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
template <typename T>
using VectorT = Eigen::Matrix<T, Eigen::Dynamic, 1>;
using Matrix = MatrixT<float>;
using Vector = VectorT<float>;

// A batch of states: vectors in columns, or numbers of keys (-1: unknown), which stand for unit vectors.
template <typename T>
struct InputT {
	MatrixT<T> dense;
	std::vector<int32_t> keys;
	bool by_key = false;
	Eigen::Index count() const { return by_key ? Eigen::Index(keys.size()) : dense.cols(); }

	InputT rows(const uint32_t *which, size_t n) const {
		InputT out;
		out.by_key = by_key;
		if (by_key)
			for (size_t i = 0; i < n; i++)
				out.keys.push_back(keys[which[i]]);
		else {
			out.dense.resize(dense.rows(), Eigen::Index(n));
			for (size_t i = 0; i < n; i++)
				out.dense.col(Eigen::Index(i)) = dense.col(which[i]);
		}
		return out;
	}
};
using Input = InputT<float>;

// y = W x + b of a batch of states, W and b being at `w` and `b`; and its derivatives, added to `dw` and `db`.
template <typename T>
MatrixT<T> input_layer(const InputT<T> &x, const T *w, const T *b, Eigen::Index in, Eigen::Index out) {
	Eigen::Map<const MatrixT<T>> weights(w, out, in);
	Eigen::Map<const VectorT<T>> bias(b, out);
	MatrixT<T> y(out, x.count());
	if (x.by_key) {
		for (Eigen::Index i = 0; i < y.cols(); i++)
			if (x.keys[size_t(i)] >= 0)
				y.col(i) = weights.col(x.keys[size_t(i)]) + bias;
			else
				y.col(i) = bias;
	} else {
		y.noalias() = weights * x.dense;
		y.colwise() += bias;
	}
	return y;
}

template <typename T>
void input_layer_backward(const InputT<T> &x, const MatrixT<T> &dy, T *dw, T *db, Eigen::Index in, Eigen::Index out) {
	Eigen::Map<MatrixT<T>> weights(dw, out, in);
	Eigen::Map<VectorT<T>>(db, out) += dy.rowwise().sum();
	if (x.by_key) {
		for (Eigen::Index i = 0; i < dy.cols(); i++)
			if (x.keys[size_t(i)] >= 0)
				weights.col(x.keys[size_t(i)]) += dy.col(i);
	} else
		weights.noalias() += dy * x.dense.transpose();
}

// Orthogonal rows or columns times `gain` (Saxe et al. 2014); scaled normal numbers where that would be slow.
template <typename T>
void orthogonal(T *w, Eigen::Index out, Eigen::Index in, double gain, Random &random) {
	Eigen::Map<MatrixT<T>> weights(w, out, in);
	Eigen::Index tall = std::max(out, in), narrow = std::min(out, in);
	if (narrow == 0)
		return;
	Eigen::MatrixXd a(tall, narrow);
	for (Eigen::Index j = 0; j < narrow; j++)
		for (Eigen::Index i = 0; i < tall; i++)
			a(i, j) = random.normal();
	if (tall * narrow > 65536) {
		a *= gain / std::sqrt(double(tall));
	} else {
		Eigen::HouseholderQR<Eigen::MatrixXd> qr(a);
		Eigen::MatrixXd q = qr.householderQ() * Eigen::MatrixXd::Identity(tall, narrow);
		for (Eigen::Index j = 0; j < narrow; j++)
			if (qr.matrixQR()(j, j) < 0)
				q.col(j) = -q.col(j);
		a = q * gain;
	}
	if (out >= in)
		weights = a.cast<T>();
	else
		weights = a.transpose().cast<T>();
}

enum class Activation { relu, tanh };

template <typename T>
class MlpT {
public:
	VectorT<T> weights; // of each layer W (out x in, by columns), then b: the first layer's W can grow at its end

	MlpT() = default;
	MlpT(std::vector<uint32_t> sizes, Activation activation) : sizes_(std::move(sizes)), activation_(activation) {
		weights = VectorT<T>::Zero(Eigen::Index(parameters(sizes_)));
	}

	static std::vector<uint32_t> layer_sizes(uint32_t in, uint32_t hidden, uint32_t layers, uint32_t out) {
		std::vector<uint32_t> sizes{in};
		sizes.insert(sizes.end(), layers, hidden);
		sizes.push_back(out);
		return sizes;
	}
	static size_t parameters(const std::vector<uint32_t> &sizes) {
		size_t n = 0;
		for (size_t l = 0; l + 1 < sizes.size(); l++)
			n += (size_t(sizes[l]) + 1) * sizes[l + 1];
		return n;
	}
	const std::vector<uint32_t> &sizes() const { return sizes_; }

	void initialize(Random &random, double last_gain) {
		T *w = weights.data();
		for (size_t l = 0; l + 1 < sizes_.size(); l++) {
			bool last = l + 2 == sizes_.size();
			orthogonal(w, sizes_[l + 1], sizes_[l], last ? last_gain : std::sqrt(2.0), random);
			w += (size_t(sizes_[l]) + 1) * sizes_[l + 1];
		}
	}

	// The places of `in` - sizes()[0] further inputs in a vector of weights (or moments), filled with zeros.
	static void grow(VectorT<T> &v, const std::vector<uint32_t> &sizes, uint32_t in) {
		Eigen::Index at = Eigen::Index(sizes[0]) * sizes[1], more = Eigen::Index(in - sizes[0]) * sizes[1];
		VectorT<T> longer(v.size() + more);
		longer << v.head(at), VectorT<T>::Zero(more), v.tail(v.size() - at);
		v = std::move(longer);
	}
	void grow(uint32_t in, Random &random) {
		Eigen::Index from = Eigen::Index(sizes_[0]) * sizes_[1], to = Eigen::Index(in) * sizes_[1];
		grow(weights, sizes_, in);
		if (sizes_.size() > 2) { // a linear network of keys is a table: it starts at 0
			double scale = std::sqrt(2.0 / sizes_[1]);
			for (Eigen::Index i = from; i < to; i++)
				weights[i] = T(random.normal() * scale);
		}
		sizes_[0] = in;
	}

	// Outputs of the layers, the last one being the network's.
	using Tape = std::vector<MatrixT<T>>;
	const MatrixT<T> &forward(const InputT<T> &x, Tape &tape) const {
		tape.resize(sizes_.size() - 1);
		const T *w = weights.data();
		for (size_t l = 0; l + 1 < sizes_.size(); l++) {
			Eigen::Index in = sizes_[l], out = sizes_[l + 1];
			if (l == 0)
				tape[l] = input_layer(x, w, w + in * out, in, out);
			else {
				tape[l].noalias() = Eigen::Map<const MatrixT<T>>(w, out, in) * tape[l - 1];
				tape[l].colwise() += Eigen::Map<const VectorT<T>>(w + in * out, out);
			}
			if (l + 2 < sizes_.size()) {
				if (activation_ == Activation::relu)
					tape[l] = tape[l].cwiseMax(T(0));
				else
					tape[l] = tape[l].array().tanh();
			}
			w += (in + 1) * out;
		}
		return tape.back();
	}
	MatrixT<T> forward(const InputT<T> &x) const {
		Tape tape;
		return forward(x, tape);
	}

	// Adds the derivatives by the weights, given those by the output.
	void backward(const InputT<T> &x, const Tape &tape, MatrixT<T> d, VectorT<T> &gradient) const {
		Eigen::Index at = weights.size();
		for (size_t l = sizes_.size() - 1; l-- > 0;) {
			Eigen::Index in = sizes_[l], out = sizes_[l + 1];
			at -= (in + 1) * out;
			T *g = gradient.data() + at;
			if (l == 0) {
				input_layer_backward(x, d, g, g + in * out, in, out);
				return;
			}
			Eigen::Map<MatrixT<T>>(g, out, in).noalias() += d * tape[l - 1].transpose();
			Eigen::Map<VectorT<T>>(g + in * out, out) += d.rowwise().sum();
			MatrixT<T> below(in, d.cols());
			below.noalias() = Eigen::Map<const MatrixT<T>>(weights.data() + at, out, in).transpose() * d;
			if (activation_ == Activation::relu)
				d = (tape[l - 1].array() > T(0)).select(below, T(0));
			else
				d = below.array() * (T(1) - tape[l - 1].array().square());
		}
	}

private:
	std::vector<uint32_t> sizes_;
	Activation activation_ = Activation::relu;
};
using Mlp = MlpT<float>;

// Adam (Kingma & Ba 2015). Gradients longer than max_norm (0: any) are shortened first.
struct Adam {
	Vector mean, square;
	uint64_t steps = 0;

	void reset(Eigen::Index n) {
		mean = square = Vector::Zero(n);
		steps = 0;
	}
	void step(Vector &weights, Vector &gradient, double rate, double max_norm) {
		double norm = std::sqrt(double(gradient.squaredNorm()));
		if (!std::isfinite(norm))
			throw Error(
				ErrorKind::data_exception,
				"training diverged: gradients are not finite; lower learning_rate, or scale rewards and states");
		if (max_norm > 0 && norm > max_norm)
			gradient *= float(max_norm / norm);
		steps++;
		mean = 0.9f * mean + 0.1f * gradient;
		square = 0.999f * square + 0.001f * gradient.cwiseAbs2();
		double correction = std::sqrt(1 - std::pow(0.999, double(steps))) / (1 - std::pow(0.9, double(steps)));
		float size = float(rate * correction);
		weights.array() -= size * mean.array() / (square.array().sqrt() + 1e-8f);
	}
	void write(Writer &out) const {
		out.integer(steps);
		out.f32s(mean);
		out.f32s(square);
	}
	void read(Reader &in, Eigen::Index n) {
		reset(n);
		steps = in.integer<uint64_t>();
		in.f32s(mean);
		in.f32s(square);
		if (n > 0 && square.minCoeff() < 0)
			Reader::damaged("a variance is negative");
	}
};

// Numbers of the state keys that a network knows.
class Keys {
public:
	uint32_t size() const { return uint32_t(names_.size()); }
	int32_t find(std::string_view key) const {
		auto at = index_.find(std::string(key));
		return at == index_.end() ? -1 : at->second;
	}
	int32_t intern(std::string_view key) {
		auto [at, fresh] = index_.try_emplace(std::string(key), int32_t(names_.size()));
		if (fresh) {
			if (names_.size() == kMaxStates)
				throw Error(ErrorKind::limit_exceeded, "too many different states");
			names_.push_back(&at->first);
		}
		return at->second;
	}
	void write(Writer &out) const {
		out.integer(size());
		for (const std::string *name : names_)
			out.text(*name);
	}
	void read(Reader &in) {
		uint32_t n = in.integer<uint32_t>(0, uint32_t(kMaxStates), "too many states");
		in.need(n, 4);
		for (uint32_t i = 0; i < n; i++)
			if (intern(in.text()) != int32_t(i))
				Reader::damaged("a state occurs twice");
	}
	size_t memory() const { return size() * 100; }
	void swap(Keys &other) {
		index_.swap(other.index_);
		names_.swap(other.names_);
	}

	Input input(const Shape &shape, const State &state) const {
		Input x;
		x.by_key = shape.state_dim == 0;
		if (x.by_key)
			x.keys.push_back(find(state.key));
		else
			x.dense = Eigen::Map<const Vector>(state.vector, shape.state_dim);
		return x;
	}
	// Of all rows; keys that are not known yet are learned.
	Input input(const Shape &shape, const Experience &e, bool next) {
		Input x;
		x.by_key = shape.state_dim == 0;
		if (x.by_key) {
			x.keys.reserve(e.count);
			for (size_t i = 0; i < e.count; i++)
				x.keys.push_back(next && e.terminated[i] ? -1 : intern((next ? e.next_state_keys : e.state_keys)[i]));
		} else {
			x.dense = Eigen::Map<const Matrix>(next ? e.next_states : e.states, shape.state_dim, Eigen::Index(e.count));
			if (next)
				for (size_t i = 0; i < e.count; i++)
					if (e.terminated[i]) // may be anything
						x.dense.col(Eigen::Index(i)).setZero();
		}
		return x;
	}

	Keys() = default;
	Keys(const Keys &) = delete;
	Keys &operator=(const Keys &) = delete;

private:
	std::unordered_map<std::string, int32_t> index_;
	std::vector<const std::string *> names_; // in index_
};

inline void check_parameters(size_t n) {
	if (n > kMaxParameters)
		throw Error(ErrorKind::limit_exceeded, "the network would have " + std::to_string(n) + " weights, more than " +
												   std::to_string(kMaxParameters) +
												   "; take fewer units or fewer different states");
}

// A parameter that was fixed when the policy was made.
inline void check_shape(const Config &config, const char *name, uint32_t is) {
	if (config.count(name) != is)
		throw Error(ErrorKind::invalid_argument, std::string(name) + " of the policy is " + std::to_string(is) +
													 " and cannot be changed to " + std::to_string(config.count(name)));
}

// Log-probabilities of columns of logits.
template <typename T>
MatrixT<T> log_softmax(const MatrixT<T> &logits) {
	MatrixT<T> out = logits.rowwise() - logits.colwise().maxCoeff();
	out.rowwise() -= out.array().exp().matrix().colwise().sum().array().log().matrix();
	return out;
}

// Probabilities of the available actions; the others' are 0.
inline std::vector<double> softmax(const std::vector<double> &score, const std::vector<uint32_t> &available,
								   double temperature) {
	std::vector<double> p(score.size(), 0);
	double top = -HUGE_VAL, sum = 0;
	for (uint32_t a : available)
		top = std::max(top, score[a]);
	for (uint32_t a : available)
		sum += p[a] = std::exp((score[a] - top) / temperature);
	for (uint32_t a : available)
		p[a] /= sum;
	return p;
}

// Policies start with this; `payload` follows.
std::vector<uint8_t> seal(const Policy &policy, const Writer &payload);

std::unique_ptr<Policy> make_dqn(const Config &config, const Shape &shape, uint64_t seed);
std::unique_ptr<Policy> make_actor_critic(const Config &config, const Shape &shape, uint64_t seed);
std::unique_ptr<Policy> make_transformer(const Config &config, const Shape &shape, uint64_t seed);
std::unique_ptr<Policy> read_dqn(const Shape &shape, Reader &in);
std::unique_ptr<Policy> read_actor_critic(Algorithm algorithm, const Shape &shape, Reader &in);
std::unique_ptr<Policy> read_transformer(const Shape &shape, Reader &in);
std::unique_ptr<Policy> read_table(Algorithm algorithm, const Shape &shape, Reader &in);

// Epsilon-greedy: what is best gets 1 - epsilon, ties share it, and epsilon goes to all alike.
std::vector<double> epsilon_greedy(const std::vector<double> &score, const std::vector<uint32_t> &available,
								   double epsilon);
double epsilon_at(const Config &config, uint64_t steps);

} // namespace ruvector::learning
