// bench/src/memory_worker.hpp - the commands of a system that runs inside the process: build, search, insert.
#pragma once

#include "worker.hpp"

namespace ruvector::bench {

// What a library has to offer. Vectors handed over are normalised already where the metric is cosine.
class MemoryIndex {
public:
	virtual ~MemoryIndex() = default;
	virtual std::string version() const = 0;
	virtual void build(const float *rows, size_t count) = 0;
	virtual void add(const float *row, int64_t id) = 0;
	virtual void set_ef(size_t ef) = 0;
	virtual void search(const float *query, size_t k, std::vector<int64_t> &ids) = 0;
	virtual void save(const std::string &path) = 0;
	virtual void load(const std::string &path, size_t room) = 0;
};

class MemoryWorker {
public:
	MemoryWorker(const Options &options, MemoryIndex &index) : options_(options), index_(index) {
		open_data(data_, options_);
		queries_.resize(data_.query.rows() * data_.dim());
		for (size_t i = 0; i < data_.query.rows(); i++)
			copy(data_.query.row(i), &queries_[i * data_.dim()]);
	}

	std::string handle(const std::string &command, std::istringstream &in) {
		if (command == "version")
			return Json().str("version", index_.version()).text();
		if (command == "build")
			return build();
		if (command == "load") {
			index_.load(options_.at("index"), data_.base.rows() + data_.query.rows());
			return Json().num("ok", 1).text();
		}
		if (command == "search")
			return search(in);
		if (command == "insert")
			return insert(in);
		throw std::runtime_error("unknown command: " + command);
	}

private:
	void copy(const float *from, float *to) const {
		double norm = 0;
		for (size_t i = 0; i < data_.dim(); i++)
			norm += static_cast<double>(from[i]) * from[i];
		float scale = data_.metric == Metric::kCosine && norm > 0 ? static_cast<float>(1 / std::sqrt(norm)) : 1;
		for (size_t i = 0; i < data_.dim(); i++)
			to[i] = from[i] * scale;
	}

	std::string build() {
		std::vector<float> rows(data_.base.rows() * data_.dim());
		for (size_t i = 0; i < data_.base.rows(); i++)
			copy(data_.base.row(i), &rows[i * data_.dim()]);
		double start = wall_seconds(), cpu = own_cpu_seconds(), memory = own_memory("RssAnon");
		index_.build(rows.data(), data_.base.rows());
		Json json;
		json.num("seconds", wall_seconds() - start).num("cpu_seconds", own_cpu_seconds() - cpu);
		json.num("memory_bytes", own_memory("RssAnon") - memory);
		std::vector<float>().swap(rows);
		index_.save(options_.at("index"));
		struct stat st;
		if (stat(options_.at("index").c_str(), &st) != 0)
			throw std::runtime_error("the index was not saved");
		return json.num("index_bytes", static_cast<double>(st.st_size)).text();
	}

	std::string search(std::istringstream &in) {
		size_t count = 0, k = 0, ef = 0, clients = 1;
		in >> count >> k >> ef >> clients;
		count = std::min(count, data_.truth.rows());
		index_.set_ef(ef);
		Answers answers(count * clients);
		for (auto &answer : answers)
			answer.reserve(k);
		Json json = timed_loop(
			count, own_cpu_seconds, [&](size_t i) { index_.search(&queries_[i % count * data_.dim()], k, answers[i]); },
			clients);
		answers.resize(count);
		add_recall(json, data_, k, 0, answers);
		return json.text();
	}

	std::string insert(std::istringstream &in) {
		size_t first = 0, count = 0;
		in >> first >> count;
		count = std::min(count, data_.query.rows() - std::min(first, data_.query.rows()));
		return timed_loop(count, own_cpu_seconds,
						  [&](size_t i) {
							  index_.add(&queries_[(first + i) * data_.dim()],
										 static_cast<int64_t>(data_.base.rows() + first + i));
						  })
			.text();
	}

	Options options_;
	MemoryIndex &index_;
	DataSet data_;
	std::vector<float> queries_;
};

template <typename Index>
int memory_main(int argc, char **argv) {
	try {
		Options options = parse_options(argc, argv);
		Index index(options);
		MemoryWorker worker(options, index);
		return serve([&](const std::string &command, std::istringstream &in) { return worker.handle(command, in); });
	} catch (const std::exception &e) {
		std::cout << Json().str("error", e.what()).text() << std::endl;
		return 1;
	}
}

} // namespace ruvector::bench
