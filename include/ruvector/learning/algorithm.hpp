// learning/algorithm.hpp - the nine algorithms, their hyper-parameters, and the checks of these.
//
// A hyper-parameter is a name and a number. parameters(algorithm) lists those of an algorithm with default, range and
// meaning (src/learning/README.md says why each default is what it is); Config holds one value of each. Everything that
// is wrong with a configuration is found when it is made: an unknown name, a value that is no number or out of range, a
// fraction where a count is wanted, all with ErrorKind::invalid_argument and a text that names the parameter and its
// range.
//
// Names that occur in several algorithms mean the same in each:
//   learning_rate, discount_factor, exploration_rate (epsilon once exploration_steps experiences are there; before
//   that it falls linearly from exploration_start), epochs, batch_size, hidden_size, hidden_layers (0: linear),
//   max_gradient_norm, simulations, planning_steps, target_update_frequency.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ruvector::learning {

// The numbers are stored in policies.
enum class Algorithm : uint8_t {
	q_learning = 1,
	sarsa = 2,
	dqn = 3,
	policy_gradient = 4,
	actor_critic = 5,
	ppo = 6,
	decision_transformer = 7,
	mcts = 8,
	model_based = 9,
};

const char *algorithm_name(Algorithm algorithm);      // "q-learning", ... as in SQL
Algorithm algorithm_from_name(std::string_view name); // unknown: invalid_argument, and the text lists all nine

// Tabular: values of (state, action) pairs, or counts of transitions, that live in rows (tabular.hpp): q-learning, sarsa,
// mcts, model-based. The others are networks: immutable versions of byte strings.
bool is_tabular(Algorithm algorithm);

struct Parameter {
	const char *name;
	double initial;   // the default
	double low, high; // inclusive
	bool integer;
	bool shape; // fixed when a policy is made: train() with another value is an error
	const char *meaning;
};

struct ParameterList {
	const Parameter *first;
	size_t count;
	const Parameter *begin() const { return first; }
	const Parameter *end() const { return first + count; }
};

ParameterList parameters(Algorithm algorithm);

class Config {
public:
	// The defaults, with these values instead.
	explicit Config(Algorithm algorithm, const std::vector<std::pair<std::string, double>> &values = {});

	Algorithm algorithm() const { return algorithm_; }
	double get(std::string_view name) const; // a name that the algorithm does not have: ErrorKind::internal
	size_t count(std::string_view name) const { return size_t(get(name)); }
	void set(std::string_view name, double value); // checks

private:
	Algorithm algorithm_;
	std::vector<double> values_; // in the order of parameters()
};

} // namespace ruvector::learning
