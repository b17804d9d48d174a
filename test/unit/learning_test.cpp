// learning_test.cpp - the nine algorithms on the reference chain and standard environments, their bytes, their errors.
#include "check.hpp"

#include <cstring>
#include <map>
#include <tuple>

#include "../../bench/learning/log.hpp"
#include "ruvector/error.hpp"
#include "ruvector/learning/policy.hpp"
#include "ruvector/learning/tabular.hpp"

using namespace ruvector;
using namespace ruvector::learning;

namespace {

using Values = std::vector<std::pair<std::string, double>>;

const Algorithm kAll[] = {Algorithm::q_learning,           Algorithm::sarsa,        Algorithm::dqn,
						  Algorithm::policy_gradient,      Algorithm::actor_critic, Algorithm::ppo,
						  Algorithm::decision_transformer, Algorithm::mcts,         Algorithm::model_based};

// The message when `body` throws an Error of this kind; "" if it does not.
template <typename Body>
std::string thrown(ErrorKind kind, Body body) {
	try {
		body();
	} catch (const Error &e) {
		return e.kind() == kind ? e.what() : "";
	}
	return "";
}

// 80 episodes of the reference chain, actions at random.
bench::Log chain_log(bool own_trajectories = false) {
	bench::Log log(0);
	bench::Chain env;
	Random random(5);
	uint64_t trajectory = 0;
	for (int i = 0; i < 80; i++) {
		env.reset(random);
		trajectory++;
		for (bench::Outcome o{}; !o.terminated && !o.truncated; trajectory += own_trajectories) {
			std::string key = env.key();
			uint32_t action = random.below(2);
			o = env.step(action, random);
			log.add(env, action, o, 0.5, trajectory, key, {});
		}
	}
	return log;
}

Decision ask(const Policy &policy, const Config &config, const std::string &key, bool explore = false,
			 uint64_t seed = 1) {
	Query q;
	q.state.key = key;
	q.explore = explore;
	q.steps = 1000000;
	Random random(seed);
	return policy.act(q, config, random);
}

// What suits one training on a small log.
Values chain_values(Algorithm a) {
	Values v;
	if (a != Algorithm::decision_transformer)
		v.push_back({"discount_factor", 0.9});
	if (a == Algorithm::q_learning || a == Algorithm::sarsa)
		v.push_back({"epochs", 300});
	if (a == Algorithm::sarsa)
		v.insert(v.end(), {{"learning_rate_final", 0.001}, {"learning_rate_visits", 100}});
	if (a == Algorithm::dqn)
		v.insert(v.end(), {{"gradient_steps", 1500}, {"hidden_size", 32}, {"target_rate", 0.02}});
	if (a == Algorithm::policy_gradient)
		v.push_back({"epochs", 150});
	if (a == Algorithm::ppo)
		v.push_back({"rounds", 15});
	if (a == Algorithm::actor_critic)
		v.insert(v.end(), {{"epochs", 30}});
	if (a == Algorithm::policy_gradient || a == Algorithm::ppo || a == Algorithm::actor_critic)
		v.insert(v.end(), {{"hidden_size", 16}, {"hidden_layers", 1}, {"learning_rate", 0.01}});
	if (a == Algorithm::decision_transformer)
		v.insert(v.end(),
				 {{"gradient_steps", 300}, {"embedding_size", 16}, {"context_length", 4}, {"max_timestep", 64}});
	return v;
}

const char *const kChain[] = {"s0", "s1", "s2", "s3"};
const double kOptimal[] = {0.729, 0.81, 0.9, 1};

} // namespace

TEST("the reference chain: q-learning, model-based, mcts reach Q*") {
	bench::Log log = chain_log();
	for (auto a : {Algorithm::q_learning, Algorithm::model_based, Algorithm::mcts}) {
		Config config(a, chain_values(a));
		auto policy = make_policy(config, {2, 0}, 1);
		Metrics m = policy->train(log.view(), config, 1);
		CHECK(m.rows == log.size() && (a == Algorithm::mcts || m.last_loss < m.first_loss));
		for (int s = 0; s < 4; s++) {
			Decision d = ask(*policy, config, kChain[s]);
			CHECK(d.action == 1);
			if (a != Algorithm::mcts) {
				CHECK_NEAR(d.value[1], kOptimal[s], 1e-5);
				CHECK_NEAR(d.value[0], 0.6561, 1e-5);
			} else if (s == 3)
				CHECK_NEAR(d.value[1], 1, 1e-9);
		}
	}
}

TEST("the reference chain: sarsa reaches Q of the behaviour, Expected SARSA its fixed points") {
	bench::Log log = chain_log();
	Config config(Algorithm::sarsa, chain_values(Algorithm::sarsa));
	auto policy = make_policy(config, {2, 0}, 1);
	policy->train(log.view(), config, 1);
	const double uniform[] = {0.233, 0.327, 0.536, 1};
	for (int s = 0; s < 4; s++)
		CHECK_NEAR(ask(*policy, config, kChain[s]).value[1], uniform[s], 0.06);
	// Each step a trajectory of its own: no next action is known.
	bench::Log steps = chain_log(true);
	for (double epsilon : {0.1, 1.0}) {
		Config expected(
			Algorithm::sarsa,
			{{"discount_factor", 0.9}, {"exploration_rate", epsilon}, {"epochs", 2000}, {"tolerance", 1e-10}});
		policy = make_policy(expected, {2, 0}, 1);
		policy->train(steps.view(), expected, 1);
		const double golden[2][5] = {{0.624659, 0.697719, 0.783168, 0.88311, 1}, {0.190, 0.233, 0.327, 0.536, 1}};
		const double *g = golden[epsilon == 1], tolerance = epsilon == 1 ? 6e-4 : 1e-5;
		CHECK_NEAR(ask(*policy, expected, "s0").value[0], g[0], tolerance);
		for (int s = 0; s < 4; s++)
			CHECK_NEAR(ask(*policy, expected, kChain[s]).value[1], g[s + 1], tolerance);
	}
}

TEST("the reference chain: networks over keys") {
	bench::Log log = chain_log();
	for (auto a : {Algorithm::dqn, Algorithm::policy_gradient, Algorithm::actor_critic, Algorithm::ppo}) {
		Config config(a, chain_values(a));
		auto policy = make_policy(config, {2, 0}, 1);
		policy->train(log.view(), config, 1);
		for (int s = 0; s < 4; s++) {
			Decision d = ask(*policy, config, kChain[s], true);
			if (a == Algorithm::dqn)
				CHECK_NEAR(d.value[1], kOptimal[s], 0.03);
			else
				CHECK_NEAR(d.probability[1], 1, 0.2);
		}
	}
}

// A linear network of keys is a table that starts at 0, and the target network hardly moves: only the rewards of a target
// can tell s0 of the end.
TEST("dqn: n rewards of what the behaviour meant to do, one of what it did to explore") {
	for (auto [behaviour, n_step, first] : {std::tuple(0.9, 4.0, 0.729), std::tuple(0.9, 3.0, 0.0),
											std::tuple(0.9, 1.0, 0.0), std::tuple(0.5, 4.0, 0.0)}) {
		bench::Log log(0);
		bench::Chain env;
		Random random(1);
		for (uint64_t episode = 0; episode < 20; episode++) {
			env.reset(random);
			for (bench::Outcome o{}; !o.terminated;) {
				std::string key = env.key();
				o = env.step(1, random);
				log.add(env, 1, o, behaviour, episode, key, {});
			}
		}
		Config config(Algorithm::dqn, {{"discount_factor", 0.9},
									   {"n_step", n_step},
									   {"hidden_layers", 0},
									   {"target_rate", 1e-6},
									   {"learning_rate", 0.01},
									   {"gradient_steps", 1500}});
		auto policy = make_policy(config, {2, 0}, 1);
		policy->train(log.view(), config, 1);
		CHECK_NEAR(ask(*policy, config, "s0").value[1], first, 0.01);
		CHECK_NEAR(ask(*policy, config, "s3").value[1], 1, 0.01);
	}
}

TEST("the decision transformer on the chain: the higher the return, the more often to the right") {
	bench::Log log(0);
	bench::Chain env;
	Random random(3);
	for (uint64_t i = 0; i < 300; i++) { // at most 6 steps; those who do not arrive have a return of 0
		env.reset(random);
		for (int t = 0; t < 6; t++) {
			std::string key = env.key();
			uint32_t action = random.uniform() < 0.6;
			bench::Outcome o = env.step(action, random);
			o.truncated = t == 5 && !o.terminated;
			log.add(env, action, o, action ? 0.6 : 0.4, i, key, {});
			if (o.terminated)
				break;
		}
	}
	Config config(Algorithm::decision_transformer, chain_values(Algorithm::decision_transformer));
	auto policy = make_policy(config, {2, 0}, 1);
	Metrics m = policy->train(log.view(), config, 1);
	CHECK(m.last_loss < m.first_loss);
	Query q;
	q.state.key = "s3";
	q.target_return = 1;
	q.explore = false;
	bench::Log past(0);
	env.reset(random);
	for (int t = 0; t < 3; t++) {
		std::string key = env.key();
		past.add(env, 1, env.step(1, random), 1, 0, key, {});
	}
	Experience history = past.view();
	q.history = &history;
	CHECK(policy->act(q, config, random).action == 1);
	q.explore = true;
	double high = policy->act(q, config, random).probability[1];
	q.target_return = 0;
	CHECK(policy->act(q, config, random).probability[1] < high - 0.2);
	q.explore = false;
	q.target_return = NAN; // the default: the 90th percentile
	CHECK(policy->act(q, config, random).action == 1);
}

TEST("one seed, one policy; another seed, another; bytes to policy and back") {
	bench::Log log = chain_log();
	for (Algorithm a : kAll) {
		Values values = chain_values(a);
		Config config(a, values);
		for (auto name : {"epochs", "gradient_steps", "rounds"})
			for (auto &p : parameters(a))
				if (!std::strcmp(p.name, name))
					config.set(name, 3);
		std::vector<uint8_t> bytes[3];
		std::unique_ptr<Policy> policy;
		for (int i = 0; i < 3; i++) {
			policy = make_policy(config, {2, 0}, i == 2 ? 9 : 4);
			policy->train(log.view(), config, i == 2 ? 9 : 4);
			bytes[i] = policy->serialize();
		}
		CHECK(bytes[0] == bytes[1]);
		CHECK(is_tabular(a) || bytes[0] != bytes[2]);
		auto loaded = load_policy(bytes[2].data(), bytes[2].size());
		CHECK(loaded->algorithm() == a && loaded->serialize() == bytes[2]);
		Decision x = ask(*policy, config, "s2", true), y = ask(*loaded, config, "s2", true);
		CHECK(x.action == y.action && x.probability.size() == 2);
		CHECK_NEAR(x.probability[0], y.probability[0], 1e-6);
		CHECK_NEAR(x.probability[0] + x.probability[1], 1, 1e-9);
		// Learning goes on from where it stopped, optimizer and all.
		if (!is_tabular(a)) {
			policy->train(log.view(), config, 1);
			loaded->train(log.view(), config, 1);
			CHECK(policy->serialize() == loaded->serialize());
		}
	}
}

TEST("damaged bytes are refused, whatever is damaged") {
	bench::Log log = chain_log();
	for (Algorithm a :
		 {Algorithm::q_learning, Algorithm::dqn, Algorithm::ppo, Algorithm::decision_transformer, Algorithm::mcts}) {
		Values values = {};
		if (a == Algorithm::dqn || a == Algorithm::ppo)
			values = {{"hidden_size", 4}, {"hidden_layers", 1}};
		if (a == Algorithm::decision_transformer)
			values = {{"embedding_size", 4}, {"max_timestep", 4}, {"gradient_steps", 1}};
		Config config(a, values);
		auto policy = make_policy(config, {2, 0}, 1);
		policy->train(log.view(), config, 1);
		std::vector<uint8_t> good = policy->serialize();
		size_t step = std::max<size_t>(1, good.size() / 300), accepted = 0;
		for (size_t i = 0; i < good.size(); i += i < 64 ? 1 : step) {
			std::vector<uint8_t> bad = good;
			bad[i] ^= 0x10;
			accepted += thrown(ErrorKind::data_exception, [&] { load_policy(bad.data(), bad.size()); }).empty();
			accepted += thrown(ErrorKind::data_exception, [&] { load_policy(good.data(), i); }).empty();
		}
		good.push_back(0);
		accepted += thrown(ErrorKind::data_exception, [&] { load_policy(good.data(), good.size()); }).empty();
		CHECK(accepted == 0);
	}
}

TEST("CliffWalking: q-learning -13, sarsa's safe path and better online return, negative rewards") {
	double online[2];
	int which = 0;
	for (auto a : {Algorithm::q_learning, Algorithm::sarsa}) {
		Config config(a, {{"discount_factor", 1},
						  {"learning_rate", 0.5},
						  {"learning_rate_final", 0.1},
						  {"exploration_start", 0.1},
						  {"exploration_rate", 0.1}});
		TabularPolicy policy(a, {4, 0});
		bench::CliffWalking env;
		Random random(2);
		double late = 0, sum = 0;
		int episodes = 0;
		Step step{};
		std::string state, next;
		env.reset(random);
		for (uint64_t i = 0; i < 60000; i++) {
			bench::Asked asked(env);
			asked.query.steps = i;
			uint32_t action = policy.act(asked.query, config, random).action;
			if (step.has_next_action) {
				step.next_action = action;
				policy.online_update(step, config);
				step.has_next_action = false;
			}
			bench::Outcome o = env.step(action, random);
			state = asked.key;
			next = env.key();
			step = {state, action, o.reward, next, o.terminated, a == Algorithm::sarsa && !o.terminated && !o.truncated,
					0,     i};
			if (!step.has_next_action)
				policy.online_update(step, config);
			sum += o.reward;
			if (o.terminated || o.truncated) {
				if (i > 30000) {
					late += sum;
					episodes++;
				}
				sum = 0;
				env.reset(random);
			}
		}
		online[which++] = late / episodes;
		double greedy = bench::play(env, policy, config, 1, 1);
		CHECK(a == Algorithm::q_learning ? greedy == -13 : greedy <= -15 && greedy >= -19);
		CHECK(policy.state_value("36") < -10);
	}
	CHECK(online[1] > online[0] + 5);
}

TEST("FrozenLake, slippery: prioritised sweeping on a log of random steps is near the optimum of 0.7442") {
	bench::FrozenLake env;
	Random random(6);
	bench::Log log(0);
	env.reset(random);
	for (uint64_t i = 0; log.size() < 30000;) {
		std::string key = env.key();
		uint32_t action = random.below(4);
		bench::Outcome o = env.step(action, random);
		log.add(env, action, o, 0.25, i, key, {});
		if (o.terminated || o.truncated) {
			env.reset(random);
			i++;
		}
	}
	for (auto a : {Algorithm::model_based, Algorithm::q_learning}) {
		Config config(a);
		auto policy = make_policy(config, {4, 0}, 1);
		policy->train(log.view(), config, 1);
		CHECK_NEAR(bench::play(env, *policy, config, 2000, 3), 0.7442, a == Algorithm::model_based ? 0.05 : 0.09);
	}
}

TEST("CartPole: actor-critic balances much longer than chance after 25,000 steps") {
	bench::CartPole env;
	Config config(Algorithm::actor_critic);
	auto policy = make_policy(config, {2, 4}, 3);
	Random random(3);
	bench::Player player;
	for (uint64_t done = 0; done < 25600; done += 128) {
		bench::Log log(4);
		player.play(env, *policy, config, log, 128, done, random);
		policy->train(log.view(), config, done);
	}
	CHECK(bench::play(env, *policy, config, 20, 1) > 120);
}

TEST("one feedback on the rows of two states, and what changed") {
	Config config(Algorithm::q_learning, {{"discount_factor", 0.9}, {"learning_rate", 0.5}});
	TabularPolicy p(Algorithm::q_learning, {2, 0});
	p.put(ActionValue{"a", 0, 1, 0});
	p.put(ActionValue{"b", 1, -2, 7});
	Update u = p.online_update({"a", 0, -1, "b", false, false, 0, 0}, config);
	CHECK_NEAR(u.target, -1 + 0.9 * 0, 1e-12); // action 0 was never tried in b
	config.set("count_untried", 0);
	u = p.online_update({"a", 0, -1, "b", false, false, 0, 0}, config);
	CHECK_NEAR(u.target, -1 + 0.9 * -2, 1e-12); // no floor at 0
	auto changes = p.value_changes();
	CHECK(changes.size() == 1 && changes[0].state == "a" && changes[0].old_q == 1 && changes[0].visits == 2);
	u = p.online_update({"a", 1, 3, "b", true, false, 0, 0}, config);
	CHECK_NEAR(u.target, 3, 1e-12); // terminated: b does not count

	Config sweeping(Algorithm::model_based, {{"discount_factor", 0.5}});
	TabularPolicy m(Algorithm::model_based, {2, 0});
	m.put(Transition{"a", 0, "b", false, 1, 0});
	m.put(ActionValue{"a", 0, 0, 1});
	m.put(Transition{"b", 0, "", true, 1, 2});
	m.put(ActionValue{"b", 0, 2, 1});
	m.online_update({"b", 0, 6, "", true, false, 0, 0}, sweeping);
	CHECK_NEAR(m.state_value("b"), 4, 1e-12); // the mean of 2 and 6
	CHECK_NEAR(m.state_value("a"), 2, 1e-12); // swept back
	auto added = m.transition_changes();
	CHECK(added.size() == 1 && added[0].terminated && added[0].count == 1 && added[0].reward_sum == 6);
}

TEST("uct plans with a model that is given: one that only right leads out") {
	struct Line final : Model {
		void actions(std::string_view, std::vector<uint32_t> &out) const override { out = {0, 1}; }
		Outcome sample(std::string_view state, uint32_t action, Random &) const override {
			int at = std::stoi(std::string(state)) + (action ? 1 : -1);
			return {std::to_string(at), at == 3 ? 1.0 : at == -1 ? -1.0 : 0.0, at == 3 || at == -1};
		}
	} line;
	Config config(Algorithm::mcts);
	Query q;
	q.state.key = "0";
	q.explore = false;
	Random random(1);
	Decision d = plan(line, q, {2, 0}, config, random);
	CHECK(d.action == 1 && d.value[0] == -1 && d.value[1] > 0.5);
}

TEST("exploration: epsilon 0 means 0, ties are shared, available actions only") {
	Config config(Algorithm::q_learning, {{"exploration_rate", 0}, {"exploration_start", 0}});
	TabularPolicy p(Algorithm::q_learning, {4, 0});
	p.put(ActionValue{"s", 1, 5, 1});
	p.put(ActionValue{"s", 3, 5, 1});
	Decision d = ask(p, config, "s", true);
	CHECK(d.probability == std::vector<double>({0, 0.5, 0, 0.5}));
	uint32_t some[] = {0, 2};
	Query q;
	q.state.key = "s";
	q.available = some;
	q.available_count = 2;
	q.steps = 50; // half of exploration_steps
	Random random(1);
	config = Config(Algorithm::q_learning, {{"exploration_rate", 0.1}});
	p.put(ActionValue{"s", 0, 1, 1});
	d = p.act(q, config, random);
	CHECK_NEAR(d.probability[0], 1 - 0.55 / 2, 1e-12);
	CHECK_NEAR(d.probability[2], 0.55 / 2, 1e-12);
	std::map<uint32_t, int> count;
	for (int i = 0; i < 4000; i++)
		count[p.act(q, config, random).action]++;
	CHECK_NEAR(count[2] / 4000.0, 0.275, 0.03);
	CHECK(count.size() == 2);
	q.available_count = 0;
	CHECK(!thrown(ErrorKind::invalid_argument, [&] { p.act(q, config, random); }).empty());
}

TEST("errors: hyper-parameters, shapes, experience") {
	for (Algorithm a : kAll) {
		CHECK(algorithm_from_name(algorithm_name(a)) == a);
		for (auto &p : parameters(a)) {
			CHECK(p.initial >= p.low && p.initial <= p.high);
			for (double bad : {double(NAN), double(HUGE_VAL), p.low - 1, p.high * 2 + 1})
				CHECK(thrown(ErrorKind::invalid_argument, [&] { Config(a, {{p.name, bad}}); }).find(p.name) == 0);
			if (p.integer)
				CHECK(!thrown(ErrorKind::invalid_argument, [&] { Config(a, {{p.name, p.low + 0.5}}); }).empty());
		}
		CHECK(!thrown(ErrorKind::invalid_argument, [&] { Config(a, {{"nonsense", 1}}); }).empty());
		Config config(a);
		CHECK(!thrown(ErrorKind::invalid_argument, [&] { make_policy(config, {0, 0}, 1); }).empty());
		auto policy = make_policy(config, {2, 0}, 1);
		CHECK(!thrown(ErrorKind::invalid_argument, [&] { policy->train(Experience(), config, 1); }).empty());
		bench::Log log = chain_log();
		Experience e = log.view();
		std::vector<double> rewards(e.rewards, e.rewards + e.count), behaviour(e.count, 0.5);
		std::vector<uint32_t> actions(e.actions, e.actions + e.count);
		std::vector<uint8_t> before = policy->serialize();
		rewards[3] = NAN;
		e.rewards = rewards.data();
		CHECK(!thrown(ErrorKind::data_exception, [&] { policy->train(e, config, 1); }).empty());
		rewards[3] = 0;
		actions[5] = 2;
		e.actions = actions.data();
		CHECK(!thrown(ErrorKind::data_exception, [&] { policy->train(e, config, 1); }).empty());
		actions[5] = 0;
		behaviour[7] = 0;
		e.behaviour = behaviour.data();
		CHECK(!thrown(ErrorKind::data_exception, [&] { policy->train(e, config, 1); }).empty());
		CHECK(policy->serialize() == before); // nothing changed
		Poll cancel{[](void *) { return Signal::cancel; }, nullptr};
		if (a != Algorithm::mcts)
			CHECK(!thrown(ErrorKind::canceled, [&] {
					   bench::Log fresh = chain_log();
					   policy->train(fresh.view(), config, 1, cancel);
				   }).empty());
	}
	CHECK(!thrown(ErrorKind::invalid_argument, [&] { algorithm_from_name("monte-carlo"); }).empty());
	Config dqn(Algorithm::dqn);
	auto policy = make_policy(dqn, {2, 4}, 1);
	float state[] = {0, 0, 0};
	Query q;
	q.state = {{}, state, 3};
	Random random(1);
	CHECK(!thrown(ErrorKind::invalid_argument, [&] { policy->act(q, dqn, random); }).empty());
	CHECK(!thrown(ErrorKind::invalid_argument, [&] { make_policy(Config(Algorithm::mcts), {2, 4}, 1); }).empty());
	Config other(Algorithm::dqn, {{"hidden_size", 128}});
	CHECK(!thrown(ErrorKind::invalid_argument, [&] {
			   float four[] = {0, 0, 0, 0}, next[] = {0, 0, 0, 0};
			   uint32_t action = 0;
			   double reward = 0;
			   uint8_t end = 1;
			   Experience e;
			   e.count = 1;
			   e.states = four;
			   e.next_states = next;
			   e.actions = &action;
			   e.rewards = &reward;
			   e.terminated = &end;
			   policy->train(e, other, 1);
		   }).empty());
	CHECK(!thrown(ErrorKind::limit_exceeded, [] {
			   make_policy(Config(Algorithm::dqn, {{"hidden_size", 1024}, {"hidden_layers", 4}}), {2, 16000}, 1);
		   }).empty());
	float x[] = {0.12f, -0.04f, 1.5f};
	CHECK(vector_key(x, 3, 0.1) == "0.1,0,1.5");
}

TEST("a bandit: the good arm after 100 feedbacks and training, by every algorithm") {
	bench::Chain unused;
	for (Algorithm a : kAll) {
		Values values =
			a == Algorithm::dqn || a == Algorithm::decision_transformer ? Values{{"gradient_steps", 200}} : Values{};
		if (a == Algorithm::policy_gradient || a == Algorithm::ppo || a == Algorithm::actor_critic)
			values = {{"epochs", 100}};
		if (a == Algorithm::ppo)
			values = {{"rounds", 20}, {"learning_rate", 0.01}};
		Config config(a, values);
		auto policy = make_policy(config, {2, 0}, 1);
		bench::Log log(0);
		Random random(8);
		for (uint64_t i = 0; i < 100; i++) {
			uint32_t action = random.below(2);
			log.add(unused, action, {action ? -0.1 : -1.0, true, false}, 0.5, i, "s", {});
		}
		policy->train(log.view(), config, 1);
		CHECK(ask(*policy, config, "s").action == 1);
		Decision d = ask(*policy, config, "s", true);
		CHECK_NEAR(d.probability[1], 1, a == Algorithm::mcts ? 0.25 : 0.05);
	}
}
