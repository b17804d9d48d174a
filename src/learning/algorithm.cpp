// learning/algorithm.cpp - names, hyper-parameters, configurations.
#include "ruvector/learning/algorithm.hpp"

#include <cmath>
#include <cstdio>

#include "ruvector/error.hpp"

namespace ruvector::learning {

namespace {

// name, default, low, high, integer, shape, meaning
#define RV_DISCOUNT(value)                                                                                             \
	{ "discount_factor", value, 0, 1, false, false, "weight of the next step's value" }
#define RV_EXPLORATION(last, steps)                                                                                    \
	{"exploration_rate", last, 0, 1, false, false, "epsilon: share of random actions, in the end"},                    \
		{"exploration_start", 1, 0, 1, false, false, "epsilon at the first experience"}, {                             \
		"exploration_steps", steps, 0, 1e9, true, false, "experiences until epsilon has fallen to exploration_rate"    \
	}
#define RV_NETWORK(size)                                                                                               \
	{"hidden_size", size, 1, 1024, true, true, "units of a hidden layer"}, {                                           \
		"hidden_layers", 2, 0, 4, true, true, "0: linear"                                                              \
	}
#define RV_GRADIENT_NORM(value)                                                                                        \
	{ "max_gradient_norm", value, 0, 1e6, false, false, "gradients are shortened to this length; 0: never" }
#define RV_UNTRIED                                                                                                     \
	{                                                                                                                  \
		"count_untried", 1, 0, 1, true, false,                                                                         \
			"1: actions never tried in a state count as 0 in its value; 0: as impossible there"                        \
	}
#define RV_ANNEAL                                                                                                      \
	{                                                                                                                  \
		"anneal_steps", 0, 0, 1e9, true, false,                                                                        \
			"experiences over which the learning rate falls linearly to a twentieth; 0: constant"                      \
	}

const Parameter kTemporalDifference[] = {
	RV_UNTRIED,
	{"learning_rate", 0.1, 1e-6, 1, false, false, "step size of a pair's first update"},
	{"learning_rate_final", 0.02, 0, 1, false, false, "the step size never falls below (or learning_rate, if less)"},
	{"learning_rate_visits", 200, 1, 1e9, true, false, "updates of a pair after which its step size is half"},
	RV_DISCOUNT(0.99),
	RV_EXPLORATION(0.05, 100),
	{"epochs", 50, 1, 1e5, true, false, "train: passes over the experiences, at most"},
	{"tolerance", 1e-7, 0, 1, false, false,
	 "train: stops when no value moved further in a pass, relative to the range"},
};

const Parameter kModelBased[] = {
	RV_UNTRIED,
	RV_DISCOUNT(0.99),
	RV_EXPLORATION(0.05, 100),
	{"planning_steps", 20, 0, 1e6, true, false, "backups of predecessors after each feedback"},
	{"tolerance", 1e-6, 1e-12, 1, false, false,
	 "changes of a value below this are not swept on, relative to the range"},
	{"max_backups", 1e7, 1, 1e10, true, false, "train: backups, at most"},
};

const Parameter kMcts[] = {
	RV_DISCOUNT(0.99),
	RV_EXPLORATION(0.05, 100),
	{"simulations", 300, 1, 1e6, true, false, "for one decision"},
	{"exploration_constant", 0.7, 0, 100, false, false, "of UCT, for values scaled to 0..1"},
	{"depth", 100, 1, 1e4, true, false, "steps of a simulation, at most"},
};

const Parameter kDqn[] = {
	{"learning_rate", 1e-3, 1e-7, 1, false, false, "of Adam"},
	RV_DISCOUNT(0.99),
	RV_EXPLORATION(0.04, 10000),
	RV_NETWORK(64),
	{"batch_size", 64, 1, 4096, true, false, "rows of a minibatch"},
	{"gradient_steps", 128, 1, 1e6, true, false, "minibatches of one train()"},
	{"target_rate", 0.005, 1e-6, 1, false, false,
	 "how far the target network moves to the network, each gradient step"},
	{"n_step", 5, 1, 100, true, false, "rewards of a target, at most; fewer where the behaviour explored"},
	{"anneal_steps", 50000, 0, 1e9, true, false,
	 "gradient steps over which the learning rate falls linearly to a twentieth; 0: constant"},
	{"double", 1, 0, 1, true, false, "1: the online network chooses the action that the target network values"},
	{"huber_delta", 1, 1e-3, 1e6, false, false, "the loss is quadratic below, linear above"},
	{"replay_size", 100000, 1, 1e7, true, false, "latest experiences to sample from"},
	RV_GRADIENT_NORM(10),
};

#define RV_ACTOR_CRITIC(rate, lambda, clip)                                                                            \
	{"learning_rate", rate, 1e-7, 1, false, false, "of Adam, actor and critic"}, RV_DISCOUNT(0.99),                    \
		{"gae_lambda", lambda, 0, 1, false, false, "of the generalised advantage estimate; 1: whole returns"},         \
		RV_NETWORK(64), {"entropy_coefficient", 0.01, 0, 10, false, false, "weight of the policy's entropy"},          \
		{"normalize_advantages", 1, 0, 1, true, false, "1: to mean 0, variance 1"},                                    \
		{"importance_clip", clip, 1, 1e3, false, false, "policy / behaviour is cut there"}, RV_GRADIENT_NORM(0.5),     \
		RV_ANNEAL

const Parameter kPolicyGradient[] = {
	RV_ACTOR_CRITIC(3e-3, 1, 5),
	{"epochs", 1, 1, 1e5, true, false, "gradient steps, each on all rows"},
};

const Parameter kActorCritic[] = {
	RV_ACTOR_CRITIC(2e-3, 1, 1),
	{"epochs", 1, 1, 1e5, true, false, "passes over the rows"},
	{"batch_size", 128, 1, 65536, true, false, "consecutive rows of a gradient step"},
};

const Parameter kPpo[] = {
	RV_ACTOR_CRITIC(1e-3, 0.95, 1),
	{"epochs", 4, 1, 1e5, true, false, "passes over the rows"},
	{"minibatches", 4, 1, 1e4, true, false, "of a pass, drawn at random"},
	{"clip_range", 0.2, 0, 10, false, false, "how far new / old probability may leave 1"},
	{"rounds", 1, 1, 1e4, true, false, "train: how often clipping starts anew from the policy reached (logs: 10)"},
	{"target_kl", 0, 0, 100, false, false, "stops when the policy has moved further, nats; 0: never"},
};

const Parameter kDecisionTransformer[] = {
	{"learning_rate", 1e-3, 1e-7, 1, false, false, "of AdamW; rises over the first twentieth"},
	{"weight_decay", 1e-4, 0, 1, false, false, "of AdamW, matrices only"},
	{"batch_size", 64, 1, 4096, true, false, "windows of a minibatch"},
	{"gradient_steps", 1000, 1, 1e6, true, false, "minibatches of one train()"},
	{"context_length", 10, 1, 64, true, true, "steps that attention sees"},
	{"embedding_size", 32, 4, 256, true, true, "a multiple of heads"},
	{"layers", 1, 1, 8, true, true, "transformer blocks"},
	{"heads", 2, 1, 16, true, true, "of attention"},
	{"max_timestep", 512, 1, 65536, true, true, "steps of a trajectory that are told apart"},
	{"target_quantile", 0.9, 0, 1, false, false, "of the returns in the data: the return to aim at by default"},
	RV_GRADIENT_NORM(1),
};

struct Entry {
	const char *name;
	ParameterList parameters;
};

template <size_t N>
constexpr ParameterList list(const Parameter (&array)[N]) {
	return {array, N};
}

const Entry kAlgorithms[] = {
	{"q-learning", list(kTemporalDifference)},
	{"sarsa", list(kTemporalDifference)},
	{"dqn", list(kDqn)},
	{"policy-gradient", list(kPolicyGradient)},
	{"actor-critic", list(kActorCritic)},
	{"ppo", list(kPpo)},
	{"decision-transformer", list(kDecisionTransformer)},
	{"mcts", list(kMcts)},
	{"model-based", list(kModelBased)},
};
constexpr size_t kCount = sizeof(kAlgorithms) / sizeof(*kAlgorithms);

const Entry &entry(Algorithm algorithm) {
	size_t i = size_t(algorithm) - 1;
	if (i >= kCount)
		throw Error(ErrorKind::internal, "no such algorithm: " + std::to_string(int(algorithm)));
	return kAlgorithms[i];
}

size_t find(Algorithm algorithm, std::string_view name) {
	ParameterList all = parameters(algorithm);
	size_t i = 0;
	while (i < all.count && name != all.first[i].name)
		i++;
	return i;
}

std::string number(double x) {
	char buffer[32];
	std::snprintf(buffer, sizeof buffer, "%.10g", x);
	return buffer;
}

} // namespace

const char *algorithm_name(Algorithm algorithm) {
	return entry(algorithm).name;
}

Algorithm algorithm_from_name(std::string_view name) {
	std::string all;
	for (size_t i = 0; i < kCount; i++) {
		if (name == kAlgorithms[i].name)
			return Algorithm(i + 1);
		all += (i ? ", " : "") + std::string(kAlgorithms[i].name);
	}
	throw Error(ErrorKind::invalid_argument,
				"unknown learning algorithm \"" + std::string(name) + "\"; there are " + all);
}

bool is_tabular(Algorithm algorithm) {
	return algorithm == Algorithm::q_learning || algorithm == Algorithm::sarsa || algorithm == Algorithm::mcts ||
		   algorithm == Algorithm::model_based;
}

ParameterList parameters(Algorithm algorithm) {
	return entry(algorithm).parameters;
}

Config::Config(Algorithm algorithm, const std::vector<std::pair<std::string, double>> &values) : algorithm_(algorithm) {
	for (const Parameter &p : parameters(algorithm))
		values_.push_back(p.initial);
	for (const auto &[name, value] : values)
		set(name, value);
	if (algorithm == Algorithm::decision_transformer && count("embedding_size") % count("heads") != 0)
		throw Error(ErrorKind::invalid_argument, "embedding_size must be a multiple of heads");
}

double Config::get(std::string_view name) const {
	size_t i = find(algorithm_, name);
	if (i == values_.size())
		throw Error(ErrorKind::internal,
					std::string(algorithm_name(algorithm_)) + " has no parameter \"" + std::string(name) + "\"");
	return values_[i];
}

void Config::set(std::string_view name, double value) {
	ParameterList all = parameters(algorithm_);
	size_t i = find(algorithm_, name);
	if (i == all.count) {
		std::string names;
		for (const Parameter &p : all)
			names += (names.empty() ? "" : ", ") + std::string(p.name);
		throw Error(ErrorKind::invalid_argument, std::string(algorithm_name(algorithm_)) + " has no parameter \"" +
													 std::string(name) + "\"; there are " + names);
	}
	const Parameter &p = all.first[i];
	if (!(value >= p.low && value <= p.high) || (p.integer && value != std::floor(value)))
		throw Error(ErrorKind::invalid_argument,
					std::string(p.name) + " must be " + (p.integer ? "an integer" : "a number") + " from " +
						number(p.low) + " to " + number(p.high) + ", not " + number(value));
	values_[i] = value;
}

} // namespace ruvector::learning
