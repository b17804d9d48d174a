// bench/learning/solve.cpp - all nine algorithms on standard environments: final returns against known optima, steps
// that were needed, speed; curves as JSON.
//   solve SEEDS FIRST-SEED [NAME [JSON-FILE [TABLE-FILE]]]
// Exit status: the number of targets that were missed.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <thread>

#include "log.hpp"
#include "ruvector/learning/tabular.hpp"

using namespace bench;
using rl::Algorithm;
using rl::Config;
using rl::Metrics;
using rl::Policy;

namespace {

double now() { // of this thread: others may be busy
	timespec t{};
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return double(t.tv_sec) + double(t.tv_nsec) * 1e-9;
}

double median(std::vector<double> v) {
	if (std::any_of(v.begin(), v.end(), [](double x) { return std::isnan(x); }))
		return NAN;
	std::sort(v.begin(), v.end());
	return v.empty() ? NAN : v[v.size() / 2];
}

double mean(const std::vector<double> &v) {
	return v.empty() ? NAN : std::accumulate(v.begin(), v.end(), 0.0) / double(v.size());
}

struct Run {
	double score = NAN;                           // what is compared with the target
	double extra = NAN;                           // see the task
	double held = NAN;                            // steps after which the greedy policy always reached the target
	size_t steps = 0;                             // of the environment
	uint64_t updates = 0;                         // gradient steps or backups
	double train_seconds = 0;                     // in train() and online_update()
	std::vector<std::pair<double, double>> curve; // steps, mean return while learning
};

using Values = std::vector<std::pair<std::string, double>>;

struct Task {
	const char *name, *environment, *measure;
	double target;
	const char *extra;
	Values settings; // those that are not the defaults
	std::function<Run(const Values &settings, uint64_t seed)> run;
};

// Online: one online_update for each step, sarsa's when the next action is known.
Run tabular(Algorithm algorithm, Environment &env, const Values &values, size_t steps, uint64_t seed, int test_episodes,
			size_t train_every = 0, double target = NAN) {
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
		if (std::isfinite(target) && (i + 1) % 100 == 0) {
			CliffWalking test;
			if (play(test, policy, config, 1, seed + 1000) < target)
				run.held = NAN;
			else if (std::isnan(run.held))
				run.held = double(i + 1);
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
Run network(Algorithm algorithm, Environment &env, const Values &values, size_t steps, size_t rollout, bool replay,
			uint64_t seed, double solved, size_t episodes_a_batch = 0) {
	Config config(algorithm, values);
	rl::Shape shape{env.actions(), env.state_dim()};
	auto policy = rl::make_policy(config, shape, seed);
	Random random(seed, 1);
	Log log(env.state_dim());
	Run run;
	Player player;
	std::vector<double> recent, window;
	size_t done = 0, tests = 0, next_curve = steps / 25;
	while (done + tests < steps) {
		size_t before = log.size(), episodes = 0;
		do {
			for (double r : player.play(env, *policy, config, log, episodes_a_batch ? 1 : rollout,
										done + log.size() - before, random)) {
				recent.push_back(r);
				window.push_back(r);
				episodes++;
			}
		} while (episodes < episodes_a_batch && done + tests + log.size() - before < steps);
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
		// Whoever uses the database would keep the version that does well, too. Returns while exploring are lower, so
		// they only say when a test is worth while. Its steps count, one for each reward of CartPole; the score is of
		// other episodes.
		if (recent.size() > 10)
			recent.erase(recent.begin(), recent.end() - 10);
		if (recent.size() == 10 && mean(recent) >= 0.8 * solved) {
			double tested = play(env, *policy, config, 10, seed + 2000);
			tests += size_t(10 * tested);
			if (tested >= solved)
				break;
		}
	}
	run.steps = done + tests;
	run.score = play(env, *policy, config, 100, seed + 1000);
	return run;
}

// The decision transformer learns from what others did.
Run offline(Environment &env, Log &log, double behaviour_mean, double low, double high, const Values &values,
			uint64_t seed) {
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
	double reached_low = play_for(env, *policy, config, low, 40, seed + 1, false);
	double reached_high = play_for(env, *policy, config, high, 40, seed + 2, false);
	std::fprintf(stderr,
				 "# decision-transformer: behaviour %.1f, asked for %.0f reached %.1f, asked for %.0f reached %.1f\n",
				 behaviour_mean, low, reached_low, high, reached_high);
	run.extra = reached_low;
	run.score = reached_high > reached_low ? reached_high / behaviour_mean : 0;
	return run;
}

std::vector<Task> tasks() {
	std::vector<Task> list;
	Values lake = {{"exploration_steps", 200000}, {"learning_rate_visits", 500}, {"learning_rate_final", 0.005}};
	Values cliff = {{"exploration_start", 0.1},
					{"exploration_rate", 0.1},
					{"learning_rate", 0.5},
					{"learning_rate_final", 0.1},
					{"discount_factor", 1}};
	auto add = [&](const char *name, const char *environment, const char *measure, double target, const char *extra,
				   Values settings, std::function<Run(const Values &, uint64_t)> run) {
		list.push_back({name, environment, measure, target, extra, std::move(settings), std::move(run)});
	};
	add("q-learning", "FrozenLake", "return, greedy", 0.70, "return, online", lake,
		[](const Values &values, uint64_t seed) {
			FrozenLake env;
			return tabular(Algorithm::q_learning, env, values, 400000, seed, 1000);
		});
	add("sarsa", "FrozenLake", "return, greedy", 0.66, "return, online", lake, [](const Values &values, uint64_t seed) {
		FrozenLake env;
		return tabular(Algorithm::sarsa, env, values, 400000, seed, 1000);
	});
	add("model-based", "FrozenLake", "return, greedy", 0.70, "return, online",
		{{"exploration_start", 1}, {"exploration_steps", 40000}}, [](const Values &values, uint64_t seed) {
			FrozenLake env;
			return tabular(Algorithm::model_based, env, values, 60000, seed, 1000, 500);
		});
	add("q-learning", "CliffWalking", "return, greedy", -13, "return, online", cliff,
		[](const Values &values, uint64_t seed) {
			CliffWalking env;
			return tabular(Algorithm::q_learning, env, values, 50000, seed, 1, 0, -13);
		});
	add("sarsa", "CliffWalking", "return, greedy", -19, "return, online", cliff,
		[](const Values &values, uint64_t seed) {
			CliffWalking env;
			return tabular(Algorithm::sarsa, env, values, 50000, seed, 1, 0, -19);
		});
	add("model-based", "CliffWalking", "return, greedy", -13, "return, online",
		{{"discount_factor", 1}, {"exploration_start", 0.1}}, [](const Values &values, uint64_t seed) {
			CliffWalking env;
			return tabular(Algorithm::model_based, env, values, 3000, seed, 1, 0, -13);
		});
	add("mcts", "TicTacToe", "return, 200 games", 0.98, "ms a decision, about",
		{{"simulations", 1000}, {"discount_factor", 1}, {"exploration_rate", 1}},
		[](const Values &values, uint64_t seed) {
			TicTacToe env;
			Config config(Algorithm::mcts, values);
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
	add("dqn", "CartPole", "return, 100 episodes", 475, "", {}, [](const Values &values, uint64_t seed) {
		CartPole env;
		return network(Algorithm::dqn, env, values, 100000, 256, true, seed, HUGE_VAL); // to the end
	});
	add("policy-gradient", "CartPole", "return, 100 episodes", 475, "", {}, [](const Values &values, uint64_t seed) {
		CartPole env;
		return network(Algorithm::policy_gradient, env, values, 100000, 0, false, seed, 490, 8);
	});
	add("actor-critic", "CartPole", "return, 100 episodes", 475, "", {}, [](const Values &values, uint64_t seed) {
		CartPole env;
		return network(Algorithm::actor_critic, env, values, 100000, 128, false, seed, 490);
	});
	add("ppo", "CartPole", "return, 100 episodes", 475, "", {{"anneal_steps", 100000}},
		[](const Values &values, uint64_t seed) {
			CartPole env;
			return network(Algorithm::ppo, env, values, 100000, 1024, false, seed, 490);
		});
	add("decision-transformer", "CartPole", "return / behaviour's", 1.5, "reached when asked for little",
		{{"gradient_steps", 1500}}, [](const Values &values, uint64_t seed) {
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
			return offline(env, log, total / episodes, 30, 400, values, seed);
		});
	return list;
}

std::string number(double x) {
	char text[32];
	std::snprintf(text, sizeof text, "%.4g", x);
	return text;
}

struct Result {
	const Task *task;
	std::vector<Run> runs;
	template <typename Get>
	std::vector<double> all(Get get) const {
		std::vector<double> values;
		for (const Run &r : runs)
			values.push_back(double(get(r)));
		return values;
	}
	std::vector<double> scores() const {
		return all([](const Run &r) { return r.score; });
	}
	std::string settings() const {
		std::string text;
		for (const auto &[name, value] : task->settings)
			text += (text.empty() ? "" : ", ") + name + " " + number(value);
		return text.empty() ? "defaults" : text;
	}
};

std::string table(const std::vector<Result> &results) {
	std::string out = "| Algorithm | Environment | Measure | Target | Median | Scores of the seeds | Steps | Updates | "
					  "Updates/s | Note "
					  "| Settings |\n|---|---|---|---|---|---|---|---|---|---|---|\n";
	for (const Result &r : results) {
		std::vector<double> scores = r.scores();
		std::string list;
		for (double s : scores)
			list += (list.empty() ? "" : " ") + number(s);
		double updates = mean(r.all([](const Run &x) { return x.updates; })),
			   seconds = mean(r.all([](const Run &x) { return x.train_seconds; })),
			   extra = mean(r.all([](const Run &x) { return x.extra; })),
			   held = median(r.all([](const Run &x) { return x.held; }));
		out += std::string("| ") + r.task->name + " | " + r.task->environment + " | " + r.task->measure + " | " +
			   number(r.task->target) + " | " + number(median(scores)) +
			   (median(scores) >= r.task->target ? "" : " missed") + " | " + list + " | " +
			   std::to_string(size_t(median(r.all([](const Run &x) { return x.steps; })))) + " | " +
			   std::to_string(size_t(updates)) + " | " + std::to_string(size_t(updates / std::max(seconds, 1e-9))) +
			   " | " + (std::isnan(extra) ? "" : std::string(r.task->extra) + ": " + number(extra)) +
			   (std::isnan(held) ? "" : "; target held from step " + number(held)) + " | " + r.settings() + " |\n";
	}
	return out;
}

std::string json(const std::vector<Result> &results, const std::string &machine, uint64_t first) {
	std::string out = "{\"machine\": \"" + machine + "\", \"tasks\": [";
	for (size_t t = 0; t < results.size(); t++) {
		const Result &r = results[t];
		out += std::string(t ? ",\n" : "\n") + " {\"algorithm\": \"" + r.task->name + "\", \"environment\": \"" +
			   r.task->environment + "\", \"measure\": \"" + r.task->measure +
			   "\", \"target\": " + number(r.task->target) + ", \"settings\": \"" + r.settings() + "\", \"runs\": [";
		for (size_t i = 0; i < r.runs.size(); i++) {
			const Run &run = r.runs[i];
			out += std::string(i ? "," : "") + "\n  {\"seed\": " + std::to_string(first + i) +
				   ", \"score\": " + number(run.score) +
				   (std::isnan(run.extra) ? "" : ", \"extra\": " + number(run.extra)) +
				   (std::isnan(run.held) ? "" : ", \"held_from\": " + number(run.held)) +
				   ", \"steps\": " + std::to_string(run.steps) + ", \"updates\": " + std::to_string(run.updates) +
				   ", \"train_seconds\": " + number(run.train_seconds) + ", \"curve\": [";
			bool begun = false;
			for (auto [x, y] : run.curve)
				if (std::isfinite(y)) {
					out += std::string(begun ? ", " : "") + "[" + std::to_string(size_t(x)) + ", " + number(y) + "]";
					begun = true;
				}
			out += "]}";
		}
		out += "]}";
	}
	return out + "\n]}\n";
}

void write(const std::string &path, const std::string &text) {
	FILE *file = std::fopen(path.c_str(), "w");
	if (!file || std::fputs(text.c_str(), file) < 0 || std::fclose(file) != 0) {
		std::fprintf(stderr, "cannot write %s\n", path.c_str());
		std::exit(100);
	}
}

std::string machine() {
	std::ifstream info("/proc/cpuinfo");
	for (std::string line; std::getline(info, line);)
		if (line.rfind("model name", 0) == 0)
			return line.substr(line.find(':') + 2);
	return "unknown processor";
}

} // namespace

int main(int argc, char **argv) {
	auto argument = [&](int i, const char *otherwise) { return std::string(argc > i ? argv[i] : otherwise); };
	uint64_t seeds = std::strtoull(argument(1, "5").c_str(), nullptr, 10),
			 first = std::strtoull(argument(2, "1").c_str(), nullptr, 10);
	std::string name = argument(3, ""), json_file = argument(4, ""), table_file = argument(5, "");
	if (seeds == 0 || seeds > 1000) {
		std::fprintf(stderr, "usage: solve SEEDS FIRST-SEED [NAME [JSON-FILE [TABLE-FILE]]]\n");
		return 100;
	}
	std::vector<Task> all = tasks();
	std::vector<Result> results;
	for (const Task &task : all)
		if (name.empty() || name == task.name)
			results.push_back({&task, std::vector<Run>(seeds)});

	// Runs share nothing: two at a time.
	std::atomic<size_t> next{0};
	auto work = [&] {
		for (size_t i; (i = next++) < results.size() * seeds;) {
			Result &r = results[i / seeds];
			Run run = r.task->run(r.task->settings, first + i % seeds);
			std::fprintf(stderr, "%s %s seed %llu: %.4g after %zu steps, %.0f s\n", r.task->name, r.task->environment,
						 static_cast<unsigned long long>(first + i % seeds), run.score, run.steps, run.train_seconds);
			r.runs[i % seeds] = std::move(run);
		}
	};
	std::thread other(work);
	work();
	other.join();

	int missed = 0;
	for (const Result &r : results)
		missed += !(median(r.scores()) >= r.task->target);
	std::string text = table(results);
	std::fputs(text.c_str(), stdout);
	if (!json_file.empty())
		write(json_file, json(results, machine(), first));
	if (!table_file.empty())
		write(table_file, "# Learning: the C++ core alone\n\nWritten by `make bench-learning`: seeds " +
							  std::to_string(first) + " to " + std::to_string(first + seeds - 1) + ", " + machine() +
							  ", two runs at a time. Curves: `results-core.json`. Steps: median, of the environment; "
							  "updates: mean, gradient steps or backups;\nupdates/s: in training, one thread.\n\n" +
							  text);
	return missed;
}
