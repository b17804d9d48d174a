// learning/policy.hpp - the one interface of all nine algorithms: make, train, act, to bytes and back.
//
//   auto policy = make_policy(config, shape, seed);          // or load_policy(bytes, size)
//   Metrics m = policy->train(experience, config, seed, poll);
//   Decision d = policy->act(query, config, random, poll);
//   store(policy->serialize());
//
// What train() expects of the experience:
//   q-learning, sarsa    anything; replays it until the values are stable. Day-to-day learning is online_update()
//                        (tabular.hpp), one small transaction for each feedback.
//   mcts, model-based    anything; adds it to the counts of the model; model-based then sweeps until the values are
//                        stable. Give rows once: a policy that holds the model of earlier rows gets only the new ones.
//   dqn                  the replay memory (the latest replay_size rows, or all); takes gradient_steps minibatches.
//   policy-gradient, actor-critic, ppo
//                        steps since the last train() (on-policy). Older or foreign steps may be given: the logged
//                        behaviour probabilities then correct for the difference with truncated importance weights.
//                        The defaults suit frequent training on few steps; to learn from one log, raise `epochs` (200),
//                        and for ppo, which moves only so far from the policy before, `rounds` (10).
//   decision-transformer all rows (offline); needs whole trajectories. A trajectory that neither terminated nor was
//                        truncated counts as it is.
// No rows: invalid_argument. Nothing is random but through `seed`: two runs with one seed give the same bytes.
//
// Bytes: little endian. A header of 32 bytes
//   0 magic "RVLP", 4 u16 format version (1), 6 u8 algorithm, 7 u8 state kind (0 keys, 1 vectors), 8 u32 state_dim,
//   12 u32 actions, 16 u64 bytes of the payload, 24 u32 CRC-32C of everything but this field, 28 u32 zero
// then the payload: the known keys, layer sizes, weights as f32, optimizer state. load_policy checks every field, the
// CRC, all sizes against the number of bytes, and that numbers are finite: data_exception says what is damaged.
//
// Memory: at most kMaxParameters weights (a policy holds up to four copies: weights, target, two moments), kMaxStates
// keys, kMaxCells values of (state, action): limit_exceeded.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "ruvector/learning/algorithm.hpp"
#include "ruvector/learning/experience.hpp"
#include "ruvector/learning/random.hpp"

namespace ruvector::learning {

constexpr size_t kMaxParameters = size_t(4) << 20;
constexpr size_t kMaxStates = size_t(1) << 20;
constexpr size_t kMaxCells = size_t(16) << 20;

struct Metrics {
	uint64_t rows = 0;        // experiences used
	uint64_t updates = 0;     // gradient steps, or single backups of tabular algorithms
	uint64_t epochs = 0;      // completed; fewer than asked for: the values were stable, or finished early
	double first_loss = 0;    // of the first epoch (dqn: the first sixteenth of the minibatches); mcts: 0
	double last_loss = 0;     // of the last
	double mean_return = NAN; // undiscounted, of the complete trajectories in the experience; NaN: none
	double entropy = NAN;     // of the policy, nats, mean; actor-critic family
	double value_loss = NAN;  // of the critic
	double kl = NAN;          // from the policy before to the one after, on the experience; actor-critic family
	double change = 0;        // mean |after - before| of action values (dqn, tabular) or action probabilities (others)
	bool finished_early = false; // by Poll
	std::vector<double> losses;  // one for each epoch (dqn: for each sixteenth); for learning curves
};

struct Query {
	State state;
	const uint32_t *available = nullptr; // the actions to choose from; null: all. Empty, repeated or undeclared: error
	size_t available_count = 0;
	bool explore = true;    // false: the best action (ties at random)
	uint64_t steps = 0;     // experiences of the session so far: the schedule of exploration
	double temperature = 1; // of softmax policies when exploring; > 0
	// decision-transformer only:
	double target_return = NAN; // return wanted from here on; NaN: the default learned from the data, less the
								// rewards in `history`
	const Experience *history =
		nullptr; // earlier steps of this trajectory, oldest first (actions, rewards, states); the
				 // last `context_length` - 1 count
};

struct Decision {
	uint32_t action = 0;             // chosen
	bool explored = false;           // chosen although another one has a greater score
	std::vector<double> probability; // [actions] with which each would have been chosen; 0: not available. Sums to 1.
									 // probability[action] is what must be logged as behaviour probability
	std::vector<double> value;       // [actions] expected return; NaN: this algorithm or policy does not know it
	double state_value = NAN;        // of the critic; else max of value
};

class Policy {
public:
	virtual ~Policy() = default;

	Algorithm algorithm() const { return algorithm_; }
	const Shape &shape() const { return shape_; }

	virtual Metrics train(const Experience &experience, const Config &config, uint64_t seed, const Poll &poll = {}) = 0;
	// `config` as in train(). Draws the action with `random`; mcts also draws its simulations.
	Decision act(const Query &query, const Config &config, Random &random, const Poll &poll = {}) const;
	virtual std::vector<uint8_t> serialize() const = 0;
	virtual size_t memory() const = 0; // bytes, about

protected:
	Policy(Algorithm algorithm, const Shape &shape) : algorithm_(algorithm), shape_(shape) {}
	// Scores of all actions (greatest is best), values, and the probabilities when exploring.
	struct Scores {
		std::vector<double> score, value, probability;
		double state_value = NAN;
	};
	virtual Scores scores(const Query &query, const std::vector<uint32_t> &available, const Config &config,
						  Random &random, const Poll &poll) const = 0;

private:
	Algorithm algorithm_;
	Shape shape_;
};

std::unique_ptr<Policy> make_policy(const Config &config, const Shape &shape, uint64_t seed);
std::unique_ptr<Policy> load_policy(const void *bytes, size_t size);

} // namespace ruvector::learning
