// demo/build_index.hpp - CREATE INDEX, watched from a second connection.
#ifndef RUVECTOR_DEMO_BUILD_INDEX_HPP
#define RUVECTOR_DEMO_BUILD_INDEX_HPP

#include "pg.hpp"
#include "terminal.hpp"

#include <string>

namespace ruvector::demo {

// Runs `statement`, which creates the index images_embedding, on `connection`; conninfo is for the second connection.
// `rows` stands in where the server does not say how many there will be. Returns the seconds that it took.
double build_index(bench::Connection &connection, const std::string &conninfo, Terminal &terminal,
				   const std::string &statement, std::size_t rows);

} // namespace ruvector::demo

#endif
