// demo/build_index.cpp - CREATE INDEX, watched from a second connection.
#include "build_index.hpp"

#include <atomic>
#include <chrono>
#include <exception>
#include <thread>

namespace ruvector::demo {

namespace {

// One look at pg_stat_progress_create_index; nothing if the build is not in it (not yet, or no longer).
void show_progress(bench::Connection &watcher, Terminal &terminal, std::size_t rows) {
	const bench::Result result = watcher.exec("SELECT phase, tuples_done, tuples_total, blocks_done, blocks_total "
											  "FROM pg_stat_progress_create_index WHERE relid = 'images'::regclass");
	if (PQntuples(result.get()) == 0)
		return;
	const auto number = [&](int column) {
		return static_cast<std::size_t>(std::stoull(PQgetvalue(result.get(), 0, column)));
	};
	std::string phase = PQgetvalue(result.get(), 0, 0);
	const std::string prefix = "building index: ";
	if (phase.compare(0, prefix.size(), prefix) == 0)
		phase.erase(0, prefix.size());
	std::size_t done = number(1);
	std::size_t total = number(2) > 0 ? number(2) : rows;
	if (done == 0 && number(4) > 0) { // a server that counts blocks only
		done = number(3);
		total = number(4);
	}
	terminal.progress(phase, done, total);
}

} // namespace

double build_index(bench::Connection &connection, const std::string &conninfo, Terminal &terminal,
				   const std::string &statement, std::size_t rows) {
	bench::Connection watcher(conninfo);
	const auto start = std::chrono::steady_clock::now();
	std::atomic<bool> finished{false};
	std::exception_ptr trouble;
	std::thread builder([&] {
		try {
			connection.exec(statement);
		} catch (...) {
			trouble = std::current_exception();
		}
		finished = true;
	});
	std::exception_ptr watch_trouble;
	while (!finished) {
		std::this_thread::sleep_for(std::chrono::milliseconds(100));
		try {
			if (!watch_trouble)
				show_progress(watcher, terminal, rows);
		} catch (...) {
			watch_trouble = std::current_exception(); // the build matters more than its bar
		}
	}
	builder.join();
	if (trouble)
		std::rethrow_exception(trouble);
	const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
	terminal.finish_progress(format("built in %.1f s (%s rows per second); the index has ", seconds,
									grouped(static_cast<std::size_t>(static_cast<double>(rows) / seconds)).c_str()) +
							 connection.value("SELECT pg_size_pretty(pg_relation_size('images_embedding'))"));
	return seconds;
}

} // namespace ruvector::demo
