// learning/uct.hpp - UCT (Kocsis & Szepesvari 2006) over anything that can be sampled.
//
// A node is a state, however it was reached (UCT1 of Childs, Brodeur & Kocsis 2008), and an action of it is a chance node:
// the world draws what follows. Values are scaled to 0..1 by the least and greatest mean seen, so that the constant of
// exploration does not depend on the rewards.
#pragma once

#include <cmath>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "ruvector/learning/policy.hpp"

namespace ruvector::learning {

struct UctResult {
	std::vector<double> visits, value; // [actions]
};

// World: actions(state, std::vector<uint32_t> &out); sample(state, action, random) -> {next, reward, terminated}.
// States are numbers.
template <typename World>
UctResult uct(World &world, uint32_t root, const std::vector<uint32_t> &root_actions, uint32_t action_count,
			  const Config &config, Random &random, const Poll &poll) {
	struct Arm {
		uint32_t action;
		uint32_t visits = 0;
		double total = 0;
	};
	struct Node {
		std::vector<Arm> arms;
		uint32_t visits = 0;
		uint32_t tried = 0; // arms, from the front
	};
	struct Visit {
		uint32_t node, arm;
		double reward;
	};
	std::vector<Node> nodes;
	std::unordered_map<uint32_t, uint32_t> node_of;
	std::vector<uint32_t> actions;
	auto add = [&](uint32_t state, const std::vector<uint32_t> &legal) {
		node_of.emplace(state, uint32_t(nodes.size()));
		nodes.emplace_back();
		for (uint32_t a : legal)
			nodes.back().arms.push_back({a});
	};
	add(root, root_actions);

	double discount = config.get("discount_factor"), c = config.get("exploration_constant");
	size_t depth = config.count("depth"), simulations = config.count("simulations");
	double least = HUGE_VAL, greatest = -HUGE_VAL;
	std::vector<Visit> path;
	for (size_t simulation = 0; simulation < simulations; simulation++) {
		if (simulation % 16 == 0 && poll.finish())
			break;
		path.clear();
		uint32_t state = root, node = 0;
		bool terminated = false, leaf = false;
		while (path.size() < depth && !terminated && !leaf) {
			Node &at = nodes[node];
			if (at.arms.empty())
				break;
			uint32_t arm;
			if (at.tried < at.arms.size()) { // first each arm once, in random order
				arm = at.tried++;
				std::swap(at.arms[arm], at.arms[arm + random.below(uint32_t(at.arms.size()) - arm)]);
			} else {
				double best = -HUGE_VAL, scale = greatest > least ? 1 / (greatest - least) : 0;
				arm = 0;
				for (uint32_t i = 0; i < at.arms.size(); i++) {
					const Arm &a = at.arms[i];
					double n = double(a.visits);
					double bound = (a.total / n - least) * scale + c * std::sqrt(std::log(double(at.visits)) / n);
					if (bound > best) {
						best = bound;
						arm = i;
					}
				}
			}
			auto outcome = world.sample(state, at.arms[arm].action, random);
			path.push_back({node, arm, outcome.reward});
			terminated = outcome.terminated;
			state = outcome.next;
			if (!terminated) {
				auto found = node_of.find(state);
				if (found == node_of.end()) {
					actions.clear();
					world.actions(state, actions);
					node = uint32_t(nodes.size());
					add(state, actions);
					leaf = true;
				} else
					node = found->second;
			}
		}
		// From a new node at random to the end.
		double value = 0, weight = 1;
		for (size_t step = path.size(); step < depth && !terminated && leaf; step++) {
			actions.clear();
			world.actions(state, actions);
			if (actions.empty())
				break;
			auto outcome = world.sample(state, actions[random.below(uint32_t(actions.size()))], random);
			value += weight * outcome.reward;
			weight *= discount;
			terminated = outcome.terminated;
			state = outcome.next;
		}
		for (size_t i = path.size(); i-- > 0;) {
			Node &at = nodes[path[i].node];
			Arm &a = at.arms[path[i].arm];
			value = path[i].reward + discount * value;
			at.visits++;
			a.visits++;
			a.total += value;
			least = std::min(least, a.total / double(a.visits));
			greatest = std::max(greatest, a.total / double(a.visits));
		}
	}
	UctResult result{std::vector<double>(action_count, 0), std::vector<double>(action_count, NAN)};
	for (const Arm &a : nodes[0].arms)
		if (a.visits > 0) {
			result.visits[a.action] = double(a.visits);
			result.value[a.action] = a.total / double(a.visits);
		}
	return result;
}

} // namespace ruvector::learning
