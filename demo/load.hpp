// demo/load.hpp - the table, filled by COPY BINARY.
#ifndef RUVECTOR_DEMO_LOAD_HPP
#define RUVECTOR_DEMO_LOAD_HPP

#include "dataset.hpp"
#include "pg.hpp"
#include "terminal.hpp"

#include <string>

namespace ruvector::demo {

// Creates the extension and images(id, label, embedding), and loads all images; id is the row number.
void load(bench::Connection &connection, Terminal &terminal, const Dataset &data, const std::string &extension);

} // namespace ruvector::demo

#endif
