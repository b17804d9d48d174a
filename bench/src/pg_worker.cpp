// bench/src/pg_worker.cpp - one client of one PostgreSQL database: prepared statements, binary parameters, one socket.
#include "worker.hpp"

#include <libpq-fe.h>

namespace ruvector::bench {
namespace {

class PgWorker {
public:
	explicit PgWorker(const Options &options) : options_(options) {
		open_data(data_, options_);
		conn_ = PQconnectdb(options_.at("conninfo").c_str());
		if (PQstatus(conn_) != CONNECTION_OK)
			throw std::runtime_error(PQerrorMessage(conn_));
		for (size_t i = 0; i < data_.query.rows(); i++)
			encoded_.push_back(encode(data_.query.row(i)));
	}
	~PgWorker() { PQfinish(conn_); }
	PgWorker(const PgWorker &) = delete;
	PgWorker &operator=(const PgWorker &) = delete;

	std::string handle(const std::string &command, std::istringstream &in) {
		if (command == "sql") {
			std::string text;
			std::getline(in, text);
			return sql(text);
		}
		if (command == "load")
			return copy_in(options_.at("table"), data_.base, in);
		if (command == "prepare") {
			std::string name, text;
			in >> name;
			std::getline(in, text);
			PQclear(check(PQprepare(conn_, name.c_str(), text.c_str(), 0, nullptr)));
			return Json().num("ok", 1).text();
		}
		if (command == "explain")
			return explain();
		if (command == "queries")
			return copy_in(options_.at("table") + "_queries", data_.query, in);
		if (command == "pipeline")
			return pipeline(in);
		if (command == "batch")
			return batch(in);
		if (command == "search")
			return search(in);
		if (command == "floor")
			return floor(in);
		if (command == "insert")
			return insert(in);
		throw std::runtime_error("unknown command: " + command);
	}

private:
	PGresult *check(PGresult *result) {
		ExecStatusType status = PQresultStatus(result);
		if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN) {
			std::string message = PQresultErrorMessage(result);
			PQclear(result);
			throw std::runtime_error(message);
		}
		return result;
	}

	static void put(std::string &out, uint64_t value, int bytes) {
		for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
			out += static_cast<char>(value >> shift);
	}

	// The binary form of a vector: int16 dimensions, int16 zero, then big-endian floats.
	std::string encode(const float *row) const {
		std::string out;
		out.reserve(4 + 4 * data_.dim());
		put(out, data_.dim(), 2);
		put(out, 0, 2);
		for (size_t i = 0; i < data_.dim(); i++) {
			uint32_t bits;
			memcpy(&bits, &row[i], 4);
			put(out, bits, 4);
		}
		return out;
	}

	// Time on a processor of the backend that serves us, in nanosecond resolution.
	double backend_cpu() const {
		char path[64];
		snprintf(path, sizeof(path), "/proc/%d/schedstat", PQbackendPID(conn_));
		double ns = 0;
		if (FILE *f = fopen(path, "r")) {
			if (fscanf(f, "%lf", &ns) != 1)
				ns = 0;
			fclose(f);
		}
		return ns * 1e-9;
	}

	std::string sql(const std::string &text) {
		double start = wall_seconds();
		PGresult *result = check(PQexec(conn_, text.c_str()));
		double wall = wall_seconds() - start;
		std::string rows = "[";
		for (int i = 0; i < PQntuples(result); i++) {
			rows += i ? ", [" : "[";
			for (int j = 0; j < PQnfields(result); j++) {
				rows += j ? ", " : "";
				rows += PQgetisnull(result, i, j) ? "null" : Json::quote(PQgetvalue(result, i, j));
			}
			rows += "]";
		}
		PQclear(result);
		return Json().num("seconds", wall).num("pid", PQbackendPID(conn_)).raw("rows", rows + "]").text();
	}

	// "load [COUNT]", "queries [COUNT]": the first rows, all without COUNT.
	std::string copy_in(const std::string &table, const Vecs<float> &from, std::istringstream &in) {
		size_t rows = 0;
		rows = in >> rows ? std::min(rows, from.rows()) : from.rows();
		double start = wall_seconds();
		std::string statement = "COPY " + table + " (id, embedding) FROM STDIN (FORMAT binary)";
		PQclear(check(PQexec(conn_, statement.c_str())));
		std::string out("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
		for (size_t i = 0; i < rows; i++) {
			std::string vec = encode(from.row(i));
			put(out, 2, 2);
			put(out, 8, 4);
			put(out, i, 8);
			put(out, vec.size(), 4);
			out += vec;
			if (out.size() > (1 << 20) || i + 1 == rows) {
				if (PQputCopyData(conn_, out.data(), static_cast<int>(out.size())) != 1)
					throw std::runtime_error(PQerrorMessage(conn_));
				out.clear();
			}
		}
		if (PQputCopyData(conn_, "\377\377", 2) != 1 || PQputCopyEnd(conn_, nullptr) != 1)
			throw std::runtime_error(PQerrorMessage(conn_));
		PQclear(check(PQgetResult(conn_)));
		while (PGresult *rest = PQgetResult(conn_))
			PQclear(rest);
		return Json().num("rows", static_cast<double>(rows)).num("seconds", wall_seconds() - start).text();
	}

	// The plan that the prepared statement of the search has now.
	std::string explain() {
		std::string literal = "[";
		for (size_t i = 0; i < data_.dim(); i++)
			literal += (i ? "," : "") + std::to_string(data_.query.row(0)[i]);
		return sql("EXPLAIN EXECUTE search('" + literal + "]')");
	}

	PGresult *run(const char *name, int count, const std::string **params) {
		const char *values[2];
		int lengths[2], formats[2];
		for (int i = 0; i < count; i++) {
			values[i] = params[i]->data();
			lengths[i] = static_cast<int>(params[i]->size());
			formats[i] = 1;
		}
		return check(PQexecPrepared(conn_, name, count, values, lengths, formats, 1));
	}

	static int64_t get_int8(const PGresult *result, int row, int column = 0) {
		uint64_t value = 0;
		for (int i = 0; i < 8; i++)
			value = value << 8 | static_cast<unsigned char>(PQgetvalue(result, row, column)[i]);
		return static_cast<int64_t>(value);
	}

	// What a statement that answers many queries took, and the recall of what it answered.
	Json throughput(size_t count, double wall, double cpu, size_t k, const Answers &answers) const {
		const double n = static_cast<double>(std::max<size_t>(count, 1));
		Json json;
		json.num("count", static_cast<double>(count)).num("seconds", wall).num("qps", n / wall);
		json.num("cpu_us", 1e6 * cpu / n);
		add_recall(json, data_, k, 0, answers);
		return json;
	}

	// "pipeline COUNT K": the prepared search again and again, not waiting for one answer before the next question is
	// sent. At most kWindow are under way: neither side's socket buffer can fill and block both.
	std::string pipeline(std::istringstream &in) {
		constexpr size_t kWindow = 16;
		size_t count = 0, k = 0;
		in >> count >> k;
		count = std::min(count, data_.truth.rows());
		Answers answers(count);
		std::string failed;
		if (PQenterPipelineMode(conn_) != 1)
			throw std::runtime_error("no pipeline mode");
		double start = wall_seconds(), cpu = backend_cpu();
		size_t sent = 0;
		for (size_t received = 0; received < count; received++) {
			// Half a window at a time: one flush and one wake-up for many questions.
			if (sent - received <= kWindow / 2)
				while (sent < count && sent - received < kWindow) {
					const char *value = encoded_[sent].data();
					const int length = static_cast<int>(encoded_[sent].size()), format = 1;
					if (PQsendQueryPrepared(conn_, "search", 1, &value, &length, &format, 1) != 1)
						throw std::runtime_error(PQerrorMessage(conn_));
					if (++sent == count || sent - received == kWindow)
						PQsendFlushRequest(conn_);
				}
			PGresult *result = PQgetResult(conn_);
			if (PQresultStatus(result) != PGRES_TUPLES_OK && failed.empty())
				failed = result ? PQresultErrorMessage(result) : PQerrorMessage(conn_);
			for (int i = 0; failed.empty() && i < PQntuples(result); i++)
				answers[received].push_back(get_int8(result, i));
			PQclear(result);
			PQclear(PQgetResult(conn_)); // the end of this answer
		}
		double wall = wall_seconds() - start;
		cpu = backend_cpu() - cpu;
		PQpipelineSync(conn_);
		while (PGresult *rest = PQgetResult(conn_)) {
			const bool end = PQresultStatus(rest) == PGRES_PIPELINE_SYNC;
			PQclear(rest);
			if (end)
				break;
		}
		PQexitPipelineMode(conn_);
		if (!failed.empty())
			throw std::runtime_error(failed);
		return throughput(count, wall, cpu, k, answers).text();
	}

	// "batch COUNT K SQL": one statement that gives (number of the query, id) for many queries.
	std::string batch(std::istringstream &in) {
		size_t count = 0, k = 0;
		std::string text;
		in >> count >> k;
		std::getline(in, text);
		double start = wall_seconds(), cpu = backend_cpu();
		PGresult *result = check(PQexecParams(conn_, text.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 1));
		double wall = wall_seconds() - start;
		cpu = backend_cpu() - cpu;
		Answers answers(std::min(count, data_.truth.rows()));
		for (int i = 0; i < PQntuples(result); i++) {
			const auto q = static_cast<size_t>(get_int8(result, i));
			if (q < answers.size())
				answers[q].push_back(get_int8(result, i, 1));
		}
		PQclear(result);
		return throughput(answers.size(), wall, cpu, k, answers).text();
	}

	std::string search(std::istringstream &in) {
		size_t count = 0, k = 0;
		uint64_t threshold = 0;
		in >> count >> k >> threshold;
		count = std::min(count, data_.truth.rows());
		Answers answers(count);
		for (auto &answer : answers)
			answer.reserve(k);
		Json json = timed_loop(
			count, [&] { return backend_cpu(); },
			[&](size_t q) {
				const std::string *params[] = {&encoded_[q]};
				PGresult *result = run("search", 1, params);
				int n = PQntuples(result);
				for (int i = 0; i < n; i++)
					answers[q].push_back(get_int8(result, i));
				PQclear(result);
			});
		add_recall(json, data_, k, threshold, answers);
		return json.text();
	}

	// "floor NAME COUNT VECTORS": a prepared statement whose first parameter is a row's id, VECTORS (0 or 1) more
	// follow.
	std::string floor(std::istringstream &in) {
		std::string name;
		size_t count = 0;
		int vectors = 0;
		in >> name >> count >> vectors;
		std::string id;
		Json json = timed_loop(
			count, [&] { return backend_cpu(); },
			[&](size_t i) {
				id.clear();
				put(id, (i * UINT64_C(2654435761)) % data_.base.rows(), 8);
				const std::string *params[] = {&id, &encoded_[i % encoded_.size()]};
				PQclear(run(name.c_str(), 1 + vectors, params));
			});
		return json.text();
	}

	// "insert NAME FIRST COUNT": the query vectors from FIRST on as new rows, one transaction each.
	std::string insert(std::istringstream &in) {
		std::string name;
		size_t first = 0, count = 0;
		in >> name >> first >> count;
		count = std::min(count, encoded_.size() - std::min(first, encoded_.size()));
		std::string id;
		Json json = timed_loop(
			count, [&] { return backend_cpu(); },
			[&](size_t i) {
				id.clear();
				put(id, data_.base.rows() + first + i, 8);
				const std::string *params[] = {&id, &encoded_[first + i]};
				PQclear(run(name.c_str(), 2, params));
			});
		return json.text();
	}

	Options options_;
	DataSet data_;
	PGconn *conn_ = nullptr;
	std::vector<std::string> encoded_;
};

} // namespace
} // namespace ruvector::bench

int main(int argc, char **argv) {
	using namespace ruvector::bench;
	try {
		PgWorker worker(parse_options(argc, argv));
		return serve([&](const std::string &command, std::istringstream &in) { return worker.handle(command, in); });
	} catch (const std::exception &e) {
		std::cout << Json().str("error", e.what()).text() << std::endl;
		return 1;
	}
}
