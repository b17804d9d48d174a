// unit/sequence_mining_test.cpp - sequence mining against brute force, the literature's example, and planted patterns.
#include "check.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "ruvector/error.hpp"
#include "ruvector/memory/sequence_mining.hpp"

using namespace ruvector;
using namespace ruvector::memory;

namespace {

using Found = std::map<Sequence, std::vector<uint32_t>>;

Found as_map(const std::vector<SequencePattern> &patterns) {
	Found found;
	for (const auto &pattern : patterns)
		found[pattern.items] = pattern.sequences;
	return found;
}

// Every subsequence of a sequence that obeys the gap, by enumeration of the positions.
void enumerate(const Sequence &sequence, size_t last, Sequence &chosen, const MiningOptions &options,
			   std::set<Sequence> &out) {
	if (chosen.size() >= options.min_length)
		out.insert(chosen);
	if (chosen.size() == options.max_length)
		return;
	size_t first = chosen.empty() ? 0 : last + 1;
	for (size_t p = first; p < sequence.size(); ++p) {
		if (!chosen.empty() && options.max_gap != kAnyGap && p - last - 1 > options.max_gap)
			break;
		chosen.push_back(sequence[p]);
		enumerate(sequence, p, chosen, options, out);
		chosen.pop_back();
	}
}

bool contains(const Sequence &large, const Sequence &small) {
	auto at = large.begin();
	for (Item item : small) {
		at = std::find(at, large.end(), item);
		if (at == large.end())
			return false;
		++at;
	}
	return true;
}

Found brute_force(const std::vector<Sequence> &sequences, const MiningOptions &options) {
	Found all;
	for (uint32_t s = 0; s < sequences.size(); ++s) {
		std::set<Sequence> patterns;
		Sequence chosen;
		enumerate(sequences[s], 0, chosen, options, patterns);
		for (const auto &pattern : patterns)
			all[pattern].push_back(s);
	}
	Found frequent;
	for (const auto &[pattern, where] : all)
		if (where.size() >= options.min_support)
			frequent[pattern] = where;
	if (!options.closed)
		return frequent;
	Found closed;
	for (const auto &[pattern, where] : frequent) {
		bool covered = false;
		for (const auto &[longer, where_longer] : frequent)
			covered |= longer.size() > pattern.size() && where_longer == where && contains(longer, pattern);
		if (!covered)
			closed[pattern] = where;
	}
	return closed;
}

} // namespace

TEST("the example of PrefixSpan-py: four sequences, support 2") {
	std::vector<Sequence> sequences = {{0, 1, 2, 3, 4}, {1, 1, 1, 3, 4}, {2, 1, 2, 2, 0}, {1, 1, 1, 2, 2}};
	MiningOptions options;
	options.min_support = 2;
	options.min_length = 1;
	options.max_gap = kAnyGap;
	options.closed = false;
	std::map<Sequence, size_t> expected = {
		{{0}, 2},    {{1}, 4},       {{1, 2}, 3}, {{1, 2, 2}, 2}, {{1, 3}, 2}, {{1, 3, 4}, 2}, {{1, 4}, 2},
		{{1, 1}, 2}, {{1, 1, 1}, 2}, {{2}, 3},    {{2, 2}, 2},    {{3}, 2},    {{3, 4}, 2},    {{4}, 2},
	};
	Found found = as_map(mine_sequences(sequences, options));
	CHECK(found.size() == expected.size());
	for (const auto &[pattern, support] : expected)
		CHECK(found.count(pattern) && found[pattern].size() == support);

	options.closed = true;
	std::map<Sequence, size_t> closed = {{{0}, 2},       {{1}, 4},       {{1, 2}, 3},
										 {{1, 2, 2}, 2}, {{1, 3, 4}, 2}, {{1, 1, 1}, 2}};
	found = as_map(mine_sequences(sequences, options));
	CHECK(found.size() == closed.size());
	for (const auto &[pattern, support] : closed)
		CHECK(found.count(pattern) && found[pattern].size() == support);
}

TEST("equal to brute force on random small databases, all gaps, closed and not") {
	std::mt19937 random(7);
	for (int round = 0; round < 600; ++round) {
		std::vector<Sequence> sequences(2 + random() % 7);
		uint32_t alphabet = 2 + random() % 4;
		for (auto &sequence : sequences) {
			sequence.resize(random() % 9);
			for (Item &item : sequence)
				item = random() % alphabet;
		}
		MiningOptions options;
		options.min_support = 1 + random() % 3;
		options.min_length = 1 + random() % 2;
		options.max_length = options.min_length + random() % 6;
		const uint32_t gaps[] = {0, 1, 2, kAnyGap};
		options.max_gap = gaps[random() % 4];
		options.closed = random() % 2;
		auto patterns = mine_sequences(sequences, options);
		CHECK(as_map(patterns) == brute_force(sequences, options));
		CHECK(as_map(patterns).size() == patterns.size());

		for (const auto &pattern : patterns)
			for (uint32_t s = 0; s < sequences.size(); ++s) {
				auto positions = first_occurrence(sequences[s], pattern.items, options.max_gap);
				bool is_in = std::binary_search(pattern.sequences.begin(), pattern.sequences.end(), s);
				CHECK(is_in == !positions.empty());
				for (size_t j = 0; j < positions.size(); ++j) {
					CHECK(sequences[s][positions[j]] == pattern.items[j]);
					if (j > 0) {
						CHECK(positions[j] > positions[j - 1]);
						CHECK(options.max_gap == kAnyGap || positions[j] - positions[j - 1] - 1 <= options.max_gap);
					}
				}
			}
	}
}

// 30 % of all steps are noise, drawn from 200 items; a planted pattern loses no step but gets noise between its steps.
TEST("planted patterns in 30 % noise are found, and nothing else of that support") {
	std::mt19937 random(11);
	size_t planted_total = 0, recovered = 0, reported = 0, right = 0;
	for (int round = 0; round < 40; ++round) {
		const Item kNoise = 1000;
		std::vector<Sequence> planted;
		for (Item p = 0; p < 5; ++p) { // disjoint alphabets
			Sequence pattern;
			for (Item i = 0; i < 3 + random() % 4; ++i)
				pattern.push_back(p * 20 + i);
			planted.push_back(pattern);
		}
		std::vector<Sequence> sequences;
		for (const auto &pattern : planted)
			for (int copy = 0; copy < 3; ++copy) {
				Sequence sequence;
				for (Item item : pattern) {
					if (random() % 10 < 4) // 0.43 noise steps a real one are 30 % of all
						sequence.push_back(kNoise + random() % 200);
					sequence.push_back(item);
				}
				sequences.push_back(sequence);
			}
		MiningOptions options;
		options.min_support = 3;
		options.max_gap = 1;
		auto found = as_map(mine_sequences(sequences, options));
		planted_total += planted.size();
		reported += found.size();
		for (const auto &pattern : planted)
			recovered += found.count(pattern);
		for (const auto &[pattern, where] : found)
			right += std::find(planted.begin(), planted.end(), pattern) != planted.end();
	}
	CHECK(double(recovered) / double(planted_total) >= 0.95);
	CHECK(double(right) / double(reported) >= 0.95);
}

TEST("repeats in one sequence count once") {
	MiningOptions options;
	options.min_support = 2;
	CHECK(mine_sequences({{1, 2, 1, 2, 1, 2}, {3}}, options).empty());
}

TEST("bad options, limits and stopping") {
	std::vector<Sequence> sequences(3, Sequence{1, 2, 3, 4, 5, 6, 7, 8});
	auto kind_of = [&](MiningOptions options) {
		try {
			mine_sequences(sequences, options);
		} catch (const Error &e) {
			return int(e.kind());
		}
		return -1;
	};
	MiningOptions options;
	options.min_support = 0;
	CHECK(kind_of(options) == int(ErrorKind::invalid_argument));
	options.min_support = 3;
	options.min_length = 5;
	options.max_length = 4;
	CHECK(kind_of(options) == int(ErrorKind::invalid_argument));
	options.min_length = 1;
	options.max_length = 8;
	options.max_gap = kAnyGap;
	options.max_patterns = 254;
	CHECK(kind_of(options) == int(ErrorKind::limit_exceeded));
	options.max_patterns = 255; // 2^8 - 1
	CHECK(kind_of(options) == -1);
	options.poll = [] { throw Error(ErrorKind::canceled, "stop"); };
	CHECK(kind_of(options) == int(ErrorKind::canceled));
}
