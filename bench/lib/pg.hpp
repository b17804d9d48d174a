// bench/lib/pg.hpp - a small libpq client: a connection, COPY BINARY of vectors, and a prepared nearest-neighbour query
// with binary parameters and results.
#ifndef RUVECTOR_BENCH_PG_HPP
#define RUVECTOR_BENCH_PG_HPP

#include "matrix.hpp"

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ruvector::bench {

struct ResultClear {
	void operator()(PGresult *result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ResultClear>;

// Every failure is a std::runtime_error with the server's message.
class Connection {
public:
	explicit Connection(const std::string &conninfo);
	~Connection();
	Connection(const Connection &) = delete;
	Connection &operator=(const Connection &) = delete;

	Result exec(const std::string &sql);
	// The first column of the first row as text, "" if there is none.
	std::string value(const std::string &sql);
	PGconn *raw() const { return conn_; }

private:
	PGconn *conn_;
};

// vector's binary form (vector_send): int16 dim, int16 0, float4[dim], big endian. Appended to out.
void append_vector(std::vector<char> &out, const float *values, std::size_t dims);

// COPY ... FROM STDIN (FORMAT binary): begin_row, then one call per column, then the next row; finish at the end.
class BinaryCopy {
public:
	// sql is the whole COPY statement.
	BinaryCopy(Connection &connection, const std::string &sql);
	// Leaving without finish() makes the server forget the rows.
	~BinaryCopy();
	BinaryCopy(const BinaryCopy &) = delete;
	BinaryCopy &operator=(const BinaryCopy &) = delete;

	void begin_row(std::int16_t columns);
	void put_int4(std::int32_t value);
	void put_float4(float value);
	void put_text(const std::string &text);
	void put_vector(const float *values, std::size_t dims);
	void put_null();
	void finish();

private:
	void flush();
	Connection &connection_;
	std::vector<char> buffer_;
	bool open_ = false;
};

// A prepared statement with one vector parameter $1, for example SELECT id FROM t ORDER BY v <-> $1 LIMIT 10.
// The first column of the result must be int4 or int8.
class KnnStatement {
public:
	KnnStatement(Connection &connection, const std::string &name, const std::string &sql);
	// Writes up to `width` ids, then -1 for the missing. Returns how many rows came.
	std::size_t run(const float *query, std::size_t dims, std::int64_t *ids, std::size_t width);

private:
	Connection &connection_;
	std::string name_;
	std::vector<char> parameter_;
};

struct SearchRun {
	std::size_t width = 0;
	std::vector<std::int64_t> ids;    // queries * width, -1 where fewer came
	std::vector<double> milliseconds; // per query, from encoding the parameter to the decoded ids
};

// All queries, one after the other.
SearchRun run_queries(KnnStatement &statement, const Matrix &queries, std::size_t width);

} // namespace ruvector::bench

#endif
