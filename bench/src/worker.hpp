// bench/src/worker.hpp - what the measuring programs share: data files, exact truth, one timed loop, line protocol.
//
// A worker is one system under test in a process of its own. It reads one command a line from stdin and answers with
// one line of JSON, so bench/run.py can interleave the systems without paying for a new session each time.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace ruvector::bench {

enum class Metric { kL2, kCosine, kIp };

inline Metric parse_metric(const std::string &name) {
	if (name == "l2")
		return Metric::kL2;
	if (name == "cosine")
		return Metric::kCosine;
	if (name == "ip")
		return Metric::kIp;
	throw std::runtime_error("unknown metric: " + name);
}

// A .fvecs or .ivecs file, mapped: every row is an int32 count and then so many 4-byte values.
template <typename T>
class Vecs {
public:
	Vecs() = default;
	Vecs(const Vecs &) = delete;
	Vecs &operator=(const Vecs &) = delete;

	void open(const std::string &path, size_t limit) {
		static_assert(sizeof(T) == 4, "rows of 4-byte values");
		int fd = ::open(path.c_str(), O_RDONLY);
		struct stat st;
		if (fd < 0 || fstat(fd, &st) != 0)
			throw std::runtime_error("cannot open " + path);
		size_t bytes = static_cast<size_t>(st.st_size);
		void *map = bytes >= 8 ? mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0) : MAP_FAILED;
		close(fd);
		if (map == MAP_FAILED)
			throw std::runtime_error("cannot map " + path);
		data_ = static_cast<const char *>(map);
		int32_t width;
		memcpy(&width, data_, sizeof(width));
		if (width <= 0 || bytes % ((static_cast<size_t>(width) + 1) * 4) != 0)
			throw std::runtime_error(path + " is no fvecs or ivecs file");
		width_ = static_cast<size_t>(width);
		rows_ = std::min(bytes / ((width_ + 1) * 4), limit ? limit : SIZE_MAX);
	}

	size_t rows() const { return rows_; }
	size_t width() const { return width_; }
	const T *row(size_t i) const { return reinterpret_cast<const T *>(data_ + i * (width_ + 1) * 4 + 4); }

private:
	const char *data_ = nullptr;
	size_t rows_ = 0;
	size_t width_ = 0;
};

// Smaller is nearer, in every metric.
inline double exact_distance(Metric metric, const float *a, const float *b, size_t dim) {
	double dot = 0, aa = 0, bb = 0, l2 = 0;
	for (size_t i = 0; i < dim; i++) {
		double x = a[i], y = b[i];
		dot += x * y;
		aa += x * x;
		bb += y * y;
		l2 += (x - y) * (x - y);
	}
	if (metric == Metric::kL2)
		return l2;
	if (metric == Metric::kIp)
		return -dot;
	return 1 - dot / std::sqrt(aa * bb);
}

// The rows that the VACUUM stage deletes and a filter leaves out: the same in SQL,
// `(id * 2654435761) % 4294967296 < threshold`.
inline bool deleted(int64_t id, uint64_t threshold) {
	return (static_cast<uint64_t>(id) * UINT64_C(2654435761)) % UINT64_C(4294967296) < threshold;
}

struct DataSet {
	Vecs<float> base;
	Vecs<float> query;
	Vecs<int32_t> truth;
	Metric metric = Metric::kL2;

	size_t dim() const { return base.width(); }

	// The k true neighbours of query q that are still there.
	const std::vector<int32_t> &nearest(size_t q, size_t k, uint64_t threshold) const {
		const auto known = known_.find({q, k, threshold});
		if (known != known_.end())
			return known->second;
		std::vector<int32_t> found;
		for (size_t i = 0; i < truth.width() && found.size() < k; i++)
			if (!deleted(truth.row(q)[i], threshold))
				found.push_back(truth.row(q)[i]);
		if (found.size() < k)
			found = nearest_of_all(q, k, threshold);
		return known_[{q, k, threshold}] = found;
	}

private:
	std::vector<int32_t> nearest_of_all(size_t q, size_t k, uint64_t threshold) const {
		std::vector<std::pair<double, int32_t>> all;
		for (size_t id = 0; id < base.rows(); id++)
			if (!deleted(static_cast<int64_t>(id), threshold))
				all.emplace_back(exact_distance(metric, base.row(id), query.row(q), dim()), static_cast<int32_t>(id));
		if (all.size() < k)
			throw std::runtime_error("fewer rows are left than are asked for");
		std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(k), all.end());
		std::vector<int32_t> found;
		for (size_t i = 0; i < k; i++)
			found.push_back(all[i].second);
		return found;
	}

	mutable std::map<std::tuple<size_t, size_t, uint64_t>, std::vector<int32_t>> known_; // of query, k, threshold
};

// Hits among the k true neighbours of query q that are still there. An answer as near as the last true one counts:
// ties.
inline size_t count_hits(const DataSet &data, size_t q, size_t k, uint64_t threshold,
						 const std::vector<int64_t> &found) {
	const std::vector<int32_t> &want = data.nearest(q, k, threshold);
	double last = exact_distance(data.metric, data.base.row(want[k - 1]), data.query.row(q), data.dim());
	size_t hits = 0;
	std::vector<int64_t> seen;
	for (int64_t id : found) {
		if (std::find(seen.begin(), seen.end(), id) != seen.end())
			continue; // an index that answers the same row twice gets no credit for it
		seen.push_back(id);
		if (id < 0 || static_cast<size_t>(id) >= data.base.rows() || deleted(id, threshold))
			continue;
		if (std::find(want.begin(), want.end(), static_cast<int32_t>(id)) != want.end() ||
			exact_distance(data.metric, data.base.row(id), data.query.row(q), data.dim()) <=
				last + 1e-6 * std::fabs(last))
			hits++;
	}
	return std::min(hits, k);
}

inline double wall_seconds() {
	using namespace std::chrono;
	return duration<double>(steady_clock::now().time_since_epoch()).count();
}

inline double own_cpu_seconds() {
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
		   1e-6 * static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

// A line of /proc/self/status in bytes, 0 where there is none.
inline double own_memory(const char *field) {
	double kib = 0;
	char line[256];
	if (FILE *f = fopen("/proc/self/status", "r")) {
		const size_t width = strlen(field);
		while (fgets(line, sizeof(line), f))
			if (strncmp(line, field, width) == 0 && line[width] == ':')
				kib = atof(line + width + 1);
		fclose(f);
	}
	return kib * 1024;
}

// One JSON object, one line.
class Json {
public:
	Json &num(const char *key, double value) {
		char buf[64];
		snprintf(buf, sizeof(buf), "%.9g", value);
		return raw(key, buf);
	}
	Json &str(const char *key, const std::string &value) { return raw(key, quote(value)); }
	Json &raw(const char *key, const std::string &value) {
		out_ += out_.empty() ? "" : ", ";
		out_ += quote(key) + ": " + value;
		return *this;
	}
	std::string text() const { return "{" + out_ + "}"; }

	static std::string quote(const std::string &s) {
		std::string out = "\"";
		for (char c : s) {
			if (c == '"' || c == '\\')
				out += '\\';
			if (static_cast<unsigned char>(c) < 0x20) {
				char buf[8];
				snprintf(buf, sizeof(buf), "\\u%04x", c);
				out += buf;
			} else {
				out += c;
			}
		}
		return out + "\"";
	}

private:
	std::string out_;
};

// Times one call per item and says what a client sees: one after the other, or the same by each of several clients.
inline Json timed_loop(size_t count, const std::function<double()> &cpu, const std::function<void(size_t)> &call,
					   size_t clients = 1) {
	std::vector<double> took(count * clients);
	const auto one_client = [&](size_t client) {
		double last = wall_seconds();
		for (size_t i = 0; i < count; i++) {
			call(client * count + i);
			double now = wall_seconds();
			took[client * count + i] = now - last;
			last = now;
		}
	};
	double cpu0 = cpu(), start = wall_seconds();
	std::vector<std::thread> others;
	for (size_t client = 1; client < clients; client++)
		others.emplace_back(one_client, client);
	one_client(0);
	for (auto &other : others)
		other.join();
	double wall = wall_seconds() - start, used = cpu() - cpu0;
	count *= clients;
	std::sort(took.begin(), took.end());
	auto at = [&](double p) {
		return count ? 1e6 * took[std::min(count - 1, static_cast<size_t>(p * static_cast<double>(count)))] : 0;
	};
	Json json;
	json.num("count", static_cast<double>(count)).num("seconds", wall);
	json.num("qps", wall > 0 ? static_cast<double>(count) / wall : 0);
	json.num("p50_us", at(0.50)).num("p95_us", at(0.95)).num("p99_us", at(0.99));
	json.num("cpu_us", count ? 1e6 * used / static_cast<double>(count) : 0);
	return json;
}

using Answers = std::vector<std::vector<int64_t>>;

// Recall over the queries and its standard error (queries differ more than answers do).
inline void add_recall(Json &json, const DataSet &data, size_t k, uint64_t threshold, const Answers &answers) {
	double sum = 0, squares = 0;
	for (size_t q = 0; q < answers.size(); q++) {
		double r = static_cast<double>(count_hits(data, q, k, threshold, answers[q])) / static_cast<double>(k);
		sum += r;
		squares += r * r;
	}
	double n = static_cast<double>(std::max<size_t>(answers.size(), 1)), mean = sum / n;
	json.num("recall", mean).num("recall_se", std::sqrt(std::max(0.0, squares / n - mean * mean) / n));
}

using Options = std::map<std::string, std::string>;

inline Options parse_options(int argc, char **argv) {
	Options options;
	for (int i = 1; i < argc; i++) {
		std::string arg = argv[i];
		size_t eq = arg.find('=');
		if (arg.compare(0, 2, "--") != 0 || eq == std::string::npos)
			throw std::runtime_error("expected --name=value, got " + arg);
		options[arg.substr(2, eq - 2)] = arg.substr(eq + 1);
	}
	return options;
}

inline size_t number(const Options &options, const char *name, size_t otherwise) {
	auto it = options.find(name);
	return it == options.end() ? otherwise : static_cast<size_t>(std::stoull(it->second));
}

inline void open_data(DataSet &data, const Options &options) {
	data.base.open(options.at("base"), number(options, "rows", 0));
	data.query.open(options.at("query"), 0);
	if (options.count("truth"))
		data.truth.open(options.at("truth"), 0);
	data.metric = parse_metric(options.at("metric"));
	if (data.base.width() != data.query.width())
		throw std::runtime_error("base and query differ in dimensions");
}

using Handler = std::function<std::string(const std::string &command, std::istringstream &arguments)>;

// Answers commands until stdin ends. An error is an answer too: {"error": "..."}.
inline int serve(const Handler &handler) {
	std::string line;
	while (std::getline(std::cin, line)) {
		std::istringstream in(line);
		std::string command, answer;
		in >> command;
		try {
			answer = handler(command, in);
		} catch (const std::exception &e) {
			answer = Json().str("error", e.what()).text();
		}
		std::cout << answer << std::endl;
	}
	return 0;
}

} // namespace ruvector::bench
