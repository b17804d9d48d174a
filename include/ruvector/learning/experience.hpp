// learning/experience.hpp - what algorithms learn from: views of states and of logged steps. They own nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ruvector::learning {

// Fixed when a policy is made. Actions are numbers 0 .. actions - 1: indices into the declared list of names.
struct Shape {
	uint32_t actions = 0;   // 1 .. 4,096
	uint32_t state_dim = 0; // of vector states, 1 .. 16,000; 0: states are keys
	friend bool operator==(const Shape &a, const Shape &b) {
		return a.actions == b.actions && a.state_dim == b.state_dim;
	}
};

// One state: a key, or a vector of shape.state_dim finite numbers. Networks over keys have one input for each key that
// they were trained on; a key that they do not know is the zero vector. Tabular algorithms know keys only: make one
// from a vector with vector_key().
struct State {
	std::string_view key;
	const float *vector = nullptr;
	uint32_t dim = 0;
};

// "0.12,-0.5": every coordinate rounded to a multiple of `step` (> 0), shortest decimal form: an aggregation of states
// for the tabular algorithms.
std::string vector_key(const float *vector, size_t dim, double step);

// Logged steps as columns of `count` rows. Rows of one trajectory are in the order of time; trajectories may be
// interleaved. The next step of a row is the next row of the same trajectory.
//
// terminated: the task ended, the next state has no value. truncated: the episode was cut off (a time limit, the log
// ends): the next state keeps its value, but the next row of the trajectory, if any, starts afresh.
// behaviour: the probability with which the action was chosen, in (0, 1]; NaN or a null column: unknown, 1 / actions is
// used instead.
//
// check() throws (data_exception: wrong numbers, invalid_argument: wrong shape), and train() and evaluate() call it
// first: an action that was not declared, NaN or infinity in rewards or states, behaviour out of range, a missing column.
struct Experience {
	size_t count = 0;
	const std::string_view *state_keys = nullptr, *next_state_keys = nullptr; // when shape.state_dim is 0
	const float *states = nullptr, *next_states = nullptr;                    // else: count * state_dim, row-major
	const uint32_t *actions = nullptr;
	const double *rewards = nullptr;
	const uint8_t *terminated = nullptr, *truncated = nullptr; // truncated may be null: never
	const double *behaviour = nullptr;
	const uint64_t *trajectory = nullptr; // null: all rows are one trajectory

	void check(const Shape &shape) const;
};

// How long computations are interrupted. `ask` is called at least every few milliseconds; it may also throw.
enum class Signal { proceed, finish, cancel };
struct Poll {
	Signal (*ask)(void *) = nullptr;
	void *argument = nullptr;
	// True: finish early and keep what was learned (a time budget). cancel: throws Error(canceled); the policy is then
	// half-trained and must be dropped.
	bool finish() const;
};

} // namespace ruvector::learning
