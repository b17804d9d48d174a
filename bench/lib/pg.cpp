// bench/lib/pg.cpp - a small libpq client. Numbers in PostgreSQL's binary formats are big endian.
#include "pg.hpp"

#include <chrono>
#include <cstring>
#include <stdexcept>

namespace ruvector::bench {

namespace {

constexpr std::size_t kFlushAt = 1U << 18;

void append_be16(std::vector<char> &out, std::uint16_t v) {
	out.push_back(static_cast<char>(v >> 8));
	out.push_back(static_cast<char>(v));
}

void append_be32(std::vector<char> &out, std::uint32_t v) {
	append_be16(out, static_cast<std::uint16_t>(v >> 16));
	append_be16(out, static_cast<std::uint16_t>(v));
}

std::int64_t decode_int(const char *at, int length) {
	if (length != 4 && length != 8)
		throw std::runtime_error("the first column of a search must be int4 or int8");
	std::uint64_t v = 0;
	for (int i = 0; i < length; i++)
		v = v << 8 | static_cast<unsigned char>(at[i]);
	return length == 4 ? static_cast<std::int32_t>(v) : static_cast<std::int64_t>(v);
}

// The server's message without the newline at its end.
[[noreturn]] void fail(PGconn *conn, const PGresult *result, const std::string &what) {
	std::string message = result != nullptr ? PQresultErrorMessage(result) : "";
	if (message.empty())
		message = PQerrorMessage(conn);
	while (!message.empty() && message.back() == '\n')
		message.pop_back();
	throw std::runtime_error(message + (what.empty() ? "" : "\nSQL: " + what));
}

} // namespace

Connection::Connection(const std::string &conninfo) : conn_(PQconnectdb(conninfo.c_str())) {
	if (PQstatus(conn_) != CONNECTION_OK) {
		const std::string message = PQerrorMessage(conn_);
		PQfinish(conn_);
		throw std::runtime_error(message);
	}
}

Connection::~Connection() {
	PQfinish(conn_);
}

Result Connection::exec(const std::string &sql) {
	Result result(PQexec(conn_, sql.c_str()));
	const ExecStatusType status = PQresultStatus(result.get());
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN)
		fail(conn_, result.get(), sql);
	return result;
}

std::string Connection::value(const std::string &sql) {
	const Result result = exec(sql);
	if (PQntuples(result.get()) == 0 || PQnfields(result.get()) == 0)
		return "";
	return PQgetvalue(result.get(), 0, 0);
}

void append_vector(std::vector<char> &out, const float *values, std::size_t dims) {
	if (dims == 0 || dims > 32767)
		throw std::runtime_error("a vector must have 1 to 32767 dimensions here");
	append_be16(out, static_cast<std::uint16_t>(dims));
	append_be16(out, 0);
	const std::size_t start = out.size();
	out.resize(start + 4 * dims);
	char *at = out.data() + start;
	for (std::size_t j = 0; j < dims; j++, at += 4) {
		std::uint32_t bits;
		std::memcpy(&bits, values + j, sizeof bits);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		bits = __builtin_bswap32(bits);
#endif
		std::memcpy(at, &bits, sizeof bits);
	}
}

BinaryCopy::BinaryCopy(Connection &connection, const std::string &sql) : connection_(connection) {
	const Result result = connection.exec(sql);
	if (PQresultStatus(result.get()) != PGRES_COPY_IN)
		throw std::runtime_error("not a COPY ... FROM STDIN: " + sql);
	open_ = true;
	static constexpr char kHead[] =
		"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0"; // signature, flags, no extension; the array's \0
	buffer_.insert(buffer_.end(), kHead, kHead + 19);
}

BinaryCopy::~BinaryCopy() {
	if (!open_)
		return;
	PQputCopyEnd(connection_.raw(), "the client gave up");
	while (PGresult *result = PQgetResult(connection_.raw()))
		PQclear(result);
}

void BinaryCopy::flush() {
	if (PQputCopyData(connection_.raw(), buffer_.data(), static_cast<int>(buffer_.size())) != 1)
		fail(connection_.raw(), nullptr, "COPY");
	buffer_.clear();
}

void BinaryCopy::begin_row(std::int16_t columns) {
	if (buffer_.size() > kFlushAt)
		flush();
	append_be16(buffer_, static_cast<std::uint16_t>(columns));
}

void BinaryCopy::put_int4(std::int32_t value) {
	append_be32(buffer_, 4);
	append_be32(buffer_, static_cast<std::uint32_t>(value));
}

void BinaryCopy::put_float4(float value) {
	std::uint32_t bits;
	std::memcpy(&bits, &value, sizeof bits);
	append_be32(buffer_, 4);
	append_be32(buffer_, bits);
}

void BinaryCopy::put_text(const std::string &text) {
	append_be32(buffer_, static_cast<std::uint32_t>(text.size()));
	buffer_.insert(buffer_.end(), text.begin(), text.end());
}

void BinaryCopy::put_vector(const float *values, std::size_t dims) {
	append_be32(buffer_, static_cast<std::uint32_t>(4 + 4 * dims));
	append_vector(buffer_, values, dims);
}

void BinaryCopy::put_null() {
	append_be32(buffer_, 0xffffffffU);
}

void BinaryCopy::finish() {
	append_be16(buffer_, 0xffff); // the trailer: a row of -1 columns
	flush();
	open_ = false;
	if (PQputCopyEnd(connection_.raw(), nullptr) != 1)
		fail(connection_.raw(), nullptr, "COPY");
	std::string trouble;
	while (PGresult *raw = PQgetResult(connection_.raw())) {
		const Result result(raw);
		if (PQresultStatus(raw) != PGRES_COMMAND_OK)
			trouble = PQresultErrorMessage(raw);
	}
	if (!trouble.empty())
		throw std::runtime_error(trouble);
}

KnnStatement::KnnStatement(Connection &connection, const std::string &name, const std::string &sql)
	: connection_(connection), name_(name) {
	const Result result(PQprepare(connection.raw(), name.c_str(), sql.c_str(), 0, nullptr));
	if (PQresultStatus(result.get()) != PGRES_COMMAND_OK)
		fail(connection.raw(), result.get(), sql);
}

std::size_t KnnStatement::run(const float *query, std::size_t dims, std::int64_t *ids, std::size_t width) {
	parameter_.clear();
	append_vector(parameter_, query, dims);
	const char *values[] = {parameter_.data()};
	const int lengths[] = {static_cast<int>(parameter_.size())};
	const int formats[] = {1};
	const Result result(PQexecPrepared(connection_.raw(), name_.c_str(), 1, values, lengths, formats, 1));
	if (PQresultStatus(result.get()) != PGRES_TUPLES_OK)
		fail(connection_.raw(), result.get(), "EXECUTE " + name_);
	const auto rows = static_cast<std::size_t>(PQntuples(result.get()));
	for (std::size_t i = 0; i < width; i++)
		ids[i] = i < rows ? decode_int(PQgetvalue(result.get(), static_cast<int>(i), 0),
									   PQgetlength(result.get(), static_cast<int>(i), 0))
						  : -1;
	return rows;
}

SearchRun run_queries(KnnStatement &statement, const Matrix &queries, std::size_t width) {
	using Clock = std::chrono::steady_clock;
	SearchRun out;
	out.width = width;
	out.ids.resize(queries.rows * width);
	out.milliseconds.reserve(queries.rows);
	for (std::size_t q = 0; q < queries.rows; q++) {
		const auto start = Clock::now();
		statement.run(queries.row(q), queries.dims, out.ids.data() + q * width, width);
		out.milliseconds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
	}
	return out;
}

} // namespace ruvector::bench
