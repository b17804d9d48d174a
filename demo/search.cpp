// demo/search.cpp - asks the server and measures.
#include "search.hpp"

#include <chrono>
#include <stdexcept>

namespace ruvector::demo {

Measured measure(bench::Connection &connection, Terminal &terminal, const Dataset &data, const bench::Neighbors &exact,
				 std::size_t queries, double max_seconds, const std::string &what) {
	using Clock = std::chrono::steady_clock;
	connection.exec("DEALLOCATE ALL");
	bench::KnnStatement statement(connection, "nearest", kSearchSql);
	std::vector<std::int64_t> ids(queries * kNeighbors);
	std::vector<double> milliseconds;
	const auto start = Clock::now();
	std::size_t right = 0;
	for (std::size_t q = 0; q < queries; q++) {
		std::int64_t *mine = ids.data() + q * kNeighbors;
		const auto asked = Clock::now();
		statement.run(data.queries.row(q), data.queries.dims, mine, kNeighbors);
		const auto answered = Clock::now();
		milliseconds.push_back(std::chrono::duration<double, std::milli>(answered - asked).count());
		if (mine[0] >= 0 && static_cast<std::size_t>(mine[0]) < data.images.rows)
			right += data.image_labels[static_cast<std::size_t>(mine[0])] == data.query_labels[q];
		if (q % 16 == 0)
			terminal.progress(what, q, queries);
		if (std::chrono::duration<double>(answered - start).count() > max_seconds)
			break;
	}
	Measured out;
	out.queries = milliseconds.size();
	out.accuracy = static_cast<double>(right) / static_cast<double>(out.queries);
	out.latency = bench::summarize(std::move(milliseconds));

	bench::Neighbors known = exact; // of those that were asked
	known.queries = std::min(exact.queries, out.queries);
	out.recall = bench::recall(data.images, data.queries, known, bench::Metric::kL2, ids, kNeighbors, kNeighbors);
	return out;
}

std::vector<std::string> plan(bench::Connection &connection, const Dataset &data) {
	std::vector<char> query;
	bench::append_vector(query, data.queries.row(0), data.queries.dims);
	const char *values[] = {query.data()};
	const int lengths[] = {static_cast<int>(query.size())};
	const int formats[] = {1};
	const bench::Result result(PQexecParams(connection.raw(),
											(std::string("EXPLAIN (COSTS OFF) ") + kSearchSql).c_str(), 1, nullptr,
											values, lengths, formats, 0));
	if (PQresultStatus(result.get()) != PGRES_TUPLES_OK)
		throw std::runtime_error(PQerrorMessage(connection.raw()));
	std::vector<std::string> out;
	for (int i = 0; i < PQntuples(result.get()); i++) {
		std::string line = PQgetvalue(result.get(), i, 0);
		// The query's 784 numbers stand in the plan; $1 says as much.
		const std::size_t from = line.find("'[");
		const std::size_t to = line.find("]'::vector");
		if (from != std::string::npos && to != std::string::npos)
			line.replace(from, to + 10 - from, "$1");
		out.push_back(line);
	}
	return out;
}

double exact_accuracy(const Dataset &data, const bench::Neighbors &exact) {
	std::size_t right = 0;
	for (std::size_t q = 0; q < exact.queries; q++)
		right += data.image_labels[static_cast<std::size_t>(exact.ids_of(q)[0])] == data.query_labels[q];
	return static_cast<double>(right) / static_cast<double>(exact.queries);
}

} // namespace ruvector::demo
