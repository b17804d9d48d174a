// demo/nearest.hpp - shows some queries with their nearest images, in the terminal and in a picture file.
#ifndef RUVECTOR_DEMO_NEAREST_HPP
#define RUVECTOR_DEMO_NEAREST_HPP

#include "dataset.hpp"
#include "pg.hpp"
#include "terminal.hpp"

#include <string>
#include <vector>

namespace ruvector::demo {

struct Neighbor {
	std::size_t id;
	int label;
	double distance;
};

struct Answer {
	std::size_t query;
	std::vector<Neighbor> neighbors;
};

// The statement that ask() runs.
extern const char *const kNearestSql;

Answer ask(bench::Connection &connection, const Dataset &data, std::size_t query);

// The first test image of each class, and one whose nearest image is of another class.
std::vector<std::size_t> choose_queries(bench::Connection &connection, const Dataset &data);

void show_in_terminal(Terminal &terminal, const Dataset &data, const Answer &answer);

// title stands on top. Throws if the file cannot be written.
void draw_picture(const std::string &path, const std::string &title, const Dataset &data,
				  const std::vector<Answer> &answers);

} // namespace ruvector::demo

#endif
