// bench/lib/idx.cpp - reads the IDX files of the MNIST family. zlib's gz functions also read plain files.
#include "idx.hpp"

#include <zlib.h>

#include <memory>
#include <stdexcept>

namespace ruvector::bench {

namespace {

struct GzClose {
	void operator()(gzFile_s *file) const { gzclose(file); }
};

void read_fully(gzFile file, void *into, std::size_t size, const std::string &path) {
	auto *at = static_cast<unsigned char *>(into);
	while (size > 0) {
		const unsigned chunk = size > (1U << 24) ? (1U << 24) : static_cast<unsigned>(size);
		const int got = gzread(file, at, chunk);
		if (got <= 0)
			throw std::runtime_error(path + ": file ends early or is damaged");
		at += got;
		size -= static_cast<std::size_t>(got);
	}
}

std::uint32_t read_be32(gzFile file, const std::string &path) {
	unsigned char b[4];
	read_fully(file, b, sizeof b, path);
	return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

} // namespace

IdxArray read_idx(const std::string &path) {
	std::unique_ptr<gzFile_s, GzClose> file(gzopen(path.c_str(), "rb"));
	if (!file)
		throw std::runtime_error(path + ": cannot be opened");
	gzbuffer(file.get(), 1U << 18);

	// 0, 0, the element type (8 is unsigned byte), the number of dimensions.
	const std::uint32_t magic = read_be32(file.get(), path);
	const std::uint32_t ndims = magic & 0xff;
	if ((magic >> 8) != 8 || ndims < 1 || ndims > 4)
		throw std::runtime_error(path + ": not an IDX file of unsigned bytes");

	IdxArray out;
	std::uint64_t total = 1;
	for (std::uint32_t i = 0; i < ndims; i++) {
		out.shape.push_back(read_be32(file.get(), path));
		total *= out.shape.back();
		if (total == 0 || total > (std::uint64_t{1} << 33))
			throw std::runtime_error(path + ": unlikely size in the header");
	}
	out.bytes.resize(total);
	read_fully(file.get(), out.bytes.data(), out.bytes.size(), path);
	return out;
}

Matrix idx_to_matrix(const IdxArray &array) {
	const std::size_t rows = array.shape.at(0);
	Matrix out(rows, array.bytes.size() / rows);
	for (std::size_t i = 0; i < array.bytes.size(); i++)
		out.data[i] = array.bytes[i];
	return out;
}

} // namespace ruvector::bench
