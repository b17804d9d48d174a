// bench/learning/sql.cpp - the nine algorithms on standard environments through SQL functions alone: the simulator is
// here, everything that learns is in the database. Prints one JSON object per run, and one with the latencies.
// Usage: sql SEEDS [ALGORITHM [FOLDER [SECONDS]]]; the connection comes from the environment (PGHOST, ...). With FOLDER a run
// whose file is there is not repeated, so an interrupted benchmark goes on where it was; no run begins after SECONDS.
#include <libpq-fe.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "environments.hpp"

using namespace bench;

namespace {

double now() {
	return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class Database {
public:
	Database() : conn_(PQconnectdb("")) {
		if (PQstatus(conn_) != CONNECTION_OK)
			throw std::runtime_error(PQerrorMessage(conn_));
		PQclear(PQprepare(
			conn_, "predict",
			"SELECT action, behaviour_prob FROM ruvector.predict($1, $2, $3::public.vector, $4::text[], "
			"explore => $5, max_alternatives => 0, log_prediction => $5, target_return => $6, trajectory_id => $7)",
			0, nullptr));
		PQclear(PQprepare(
			conn_, "feedback",
			"SELECT ruvector.submit_feedback($1, $2, $3, $4, next_state => $5, truncated => $6, trajectory_id => $7, "
			"behaviour_prob => $8)",
			0, nullptr));
	}
	~Database() { PQfinish(conn_); }
	Database(const Database &) = delete;
	Database &operator=(const Database &) = delete;

	std::string value(const std::string &sql) {
		PGresult *result = PQexec(conn_, sql.c_str());
		return take(result);
	}
	std::pair<uint32_t, double> predict(const std::string &session, const Environment &env, bool explore,
										const std::string &trajectory, const char *target = nullptr) {
		const std::string key = env.key(), vector = vector_text(env);
		std::string open = "{";
		for (uint32_t a : env.available())
			open += (open.size() > 1 ? "," : "") + std::to_string(a);
		open += "}";
		const char *values[7] = {session.c_str(),
								 env.state_dim() ? nullptr : key.c_str(),
								 env.state_dim() ? vector.c_str() : nullptr,
								 open.size() > 2 ? open.c_str() : nullptr,
								 explore ? "t" : "f",
								 target,
								 trajectory.c_str()};
		PGresult *result = PQexecPrepared(conn_, "predict", 7, values, nullptr, nullptr, 0);
		double probability = PQntuples(result) ? atof(PQgetvalue(result, 0, 1)) : 0;
		return {static_cast<uint32_t>(atoi(take(result).c_str())), probability};
	}
	void feedback(const std::string &session, const std::string &state, uint32_t action, const Outcome &o,
				  const std::string &next, const std::string &trajectory, double probability) {
		const std::string act = std::to_string(action), reward = std::to_string(o.reward),
						  prob = std::to_string(probability);
		const char *values[8] = {session.c_str(),
								 state.c_str(),
								 act.c_str(),
								 reward.c_str(),
								 o.terminated ? nullptr : next.c_str(),
								 o.truncated ? "t" : "f",
								 trajectory.c_str(),
								 prob.c_str()};
		take(PQexecPrepared(conn_, "feedback", 8, values, nullptr, nullptr, 0));
	}
	static std::string vector_text(const Environment &env) {
		std::string text;
		char number[32];
		for (float x : env.vector()) {
			snprintf(number, sizeof number, "%s%.7g", text.empty() ? "[" : ",", static_cast<double>(x));
			text += number;
		}
		return text.empty() ? text : text + "]";
	}

private:
	std::string take(PGresult *result) {
		const ExecStatusType status = PQresultStatus(result);
		std::string text = status == PGRES_TUPLES_OK && PQntuples(result) ? PQgetvalue(result, 0, 0) : "";
		std::string error = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ? "" : PQresultErrorMessage(result);
		PQclear(result);
		if (!error.empty())
			throw std::runtime_error(error);
		return text;
	}
	PGconn *conn_;
};

// Steps on their way to add_experiences.
class Steps {
public:
	void add(const Environment &env, const std::string &key, const std::string &vector, uint32_t action,
			 const Outcome &o, double probability, const std::string &trajectory) {
		text_ += count_++ ? "," : "[";
		text_ += "{\"state\":" + (env.state_dim() ? vector : "\"" + key + "\"") + ",\"action\":\"" +
				 std::to_string(action) + "\",\"reward\":" + std::to_string(o.reward);
		if (!o.terminated)
			text_ += ",\"next_state\":" + (env.state_dim() ? Database::vector_text(env) : "\"" + env.key() + "\"");
		if (o.truncated && !o.terminated)
			text_ += ",\"truncated\":true";
		text_ += ",\"behaviour_prob\":" + std::to_string(probability) + ",\"trajectory_id\":\"" + trajectory + "\"}";
	}
	size_t size() const { return count_; }
	void send(Database &db, const std::string &session) {
		if (count_)
			db.value("SELECT ruvector.add_experiences(" + session + ", '" + text_ + "]')");
		text_.clear();
		count_ = 0;
	}

private:
	std::string text_;
	size_t count_ = 0;
};

struct Run {
	std::string algorithm, environment, measure;
	double target = 0, score = 0, online = 0, train_seconds = 0, low = NAN;
	size_t steps = 0, updates = 0;
	std::vector<std::pair<size_t, double>> curve;
};

double mean(const std::vector<double> &v, size_t last) {
	double sum = 0;
	const size_t n = std::min(last, v.size());
	for (size_t i = v.size() - n; i < v.size(); ++i)
		sum += v[i];
	return n ? sum / static_cast<double>(n) : NAN;
}

std::string start(Database &db, const char *algorithm, const Environment &env, const std::string &config,
				  uint64_t seed) {
	return db.value("SELECT ruvector.start_session('bench', '" + std::string(algorithm) + "', '" + config +
					"'::jsonb || '{\"seed\": " + std::to_string(seed) + "}', action_dim => " +
					std::to_string(env.actions()) +
					(env.state_dim() ? ", state_dim => " + std::to_string(env.state_dim()) : "") + ")");
}

void train(Database &db, const std::string &session, Run &run) {
	const double begin = now();
	run.updates += static_cast<size_t>(atoll(db.value("SELECT updates FROM ruvector.train(" + session + ")").c_str()));
	run.train_seconds += now() - begin;
}

double play(Database &db, const std::string &session, Environment &env, int episodes, uint64_t seed) {
	Random random(seed, 99);
	double sum = 0;
	for (int i = 0; i < episodes; ++i) {
		env.reset(random);
		for (Outcome o{0, false, false}; !o.terminated && !o.truncated; sum += o.reward)
			o = env.step(db.predict(session, env, false, "test").first, random);
	}
	return sum / episodes;
}

struct Plan {
	const char *algorithm, *config;
	size_t steps, batch; // environment steps; steps (whole episodes) of one add_experiences, 0: submit_feedback
	size_t train_every;  // 0: online learning only
	double solved;       // stop when 20 episodes in a row reach it
	int test_episodes;
	bool within = false; // sends and trains in the middle of episodes: else the longer these are, the less is trained
};

void learn(Database &db, Environment &env, const Plan &plan, uint64_t seed, Run &run) {
	const std::string session = start(db, plan.algorithm, env, plan.config, seed);
	Random random(seed, 1);
	Steps steps;
	std::vector<double> returns;
	size_t episode = 0, since = 0, shown = 0, tests = 0;
	bool solved = false;
	auto send = [&] {
		steps.send(db, session);
		if (plan.train_every && since >= plan.train_every) {
			train(db, session, run);
			since = 0;
		}
	};
	while (run.steps + tests < plan.steps && !solved) {
		do { // whole episodes
			const std::string trajectory = "e" + std::to_string(episode++);
			double sum = 0;
			env.reset(random);
			for (Outcome o{0, false, false}; !o.terminated && !o.truncated; sum += o.reward) {
				const std::string key = env.key(), vector = Database::vector_text(env);
				const auto [action, probability] = db.predict(session, env, true, trajectory);
				o = env.step(action, random);
				if (o.terminated)
					o.truncated = false;
				if (plan.batch == 0) { // learns, and plans, at every step
					db.feedback(session, key, action, o, env.key(), trajectory, probability);
				} else {
					steps.add(env, key, vector, action, o, probability, trajectory);
				}
				++run.steps;
				++since;
				if (plan.within && steps.size() >= plan.batch)
					send();
			}
			returns.push_back(sum);
		} while (!plan.within && steps.size() < plan.batch);
		if (!plan.within)
			send();
		run.curve.push_back({run.steps, mean(returns, std::max<size_t>(1, returns.size() - shown))});
		shown = returns.size();
		// As in solve.cpp: what decides when to stop is not what is scored, and its steps (one a reward in CartPole) count.
		if (returns.size() >= 10 && mean(returns, 10) >= 0.8 * plan.solved) {
			const double tested = play(db, session, env, 10, seed + 2000);
			tests += static_cast<size_t>(10 * tested);
			solved = tested >= plan.solved;
		}
	}
	run.steps += tests;
	run.online = mean(returns, 100);
	run.score = play(db, session, env, plan.test_episodes, seed + 1000);
}

void tic_tac_toe(Database &db, uint64_t seed, Run &run) {
	TicTacToe env;
	const std::string session = start(db, "mcts", env, "{\"simulations\": 1000, \"discount_factor\": 1}", seed);
	Random random(seed, 1);
	Steps steps;
	for (size_t game = 0; run.steps < 250000; ++game) { // moves at random: the model is learned from these
		env.reset(random);
		for (Outcome o{0, false, false}; !o.terminated; ++run.steps) {
			const std::vector<uint32_t> open = env.available();
			const std::string key = env.key();
			const uint32_t action = open[random.below(static_cast<uint32_t>(open.size()))];
			o = env.step(action, random);
			steps.add(env, key, "", action, o, 1.0 / static_cast<double>(open.size()), "g" + std::to_string(game));
		}
		if (steps.size() >= 50000) {
			steps.send(db, session);
			train(db, session, run);
			run.curve.push_back({run.steps, play(db, session, env, 20, seed + 500)});
		}
	}
	steps.send(db, session);
	train(db, session, run);
	run.score = play(db, session, env, 200, seed + 1000);
}

// A log of mixed quality: a controller that acts at random a part of the time, which part differs by episode.
void decision_transformer(Database &db, uint64_t seed, Run &run) {
	CartPole env;
	const std::string session = start(db, "decision-transformer", env, "{\"gradient_steps\": 250}", seed);
	Random random(seed, 1);
	Steps steps;
	double total = 0;
	for (int i = 0; i < 120; ++i) {
		const double noise = random.uniform();
		env.reset(random);
		for (Outcome o{0, false, false}; !o.terminated && !o.truncated; ++run.steps, total += o.reward) {
			const std::vector<float> x = env.vector();
			const std::string vector = Database::vector_text(env);
			const bool right = x[2] + 0.5f * x[3] + 0.05f * x[0] + 0.1f * x[1] > 0;
			const uint32_t action = random.uniform() < noise ? random.below(2) : right;
			o = env.step(action, random);
			if (o.terminated)
				o.truncated = false;
			steps.add(env, "", vector, action, o, noise / 2 + (action == static_cast<uint32_t>(right) ? 1 - noise : 0),
					  "l" + std::to_string(i));
		}
	}
	steps.send(db, session);
	run.online = total / 120;
	auto reached = [&](int target, int episodes, const std::string &name) {
		double sum = 0;
		for (int i = 0; i < episodes; ++i) {
			const std::string trajectory = name + std::to_string(i);
			env.reset(random);
			double left = target;
			for (Outcome o{0, false, false}; !o.terminated && !o.truncated; sum += o.reward) {
				const std::string vector = Database::vector_text(env), wanted = std::to_string(std::max(left, 1.0));
				const auto [action, probability] = db.predict(session, env, false, trajectory, wanted.c_str());
				o = env.step(action, random);
				if (o.terminated)
					o.truncated = false;
				Steps one; // its history is what the transformer looks back on
				one.add(env, "", vector, action, o, probability, trajectory);
				one.send(db, session);
				left -= o.reward;
			}
		}
		return sum / episodes;
	};
	for (int round = 1; round <= 6; ++round) {
		train(db, session, run);
		run.curve.push_back({run.updates, std::nan("")});
	}
	run.low = reached(30, 8, "low");
	run.score = reached(400, 8, "high");
	run.curve = {{0, run.online}, {run.updates, run.score}};
}

using Task = std::function<void(Database &, uint64_t, Run &)>;
struct Entry {
	Run labels;
	Task task;
};

std::vector<Entry> tasks() {
	std::vector<Entry> list;
	auto add = [&](const char *environment, double target, Plan plan,
				   std::function<std::unique_ptr<Environment>()> make) {
		Run labels;
		labels.algorithm = plan.algorithm, labels.environment = environment, labels.measure = "mean return, greedy",
		labels.target = target;
		list.push_back({labels, [=](Database &db, uint64_t seed, Run &run) { learn(db, *make(), plan, seed, run); }});
	};
	auto chain = [] { return std::make_unique<Chain>(); };
	auto lake = [] { return std::make_unique<FrozenLake>(); };
	auto cliff = [] { return std::make_unique<CliffWalking>(); };
	auto pole = [] { return std::make_unique<CartPole>(); };
	const double never = 1e9;
	add("CartPole", 475, {"dqn", "{}", 100000, 256, 256, 490, 20, true}, pole);
	add("CartPole", 475, {"policy-gradient", "{}", 100000, 600, 600, 490, 20}, pole);
	add("CartPole", 475, {"actor-critic", "{}", 100000, 128, 128, 490, 20}, pole);
	add("CartPole", 475, {"ppo", "{\"anneal_steps\": 100000}", 100000, 1024, 1024, 490, 20}, pole);
	auto add_other = [&](const char *algorithm, const char *environment, const char *measure, double target,
						 const Task &task) {
		Run labels;
		labels.algorithm = algorithm, labels.environment = environment, labels.measure = measure,
		labels.target = target;
		list.push_back({labels, task});
	};
	add_other("decision-transformer", "CartPole log", "return when 400 is asked for", 0, decision_transformer);
	add_other("mcts", "tic-tac-toe", "won or half of drawn, 200 games", 0.98, tic_tac_toe);
	add("FrozenLake", 0.70,
		{"q-learning",
		 "{\"exploration_steps\": 1000000, \"learning_rate_visits\": 500, \"learning_rate_final\": 0.005}", 20000, 1000,
		 10000, never, 1000},
		lake);
	add("FrozenLake", 0.70, {"model-based", "{\"exploration_steps\": 10000}", 10000, 500, 500, never, 1000}, lake);
	const char *cliffs = "{\"exploration_start\": 0.1, \"exploration_rate\": 0.1, \"learning_rate\": 0.5, "
						 "\"learning_rate_final\": 0.1, \"discount_factor\": 1}";
	add("CliffWalking", -13, {"q-learning", cliffs, 15000, 0, 0, never, 1}, cliff);
	add("CliffWalking", -19, {"sarsa", cliffs, 15000, 0, 0, never, 1}, cliff);
	// A fifth of the real steps that Q-learning needs, which is more than 2,500.
	add("CliffWalking in a fifth of the steps", -13,
		{"model-based", "{\"discount_factor\": 1, \"exploration_start\": 0.1}", 500, 0, 0, never, 1}, cliff);
	add("CliffWalking in 2500 steps", 0, {"q-learning", cliffs, 2500, 0, 0, never, 1}, cliff);
	add("chain", 1, {"q-learning", "{\"discount_factor\": 0.9}", 1000, 50, 500, never, 10}, chain);
	return list;
}

double p50(std::vector<double> v) {
	std::sort(v.begin(), v.end());
	return v[v.size() / 2];
}

// Milliseconds of predict and feedback as a client sees them.
std::string latency(Database &db) {
	std::string text;
	for (const char *algorithm : {"q-learning", "model-based", "dqn", "ppo"}) {
		CartPole pole;
		FrozenLake lake;
		Environment &env =
			strcmp(algorithm, "dqn") == 0 || strcmp(algorithm, "ppo") == 0 ? static_cast<Environment &>(pole) : lake;
		const std::string session = start(db, algorithm, env, "{}", 1);
		Random random(1, 1);
		env.reset(random);
		std::vector<double> predict, feedback;
		for (int i = 0; i < 1500; ++i) {
			const double begin = now();
			const auto action = db.predict(session, env, true, "t").first;
			predict.push_back(1000 * (now() - begin));
			const std::string id =
				db.value("SELECT max(id) FROM ruvector.learning_predictions WHERE namespace = 'default'");
			const Outcome o = env.step(action, random);
			const std::string next = env.state_dim() ? "next_state_vec => '" + Database::vector_text(env) + "'"
													 : "next_state => '" + env.key() + "'";
			const std::string call = "SELECT ruvector.submit_feedback(" + session + ", prediction_id => " + id +
									 ", reward => " + std::to_string(o.reward) + (o.terminated ? "" : ", " + next) +
									 ")";
			const double second = now();
			db.value(call);
			feedback.push_back(1000 * (now() - second));
			if (o.terminated || o.truncated)
				env.reset(random);
		}
		char line[128];
		snprintf(line, sizeof line, "{\"latency\": \"%s\", \"predict_ms\": %.3f, \"feedback_ms\": %.3f}\n", algorithm,
				 p50(predict), p50(feedback));
		text += line;
	}
	return text;
}

} // namespace

int main(int argc, char **argv) {
	const uint64_t seeds = argc > 1 ? strtoull(argv[1], nullptr, 10) : 5;
	const std::string only = argc > 2 ? argv[2] : "";
	const std::string folder = argc > 3 ? argv[3] : "";
	const double limit = argc > 4 ? atof(argv[4]) : 1e9;
	// A file appears when its run is complete.
	auto report = [&](const std::string &name, const std::string &text) {
		printf("%s", text.c_str());
		fflush(stdout);
		if (folder.empty())
			return;
		const std::string path = folder + "/" + name;
		FILE *file = fopen((path + ".part").c_str(), "w");
		bool written = file && fputs(text.c_str(), file) >= 0;
		written &= file && fclose(file) == 0;
		if (!written || rename((path + ".part").c_str(), path.c_str()) != 0)
			throw std::runtime_error("could not write " + path);
	};
	auto done = [&](const std::string &name) {
		return !folder.empty() && access((folder + "/" + name).c_str(), F_OK) == 0;
	};
	{
		Database db;
		db.value("SELECT ruvector.init(384)");
		if ((only.empty() || only == "latency") && !done("latency.json"))
			report("latency.json", latency(db));
	}
	const std::vector<Entry> list = tasks();
	std::mutex print;
	std::atomic<size_t> next{0};
	const double begin = now();
	auto work = [&] {
		Database db;
		db.value("SET synchronous_commit = off"); // the latencies were measured with it
		for (size_t i; (i = next++) < list.size() * seeds && now() - begin < limit;) {
			const Entry &entry = list[i % list.size()];
			const uint64_t seed = 1 + i / list.size();
			if (!only.empty() && only != entry.labels.algorithm)
				continue;
			std::string name =
				entry.labels.algorithm + "-" + entry.labels.environment + "-" + std::to_string(seed) + ".json";
			std::replace(name.begin(), name.end(), ' ', '-');
			if (done(name))
				continue;
			Run run = entry.labels;
			try {
				entry.task(db, seed, run);
			} catch (const std::exception &e) {
				fprintf(stderr, "%s on %s: %s\n", run.algorithm.c_str(), run.environment.c_str(), e.what());
				continue;
			}
			char text[1024];
			snprintf(
				text, sizeof text,
				"{\"algorithm\": \"%s\", \"environment\": \"%s\", \"measure\": \"%s\", \"target\": %g, \"seed\": %d, "
				"\"score\": %.5g, \"online\": %.5g, \"low\": %s, \"steps\": %zu, \"updates\": %zu, "
				"\"train_seconds\": %.3f, \"curve\": [",
				run.algorithm.c_str(), run.environment.c_str(), run.measure.c_str(), run.target, static_cast<int>(seed),
				run.score, run.online, std::isnan(run.low) ? "null" : std::to_string(run.low).c_str(), run.steps,
				run.updates, run.train_seconds);
			std::string line = text;
			const size_t stride = std::max<size_t>(1, run.curve.size() / 60);
			for (size_t j = 0; j < run.curve.size(); j += stride) {
				snprintf(text, sizeof text, "%s[%zu, %.5g]", j ? ", " : "", run.curve[j].first, run.curve[j].second);
				line += text;
			}
			const std::lock_guard<std::mutex> lock(print);
			report(name, line + "]}\n");
		}
	};
	std::vector<std::thread> threads;
	for (int i = 0; i < 3; ++i)
		threads.emplace_back(work);
	for (std::thread &t : threads)
		t.join();
}
