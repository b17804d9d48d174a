// bench/learning/log.hpp - an experience log that owns its columns, and episodes played with a policy.
#pragma once

#include <memory>
#include <numeric>
#include <vector>

#include "environments.hpp"
#include "ruvector/learning/policy.hpp"

namespace bench {

namespace rl = ruvector::learning;

class Log {
public:
	explicit Log(uint32_t dim) : dim_(dim) {}
	void add(const Environment &after, uint32_t action, const Outcome &o, double behaviour, uint64_t trajectory,
			 const std::string &key, const std::vector<float> &vector) {
		keys_.push_back(key);
		next_keys_.push_back(after.key());
		states_.insert(states_.end(), vector.begin(), vector.end());
		std::vector<float> next = after.vector();
		next_states_.insert(next_states_.end(), next.begin(), next.end());
		actions_.push_back(action);
		rewards_.push_back(o.reward);
		terminated_.push_back(o.terminated);
		truncated_.push_back(o.truncated);
		behaviour_.push_back(behaviour);
		trajectory_.push_back(trajectory);
	}
	size_t size() const { return actions_.size(); }
	void clear() { *this = Log(dim_); }
	rl::Experience view(size_t from = 0) {
		views_.assign(keys_.begin(), keys_.end());
		next_views_.assign(next_keys_.begin(), next_keys_.end());
		rl::Experience e;
		e.count = size() - from;
		if (dim_ == 0) {
			e.state_keys = views_.data() + from;
			e.next_state_keys = next_views_.data() + from;
		} else {
			e.states = states_.data() + from * dim_;
			e.next_states = next_states_.data() + from * dim_;
		}
		e.actions = actions_.data() + from;
		e.rewards = rewards_.data() + from;
		e.terminated = terminated_.data() + from;
		e.truncated = truncated_.data() + from;
		e.behaviour = behaviour_.data() + from;
		e.trajectory = trajectory_.data() + from;
		return e;
	}

private:
	uint32_t dim_;
	std::vector<std::string> keys_, next_keys_;
	std::vector<std::string_view> views_, next_views_;
	std::vector<float> states_, next_states_;
	std::vector<uint32_t> actions_;
	std::vector<double> rewards_, behaviour_;
	std::vector<uint8_t> terminated_, truncated_;
	std::vector<uint64_t> trajectory_;
};

// A query for the present state; keeps what it points to.
struct Asked {
	std::string key;
	std::vector<float> vector;
	std::vector<uint32_t> available;
	rl::Query query;
	explicit Asked(const Environment &env) : key(env.key()), vector(env.vector()), available(env.available()) {
		query.state.key = key;
		query.state.vector = vector.data();
		query.state.dim = uint32_t(vector.size());
		if (!available.empty()) {
			query.available = available.data();
			query.available_count = available.size();
		}
	}
	Asked(const Asked &) = delete;
};

// Mean return of `episodes` with the best actions (or the policy's own distribution).
inline double play(Environment &env, const rl::Policy &policy, const rl::Config &config, int episodes, uint64_t seed,
				   bool explore = false, uint64_t steps = UINT64_MAX) {
	Random random(seed, 77);
	double total = 0;
	for (int i = 0; i < episodes; i++) {
		env.reset(random);
		for (Outcome o{0, false, false}; !o.terminated && !o.truncated;) {
			Asked asked(env);
			asked.query.explore = explore;
			asked.query.steps = steps;
			o = env.step(policy.act(asked.query, config, random).action, random);
			total += o.reward;
		}
	}
	return total / episodes;
}

// The decision transformer's: the history goes along.
inline double play_for(Environment &env, const rl::Policy &policy, const rl::Config &config, double target,
					   int episodes, uint64_t seed, bool explore) {
	Random random(seed, 78);
	double total = 0;
	for (int i = 0; i < episodes; i++) {
		env.reset(random);
		Log log(env.state_dim());
		double left = target;
		for (Outcome o{0, false, false}; !o.terminated && !o.truncated;) {
			Asked asked(env);
			asked.query.explore = explore;
			rl::Experience history = log.view();
			asked.query.history = &history;
			asked.query.target_return = left;
			uint32_t action = policy.act(asked.query, config, random).action;
			o = env.step(action, random);
			log.add(env, action, o, 1, 0, asked.key, asked.vector);
			left -= o.reward;
			total += o.reward;
		}
	}
	return total / episodes;
}

// Plays on and on, each step chosen by the policy, exploring, and logged.
struct Player {
	uint64_t trajectory = 0;
	bool running = false;
	double sum = 0;

	// Returns those of the episodes that ended.
	std::vector<double> play(Environment &env, const rl::Policy &policy, const rl::Config &config, Log &log,
							 size_t steps, uint64_t from_step, Random &random) {
		std::vector<double> returns;
		for (size_t i = 0; i < steps; i++) {
			if (!running) {
				env.reset(random);
				running = true;
				trajectory++;
				sum = 0;
			}
			Asked asked(env);
			asked.query.steps = from_step + i;
			rl::Decision d = policy.act(asked.query, config, random);
			Outcome o = env.step(d.action, random);
			sum += o.reward;
			log.add(env, d.action, o, d.probability[d.action], trajectory, asked.key, asked.vector);
			if (o.terminated || o.truncated) {
				returns.push_back(sum);
				running = false;
			}
		}
		return returns;
	}
};

} // namespace bench
