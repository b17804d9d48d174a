// bench/lib/exact.cpp - exact nearest neighbours by blocked matrix multiplication.
// Queries are packed 16 to a panel, so that one broadcast base value meets 16 queries; six base rows share each load.
// Single-precision scores only choose candidates; a query whose margin is too thin for the rounding is done again in
// double precision.
#include "exact.hpp"

#include <algorithm>
#include <atomic>
#include <cfloat>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

namespace ruvector::bench {

namespace {

constexpr std::size_t kLanes = 16;        // queries in a panel
constexpr std::size_t kRowsPerStep = 6;   // base rows that share a panel's loads
constexpr std::size_t kRowsPerBlock = 96; // base rows that meet a piece of a panel while it is in the first-level cache
constexpr std::size_t kPieceDims = 256;   // a piece: 16 queries x 256 dimensions, 16 KiB
constexpr std::size_t kPanels = 8;        // panels that a thread takes through the base at a time
constexpr std::size_t kExtra = 54;        // candidates kept beyond k, so that rounding cannot lose one

typedef float LaneVector __attribute__((vector_size(kLanes * sizeof(float))));
// A class, because containers forget the alignment of a bare vector type.
struct alignas(kLanes * sizeof(float)) Lanes {
	LaneVector v = {};
};

// out[r][lane] += dot(base row r, query lane) over dimensions [from, to), for six rows and 16 queries.
inline __attribute__((always_inline)) void dot_block_body(const float *const *rows, const Lanes *panel,
														  std::size_t from, std::size_t to, Lanes *out) {
	LaneVector s0 = out[0].v, s1 = out[1].v, s2 = out[2].v, s3 = out[3].v, s4 = out[4].v, s5 = out[5].v;
	for (std::size_t j = from; j < to; j++) {
		const LaneVector q = panel[j].v;
		s0 += q * rows[0][j];
		s1 += q * rows[1][j];
		s2 += q * rows[2][j];
		s3 += q * rows[3][j];
		s4 += q * rows[4][j];
		s5 += q * rows[5][j];
	}
	out[0].v = s0;
	out[1].v = s1;
	out[2].v = s2;
	out[3].v = s3;
	out[4].v = s4;
	out[5].v = s5;
}

using DotBlock = void (*)(const float *const *, const Lanes *, std::size_t, std::size_t, Lanes *);

void dot_block_plain(const float *const *rows, const Lanes *panel, std::size_t from, std::size_t to, Lanes *out) {
	dot_block_body(rows, panel, from, to, out);
}

// Not target_clones: its arch= asks for one maker's processor, and its features cannot be combined.
#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) void dot_block_avx2(const float *const *rows, const Lanes *panel, std::size_t from,
														std::size_t to, Lanes *out) {
	dot_block_body(rows, panel, from, to, out);
}

__attribute__((target("avx512f"))) void dot_block_avx512(const float *const *rows, const Lanes *panel, std::size_t from,
														 std::size_t to, Lanes *out) {
	dot_block_body(rows, panel, from, to, out);
}
#endif

DotBlock choose_dot_block() {
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512f"))
		return dot_block_avx512;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return dot_block_avx2;
#endif
	return dot_block_plain;
}

double dot_double(const float *a, const float *b, std::size_t dims) {
	double sum = 0;
	for (std::size_t j = 0; j < dims; j++)
		sum += static_cast<double>(a[j]) * static_cast<double>(b[j]);
	return sum;
}

using Scored = std::pair<double, std::int32_t>; // compares by distance, then by row number

// The `keep` best of one query by single-precision score: a heap with the worst on top.
class Candidates {
public:
	explicit Candidates(std::size_t keep) : keep_(keep) { heap_.reserve(keep + 1); }
	float worst() const { return worst_; }
	void offer(float score, std::int32_t row) {
		heap_.emplace_back(score, row);
		std::push_heap(heap_.begin(), heap_.end());
		if (heap_.size() > keep_) {
			std::pop_heap(heap_.begin(), heap_.end());
			heap_.pop_back();
		}
		if (heap_.size() == keep_)
			worst_ = heap_.front().first;
	}
	const std::vector<std::pair<float, std::int32_t>> &all() const { return heap_; }

private:
	std::size_t keep_;
	float worst_ = std::numeric_limits<float>::infinity();
	std::vector<std::pair<float, std::int32_t>> heap_;
};

class Scan {
public:
	Scan(const Matrix &base, const Matrix &queries, std::size_t k, Metric metric, Neighbors &out)
		: base_(base), queries_(queries), k_(k), metric_(metric), out_(out), norms_(base.rows) {
		for (std::size_t i = 0; i < base.rows; i++) {
			norms_[i] = std::sqrt(dot_double(base.row(i), base.row(i), base.dims));
			max_norm_ = std::max(max_norm_, norms_[i]);
		}
		// score = offset - scale * dot orders the base rows of one query as the distance does.
		offset_.resize(base.rows, 0.0F);
		scale_.resize(base.rows, 1.0F);
		for (std::size_t i = 0; i < base.rows; i++) {
			if (metric == Metric::kL2) {
				offset_[i] = static_cast<float>(norms_[i] * norms_[i]);
				scale_[i] = 2.0F;
			} else if (metric == Metric::kCosine) {
				scale_[i] = norms_[i] > 0 ? static_cast<float>(1 / norms_[i]) : 0.0F;
			}
		}
	}

	// Answers the queries [first, last), at most kPanels * kLanes of them.
	void run(std::size_t first, std::size_t last) {
		const std::size_t dims = base_.dims;
		const std::size_t panels = (last - first + kLanes - 1) / kLanes;
		std::vector<Lanes> packed(panels * dims, Lanes{}); // C++17 aligns it
		for (std::size_t q = first; q < last; q++) {
			Lanes *panel = packed.data() + (q - first) / kLanes * dims;
			for (std::size_t j = 0; j < dims; j++)
				panel[j].v[(q - first) % kLanes] = queries_.row(q)[j];
		}
		std::vector<Candidates> best(last - first, Candidates(std::min(base_.rows, k_ + kExtra)));

		std::vector<Lanes> dots(kRowsPerBlock);
		for (std::size_t block = 0; block < base_.rows; block += kRowsPerBlock) {
			const std::size_t count = std::min(kRowsPerBlock, base_.rows - block);
			for (std::size_t p = 0; p < panels; p++) {
				std::fill(dots.begin(), dots.end(), Lanes{});
				for (std::size_t j = 0; j < dims; j += kPieceDims)
					for (std::size_t step = 0; step < count; step += kRowsPerStep) {
						const float *rows[kRowsPerStep]; // past the end: the last row again, not looked at
						for (std::size_t r = 0; r < kRowsPerStep; r++)
							rows[r] = base_.row(block + std::min(step + r, count - 1));
						dot_block_(rows, packed.data() + p * dims, j, std::min(dims, j + kPieceDims), &dots[step]);
					}
				const std::size_t lanes = std::min(kLanes, last - first - p * kLanes);
				offer(block, count, dots.data(), lanes, best.data() + p * kLanes);
			}
		}
		for (std::size_t q = first; q < last; q++)
			decide(q, best[q - first]);
	}

private:
	void offer(std::size_t block, std::size_t count, const Lanes *dots, std::size_t lanes, Candidates *best) const {
		for (std::size_t r = 0; r < count; r++)
			for (std::size_t lane = 0; lane < lanes; lane++) {
				const float score = offset_[block + r] - scale_[block + r] * dots[r].v[lane];
				if (score < best[lane].worst())
					best[lane].offer(score, static_cast<std::int32_t>(block + r));
			}
	}

	void decide(std::size_t q, const Candidates &best) {
		std::vector<Scored> exact;
		exact.reserve(best.all().size());
		for (const auto &candidate : best.all())
			exact.emplace_back(distance(q, candidate.second), candidate.second);
		std::sort(exact.begin(), exact.end());

		// Rows left out have a score of at least worst(). Their true score is at least that minus the rounding of a
		// dot product of `dims` terms, so they are out if the k-th nearest is better still.
		if (best.all().size() < base_.rows) {
			const double query_norm = std::sqrt(dot_double(queries_.row(q), queries_.row(q), base_.dims));
			const double unit = metric_ == Metric::kCosine ? query_norm : query_norm * max_norm_;
			const double terms = static_cast<double>(base_.dims) + 8;
			double slack = terms * FLT_EPSILON * unit * (metric_ == Metric::kL2 ? 2 : 1);
			if (metric_ == Metric::kL2)
				slack += 4 * FLT_EPSILON * max_norm_ * max_norm_;
			if (!(score_of(q, exact[k_ - 1].first, query_norm) < best.worst() - slack)) {
				exact.clear();
				for (std::size_t i = 0; i < base_.rows; i++)
					exact.emplace_back(distance(q, static_cast<std::int32_t>(i)), static_cast<std::int32_t>(i));
				std::partial_sort(exact.begin(), exact.begin() + static_cast<std::ptrdiff_t>(k_), exact.end());
			}
		}
		for (std::size_t i = 0; i < k_; i++) {
			out_.ids[q * k_ + i] = exact[i].second;
			out_.distances[q * k_ + i] = exact[i].first;
		}
	}

	double distance(std::size_t q, std::int32_t row) const {
		return exact_distance(metric_, queries_.row(q), base_.row(static_cast<std::size_t>(row)), base_.dims);
	}

	// The score (see the constructor) that belongs to a distance.
	double score_of(std::size_t, double distance, double query_norm) const {
		switch (metric_) {
		case Metric::kL2:
			return distance * distance - query_norm * query_norm;
		case Metric::kInnerProduct:
			return distance;
		case Metric::kCosine:
			return (distance - 1) * query_norm;
		}
		return distance;
	}

	const Matrix &base_;
	const Matrix &queries_;
	const std::size_t k_;
	const Metric metric_;
	Neighbors &out_;
	const DotBlock dot_block_ = choose_dot_block();
	std::vector<double> norms_;
	std::vector<float> offset_, scale_;
	double max_norm_ = 0;
};

// A checksum to recognise the same vectors again; not against malice.
std::uint64_t checksum(const Matrix &matrix, std::uint64_t seed) {
	std::uint64_t h = seed ^ (matrix.rows * 0x9e3779b97f4a7c15ULL) ^ (matrix.dims << 32);
	const char *at = reinterpret_cast<const char *>(matrix.data.data());
	const std::size_t size = matrix.data.size() * sizeof(float);
	for (std::size_t i = 0; i < size; i += 8) {
		std::uint64_t word = 0;
		std::memcpy(&word, at + i, std::min<std::size_t>(8, size - i));
		h = (h ^ word) * 0xff51afd7ed558ccdULL;
		h ^= h >> 32;
	}
	return h;
}

struct CacheHead {
	char magic[8];
	std::uint64_t checksum;
	std::uint32_t metric, reserved;
	std::uint64_t queries, k;
};
constexpr char kCacheMagic[8] = {'R', 'V', 'E', 'X', 'A', 'C', 'T', '1'};

struct FileClose {
	void operator()(std::FILE *file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileClose>;

bool load_cache(const std::string &path, const CacheHead &want, Neighbors &out) {
	const File file(std::fopen(path.c_str(), "rb"));
	CacheHead have;
	if (!file || std::fread(&have, sizeof have, 1, file.get()) != 1 || std::memcmp(&have, &want, sizeof have) != 0)
		return false;
	return std::fread(out.ids.data(), sizeof(std::int32_t), out.ids.size(), file.get()) == out.ids.size() &&
		   std::fread(out.distances.data(), sizeof(double), out.distances.size(), file.get()) == out.distances.size();
}

// Through a temporary name, so that an interrupted run leaves no half file. A cache that cannot be written is no error.
void store_cache(const std::string &path, const CacheHead &head, const Neighbors &neighbors) {
	const std::string temporary = path + ".new";
	bool good = false;
	{
		const File file(std::fopen(temporary.c_str(), "wb"));
		good = file && std::fwrite(&head, sizeof head, 1, file.get()) == 1 &&
			   std::fwrite(neighbors.ids.data(), sizeof(std::int32_t), neighbors.ids.size(), file.get()) ==
				   neighbors.ids.size() &&
			   std::fwrite(neighbors.distances.data(), sizeof(double), neighbors.distances.size(), file.get()) ==
				   neighbors.distances.size() &&
			   std::fflush(file.get()) == 0;
	}
	if (!good || std::rename(temporary.c_str(), path.c_str()) != 0)
		std::remove(temporary.c_str());
}

} // namespace

double exact_distance(Metric metric, const float *a, const float *b, std::size_t dims) {
	if (metric == Metric::kL2) {
		double sum = 0;
		for (std::size_t j = 0; j < dims; j++) {
			const double diff = static_cast<double>(a[j]) - static_cast<double>(b[j]);
			sum += diff * diff;
		}
		return std::sqrt(sum);
	}
	const double dot = dot_double(a, b, dims);
	if (metric == Metric::kInnerProduct)
		return -dot;
	const double norms = std::sqrt(dot_double(a, a, dims)) * std::sqrt(dot_double(b, b, dims));
	return norms > 0 ? 1 - dot / norms : 1;
}

Neighbors exact_neighbors(const Matrix &base, const Matrix &queries, std::size_t k, Metric metric, unsigned threads,
						  const ExactProgress &progress) {
	if (base.dims != queries.dims || k == 0 || base.rows < k)
		throw std::invalid_argument("exact_neighbors: dimensions differ, or fewer rows than neighbors wanted");
	Neighbors out;
	out.queries = queries.rows;
	out.k = k;
	out.ids.resize(queries.rows * k);
	out.distances.resize(queries.rows * k);

	Scan scan(base, queries, k, metric, out);
	if (threads == 0)
		threads = std::max(1U, std::thread::hardware_concurrency());
	// Small jobs are cut finer, so that no thread is idle.
	const std::size_t share = (queries.rows + threads - 1) / threads;
	const std::size_t step = std::clamp<std::size_t>((share + kLanes - 1) / kLanes * kLanes, kLanes, kPanels * kLanes);
	std::atomic<std::size_t> next{0};
	std::mutex report;
	std::size_t done = 0;
	auto work = [&] {
		for (;;) {
			const std::size_t first = next.fetch_add(step);
			if (first >= queries.rows)
				return;
			const std::size_t last = std::min(queries.rows, first + step);
			scan.run(first, last);
			const std::lock_guard<std::mutex> lock(report);
			done += last - first;
			if (progress)
				progress(done, queries.rows);
		}
	};
	std::vector<std::thread> pool;
	for (unsigned t = 1; t < threads; t++)
		pool.emplace_back(work);
	work();
	for (auto &thread : pool)
		thread.join();
	return out;
}

Neighbors exact_neighbors_cached(const std::string &cache, const Matrix &base, const Matrix &queries, std::size_t k,
								 Metric metric, unsigned threads, const ExactProgress &progress, bool *from_cache) {
	CacheHead head{};
	std::memcpy(head.magic, kCacheMagic, sizeof head.magic);
	head.checksum = checksum(queries, checksum(base, 1));
	head.metric = static_cast<std::uint32_t>(metric);
	head.queries = queries.rows;
	head.k = k;

	Neighbors out;
	out.queries = queries.rows;
	out.k = k;
	out.ids.resize(queries.rows * k);
	out.distances.resize(queries.rows * k);
	const bool hit = load_cache(cache, head, out);
	if (from_cache != nullptr)
		*from_cache = hit;
	if (hit)
		return out;
	out = exact_neighbors(base, queries, k, metric, threads, progress);
	store_cache(cache, head, out);
	return out;
}

double recall(const Matrix &base, const Matrix &queries, const Neighbors &truth, Metric metric,
			  const std::vector<std::int64_t> &found, std::size_t width, std::size_t k) {
	if (k > truth.k || k > width || found.size() < truth.queries * width)
		throw std::invalid_argument("recall: more neighbors wanted than were computed or returned");
	std::size_t hits = 0;
	for (std::size_t q = 0; q < truth.queries; q++) {
		const double limit = truth.distances_of(q)[k - 1];
		const std::int64_t *mine = found.data() + q * width;
		for (std::size_t i = 0; i < k; i++) {
			if (mine[i] < 0 || static_cast<std::size_t>(mine[i]) >= base.rows ||
				std::find(mine, mine + i, mine[i]) != mine + i)
				continue;
			hits +=
				exact_distance(metric, queries.row(q), base.row(static_cast<std::size_t>(mine[i])), base.dims) <= limit;
		}
	}
	return truth.queries == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(truth.queries * k);
}

} // namespace ruvector::bench
