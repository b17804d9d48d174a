// learning/bytes.hpp - numbers to little-endian bytes and back; reading checks everything.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "ruvector/error.hpp"

namespace ruvector::learning {

inline uint32_t crc32c(const uint8_t *data, size_t size, uint32_t crc = 0) {
	struct Table {
		uint32_t of[256];
		constexpr Table() : of() {
			for (uint32_t i = 0; i < 256; i++) {
				uint32_t c = i;
				for (int bit = 0; bit < 8; bit++)
					c = c & 1 ? (c >> 1) ^ 0x82F63B78u : c >> 1;
				of[i] = c;
			}
		}
	};
	static constexpr Table table;
	crc = ~crc;
	for (size_t i = 0; i < size; i++)
		crc = (crc >> 8) ^ table.of[(crc ^ data[i]) & 255];
	return ~crc;
}

class Writer {
public:
	std::vector<uint8_t> bytes;

	template <typename T>
	void integer(T value) {
		for (size_t i = 0; i < sizeof(T); i++)
			bytes.push_back(uint8_t(uint64_t(value) >> (8 * i)));
	}
	void f32(float value) {
		uint32_t bits;
		std::memcpy(&bits, &value, 4);
		integer(bits);
	}
	void f64(double value) {
		uint64_t bits;
		std::memcpy(&bits, &value, 8);
		integer(bits);
	}
	void text(const std::string &s) {
		integer(uint32_t(s.size()));
		bytes.insert(bytes.end(), s.begin(), s.end());
	}
	template <typename Vector>
	void f32s(const Vector &values) {
		bytes.reserve(bytes.size() + size_t(values.size()) * 4);
		for (decltype(values.size()) i = 0; i < values.size(); i++)
			f32(float(values[i]));
	}
};

class Reader {
public:
	Reader(const uint8_t *data, size_t size) : data_(data), left_(size) {}

	[[noreturn]] static void damaged(const std::string &what) {
		throw Error(ErrorKind::data_exception, "the stored policy is damaged: " + what);
	}
	size_t left() const { return left_; }

	template <typename T>
	T integer() {
		need(sizeof(T), 1);
		uint64_t value = 0;
		for (size_t i = 0; i < sizeof(T); i++)
			value |= uint64_t(data_[i]) << (8 * i);
		skip(sizeof(T));
		return T(value);
	}
	// An integer that must be in a range.
	template <typename T>
	T integer(T low, T high, const char *what) {
		T value = integer<T>();
		if (value < low || value > high)
			damaged(what);
		return value;
	}
	float f32() {
		uint32_t bits = integer<uint32_t>();
		float value;
		std::memcpy(&value, &bits, 4);
		if (!std::isfinite(value))
			damaged("a number is not finite");
		return value;
	}
	double f64() {
		uint64_t bits = integer<uint64_t>();
		double value;
		std::memcpy(&value, &bits, 8);
		if (!std::isfinite(value))
			damaged("a number is not finite");
		return value;
	}
	std::string text() {
		uint32_t size = integer<uint32_t>();
		need(size, 1);
		std::string s(reinterpret_cast<const char *>(data_), size);
		skip(size);
		return s;
	}
	template <typename Vector>
	void f32s(Vector &values) {
		need(size_t(values.size()), 4);
		for (decltype(values.size()) i = 0; i < values.size(); i++)
			values[i] = f32();
	}
	// Before something of `count` items, at least `each` bytes long, is allocated.
	void need(size_t count, size_t each) const {
		if (count > left_ / each)
			damaged("it is too short");
	}
	void end() const {
		if (left_ != 0)
			damaged("it is too long");
	}

private:
	void skip(size_t n) {
		data_ += n;
		left_ -= n;
	}
	const uint8_t *data_;
	size_t left_;
};

} // namespace ruvector::learning
