// bench/lib/vecs.cpp - reads .fvecs, .bvecs, .ivecs and .f16 files on a little-endian machine.
#include "vecs.hpp"

#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the vector files are little endian, and this reader does not swap"
#endif

namespace ruvector::bench {

namespace {

constexpr std::int32_t kMaxFileDims = 1 << 20;

struct FileClose {
	void operator()(std::FILE *file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileClose>;

File open_file(const std::string &path, const char *mode) {
	File file(std::fopen(path.c_str(), mode));
	if (!file)
		throw std::runtime_error(path + ": cannot be opened");
	return file;
}

std::uint64_t file_size(std::FILE *file) {
	std::fseek(file, 0, SEEK_END);
	const long size = std::ftell(file);
	std::fseek(file, 0, SEEK_SET);
	return size < 0 ? 0 : static_cast<std::uint64_t>(size);
}

bool ends_with(const std::string &text, const char *suffix) {
	const std::size_t n = std::strlen(suffix);
	return text.size() >= n && text.compare(text.size() - n, n, suffix) == 0;
}

void read_fully(std::FILE *file, void *into, std::size_t size, const std::string &path) {
	if (std::fread(into, 1, size, file) != size)
		throw std::runtime_error(path + ": file ends early");
}

// Calls put(row, values) for every row of a TEXMEX file, after start(rows, dims).
template <typename Element, typename Start, typename Put>
void read_texmex(const std::string &path, std::size_t max_rows, Start start, Put put) {
	const File file = open_file(path, "rb");
	const std::uint64_t size = file_size(file.get());
	std::int32_t dims = 0;
	read_fully(file.get(), &dims, sizeof dims, path);
	if (dims < 1 || dims > kMaxFileDims)
		throw std::runtime_error(path + ": unlikely number of dimensions");
	const std::uint64_t row_size = sizeof dims + sizeof(Element) * static_cast<std::uint64_t>(dims);
	if (size % row_size != 0)
		throw std::runtime_error(path + ": size is not a whole number of rows");
	std::size_t rows = size / row_size;
	if (max_rows != 0 && max_rows < rows)
		rows = max_rows;

	start(rows, static_cast<std::size_t>(dims));
	std::vector<Element> values(static_cast<std::size_t>(dims));
	for (std::size_t i = 0; i < rows; i++) {
		std::int32_t here = dims; // of the first row it has been read already
		if (i > 0)
			read_fully(file.get(), &here, sizeof here, path);
		if (here != dims)
			throw std::runtime_error(path + ": rows of different lengths");
		read_fully(file.get(), values.data(), sizeof(Element) * values.size(), path);
		put(i, values);
	}
}

template <typename Element>
Matrix read_texmex_matrix(const std::string &path, std::size_t max_rows) {
	Matrix out;
	read_texmex<Element>(
		path, max_rows, [&](std::size_t rows, std::size_t dims) { out = Matrix(rows, dims); },
		[&](std::size_t i, const std::vector<Element> &values) {
			for (std::size_t j = 0; j < values.size(); j++)
				out.row(i)[j] = static_cast<float>(values[j]);
		});
	return out;
}

Matrix read_f16(const std::string &path, std::size_t max_rows) {
	const File file = open_file(path, "rb");
	const std::uint64_t size = file_size(file.get());
	std::int32_t head[2];
	read_fully(file.get(), head, sizeof head, path);
	if (head[0] < 1 || head[1] < 1 || head[1] > kMaxFileDims ||
		size != sizeof head + 2 * static_cast<std::uint64_t>(head[0]) * static_cast<std::uint64_t>(head[1]))
		throw std::runtime_error(path + ": the header does not fit the size");
	std::size_t rows = static_cast<std::size_t>(head[0]);
	if (max_rows != 0 && max_rows < rows)
		rows = max_rows;
	Matrix out(rows, static_cast<std::size_t>(head[1]));
	std::vector<std::uint16_t> halves(out.dims);
	for (std::size_t i = 0; i < rows; i++) {
		read_fully(file.get(), halves.data(), 2 * halves.size(), path);
		for (std::size_t j = 0; j < out.dims; j++)
			out.row(i)[j] = half_to_float(halves[j]);
	}
	return out;
}

template <typename Element>
void write_texmex(const std::string &path, std::size_t rows, std::size_t dims, const Element *data) {
	const File file = open_file(path, "wb");
	const auto d = static_cast<std::int32_t>(dims);
	bool good = true;
	for (std::size_t i = 0; i < rows; i++) {
		good = good && std::fwrite(&d, sizeof d, 1, file.get()) == 1;
		good = good && std::fwrite(data + i * dims, sizeof(Element), dims, file.get()) == dims;
	}
	if (!good || std::fflush(file.get()) != 0)
		throw std::runtime_error(path + ": cannot be written");
}

} // namespace

float half_to_float(std::uint16_t half) {
	const std::uint32_t sign = (half & 0x8000U) << 16;
	std::uint32_t exponent = (half >> 10) & 0x1fU;
	std::uint32_t mantissa = half & 0x3ffU;
	std::uint32_t bits;
	if (exponent == 0x1f) {
		bits = sign | 0x7f800000U | mantissa << 13;
	} else if (exponent == 0 && mantissa == 0) {
		bits = sign;
	} else {
		if (exponent == 0) { // subnormal: shift until the leading one is in its place
			exponent = 1;
			while ((mantissa & 0x400U) == 0) {
				mantissa <<= 1;
				exponent--; // may wrap; the sum below is right modulo 2^32
			}
			mantissa &= 0x3ffU;
		}
		bits = sign | (exponent + 112) << 23 | mantissa << 13;
	}
	float out;
	std::memcpy(&out, &bits, sizeof out);
	return out;
}

Matrix read_vectors(const std::string &path, std::size_t max_rows) {
	if (ends_with(path, ".fvecs"))
		return read_texmex_matrix<float>(path, max_rows);
	if (ends_with(path, ".bvecs"))
		return read_texmex_matrix<std::uint8_t>(path, max_rows);
	if (ends_with(path, ".f16"))
		return read_f16(path, max_rows);
	throw std::runtime_error(path + ": expected .fvecs, .bvecs or .f16");
}

IntRows read_ivecs(const std::string &path, std::size_t max_rows) {
	IntRows out;
	read_texmex<std::int32_t>(
		path, max_rows,
		[&](std::size_t rows, std::size_t dims) {
			out.rows = rows;
			out.width = dims;
			out.data.resize(rows * dims);
		},
		[&](std::size_t i, const std::vector<std::int32_t> &values) {
			std::memcpy(out.data.data() + i * out.width, values.data(), sizeof(std::int32_t) * out.width);
		});
	return out;
}

void write_fvecs(const std::string &path, const Matrix &matrix) {
	write_texmex(path, matrix.rows, matrix.dims, matrix.data.data());
}

void write_ivecs(const std::string &path, const IntRows &rows) {
	write_texmex(path, rows.rows, rows.width, rows.data.data());
}

} // namespace ruvector::bench
