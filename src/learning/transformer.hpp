// learning/transformer.hpp - the decision transformer's network (Chen et al. 2021) with hand-written derivatives.
//
// A window of n steps is 3 n tokens: return-to-go, state, action of each step. Every token sees itself and those before
// it; the token of a state predicts the action. Blocks are pre-norm: x += Wo attention(norm(x)); x += W2 relu(W1 norm(x)).
// Windows of a batch stand one after another, as columns; only attention treats them one by one.
#pragma once

#include "learning/network.hpp"

namespace ruvector::learning {

struct TransformerSize {
	uint32_t inputs, actions, width, layers, heads, context, timesteps;
};

template <typename T>
struct WindowsT {
	InputT<T> states; // of all steps
	std::vector<T> returns;
	std::vector<uint32_t> actions, times;
	std::vector<uint32_t> lengths; // of the windows
};

template <typename T>
class TransformerT {
public:
	using M = MatrixT<T>;
	using V = VectorT<T>;
	using Index = Eigen::Index;
	VectorT<T> weights;

	explicit TransformerT(const TransformerSize &size) : size_(size) { weights = V::Zero(Index(parameters(size))); }

	const TransformerSize &size() const { return size_; }
	static size_t parameters(const TransformerSize &s) { return plan(s).total; }

	void initialize(Random &random) {
		Plan p = plan(size_);
		auto fill = [&](size_t at, size_t n, double sd) {
			for (size_t i = 0; i < n; i++)
				weights[Index(at + i)] = T(random.normal() * sd);
		};
		size_t d = size_.width;
		fill(p.state, d * size_.inputs, 1 / std::sqrt(double(std::max(1u, size_.inputs))));
		fill(p.returns, d, 1);
		fill(p.action, d * size_.actions, 0.3);
		fill(p.time, d * size_.timesteps, 0.02);
		ones(p.norm0);
		for (const Block &b : p.blocks) {
			ones(b.norm1);
			ones(b.norm2);
			fill(b.qkv, 3 * d * d, 1 / std::sqrt(double(d)));
			fill(b.out, d * d, 0.5 / std::sqrt(double(d) * size_.layers));
			fill(b.up, 4 * d * d, std::sqrt(2 / double(d)));
			fill(b.down, 4 * d * d, 0.25 / std::sqrt(double(d) * size_.layers));
		}
		ones(p.norm1);
		fill(p.head, size_.actions * d, 0.02);
	}

	void grow(uint32_t inputs, Random &random) {
		Index from = Index(size_.inputs) * size_.width, to = Index(inputs) * size_.width;
		grow(weights, inputs);
		for (Index i = from; i < to; i++)
			weights[i] = T(random.normal() * 0.3);
		size_.inputs = inputs;
	}
	void grow(V &v, uint32_t inputs) const {
		insert_zeros(v, Index(size_.inputs) * size_.width, Index(inputs - size_.inputs) * size_.width);
	}

	// 1 where weight decay applies: matrices.
	V decayed() const {
		V mask = V::Zero(weights.size());
		Plan p = plan(size_);
		size_t d = size_.width;
		for (const Block &b : p.blocks) {
			mask.segment(Index(b.qkv), Index(3 * d * d)).setOnes();
			mask.segment(Index(b.out), Index(d * d)).setOnes();
			mask.segment(Index(b.up), Index(4 * d * d)).setOnes();
			mask.segment(Index(b.down), Index(4 * d * d)).setOnes();
		}
		mask.segment(Index(p.head), Index(size_.actions * d)).setOnes();
		return mask;
	}

	// Logits of the action of each step. With a gradient: adds the derivatives of the mean cross-entropy of the
	// actions, and gives that in *loss.
	M run(const WindowsT<T> &w, V *gradient = nullptr, double *loss = nullptr) const {
		const Plan p = plan(size_);
		const Index d = size_.width, steps = Index(w.returns.size()), n = 3 * steps;
		const T *at = weights.data();
		M states = input_layer(w.states, at + p.state, at + p.state_bias, size_.inputs, d);
		M x(d, n);
		for (Index s = 0; s < steps; s++) {
			auto time = vector(at, p.time + size_t(d) * time_of(w, s));
			x.col(3 * s) = vector(at, p.returns) * w.returns[size_t(s)] + vector(at, p.returns_bias) + time;
			x.col(3 * s + 1) = states.col(s) + time;
			x.col(3 * s + 2) = vector(at, p.action + size_t(d) * w.actions[size_t(s)]) + time;
		}
		Norm norm0, norm1;
		x = norm0.forward(x, at, p.norm0, d);

		struct Layer {
			Norm norm1, norm2;
			M a, qkv, mixed, b, up;
			std::vector<M> attention;
		};
		std::vector<Layer> tape(p.blocks.size());
		for (size_t l = 0; l < p.blocks.size(); l++) {
			const Block &b = p.blocks[l];
			Layer &t = tape[l];
			t.a = t.norm1.forward(x, at, b.norm1, d);
			t.qkv = linear(t.a, at, b.qkv, b.qkv_bias, 3 * d);
			t.mixed = attend(t.qkv, w, t.attention);
			x += linear(t.mixed, at, b.out, b.out_bias, d);
			t.b = t.norm2.forward(x, at, b.norm2, d);
			t.up = linear(t.b, at, b.up, b.up_bias, 4 * d).cwiseMax(T(0));
			x += linear(t.up, at, b.down, b.down_bias, d);
		}
		M last(d, steps);
		for (Index s = 0; s < steps; s++)
			last.col(s) = x.col(3 * s + 1);
		M y = norm1.forward(last, at, p.norm1, d);
		M logits = linear(y, at, p.head, p.head_bias, size_.actions);
		if (!gradient)
			return logits;

		T *g = gradient->data();
		M log_p = log_softmax(logits);
		M dl = log_p.array().exp();
		*loss = 0;
		for (Index s = 0; s < steps; s++) {
			dl(w.actions[size_t(s)], s) -= T(1);
			*loss -= double(log_p(w.actions[size_t(s)], s)) / double(steps);
		}
		dl /= T(steps);
		M dy = linear_backward(y, dl, at, g, p.head, p.head_bias);
		M dlast = norm1.backward(dy, at, g, p.norm1);
		M dx = M::Zero(d, n);
		for (Index s = 0; s < steps; s++)
			dx.col(3 * s + 1) = dlast.col(s);
		for (size_t l = p.blocks.size(); l-- > 0;) {
			const Block &b = p.blocks[l];
			const Layer &t = tape[l];
			M dup = linear_backward(t.up, dx, at, g, b.down, b.down_bias);
			dup = (t.up.array() > T(0)).select(dup, T(0));
			M db = linear_backward(t.b, dup, at, g, b.up, b.up_bias);
			dx += t.norm2.backward(db, at, g, b.norm2);
			M dmixed = linear_backward(t.mixed, dx, at, g, b.out, b.out_bias);
			M dqkv = attend_backward(t.qkv, dmixed, w, t.attention);
			M da = linear_backward(t.a, dqkv, at, g, b.qkv, b.qkv_bias);
			dx += t.norm1.backward(da, at, g, b.norm1);
		}
		dx = norm0.backward(dx, at, g, p.norm0);
		M dstates(d, steps);
		for (Index s = 0; s < steps; s++) {
			size_t time = p.time + size_t(d) * time_of(w, s);
			vector(g, time) += dx.col(3 * s) + dx.col(3 * s + 1) + dx.col(3 * s + 2);
			vector(g, p.returns) += dx.col(3 * s) * w.returns[size_t(s)];
			vector(g, p.returns_bias) += dx.col(3 * s);
			vector(g, p.action + size_t(d) * w.actions[size_t(s)]) += dx.col(3 * s + 2);
			dstates.col(s) = dx.col(3 * s + 1);
		}
		input_layer_backward(w.states, dstates, g + p.state, g + p.state_bias, Index(size_.inputs), d);
		return logits;
	}

private:
	struct Block {
		size_t norm1, qkv, qkv_bias, out, out_bias, norm2, up, up_bias, down, down_bias;
	};
	struct Plan { // where things are in weights; the states' matrix first, so that it can grow
		size_t state, state_bias, returns, returns_bias, action, time, norm0, norm1, head, head_bias, total;
		std::vector<Block> blocks;
	};
	static Plan plan(const TransformerSize &s) {
		Plan p;
		size_t at = 0, d = s.width;
		auto take = [&](size_t n) {
			size_t begin = at;
			at += n;
			return begin;
		};
		p.state = take(d * s.inputs);
		p.state_bias = take(d);
		p.returns = take(d);
		p.returns_bias = take(d);
		p.action = take(d * s.actions);
		p.time = take(d * s.timesteps);
		p.norm0 = take(2 * d);
		for (uint32_t l = 0; l < s.layers; l++) {
			Block b;
			b.norm1 = take(2 * d);
			b.qkv = take(3 * d * d);
			b.qkv_bias = take(3 * d);
			b.out = take(d * d);
			b.out_bias = take(d);
			b.norm2 = take(2 * d);
			b.up = take(4 * d * d);
			b.up_bias = take(4 * d);
			b.down = take(4 * d * d);
			b.down_bias = take(d);
			p.blocks.push_back(b);
		}
		p.norm1 = take(2 * d);
		p.head = take(d * s.actions);
		p.head_bias = take(s.actions);
		p.total = at;
		return p;
	}

	static void insert_zeros(V &v, Index at, Index more) {
		V longer(v.size() + more);
		longer << v.head(at), V::Zero(more), v.tail(v.size() - at);
		v = std::move(longer);
	}
	void ones(size_t norm) { weights.segment(Index(norm), size_.width).setOnes(); }
	size_t time_of(const WindowsT<T> &w, Index s) const { return std::min(w.times[size_t(s)], size_.timesteps - 1); }
	Eigen::Map<const V> vector(const T *base, size_t at) const { return {base + at, Index(size_.width)}; }
	Eigen::Map<V> vector(T *base, size_t at) const { return {base + at, Index(size_.width)}; }

	static M linear(const M &x, const T *base, size_t w, size_t b, Index out) {
		M y(out, x.cols());
		y.noalias() = Eigen::Map<const M>(base + w, out, x.rows()) * x;
		y.colwise() += Eigen::Map<const V>(base + b, out);
		return y;
	}
	static M linear_backward(const M &x, const M &dy, const T *base, T *gradient, size_t w, size_t b) {
		Eigen::Map<M>(gradient + w, dy.rows(), x.rows()).noalias() += dy * x.transpose();
		Eigen::Map<V>(gradient + b, dy.rows()) += dy.rowwise().sum();
		M dx(x.rows(), x.cols());
		dx.noalias() = Eigen::Map<const M>(base + w, dy.rows(), x.rows()).transpose() * dy;
		return dx;
	}

	struct Norm { // layer normalisation (Ba, Kiros & Hinton 2016): gain, then bias
		M scaled;
		Eigen::Matrix<T, 1, Eigen::Dynamic> inverse;
		M forward(const M &x, const T *base, size_t at, Index d) {
			scaled = x.rowwise() - x.colwise().mean();
			inverse = (scaled.colwise().squaredNorm().array() / T(d) + T(1e-5)).rsqrt();
			scaled.array().rowwise() *= inverse.array();
			M y = scaled.array().colwise() * Eigen::Map<const V>(base + at, d).array();
			y.colwise() += Eigen::Map<const V>(base + at + d, d);
			return y;
		}
		M backward(const M &dy, const T *base, T *gradient, size_t at) const {
			Index d = dy.rows();
			Eigen::Map<V>(gradient + at, d) += dy.cwiseProduct(scaled).rowwise().sum();
			Eigen::Map<V>(gradient + at + d, d) += dy.rowwise().sum();
			M ds = dy.array().colwise() * Eigen::Map<const V>(base + at, d).array();
			Eigen::Matrix<T, 1, Eigen::Dynamic> mean = ds.colwise().mean(),
												along = ds.cwiseProduct(scaled).colwise().mean();
			M dx = ds.rowwise() - mean;
			dx.array() -= scaled.array().rowwise() * along.array();
			dx.array().rowwise() *= inverse.array();
			return dx;
		}
	};

	M attend(const M &qkv, const WindowsT<T> &w, std::vector<M> &attention) const {
		Index d = size_.width, width = d / size_.heads, at = 0;
		T scale = T(1 / std::sqrt(double(width)));
		M out(d, qkv.cols());
		for (uint32_t length : w.lengths) {
			Index n = 3 * Index(length);
			for (Index h = 0; h < Index(size_.heads); h++) {
				auto q = qkv.block(h * width, at, width, n), k = qkv.block(d + h * width, at, width, n),
					 v = qkv.block(2 * d + h * width, at, width, n);
				M a = k.transpose() * q * scale; // (key, query)
				for (Index i = 0; i < n; i++) {
					T top = a.col(i).head(i + 1).maxCoeff();
					a.col(i).head(i + 1) = (a.col(i).head(i + 1).array() - top).exp();
					a.col(i).head(i + 1) /= a.col(i).head(i + 1).sum();
					a.col(i).tail(n - i - 1).setZero();
				}
				out.block(h * width, at, width, n).noalias() = v * a;
				attention.push_back(std::move(a));
			}
			at += n;
		}
		return out;
	}
	M attend_backward(const M &qkv, const M &dout, const WindowsT<T> &w, const std::vector<M> &attention) const {
		Index d = size_.width, width = d / size_.heads, at = 0;
		T scale = T(1 / std::sqrt(double(width)));
		M dqkv(qkv.rows(), qkv.cols());
		size_t which = 0;
		for (uint32_t length : w.lengths) {
			Index n = 3 * Index(length);
			for (Index h = 0; h < Index(size_.heads); h++) {
				auto q = qkv.block(h * width, at, width, n), k = qkv.block(d + h * width, at, width, n),
					 v = qkv.block(2 * d + h * width, at, width, n);
				auto o = dout.block(h * width, at, width, n);
				const M &a = attention[which++];
				dqkv.block(2 * d + h * width, at, width, n).noalias() = o * a.transpose();
				M ds = v.transpose() * o;
				Eigen::Matrix<T, 1, Eigen::Dynamic> mean = ds.cwiseProduct(a).colwise().sum();
				ds.rowwise() -= mean;
				ds.array() *= a.array() * scale;
				dqkv.block(h * width, at, width, n).noalias() = k * ds;
				dqkv.block(d + h * width, at, width, n).noalias() = q * ds.transpose();
			}
			at += n;
		}
		return dqkv;
	}

	TransformerSize size_;
};

} // namespace ruvector::learning
