// demo/main.cpp - the story that `make demo` tells: load, exact answers, index, search, pictures, an agent with a memory.
// Needs an empty database; demo/run.sh makes one and removes it afterwards.
#include "agent.hpp"
#include "build_index.hpp"
#include "dataset.hpp"
#include "exact.hpp"
#include "load.hpp"
#include "nearest.hpp"
#include "pg.hpp"
#include "search.hpp"
#include "terminal.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using namespace ruvector;
using demo::format;
using demo::grouped;
using Clock = std::chrono::steady_clock;

constexpr int kEfSearch[] = {20, 40, 80, 160};
constexpr int kPictureEfSearch = 80;
constexpr std::size_t kSequentialQueries = 20;
constexpr std::size_t kWarmUpQueries = 500;
constexpr std::size_t kSpeedTrialQueries = 256;
constexpr double kMaxExactSeconds = 45;  // on a slow machine fewer exact answers
constexpr double kMaxSearchSeconds = 25; // on a slow machine fewer queries per setting, and fewer still
constexpr double kMinSearchSeconds = 8;  // if there is not much left of
constexpr double kWholeSeconds = 270;

struct Options {
	std::string conninfo;
	std::string extension = "ruvector";
	std::string data = "/usr/share/datasets/fashion-mnist";
	std::string picture = "nearest.png";
	std::string picture_name; // how to call it to the user
	std::string memory = "1GB";
	double already = 0; // seconds that installing and compiling took
};

Options parse(int argc, char **argv) {
	Options out;
	for (int i = 1; i + 1 < argc; i += 2) {
		const std::string name = argv[i];
		const std::string value = argv[i + 1];
		if (name == "--conninfo")
			out.conninfo = value;
		else if (name == "--extension")
			out.extension = value;
		else if (name == "--data")
			out.data = value;
		else if (name == "--picture")
			out.picture = value;
		else if (name == "--picture-name")
			out.picture_name = value;
		else if (name == "--maintenance-work-mem")
			out.memory = value;
		else if (name == "--already")
			out.already = std::stod(value);
		else
			throw std::runtime_error("unknown option " + name);
	}
	if (out.picture_name.empty())
		out.picture_name = out.picture;
	return out;
}

double seconds_since(Clock::time_point start) {
	return std::chrono::duration<double>(Clock::now() - start).count();
}

// Exact answers to all queries, or on a slow machine to the first so many.
bench::Neighbors exact_answers(demo::Terminal &terminal, const demo::Dataset &data) {
	auto start = Clock::now();
	bench::exact_neighbors(data.images, data.queries.head(kSpeedTrialQueries), demo::kNeighbors, bench::Metric::kL2);
	const double per_query = seconds_since(start) / kSpeedTrialQueries;
	std::size_t count = data.queries.rows;
	if (per_query * static_cast<double>(count) > kMaxExactSeconds)
		count = std::clamp<std::size_t>(static_cast<std::size_t>(kMaxExactSeconds / per_query), 1000, count);

	start = Clock::now();
	bench::Neighbors exact =
		bench::exact_neighbors(data.images, data.queries.head(count), demo::kNeighbors, bench::Metric::kL2, 0,
							   [&](std::size_t done, std::size_t total) { terminal.progress("queries", done, total); });
	terminal.finish_progress(format("exact answers to %s test images in %.1f s, on %u threads, in the client",
									grouped(count).c_str(), seconds_since(start),
									std::max(1U, std::thread::hardware_concurrency())));
	if (count < data.queries.rows)
		terminal.note(
			format("(of %s: all would take too long here; recall is over these)", grouped(data.queries.rows).c_str()));
	return exact;
}

// Eighty columns, with the indentation.
constexpr char kTableHead[] = "ef_search recall@10  queries/s  p50 ms  p95 ms  p99 ms   1-NN   asked  faster";

std::string milliseconds(double value) {
	return format(value < 100 ? "%.2f" : "%.0f", value);
}

std::string table_row(const std::string &name, const demo::Measured &m, double sequential_rate) {
	const double rate = m.latency.per_second;
	const std::string per_second = rate < 100 ? format("%.1f", rate) : grouped(static_cast<std::size_t>(rate));
	return format("%-9s %9.4f  %9s  %6s  %6s  %6s %4.1f %%  %6s", name.c_str(), m.recall, per_second.c_str(),
				  milliseconds(m.latency.p50).c_str(), milliseconds(m.latency.p95).c_str(),
				  milliseconds(m.latency.p99).c_str(), 100 * m.accuracy, grouped(m.queries).c_str()) +
		   (sequential_rate > 0 ? format("  %4.0f x", rate / sequential_rate) : "");
}

void show_plan(demo::Terminal &terminal, bench::Connection &connection, const demo::Dataset &data) {
	terminal.sql(std::string("EXPLAIN (COSTS OFF)\n") + demo::kSearchSql + ";");
	for (const std::string &line : demo::plan(connection, data))
		terminal.note("  " + line);
}

void run(const Options &options) {
	const auto start = Clock::now();
	demo::Terminal terminal;
	bench::Connection connection(options.conninfo);
	const demo::Dataset data = demo::read_dataset(options.data);
	const auto execute = [&](const std::string &statement) {
		terminal.sql(statement + ";");
		connection.exec(statement);
	};

	terminal.heading("1. A table of pictures");
	terminal.note("Fashion-MNIST: photographs of clothes, 28 x 28 pixels, vectors of 784 numbers.");
	demo::load(connection, terminal, data, options.extension);

	terminal.heading("2. The exact answers, without an index");
	show_plan(terminal, connection, data);
	terminal.note("This program computes the exact answers itself, to measure against.");
	const bench::Neighbors exact = exact_answers(terminal, data);
	demo::measure(connection, terminal, data, exact, 2, kMaxSearchSeconds, "warm-up"); // not counted
	terminal.clear_progress();
	const demo::Measured sequential =
		demo::measure(connection, terminal, data, exact, kSequentialQueries, kMaxSearchSeconds, "sequential scans");
	terminal.finish_progress(format("sequential scans: %zu queries, median %.0f ms, %.1f queries per second",
									sequential.queries, sequential.latency.p50, sequential.latency.per_second));
	terminal.note(sequential.recall == 1
					  ? format("PostgreSQL and this program name the same neighbours for all %zu", sequential.queries)
					  : format("PostgreSQL and this program DISAGREE: recall of the scan is %.4f", sequential.recall));

	terminal.heading("3. An HNSW index");
	execute("SET maintenance_work_mem = '" + options.memory + "'");
	const std::string create = "CREATE INDEX images_embedding ON images\nUSING hnsw (embedding vector_l2_ops)";
	terminal.sql(create + ";");
	demo::build_index(connection, options.conninfo, terminal, create, data.images.rows);
	terminal.note("While it runs, another session can watch:");
	terminal.note("  SELECT phase, tuples_done, tuples_total FROM pg_stat_progress_create_index;");

	terminal.heading("4. The same question, through the index");
	show_plan(terminal, connection, data);
	terminal.note("Now the 10,000 test images: a prepared statement, $1 as a binary parameter,");
	terminal.note("one connection, one query after the other. ef_search trades speed for recall.");
	demo::measure(connection, terminal, data, exact, kWarmUpQueries, kMaxSearchSeconds, "warm-up"); // not counted
	terminal.clear_progress();
	for (const int ef : kEfSearch)
		terminal.sql(format("SET hnsw.ef_search = %d;", ef));
	terminal.line();
	terminal.note(kTableHead);
	terminal.note(table_row("no index", sequential, 0));
	bool all = true;
	std::size_t settings_left = std::size(kEfSearch);
	for (const int ef : kEfSearch) {
		const double left = kWholeSeconds - options.already - seconds_since(start);
		const double limit =
			std::clamp(left / static_cast<double>(settings_left--), kMinSearchSeconds, kMaxSearchSeconds);
		connection.exec(format("SET hnsw.ef_search = %d", ef));
		const demo::Measured measured =
			demo::measure(connection, terminal, data, exact, data.queries.rows, limit, format("ef_search %d", ef));
		terminal.finish_progress(table_row(std::to_string(ef), measured, sequential.latency.per_second));
		all = all && measured.queries == data.queries.rows;
	}
	terminal.line();
	if (!all)
		terminal.note("(Not all 10,000 everywhere: the time was limited, on a slow or busy machine.)");
	terminal.note("recall@10: how many of the ten truly nearest are found. 1-NN: how often the");
	terminal.note(format("nearest image is of the test image's class; by the exact nearest, %.1f %%.",
						 100 * demo::exact_accuracy(data, exact)));

	terminal.heading("5. What it finds");
	execute(format("SET hnsw.ef_search = %d", kPictureEfSearch));
	terminal.sql(std::string(demo::kNearestSql) + ";");
	std::vector<demo::Answer> answers;
	for (const std::size_t query : demo::choose_queries(connection, data))
		answers.push_back(demo::ask(connection, data, query));
	terminal.note("First the test image, then the nearest. (!) is of another class.");
	for (const std::size_t i : {std::size_t{1}, std::size_t{8}, answers.size() - 1})
		if (i < answers.size())
			demo::show_in_terminal(terminal, data, answers[i]);
	const std::string title =
		format("A test image of Fashion-MNIST (left) and its ten nearest of %s, found by the index "
			   "of extension %s",
			   grouped(data.images.rows).c_str(), options.extension.c_str());
	demo::draw_picture(options.picture, title, data, answers);
	terminal.line();
	terminal.note(format("%zu test images with their ten nearest: ", answers.size()) + options.picture_name);

	if (options.extension == "ruvector") { // pgvector has no agent memory
		terminal.heading("6. An agent that remembers");
		demo::agent_scene(connection, terminal);
	}
}

} // namespace

int main(int argc, char **argv) {
	try {
		run(parse(argc, argv));
		return 0;
	} catch (const std::exception &trouble) {
		std::fflush(stdout);
		std::fprintf(stderr, "\ndemo: %s\n", trouble.what());
		return 1;
	}
}
