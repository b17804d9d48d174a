// demo/nearest.cpp - shows some queries with their nearest images.
#include "nearest.hpp"

#include "canvas.hpp"

#include <algorithm>
#include <stdexcept>

namespace ruvector::demo {

const char *const kNearestSql =
	"SELECT id, label, embedding <-> $1 AS distance\nFROM images ORDER BY embedding <-> $1 LIMIT 10";

namespace {

constexpr Color kPaper = {255, 255, 255};
constexpr Color kFrame = {206, 212, 218};
constexpr Color kQueryFrame = {33, 37, 41};
constexpr Color kInk = {33, 37, 41};
constexpr Color kFaint = {108, 117, 125};
constexpr Color kOther = {200, 55, 45}; // of another class than the query

constexpr int kScale = 4;
constexpr int kImage = kImageSide * kScale;
constexpr int kText = 2; // scale of the font
constexpr int kCell = kImage + 16;
constexpr int kRow = kImage + 62;
constexpr int kMargin = 24;
constexpr int kQueryGap = 24; // between the query and its answers
constexpr int kTop = 92;

} // namespace

Answer ask(bench::Connection &connection, const Dataset &data, std::size_t query) {
	std::vector<char> parameter;
	bench::append_vector(parameter, data.queries.row(query), data.queries.dims);
	const char *values[] = {parameter.data()};
	const int lengths[] = {static_cast<int>(parameter.size())};
	const int formats[] = {1};
	const bench::Result result(PQexecParams(connection.raw(), kNearestSql, 1, nullptr, values, lengths, formats, 0));
	if (PQresultStatus(result.get()) != PGRES_TUPLES_OK)
		throw std::runtime_error(PQerrorMessage(connection.raw()));
	Answer out{query, {}};
	for (int i = 0; i < PQntuples(result.get()); i++) {
		const Neighbor neighbor{std::stoul(PQgetvalue(result.get(), i, 0)), std::stoi(PQgetvalue(result.get(), i, 1)),
								std::stod(PQgetvalue(result.get(), i, 2))};
		if (neighbor.id >= data.images.rows)
			throw std::runtime_error("the server answers with an id that was never loaded");
		out.neighbors.push_back(neighbor);
	}
	return out;
}

std::vector<std::size_t> choose_queries(bench::Connection &connection, const Dataset &data) {
	std::vector<std::size_t> out;
	for (int label = 0; label < 10; label++) {
		const auto at = std::find(data.query_labels.begin(), data.query_labels.end(), label);
		if (at != data.query_labels.end())
			out.push_back(static_cast<std::size_t>(at - data.query_labels.begin()));
	}
	for (std::size_t q = 100; q < 300 && q < data.queries.rows; q++) {
		const Answer answer = ask(connection, data, q);
		if (!answer.neighbors.empty() && answer.neighbors[0].label != data.query_labels[q]) {
			out.push_back(q);
			break;
		}
	}
	return out;
}

void show_in_terminal(Terminal &terminal, const Dataset &data, const Answer &answer) {
	std::vector<Terminal::Tile> tiles;
	const int label = data.query_labels[answer.query];
	tiles.push_back({data.queries.row(answer.query), {class_name(label), format("test %zu", answer.query)}});
	for (const Neighbor &neighbor : answer.neighbors)
		tiles.push_back({data.images.row(neighbor.id),
						 {std::string(class_name(neighbor.label)) + (neighbor.label == label ? "" : " (!)"),
						  format("at %.0f", neighbor.distance)}});
	terminal.line();
	terminal.tiles(tiles, kImageSide);
}

void draw_picture(const std::string &path, const std::string &title, const Dataset &data,
				  const std::vector<Answer> &answers) {
	std::size_t most = 0;
	for (const Answer &answer : answers)
		most = std::max(most, answer.neighbors.size());
	Canvas canvas(2 * kMargin + kQueryGap + kCell * static_cast<int>(most + 1),
				  kTop + kMargin + kRow * static_cast<int>(answers.size()), kPaper);
	canvas.text(kMargin, kMargin - 6, title, kText, kInk);
	canvas.text(kMargin, kMargin + 20, "Under each image its class (red: not the test image's) and its distance.",
				kText, kFaint);

	const auto tile = [&](int x, int y, const float *pixels, const std::string &name, const std::string &number,
						  Color frame, Color name_color) {
		canvas.fill(x - 2, y - 2, kImage + 4, kImage + 4, frame);
		canvas.gray_image(x, y, pixels, kImageSide, kImageSide, kScale);
		canvas.text(x, y + kImage + 7, name, kText, name_color);
		canvas.text(x, y + kImage + 27, number, kText, kFaint);
	};
	int y = kTop;
	for (const Answer &answer : answers) {
		const int label = data.query_labels[answer.query];
		int x = kMargin;
		tile(x, y, data.queries.row(answer.query), class_name(label), format("test %zu", answer.query), kQueryFrame,
			 kInk);
		x += kCell + kQueryGap;
		for (const Neighbor &neighbor : answer.neighbors) {
			const bool same = neighbor.label == label;
			tile(x, y, data.images.row(neighbor.id), class_name(neighbor.label), format("%.0f", neighbor.distance),
				 same ? kFrame : kOther, same ? kInk : kOther);
			x += kCell;
		}
		y += kRow;
	}
	canvas.write_png(path);
}

} // namespace ruvector::demo
