// learning/tabular.hpp - the tabular algorithms on rows: q-learning, sarsa, model-based, mcts.
//
// A TabularPolicy is a set of rows: action values (learning_q_values) and counts of transitions (learning_transitions).
// It can be the whole table (train, mcts) or the few rows that one feedback needs. The online step of a feedback:
//
//   TabularPolicy p(config.algorithm(), shape);
//   p.put(ActionValue{...});  // the rows of (s, .) and (s', .) that exist; a missing row is q = 0, visits = 0
//   p.put(Transition{...});   // model-based: all rows out of s (any action), if there are any; optional, for planning:
//                             // rows into s, and everything that their pairs can lead to
//   Update u = p.online_update(step, config);
//   for (const ValueChange &c : p.value_changes()) ...       // UPSERT q = c.q, or q = q + (c.q - c.old_q)
//   for (const TransitionChange &c : p.transition_changes()) // UPSERT count = count + c.count, reward_sum += ...
//
// Lock or add: two feedbacks at once on one (s, a) lose nothing if rows are locked (SELECT ... FOR UPDATE in key order)
// or differences are added.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ruvector/learning/policy.hpp"

namespace ruvector::learning {

class Reader;

struct ActionValue {
	std::string_view state;
	uint32_t action;
	double q;
	uint64_t visits; // updates so far: decides the step size
};

struct Transition {
	std::string_view state;
	uint32_t action;
	std::string_view next_state;
	bool terminated;
	uint64_t count;
	double reward_sum;
};

struct Step {
	std::string_view state;
	uint32_t action;
	double reward;
	std::string_view next_state; // ignored if terminated
	bool terminated;
	bool has_next_action; // sarsa: the action really taken in next_state is known, so update this step now. False (the
	uint32_t next_action; // trajectory was cut off): the expectation under the current epsilon-greedy policy
	uint64_t steps;       // experiences of the session so far: the schedule of exploration (sarsa's expectation)
};

struct Update {
	double predicted; // q of (s, a) before
	double target;    // r + discount_factor * value of s' (before the update); what conformal intervals are scored with
	double error;     // target - predicted
};

struct ValueChange {
	std::string_view state;
	uint32_t action;
	double old_q, q;
	uint64_t old_visits, visits;
};

struct TransitionChange { // to be added
	std::string_view state;
	uint32_t action;
	std::string_view next_state;
	bool terminated;
	uint64_t count;
	double reward_sum;
};

// A model of the environment that mcts plans with instead of counted transitions. May throw. `actions` empty: the state
// is terminal.
class Model {
public:
	struct Outcome {
		std::string next_state;
		double reward;
		bool terminated;
	};
	virtual ~Model() = default;
	virtual void actions(std::string_view state, std::vector<uint32_t> &out) const = 0;
	virtual Outcome sample(std::string_view state, uint32_t action, Random &random) const = 0;
};

// UCT from `root`. Result as of Policy::act of an mcts session: probability = visits / sum of visits when exploring.
Decision plan(const Model &model, const Query &query, const Shape &shape, const Config &config, Random &random,
			  const Poll &poll = {});

class TabularPolicy final : public Policy {
public:
	TabularPolicy(Algorithm algorithm, const Shape &shape); // shape.state_dim must be 0

	void put(const ActionValue &row);
	void put(const Transition &row); // adds to a row that is there already

	// model-based: counts the transition, backs up (s, a) from all outcomes of it that are known, then sweeps up to
	// planning_steps predecessors in the order of their priority, where all their successors are loaded.
	// mcts: only counts.
	Update online_update(const Step &step, const Config &config);

	// Since construction or load; train() too. In the order of first change. The views live as long as the policy.
	std::vector<ValueChange> value_changes() const;
	std::vector<TransitionChange> transition_changes() const;

	// All rows.
	std::vector<ActionValue> values() const;
	std::vector<Transition> transitions() const;
	size_t states() const;
	// The greedy value of a state; 0 for an unknown one.
	double state_value(std::string_view state) const;

	Metrics train(const Experience &experience, const Config &config, uint64_t seed, const Poll &poll = {}) override;
	std::vector<uint8_t> serialize() const override; // values as f32: for snapshots; the rows are the exact copy
	size_t memory() const override;

protected:
	Scores scores(const Query &query, const std::vector<uint32_t> &available, const Config &config, Random &random,
				  const Poll &poll) const override;

private:
	friend class TableWorld;
	friend std::unique_ptr<Policy> read_table(Algorithm algorithm, const Shape &shape, Reader &in);
	void read(const std::vector<std::string> &keys, Reader &in);

	struct Outcome {
		uint32_t next; // state; kTerminal
		uint64_t count, added;
		double reward_sum, reward_added;
	};
	struct Pair { // of a state and an action
		double q = 0, old_q = 0;
		uint64_t visits = 0, old_visits = 0;
		bool known = false; // has a row, or was updated, or has outcomes
		bool changed = false;
		std::vector<Outcome> outcomes;
	};

	uint32_t intern(std::string_view key);
	uint32_t find(std::string_view key) const; // kTerminal: unknown
	size_t cell(uint32_t state, uint32_t action) const { return size_t(state) * shape().actions + action; }
	std::string_view key_of(uint32_t state) const; // "" for kTerminal
	void change(size_t cell, double q, uint64_t visits);
	void count(size_t cell, uint32_t next, uint64_t n, double reward_sum, bool is_change);
	bool counts(const Pair &p) const { return p.known || count_untried_; }
	double value_of(uint32_t state) const;
	double expectation(uint32_t state, double epsilon) const;
	double backup(size_t cell, double discount) const;
	bool can_back_up(size_t cell) const;
	double td_update(size_t cell, double target, const Config &config);
	uint64_t sweep(std::vector<std::pair<double, size_t>> heap, double discount, double least, uint64_t limit,
				   const Poll &poll, bool *finished);

	static constexpr uint32_t kTerminal = UINT32_MAX;

	bool count_untried_ = true; // of the configuration in use
	std::unordered_map<std::string, uint32_t> index_;
	std::vector<const std::string *> keys_;          // in index_
	std::vector<Pair> pairs_;                        // states * actions
	std::vector<uint8_t> given_;                     // of a state: a row of it was given, or it was updated
	std::vector<std::vector<size_t>> predecessors_;  // of a state: cells that can lead to it
	std::vector<size_t> changed_;                    // cells
	std::vector<std::pair<size_t, uint32_t>> added_; // cell, next
};

} // namespace ruvector::learning
