// bench/memory/load.cpp - copies vectors into the tables base and probe (id int, v vector) of a database, normalised.
#include "matrix.hpp"
#include "pg.hpp"
#include "vecs.hpp"

#include <cmath>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

namespace {

using namespace ruvector::bench;

void copy(Connection &connection, const std::string &table, Matrix rows) {
	connection.exec("CREATE TABLE " + table + " (id int, v vector(" + std::to_string(rows.dims) + "))");
	BinaryCopy out(connection, "COPY " + table + " FROM STDIN (FORMAT binary)");
	for (std::size_t i = 0; i < rows.rows; i++) {
		float *row = rows.row(i);
		double norm = 0;
		for (std::size_t d = 0; d < rows.dims; d++)
			norm += static_cast<double>(row[d]) * row[d];
		for (std::size_t d = 0; d < rows.dims; d++)
			row[d] = static_cast<float>(row[d] / std::sqrt(norm));
		out.begin_row(2);
		out.put_int4(static_cast<std::int32_t>(i + 1));
		out.put_vector(row, rows.dims);
	}
	out.finish();
}

} // namespace

int main(int argc, char **argv) {
	try {
		if (argc != 6)
			throw std::runtime_error("usage: load CONNINFO BASE QUERY ROWS PROBES");
		Connection connection(argv[1]);
		copy(connection, "base", read_vectors(argv[2], std::stoul(argv[4])));
		copy(connection, "probe", read_vectors(argv[3], std::stoul(argv[5])));
		return 0;
	} catch (const std::exception &e) {
		fprintf(stderr, "load: %s\n", e.what());
		return 1;
	}
}
