// learning_network_test.cpp - derivatives by central differences, advantages by hand, the random numbers.
#include "check.hpp"

#include "learning/actor_critic.hpp"
#include "learning/transformer.hpp"
#include "ruvector/learning/random.hpp"

using namespace ruvector::learning;

namespace {

// Greatest error of `gradient`, relative to the greatest derivative.
template <typename Loss>
double gradient_error(VectorT<double> &weights, const VectorT<double> &gradient, Loss loss) {
	double worst = 0, largest = gradient.cwiseAbs().maxCoeff();
	for (Eigen::Index i = 0; i < weights.size(); i++) {
		double at = weights[i], step = 1e-6;
		weights[i] = at + step;
		double up = loss();
		weights[i] = at - step;
		double down = loss();
		weights[i] = at;
		worst = std::max(worst, std::fabs((up - down) / (2 * step) - gradient[i]));
	}
	return worst / largest;
}

} // namespace

TEST("Philox4x32-10 gives the published numbers") {
	struct {
		uint32_t counter[4], key[2], out[4];
	} known[] = {{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
				 {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
				 {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
				  {0xa4093822, 0x299f31d0},
				  {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};
	for (auto &k : known) {
		uint32_t out[4];
		Random::philox(k.counter, k.key, out);
		for (int i = 0; i < 4; i++)
			CHECK(out[i] == k.out[i]);
	}
	Random a(1, 2), b(1, 2), c(1, 3);
	double sum = 0, square = 0;
	bool same = true, other = false;
	for (int i = 0; i < 20000; i++) {
		double x = a.normal();
		same = same && x == b.normal();
		other = other || x != c.normal();
		sum += x / 20000;
		square += x * x / 20000;
	}
	CHECK(same && other);
	CHECK_NEAR(sum, 0, 0.03);
	CHECK_NEAR(square, 1, 0.05);
}

TEST("derivatives of perceptrons: relu and tanh, vectors and keys, 0 to 2 hidden layers") {
	for (auto activation : {Activation::relu, Activation::tanh})
		for (uint32_t layers : {0u, 1u, 2u})
			for (bool by_key : {false, true}) {
				Random random(7, layers);
				MlpT<double> net(MlpT<double>::layer_sizes(by_key ? 6 : 5, 7, layers, 3), activation);
				net.initialize(random, 1);
				for (Eigen::Index i = 0; i < net.weights.size(); i++) // biases too: away from the kink of relu
					net.weights[i] += 0.2 * random.normal();
				InputT<double> x;
				x.by_key = by_key;
				x.keys = {0, 3, -1, 5, 3, 1, 2, 0};
				x.dense.resize(5, 8);
				MatrixT<double> goal(3, 8);
				for (Eigen::Index i = 0; i < 40; i++)
					x.dense.data()[i] = random.normal();
				for (Eigen::Index i = 0; i < 24; i++)
					goal.data()[i] = random.normal();
				MlpT<double>::Tape tape;
				MatrixT<double> d = net.forward(x, tape) - goal;
				VectorT<double> gradient = VectorT<double>::Zero(net.weights.size());
				net.backward(x, tape, d, gradient);
				CHECK_NEAR(
					gradient_error(net.weights, gradient, [&] { return (net.forward(x) - goal).squaredNorm() / 2; }), 0,
					1e-6);
			}
}

TEST("derivatives of the policy's loss: advantage and entropy") {
	VectorT<double> logits(4);
	logits << 0.3, -0.5, 1.1, 0.2;
	auto loss = [&] {
		VectorT<double> p = log_softmax(MatrixT<double>(logits));
		double entropy = -(p.array().exp() * p.array()).sum();
		return -1.7 * p[2] - 0.3 * entropy;
	};
	MatrixT<double> p = log_softmax(MatrixT<double>(logits));
	VectorT<double> d(4);
	policy_gradient(p.col(0), 2, 1.7, 0.3, d);
	CHECK_NEAR(gradient_error(logits, d, loss), 0, 1e-7);
	CHECK(ppo_moves(1.1, 1, 0.2) && !ppo_moves(1.3, 1, 0.2) && ppo_moves(1.3, -1, 0.2) && !ppo_moves(0.7, -1, 0.2) &&
		  ppo_moves(0.7, 1, 0.2));
}

TEST("derivatives of the decision transformer: vectors and keys, 2 layers, 2 heads, windows of several lengths") {
	for (bool by_key : {false, true}) {
		Random random(11, by_key);
		TransformerT<double> net({by_key ? 4u : 3u, 3, 8, 2, 2, 4, 6});
		net.initialize(random);
		for (Eigen::Index i = 0; i < net.weights.size(); i++) // biases and gains too
			net.weights[i] += 0.2 * random.normal();
		WindowsT<double> w;
		w.lengths = {4, 1, 3};
		w.states.by_key = by_key;
		w.states.dense.resize(3, 8);
		for (uint32_t i = 0; i < 8; i++) {
			w.states.keys.push_back(int32_t(random.below(5)) - 1);
			for (Eigen::Index j = 0; j < 3; j++)
				w.states.dense(j, i) = random.normal();
			w.returns.push_back(random.normal());
			w.actions.push_back(random.below(3));
			w.times.push_back(random.below(8)); // some are beyond the last
		}
		VectorT<double> gradient = VectorT<double>::Zero(net.weights.size()), unused = gradient;
		double loss;
		net.run(w, &gradient, &loss);
		CHECK_NEAR(gradient_error(net.weights, gradient,
								  [&] {
									  double at;
									  net.run(w, &unused, &at);
									  return at;
								  }),
				   0, 1e-6);
		// Nothing that comes later may be seen: neither the action itself nor the next steps.
		MatrixT<double> before = net.run(w);
		w.actions[2] = (w.actions[2] + 1) % 3;
		w.returns[3] += 5;
		MatrixT<double> after = net.run(w);
		CHECK((before.leftCols(3) - after.leftCols(3)).cwiseAbs().maxCoeff() == 0);
		CHECK((before.col(3) - after.col(3)).cwiseAbs().maxCoeff() > 1e-6);
		CHECK((before.rightCols(4) - after.rightCols(4)).cwiseAbs().maxCoeff() == 0); // other windows
	}
}

TEST("advantages: by hand, with a cut, an end, and truncated ratios") {
	double rewards[] = {1, 2, 3};
	std::vector<uint32_t> next = {1, UINT32_MAX, UINT32_MAX};
	std::vector<double> value = {0.5, 0.25, 1}, value_next = {0.25, 4, 0}, ones = {1, 1, 1};
	Advantages a = advantages(rewards, next, value, value_next, ones, 0.9, 0.8, 1);
	double d1 = 2 + 0.9 * 4 - 0.25, d0 = 1 + 0.9 * 0.25 - 0.5;
	CHECK_NEAR(a.advantage[0], d0 + 0.72 * d1, 1e-12);
	CHECK_NEAR(a.target[0], 0.5 + d0 + 0.72 * d1, 1e-12);
	CHECK_NEAR(a.advantage[1], d1, 1e-12);
	CHECK_NEAR(a.advantage[2], 2, 1e-12); // terminated
	Advantages b = advantages(rewards, next, value, value_next, {0.5, 3, 1}, 0.9, 0.8, 2);
	CHECK_NEAR(b.target[1], 0.25 + 2 * d1, 1e-12); // 3 is cut to 2
	CHECK_NEAR(b.target[0], 0.5 + 0.5 * d0 + 0.72 * 0.5 * 2 * d1, 1e-12);
	CHECK_NEAR(b.advantage[0], d0 + 0.72 * 2 * d1, 1e-12);
}

TEST("a network that learns new keys keeps what it knew") {
	Random random(3);
	Mlp net(Mlp::layer_sizes(2, 4, 1, 2), Activation::tanh);
	net.initialize(random, 1);
	Input x;
	x.by_key = true;
	x.keys = {0, 1, -1};
	Matrix before = net.forward(x);
	net.grow(5, random);
	CHECK((net.forward(x) - before).cwiseAbs().maxCoeff() == 0);
	x.keys = {4};
	CHECK(net.forward(x).allFinite());
}
