// memory/sequence_mining.cpp - PrefixSpan with gaps, and the filter for closed patterns.
#include "ruvector/memory/sequence_mining.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "ruvector/error.hpp"

namespace ruvector::memory {
namespace {

// The occurrences of a prefix in one sequence, by where they end.
struct Projection {
	uint32_t sequence;
	std::vector<uint32_t> ends; // ascending
};

class Miner {
public:
	Miner(const std::vector<Sequence> &sequences, const MiningOptions &options)
		: sequences_(sequences), options_(options) {}

	std::vector<SequencePattern> run() {
		std::map<Item, std::vector<Projection>> roots;
		for (uint32_t s = 0; s < sequences_.size(); ++s)
			for (uint32_t p = 0; p < sequences_[s].size(); ++p)
				add(roots[sequences_[s][p]], s, p);
		descend(roots);
		return std::move(found_);
	}

private:
	void add(std::vector<Projection> &projections, uint32_t sequence, uint32_t end) {
		if (projections.empty() || projections.back().sequence != sequence)
			projections.push_back({sequence, {}});
		// Without a limit everything behind the first end is in reach, so the first one says it all.
		if (options_.max_gap != kAnyGap || projections.back().ends.empty())
			projections.back().ends.push_back(end);
	}

	void descend(const std::map<Item, std::vector<Projection>> &extensions) {
		for (const auto &[item, projections] : extensions) {
			if (projections.size() < options_.min_support)
				continue;
			prefix_.push_back(item);
			report(projections);
			if (prefix_.size() < options_.max_length)
				descend(extend(projections));
			prefix_.pop_back();
		}
	}

	std::map<Item, std::vector<Projection>> extend(const std::vector<Projection> &projections) {
		std::map<Item, std::vector<Projection>> extensions;
		for (const Projection &projection : projections) {
			poll();
			const Sequence &sequence = sequences_[projection.sequence];
			size_t next = 0; // the windows of two ends overlap: visit each position once
			for (uint32_t end : projection.ends) {
				size_t stop = sequence.size();
				if (options_.max_gap != kAnyGap)
					stop = std::min(stop, size_t(end) + 2 + options_.max_gap);
				for (next = std::max(next, size_t(end) + 1); next < stop; ++next)
					add(extensions[sequence[next]], projection.sequence, uint32_t(next));
			}
		}
		return extensions;
	}

	void report(const std::vector<Projection> &projections) {
		poll();
		if (prefix_.size() < options_.min_length)
			return;
		if (found_.size() >= options_.max_patterns)
			throw Error(ErrorKind::limit_exceeded,
						"more than " + std::to_string(options_.max_patterns) +
							" frequent patterns; raise min_support, or lower max_gap or max_length");
		SequencePattern pattern{prefix_, {}};
		pattern.sequences.reserve(projections.size());
		for (const Projection &projection : projections)
			pattern.sequences.push_back(projection.sequence);
		found_.push_back(std::move(pattern));
	}

	void poll() const {
		if (options_.poll)
			options_.poll();
	}

	const std::vector<Sequence> &sequences_;
	const MiningOptions &options_;
	Sequence prefix_;
	std::vector<SequencePattern> found_;
};

bool is_subsequence(const Sequence &small, const Sequence &large) {
	size_t matched = 0;
	for (size_t i = 0; i < large.size() && matched < small.size(); ++i)
		matched += large[i] == small[matched];
	return matched == small.size();
}

// Only patterns with the same sequences can make each other superfluous: compare inside such groups, longest first.
std::vector<SequencePattern> keep_closed(std::vector<SequencePattern> patterns, const MiningOptions &options) {
	std::map<std::vector<uint32_t>, std::vector<size_t>> groups;
	for (size_t i = 0; i < patterns.size(); ++i)
		groups[patterns[i].sequences].push_back(i);

	std::vector<SequencePattern> closed;
	for (auto &[sequences, members] : groups) {
		std::stable_sort(members.begin(), members.end(),
						 [&](size_t a, size_t b) { return patterns[a].items.size() > patterns[b].items.size(); });
		size_t first_of_group = closed.size();
		for (size_t member : members) {
			if (options.poll)
				options.poll();
			const Sequence &items = patterns[member].items;
			// What is part of any longer pattern is part of a closed one, so the closed ones suffice.
			bool covered =
				std::any_of(closed.begin() + std::ptrdiff_t(first_of_group), closed.end(),
							[&](const SequencePattern &longer) { return is_subsequence(items, longer.items); });
			if (!covered)
				closed.push_back(std::move(patterns[member]));
		}
	}
	return closed;
}

} // namespace

std::vector<SequencePattern> mine_sequences(const std::vector<Sequence> &sequences, const MiningOptions &options) {
	if (options.min_support < 1)
		throw Error(ErrorKind::invalid_argument, "the support must be at least 1");
	if (options.min_length < 1 || options.max_length < options.min_length)
		throw Error(ErrorKind::invalid_argument, "lengths must satisfy 1 <= min_length <= max_length");

	std::vector<SequencePattern> patterns = Miner(sequences, options).run();
	if (options.closed)
		patterns = keep_closed(std::move(patterns), options);
	std::sort(patterns.begin(), patterns.end(), [](const SequencePattern &a, const SequencePattern &b) {
		if (a.sequences.size() != b.sequences.size())
			return a.sequences.size() > b.sequences.size();
		if (a.items.size() != b.items.size())
			return a.items.size() > b.items.size();
		return a.items < b.items;
	});
	return patterns;
}

std::vector<uint32_t> first_occurrence(const Sequence &sequence, const Sequence &pattern, uint32_t max_gap) {
	size_t n = sequence.size(), m = pattern.size();
	if (m == 0 || m > n)
		return {};
	auto window_end = [&](size_t position) {
		return max_gap == kAnyGap ? n : std::min(n, position + 2 + size_t(max_gap));
	};

	// can[j][i]: pattern[j..] can be matched with pattern[j] at position i. From the back, so that walking forward greedily
	// never meets a dead end.
	std::vector<std::vector<bool>> can(m, std::vector<bool>(n, false));
	for (size_t j = m; j-- > 0;) {
		size_t nearest = n; // the nearest place for the rest of the pattern behind i
		for (size_t i = n; i-- > 0;) {
			if (sequence[i] == pattern[j])
				can[j][i] = j + 1 == m || nearest < window_end(i);
			if (j + 1 < m && can[j + 1][i])
				nearest = i;
		}
	}

	std::vector<uint32_t> positions;
	for (size_t j = 0, i = 0; j < m; ++j, ++i) {
		while (i < n && !can[j][i])
			++i;
		if (i == n)
			return {};
		positions.push_back(uint32_t(i));
	}
	return positions;
}

} // namespace ruvector::memory
