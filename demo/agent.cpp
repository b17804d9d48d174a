// demo/agent.cpp - an agent works at a simulated help desk (help_desk.hpp). It knows the tools and what they take, not which to
// use; all it learns is in the database, in episodes, critiques, skills and the result of an experiment.
#include "agent.hpp"

#include "help_desk.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>

namespace ruvector::demo {

namespace {

constexpr Oid kFloat8 = 701;
constexpr unsigned kSeed = 7;
constexpr std::size_t kBlock = 30;
constexpr std::size_t kBlocks = 5;
constexpr std::size_t kMaxExperiment = 200;
constexpr double kExplore = 0.5;       // how often it tries something else although it knows one way; falls to 0
constexpr double kMinSimilarity = 0.3; // of a memory that is about the same kind of request

// Words hashed into 256 dimensions, with a sign from another hash (Weinberger et al. 2009). One dimension more than
// the words need keeps a text without words from being all zeros.
const char *const kEmbedder =
	R"(CREATE FUNCTION hashed_words(content text, kind text) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg(coalesce(v, 0) ORDER BY i)::real[]::vector FROM generate_series(0, 256) i LEFT JOIN (
		SELECT hashtextextended(word, 0) & 255 AS i, sum(1 - 2 * (hashtextextended(word, 1) & 1)) AS v
		FROM unnest(tsvector_to_array(to_tsvector('english', content))) word GROUP BY 1
		UNION ALL SELECT 256, 0.1) words USING (i) $$)";

// The names of the calls that worked for similar requests, and of those that ended in a complaint.
const char *const kWorked = R"(SELECT (
	SELECT string_agg(split_part(action, '(', 1), ' ' ORDER BY i) FROM unnest(e.actions) WITH ORDINALITY a(action, i))
FROM ruvector.recall($1, 20, memory_types => '{episode}') r
	JOIN ruvector.reflexion_episodes e ON r.memory = ruvector.ref('episode', e.id)
WHERE r.similarity > $2 AND e.success)";

const char *const kFailed = R"(SELECT (
	SELECT string_agg(split_part(action, '(', 1), ' ' ORDER BY i) FROM unnest(f.actions) WITH ORDINALITY a(action, i))
FROM ruvector.retrieve_relevant($1, 50, only_failures => true) f WHERE f.similarity > $2)";

const char *const kStore = R"(SELECT ruvector.store_episode($1, reward => $2, success => $3, latency_ms => $4,
	critique => nullif($5, ''), actions => $6, observations => $7))";

bench::Result ask(bench::Connection &connection, const std::string &sql, const std::vector<std::string> &parameters) {
	std::vector<const char *> values;
	for (const std::string &parameter : parameters)
		values.push_back(parameter.c_str());
	bench::Result result(PQexecParams(connection.raw(), sql.c_str(), static_cast<int>(values.size()), nullptr,
									  values.data(), nullptr, nullptr, 0));
	if (PQresultStatus(result.get()) != PGRES_TUPLES_OK)
		throw std::runtime_error(PQresultErrorMessage(result.get()));
	return result;
}

std::string text(const bench::Result &result, int row, int column) {
	return PQgetvalue(result.get(), row, column);
}

std::vector<std::string> words(const std::string &line) {
	std::istringstream in(line);
	std::vector<std::string> out;
	for (std::string word; in >> word;)
		out.push_back(word);
	return out;
}

// The text form of text[].
std::string array(const std::vector<std::string> &texts) {
	std::string out = "{";
	for (const std::string &t : texts)
		out += (out.size() > 1 ? ",\"" : "\"") + t + "\""; // neither quotes nor backslashes are in them
	return out + "}";
}

struct Plan {
	std::vector<std::string> calls;                       // to follow; empty: try
	std::set<std::vector<std::string>> known_to_be_wrong; // sequences of calls that ended in a complaint
	std::string skill;                                    // whose steps the calls are
};

struct Outcome {
	bool success = false;
	double reward = 0;
	std::string episode;
};

class Agent {
public:
	Agent(bench::Connection *memory, unsigned seed) : memory_(memory), random_(seed) {}

	// What the memory has about such a request: a way that worked, and what not to do again.
	Plan recall(const Request &request, double explore) {
		Plan plan;
		if (memory_ == nullptr)
			return plan;
		const std::vector<std::string> about = {request.text, std::to_string(kMinSimilarity)};
		const bench::Result worked = ask(*memory_, kWorked, about);
		std::set<std::string> ways;
		for (int row = 0; row < PQntuples(worked.get()); row++)
			ways.insert(text(worked, row, 0));
		if (!ways.empty()) // which of them is better it does not know yet
			plan.calls = words(*std::next(ways.begin(), static_cast<std::ptrdiff_t>(random_() % ways.size())));
		const bench::Result failed = ask(*memory_, kFailed, about);
		for (int row = 0; row < PQntuples(failed.get()); row++)
			plan.known_to_be_wrong.insert(words(text(failed, row, 0)));
		if (ways.size() < 2 && std::uniform_real_distribution<double>(0, 1)(random_) < explore)
			plan.calls.clear();
		return plan;
	}

	Outcome work(HelpDesk &desk, const Request &request, const Plan &plan) {
		desk.open(request);
		std::map<std::string, std::string> have = {{"name", request.customer}};
		std::vector<std::string> done;
		std::vector<std::string> actions;
		std::vector<std::string> observations;
		Answer answer;
		double milliseconds = 0;
		while (!answer.over) {
			const Tool &tool = choose(plan, done, have);
			answer = desk.call(tool.name, have[tool.takes]);
			milliseconds += answer.milliseconds;
			done.push_back(tool.name);
			actions.push_back(tool.name + "(" + tool.takes + "=" + have[tool.takes] + ")");
			observations.push_back(answer.observation);
			const std::size_t equals = answer.observation.find('=');
			if (equals != std::string::npos)
				have[answer.observation.substr(0, equals)] = answer.observation.substr(equals + 1);
		}
		Outcome outcome{answer.success, answer.reward, ""};
		if (memory_ == nullptr)
			return outcome;
		outcome.episode =
			text(ask(*memory_, kStore,
					 {request.text, std::to_string(answer.reward), answer.success ? "t" : "f",
					  std::to_string(milliseconds), answer.complaint, array(actions), array(observations)}),
				 0, 0);
		if (!plan.skill.empty())
			ask(*memory_, "SELECT ruvector.update_skill_stats($1, $2, $3, $4, episode_id => $5)",
				{plan.skill, answer.success ? "t" : "f", std::to_string(answer.reward), std::to_string(milliseconds),
				 outcome.episode});
		return outcome;
	}

private:
	// The next call of the plan, or any tool whose input is there, but not what is known to be wrong at this point.
	const Tool &choose(const Plan &plan, const std::vector<std::string> &done,
					   const std::map<std::string, std::string> &have) {
		std::vector<const Tool *> possible;
		for (const Tool &tool : HelpDesk::tools()) {
			if (have.count(tool.takes) == 0)
				continue;
			if (done.size() < plan.calls.size() && plan.calls[done.size()] == tool.name)
				return tool;
			std::vector<std::string> then = done;
			then.push_back(tool.name);
			if (std::count(done.begin(), done.end(), tool.name) == 0 && plan.known_to_be_wrong.count(then) == 0)
				possible.push_back(&tool);
		}
		if (possible.empty()) // what it recalled rules out everything: a memory is about something else
			possible.push_back(&HelpDesk::tools().front());
		return *possible[random_() % possible.size()];
	}

	bench::Connection *memory_;
	std::mt19937 random_;
};

// How many of each block of requests succeed.
std::string rates(bench::Connection *memory, const std::string &name) {
	HelpDesk desk(kSeed);
	Agent agent(memory, kSeed);
	std::string row = format("%-16s", name.c_str());
	for (std::size_t block = 0; block < kBlocks; block++) {
		std::size_t successes = 0;
		for (std::size_t i = 0; i < kBlock; i++) {
			const Request request = desk.next_request();
			const double left = 1 - static_cast<double>(block * kBlock + i) / (kBlocks * kBlock);
			successes += agent.work(desk, request, agent.recall(request, kExplore * left)).success ? 1 : 0;
		}
		row += format("%7.0f %%", 100.0 * static_cast<double>(successes) / kBlock);
	}
	return row;
}

// Rows with the names of their columns; column i begins at at[i].
void print(Terminal &terminal, const bench::Result &rows, const std::vector<std::size_t> &at) {
	for (int row = -1; row < PQntuples(rows.get()); row++) {
		std::string line;
		for (int column = 0; column < PQnfields(rows.get()); column++) {
			line.resize(std::max(line.size(), at[static_cast<std::size_t>(column)]), ' ');
			if (row < 0)
				line += PQfname(rows.get(), column);
			else if (PQftype(rows.get(), column) == kFloat8)
				line += format("%.2f", std::stod(text(rows, row, column)));
			else
				line += text(rows, row, column);
		}
		terminal.note("  " + line);
	}
}

// Which of two skills for refunds makes customers happier? Requests are assigned at random, and the sequential test is
// looked at after each of them.
void experiment(bench::Connection &connection, Terminal &terminal) {
	const bench::Result skills = ask(connection,
									 "SELECT id, name, array_to_string(ARRAY(SELECT step ->> 'action' "
									 "FROM jsonb_array_elements(steps) step), ' ') FROM ruvector.skills "
									 "WHERE name LIKE '%refund' ORDER BY name DESC",
									 {});
	if (PQntuples(skills.get()) != 2) {
		terminal.note("(Not both ways to refund became skills: nothing to compare.)");
		return;
	}
	terminal.note("Two skills for refunds. Which one is better? The agent makes an experiment:");
	terminal.sql("SELECT ruvector.create_experiment(..., 'skill:" + text(skills, 0, 0) +
				 "', 'skill:" + text(skills, 1, 0) +
				 "');\nSELECT ruvector.assign_treatment(1, $1); -- and record_observation, for each request");
	const std::string id =
		text(ask(connection,
				 "SELECT ruvector.create_experiment('refunds', 'the archive makes happier customers', "
				 "ruvector.ref('skill', $1::bigint), ruvector.ref('skill', $2::bigint))",
				 {text(skills, 0, 0), text(skills, 1, 0)}),
			 0, 0);
	HelpDesk desk(kSeed + 1);
	Agent agent(&connection, kSeed + 1);
	const std::string uplift = "SELECT n_treatment, n_control, uplift, cs_low, cs_high, decided\n"
							   "FROM ruvector.calculate_uplift(" +
							   id + ", complete => ";
	for (std::size_t i = 0; i < kMaxExperiment; i++) {
		const std::string unit = std::to_string(i);
		const Request request = desk.next_refund();
		const bool treated = text(ask(connection, "SELECT ruvector.assign_treatment($1, $2)", {id, unit}), 0, 0) == "t";
		Plan plan;
		plan.skill = text(skills, treated ? 0 : 1, 0);
		plan.calls = words(text(skills, treated ? 0 : 1, 2));
		const Outcome outcome = agent.work(desk, request, plan);
		ask(connection, "SELECT ruvector.record_observation($1, $2, NULL, $3, unit_key => $4)",
			{id, outcome.episode, std::to_string(outcome.reward), unit});
		if (text(ask(connection, "SELECT decided FROM ruvector.calculate_uplift($1)", {id}), 0, 0) == "t")
			break;
	}
	terminal.sql(uplift + "true);");
	print(terminal, connection.exec(uplift + "true)"), {0, 13, 24, 33, 42, 51});
}

} // namespace

void agent_scene(bench::Connection &connection, Terminal &terminal) {
	connection.exec(kEmbedder);
	terminal.note("A simulated help desk: requests of three kinds in many wordings, nine tools. Nobody");
	terminal.note("tells the agent which calls a request needs; a wrong one ends in a complaint.");
	const std::string init = "SELECT ruvector.init(257, embedder => 'hashed_words(text,text)')";
	terminal.sql(init + "; -- hashes words, no model");
	connection.exec(init);
	terminal.note("For each request it asks what worked and what failed, and stores what happened:");
	terminal.sql("SELECT memory, content FROM ruvector.recall($1, 20);");
	terminal.sql("SELECT actions FROM ruvector.retrieve_relevant($1, 50, only_failures => true);");
	terminal.sql("SELECT ruvector.store_episode($1, reward => $2, critique => $5, actions => $6, ...);");

	std::string head = format("%-16s", "requests");
	for (std::size_t block = 0; block < kBlocks; block++)
		head += format("%9s", format("%zu-%zu", block * kBlock + 1, (block + 1) * kBlock).c_str());
	terminal.line();
	terminal.note(head + "   succeed");
	terminal.note(rates(nullptr, "without memory"));
	terminal.note(rates(&connection, "with memory"));
	terminal.note("Of its critiques: \"" +
				  connection.value("SELECT critique FROM ruvector.get_critiques('refund, charged twice', 1)") + "\"");
	terminal.line();

	const std::string consolidate = "SELECT skill_name, support, failures FROM ruvector.auto_consolidate()";
	terminal.note("Calls in a row that successes share, more than failures do, become skills:");
	terminal.sql(consolidate + ";");
	print(terminal, connection.exec(consolidate), {0, 38, 47});

	experiment(connection, terminal);

	const std::string request = "refund my order, I was charged twice";
	const std::string recall = "SELECT memory, utility_score, similarity_part, uplift_part, latency_part\n"
							   "FROM ruvector.recall('" +
							   request + "', 3, memory_types => '{skill}')";
	const std::string refresh = "SELECT ruvector.refresh_recall()";
	connection.exec(refresh);
	terminal.note("Recall by utility, 0.7 similarity + 0.2 uplift - 0.1 latency; the experiment counts:");
	terminal.sql(refresh + "; -- or at night, in run_learner(): the skills' latencies");
	terminal.sql(recall + ";");
	print(terminal, connection.exec(recall), {0, 10, 25, 42, 55});
}

} // namespace ruvector::demo
