// learning_evaluation_test.cpp - conformal intervals and off-policy evaluation keep their promises.
#include "check.hpp"

#include <deque>

#include "ruvector/error.hpp"
#include "ruvector/learning/conformal.hpp"
#include "ruvector/learning/evaluation.hpp"
#include "ruvector/learning/random.hpp"

using namespace ruvector::learning;

TEST("the conformal quantile: golden values") {
	double scores[19];
	for (int i = 0; i < 19; i++)
		scores[i] = 0.1 * (19 - i);
	CHECK_NEAR(conformal_quantile(scores, 19, 0.1), 1.8, 1e-12);
	CHECK(conformal_quantile(scores, 8, 0.1) == HUGE_VAL);
	CHECK(conformal_rank(9, 0.1) == 9 && conformal_rank(8, 0.1) == 9 && conformal_rank(0, 0.5) == 1);
	CHECK(conformal_quantile(scores, 19, 0) == HUGE_VAL && conformal_quantile(scores, 19, -0.1) == HUGE_VAL);
	CHECK(conformal_quantile(scores, 19, 1) == 0 && conformal_quantile(scores, 0, 0.1) == HUGE_VAL);
	Interval few = conformal_interval(2, scores, 3, scores, 8, 0.1, -10, 10);
	CHECK(!few.calibrated && few.low == -10 && few.high == 10);
	Interval pooled = conformal_interval(2, scores, 3, scores, 19, 0.1, -10, 10);
	CHECK(pooled.calibrated && !pooled.by_action && pooled.scores == 19);
	CHECK_NEAR(pooled.high, 3.8, 1e-12);
	CHECK(conformal_interval(2, scores, 9, scores, 19, 0.1, -10, 10).by_action);
}

TEST("prequential coverage of 90 % intervals: 87 to 93 % of 2,000, also after a drift") {
	for (bool drift : {false, true})
		for (bool adaptive : {false, true}) {
			Random random(4, drift);
			std::deque<double> window;
			double alpha = 0.1;
			int covered = 0, n = 0;
			for (int i = 0; i < 2000; i++) {
				double sd = drift ? 1 + 0.004 * i : 1, error = std::fabs(random.normal() * sd);
				std::vector<double> scores(window.begin(), window.end());
				Interval in = conformal_interval(0, nullptr, 0, scores.data(), scores.size(), alpha, -1e9, 1e9);
				bool hit = error <= in.high;
				if (in.calibrated || window.size() >= 9) {
					covered += hit;
					n++;
					if (adaptive)
						alpha = adapt_alpha(alpha, 0.1, hit);
				}
				window.push_back(error);
				if (window.size() > 500)
					window.pop_front();
			}
			double share = double(covered) / n;
			if (drift && !adaptive)
				CHECK(share < 0.87); // without correction the promise is broken
			else
				CHECK(share >= 0.87 && share <= 0.93);
		}
}

TEST("risk control: the first setting whose corrected mean loss is small enough") {
	double losses[] = {0.5, 0.1, 0, 0.7, 0.1, 0, 0.3, 0.1, 0};
	CHECK(control_risk(losses, 3, 3, 0.33) == 1); // (0.3 + 1) / 4 = 0.325
	CHECK(control_risk(losses, 3, 3, 0.32) == 2 && control_risk(losses, 3, 3, 0.2) == 3);
}

namespace {

// Two states, two actions, episodes of three steps: reward 1 for action 1 in state 1; action 1 leads to state 1 with
// 0.8, action 0 with 0.2.
struct Simulation {
	std::vector<std::string_view> states, next;
	std::vector<uint32_t> actions;
	std::vector<double> rewards, behaviour, target, values;
	std::vector<uint8_t> terminated;
	std::vector<uint64_t> trajectory;
	static constexpr double kBehaviour = 0.5, kTarget = 0.8, kDiscount = 0.9; // of action 1

	static double value(int state, int left) { // of the target policy
		if (left == 0)
			return 0;
		double v = 0;
		for (int a = 0; a < 2; a++)
			v += (a ? kTarget : 1 - kTarget) * action_value(state, a, left);
		return v;
	}
	static double action_value(int state, int a, int left) {
		double up = a ? 0.8 : 0.2;
		return (a && state) + kDiscount * (up * value(1, left - 1) + (1 - up) * value(0, left - 1));
	}
	Simulation(uint64_t seed, int episodes) {
		Random random(seed, 9);
		const char *names[] = {"0", "1"};
		for (int i = 0; i < episodes; i++) {
			int s = 0;
			for (int t = 0; t < 3; t++) {
				uint32_t a = random.uniform() < kBehaviour;
				int to = random.uniform() < (a ? 0.8 : 0.2);
				states.push_back(names[s]);
				next.push_back(names[to]);
				actions.push_back(a);
				rewards.push_back(a && s);
				behaviour.push_back(a ? kBehaviour : 1 - kBehaviour);
				target.insert(target.end(), {1 - kTarget, kTarget});
				for (int b = 0; b < 2; b++)
					values.push_back(action_value(s, b, 3 - t) + 0.1); // not quite right
				terminated.push_back(t == 2);
				trajectory.push_back(uint64_t(i));
				s = to;
			}
		}
	}
	EvaluationInput input() const {
		EvaluationInput in;
		in.log.count = actions.size();
		in.log.state_keys = states.data();
		in.log.next_state_keys = next.data();
		in.log.actions = actions.data();
		in.log.rewards = rewards.data();
		in.log.terminated = terminated.data();
		in.log.behaviour = behaviour.data();
		in.log.trajectory = trajectory.data();
		in.shape = {2, 0};
		in.target = target.data();
		in.values = values.data();
		in.discount = kDiscount;
		return in;
	}
};

} // namespace

TEST("off-policy estimates: the truth is in the 95 % interval in at least 93 % of 400 logs; dr has the least error") {
	double truth = Simulation::value(0, 3), se[4] = {};
	for (int k = 0; k < 4; k++) {
		int inside = 0;
		for (uint64_t seed = 1; seed <= 400; seed++) {
			Simulation s(seed, 300);
			Evaluation e = evaluate(Estimator(k), s.input());
			inside += e.low <= truth && truth <= e.high;
			se[k] += e.se / 400;
			if (seed == 1)
				CHECK(e.trajectories == 300 && e.rows == 900 && e.effective_size > 30 && e.effective_size < 300 &&
					  e.unknown_behaviour == 0);
		}
		CHECK(inside >= 372);
		CHECK(inside < 398);
	}
	CHECK(se[3] < se[2] && se[2] < se[0] && se[3] < se[1]);
}

TEST("off-policy evaluation: on-policy it is the mean; errors") {
	Simulation s(1, 50);
	EvaluationInput in = s.input();
	std::vector<double> same;
	for (size_t i = 0; i < s.actions.size(); i++)
		same.insert(same.end(), {0.5, 0.5});
	in.target = same.data();
	in.discount = 1;
	double mean = 0;
	for (double r : s.rewards)
		mean += r / 50;
	for (int k = 0; k < 3; k++) {
		Evaluation e = evaluate(Estimator(k), in);
		CHECK_NEAR(e.value, mean, 1e-12);
		CHECK_NEAR(e.effective_size, 50, 1e-9);
	}
	CHECK(estimator_from_name("snips") == Estimator::snips);
	int errors = 0;
	auto fails = [&](EvaluationInput bad, Estimator estimator) {
		try {
			evaluate(estimator, bad);
		} catch (const ruvector::Error &) {
			errors++;
		}
	};
	EvaluationInput bad = in;
	bad.values = nullptr;
	fails(bad, Estimator::dr);
	same[4] = 0.9;
	fails(in, Estimator::ips);
	same[4] = 0.5;
	bad = in;
	bad.confidence = 1;
	fails(bad, Estimator::ips);
	bad = in;
	bad.log.count = 0;
	fails(bad, Estimator::ips);
	CHECK(errors == 4);
	in.log.count = 3; // one trajectory
	CHECK(evaluate(Estimator::ips, in).high == HUGE_VAL);
}
