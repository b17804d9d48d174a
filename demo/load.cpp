// demo/load.cpp - the table, filled by COPY BINARY.
#include "load.hpp"

#include <chrono>

namespace ruvector::demo {

void load(bench::Connection &connection, Terminal &terminal, const Dataset &data, const std::string &extension) {
	const auto run = [&](const std::string &statement) {
		terminal.sql(statement + ";");
		connection.exec(statement);
	};
	run("CREATE EXTENSION " + extension);
	run("CREATE TABLE images\n  (id int PRIMARY KEY, label int, embedding vector(784))");

	const auto start = std::chrono::steady_clock::now();
	const std::string copy = "COPY images (id, label, embedding) FROM STDIN (FORMAT binary)";
	terminal.sql(copy + ";");
	{
		bench::BinaryCopy writer(connection, copy);
		for (std::size_t i = 0; i < data.images.rows; i++) {
			writer.begin_row(3);
			writer.put_int4(static_cast<std::int32_t>(i));
			writer.put_int4(data.image_labels[i]);
			writer.put_vector(data.images.row(i), data.images.dims);
			if (i % 256 == 0)
				terminal.progress("rows", i, data.images.rows);
		}
		writer.finish();
	}
	const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
	terminal.finish_progress(
		format("%s rows in %.1f s (%s rows per second)", grouped(data.images.rows).c_str(), seconds,
			   grouped(static_cast<std::size_t>(static_cast<double>(data.images.rows) / seconds)).c_str()));
	run("VACUUM ANALYZE images");
	terminal.note("the table with its vectors: " + connection.value("SELECT pg_size_pretty(pg_table_size('images'))"));
}

} // namespace ruvector::demo
