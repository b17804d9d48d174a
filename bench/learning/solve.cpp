// bench/learning/solve.cpp - all nine algorithms on standard environments: final returns against known optima, steps
// that were needed, speed; curves as JSON.
//   solve [SEEDS] [NAME-PREFIX] [JSON-FILE]
// Exit status: the number of targets that were missed.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>

#include "log.hpp"
#include "ruvector/learning/tabular.hpp"

using namespace bench;
using rl::Algorithm;
using rl::Config;
using rl::Metrics;
using rl::Policy;

namespace {

double now() { // of the processor: others may be busy
	return double(std::clock()) / CLOCKS_PER_SEC;
}

double median(std::vector<double> v) {
	std::sort(v.begin(), v.end());
	return v.empty() ? NAN : v[v.size() / 2];
}

double mean(const std::vector<double> &v) {
	return v.empty() ? NAN : std::accumulate(v.begin(), v.end(), 0.0) / double(v.size());
}

struct Run {
	double score = NAN;                           // what is compared with the target
	double extra = NAN;                           // see the task
	size_t steps = 0;                             // of the environment
	uint64_t updates = 0;                         // gradient steps or backups
	double train_seconds = 0;                     // in train() and online_update()
	std::vector<std::pair<double, double>> curve; // steps, mean return while learning
};

struct Task {
	const char *name, *environment, *measure;
	double target;
	const char *extra;
	std::function<Run(uint64_t seed)> run;
};

// Online: one online_update for each step, sarsa's when the next action is known.
Run tabular(Algorithm algorithm, Environment &env, const std::vector<std::pair<std::string, double>> &values,
			size_t steps, uint64_t seed, int test_episodes, size_t train_every = 0) {
	Config config(algorithm, values);
	rl::Shape shape{env.actions(), 0};
	rl::TabularPolicy policy(algorithm, shape);
	Random random(seed, 1);
	Run run;
	std::vector<double> window;
	double sum = 0;
	bool pending = false;
	rl::Step step{};
	std::string state, next_state;
	env.reset(random);
	Log log(0);
	std::vector<double> last;
	for (size_t i = 0; i < steps; i++) {
		Asked asked(env);
		asked.query.steps = i;
		uint32_t action = policy.act(asked.query, config, random).action;
		double start = now();
		if (pending) { // sarsa's last step
			step.next_action = action;
			step.has_next_action = true;
			policy.online_update(step, config);
			run.updates++;
			pending = false;
		}
		Outcome o = env.step(action, random);
		sum += o.reward;
		state = asked.key;
		next_state = env.key();
		step = {state, action, o.reward, next_state, o.terminated, false, 0, i};
		if (train_every)
			log.add(env, action, o, 1, 0, asked.key, {});
		else if (algorithm == Algorithm::sarsa && !o.terminated && !o.truncated)
			pending = true;
		else {
			policy.online_update(step, config);
			run.updates++;
		}
		if (train_every && log.size() == train_every) {
			run.updates += policy.train(log.view(), config, seed).updates;
			log.clear();
		}
		run.train_seconds += now() - start;
		if (o.terminated || o.truncated) {
			window.push_back(sum);
			last.push_back(sum);
			if (last.size() > 100)
				last.erase(last.begin());
			sum = 0;
			env.reset(random);
		}
		if ((i + 1) % std::max<size_t>(1, steps / 25) == 0) {
			run.curve.push_back({double(i + 1), mean(window)});
			window.clear();
		}
	}
	run.steps = steps;
	run.extra = mean(last); // online, while still exploring
	run.score = play(env, policy, config, test_episodes, seed + 1000);
	return run;
}

// Networks: explore `rollout` steps, then train; on all that is logged (off-policy) or on those steps alone.
Run network(Algorithm algorithm, Environment &env, const std::vector<std::pair<std::string, double>> &values,
			size_t steps, size_t rollout, bool replay, uint64_t seed, double solved, size_t episodes_a_batch = 0) {
	Config config(algorithm, values);
	rl::Shape shape{env.actions(), env.state_dim()};
	auto policy = rl::make_policy(config, shape, seed);
	Random random(seed, 1);
	Log log(env.state_dim());
	Run run;
	Player player;
	std::vector<double> recent, window;
	size_t done = 0, next_curve = steps / 25;
	while (done < steps) {
		size_t before = log.size(), episodes = 0;
		do {
			for (double r : player.play(env, *policy, config, log, episodes_a_batch ? 1 : rollout,
										done + log.size() - before, random)) {
				recent.push_back(r);
				window.push_back(r);
				episodes++;
			}
		} while (episodes < episodes_a_batch && done + log.size() - before < steps);
		done += log.size() - before;
		double start = now();
		run.updates += policy->train(log.view(), config, seed * 1000003 + done).updates;
		run.train_seconds += now() - start;
		if (!replay)
			log.clear();
		if (done >= next_curve) {
			run.curve.push_back({double(done), mean(window)});
			window.clear();
			next_curve += steps / 25;
		}
		if (recent.size() > 20)
			recent.erase(recent.begin(), recent.end() - 20);
		// Whoever uses the database would keep the version that does well, too; it is tested on fresh episodes.
		if (recent.size() == 20 && mean(recent) >= solved && play(env, *policy, config, 20, seed + 2000) >= solved)
			break;
	}
	run.steps = done;
	run.score = play(env, *policy, config, 100, seed + 1000);
	return run;
}

// The decision transformer learns from what others did.
Run offline(Environment &env, Log &log, double behaviour_mean, double low, double high,
			const std::vector<std::pair<std::string, double>> &values, uint64_t seed) {
	Config config(Algorithm::decision_transformer, values);
	auto policy = rl::make_policy(config, {env.actions(), env.state_dim()}, seed);
	Run run;
	double start = now();
	Metrics m = policy->train(log.view(), config, seed);
	run.train_seconds = now() - start;
	run.updates = m.updates;
	run.steps = log.size();
	for (size_t i = 0; i < m.losses.size(); i++)
		run.curve.push_back({double(m.updates) * double(i + 1) / double(m.losses.size()), m.losses[i]});
	double reached_low = play_for(env, *policy, config, low, 40, seed + 1, true);
	double reached_high = play_for(env, *policy, config, high, 40, seed + 2, true);
	std::printf("#   decision-transformer: behaviour %.1f, asked for %.0f reached %.1f, asked for %.0f reached %.1f\n",
				behaviour_mean, low, reached_low, high, reached_high);
	run.extra = reached_low;
	run.score = reached_high > reached_low ? reached_high / behaviour_mean : 0;
	return run;
}

using Values = std::vector<std::pair<std::string, double>>;

std::vector<Task> tasks() {
	std::vector<Task> list;
	Values lake = {{"exploration_steps", 200000}, {"learning_rate_visits", 500}, {"learning_rate_final", 0.005}};
	Values cliff = {{"exploration_start", 0.1},
					{"exploration_rate", 0.1},
					{"learning_rate", 0.5},
					{"learning_rate_final", 0.1},
					{"discount_factor", 1}};
	auto add = [&](const char *name, const char *environment, const char *measure, double target, const char *extra,
				   std::function<Run(uint64_t)> run) {
		list.push_back({name, environment, measure, target, extra, std::move(run)});
	};
	add("q-learning", "FrozenLake", "return, greedy", 0.70, "return, online", [=](uint64_t seed) {
		FrozenLake env;
		return tabular(Algorithm::q_learning, env, lake, 400000, seed, 1000);
	});
	add("sarsa", "FrozenLake", "return, greedy", 0.66, "return, online", [=](uint64_t seed) {
		FrozenLake env;
		return tabular(Algorithm::sarsa, env, lake, 400000, seed, 1000);
	});
	add("model-based", "FrozenLake", "return, greedy", 0.70, "return, online", [=](uint64_t seed) {
		FrozenLake env;
		return tabular(Algorithm::model_based, env, {{"exploration_start", 1}, {"exploration_steps", 40000}}, 60000,
					   seed, 1000, 500);
	});
	add("q-learning", "CliffWalking", "return, greedy", -13, "return, online", [=](uint64_t seed) {
		CliffWalking env;
		return tabular(Algorithm::q_learning, env, cliff, 50000, seed, 1);
	});
	add("sarsa", "CliffWalking", "return, greedy", -19, "return, online", [=](uint64_t seed) {
		CliffWalking env;
		return tabular(Algorithm::sarsa, env, cliff, 60000, seed, 1);
	});
	add("model-based", "CliffWalking", "return, greedy", -13, "return, online", [=](uint64_t seed) {
		CliffWalking env;
		return tabular(Algorithm::model_based, env, {{"discount_factor", 1}, {"exploration_start", 0.1}}, 3000, seed,
					   1);
	});
	add("mcts", "TicTacToe", "return, 200 games", 0.98, "ms a decision, about", [](uint64_t seed) {
		TicTacToe env;
		Config config(Algorithm::mcts, {{"simulations", 1000}, {"discount_factor", 1}, {"exploration_rate", 1}});
		rl::TabularPolicy policy(Algorithm::mcts, {9, 0});
		Random random(seed, 1);
		Log log(0);
		uint64_t trajectory = 0;
		Run run;
		run.steps = 250000;
		for (env.reset(random); log.size() < run.steps;) { // moves at random
			std::vector<uint32_t> free = env.available();
			std::string key = env.key();
			uint32_t action = free[random.below(uint32_t(free.size()))];
			Outcome o = env.step(action, random);
			log.add(env, action, o, 1.0 / double(free.size()), trajectory, key, {});
			if (o.terminated) {
				env.reset(random);
				trajectory++;
			}
		}
		double start = now();
		policy.train(log.view(), config, seed);
		run.train_seconds = now() - start;
		run.updates = log.size();
		start = now();
		run.score = play(env, policy, config, 200, seed + 1);
		run.extra = 1000 * (now() - start) / 700; // a game has 3 to 4 decisions
		return run;
	});
	add("dqn", "CartPole", "return, 100 episodes", 475, "", [](uint64_t seed) {
		CartPole env;
		return network(Algorithm::dqn, env,
					   {{"learning_rate", 1e-3}, {"exploration_steps", 16000}, {"exploration_rate", 0.04}}, 100000, 256,
					   true, seed, 490);
	});
	add("policy-gradient", "CartPole", "return, 100 episodes", 475, "", [](uint64_t seed) {
		CartPole env;
		return network(Algorithm::policy_gradient, env, {}, 100000, 0, false, seed, 490, 8);
	});
	add("actor-critic", "CartPole", "return, 100 episodes", 475, "", [](uint64_t seed) {
		CartPole env;
		return network(Algorithm::actor_critic, env, {}, 100000, 128, false, seed, 490);
	});
	add("ppo", "CartPole", "return, 100 episodes", 475, "", [](uint64_t seed) {
		CartPole env;
		return network(Algorithm::ppo, env, {{"anneal_steps", 100000}}, 100000, 1024, false, seed, 490);
	});
	add("decision-transformer", "CartPole", "return / behaviour's", 1.5, "reached when asked for little",
		[](uint64_t seed) {
			CartPole env;
			// Behaviour of mixed quality: a linear controller that acts at random some of the time, how often differs by
			// episode.
			Log log(4);
			Random random(seed, 1);
			double total = 0;
			int episodes = 120;
			for (int i = 0; i < episodes; i++) {
				double noise = random.uniform();
				env.reset(random);
				for (Outcome o{0, false, false}; !o.terminated && !o.truncated;) {
					std::vector<float> x = env.vector();
					bool right = x[2] + 0.5f * x[3] + 0.05f * x[0] + 0.1f * x[1] > 0;
					bool flip = random.uniform() < noise;
					uint32_t action = flip ? random.below(2) : right;
					double p = noise / 2 + (action == right ? 1 - noise : 0);
					o = env.step(action, random);
					log.add(env, action, o, p, uint64_t(i), {}, x);
					total += o.reward;
				}
			}
			return offline(env, log, total / episodes, 30, 400, {{"gradient_steps", 1500}}, seed);
		});
	return list;
}

} // namespace

int main(int argc, char **argv) {
	uint64_t seeds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 5;
	const char *prefix = argc > 2 ? argv[2] : "";
	FILE *json = argc > 3 ? std::fopen(argv[3], "w") : nullptr;
	if (json)
		std::fprintf(json, "{\"seeds\": %llu, \"tasks\": [", static_cast<unsigned long long>(seeds));
	std::printf("%-21s %-13s %-22s %8s %8s %8s %8s | %9s %10s %9s %8s %s\n", "algorithm", "environment", "measure",
				"target", "median", "worst", "best", "steps", "updates", "updates/s", "seconds", "");
	int missed = 0;
	bool first = true;
	for (const Task &task : tasks()) {
		if (std::strncmp(task.name, prefix, std::strlen(prefix)) != 0)
			continue;
		std::vector<Run> runs;
		std::vector<double> scores, steps, extras;
		double updates = 0, seconds = 0;
		for (uint64_t seed = 1; seed <= seeds; seed++) {
			runs.push_back(task.run(seed));
			scores.push_back(runs.back().score);
			steps.push_back(double(runs.back().steps));
			extras.push_back(runs.back().extra);
			updates += double(runs.back().updates);
			seconds += runs.back().train_seconds;
		}
		bool ok = median(scores) >= task.target;
		missed += !ok;
		std::printf("%-21s %-13s %-22s %8.4g %8.4g %8.4g %8.4g | %9.0f %10.0f %9.0f %8.1f %s", task.name,
					task.environment, task.measure, task.target, median(scores),
					*std::min_element(scores.begin(), scores.end()), *std::max_element(scores.begin(), scores.end()),
					median(steps), updates / double(seeds), updates / seconds, seconds / double(seeds),
					ok ? "" : "MISSED");
		std::printf(std::isnan(extras[0]) ? "\n" : "  (%s: %.3f)\n", task.extra, mean(extras));
		std::fflush(stdout);
		if (!json)
			continue;
		std::fprintf(
			json,
			"%s\n {\"algorithm\": \"%s\", \"environment\": \"%s\", \"measure\": \"%s\", \"target\": %g, \"runs\": [",
			first ? "" : ",", task.name, task.environment, task.measure, task.target);
		first = false;
		for (size_t i = 0; i < runs.size(); i++) {
			const Run &r = runs[i];
			std::fprintf(
				json,
				"%s\n  {\"score\": %.6g, \"steps\": %zu, \"updates\": %llu, \"train_seconds\": %.3f, \"curve\": [",
				i ? "," : "", r.score, r.steps, static_cast<unsigned long long>(r.updates), r.train_seconds);
			bool begun = false;
			for (auto [x, y] : r.curve)
				if (std::isfinite(y)) {
					std::fprintf(json, "%s[%.0f, %.5g]", begun ? ", " : "", x, y);
					begun = true;
				}
			std::fprintf(json, "]}");
		}
		std::fprintf(json, "]}");
	}
	if (json) {
		std::fprintf(json, "\n]}\n");
		std::fclose(json);
	}
	return missed;
}
