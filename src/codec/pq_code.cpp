// codec/pq_code.cpp - product quantization. The query's table has its inner product with each centroid of each
// subspace; that with a code is a sum of look-ups.
//
// The state: a float, by which the errors of estimates were larger than they would be in random directions (measured
// by training), then for each subspace its centroids, coordinate by coordinate, so that loops run over centroids.
#include "vector_code.hpp"

namespace ruvector::codec::pq_code {

namespace {

struct Factors {
	float factor, norm_sq;
	float error; // |x - f x_hat|
};
static_assert(sizeof(Factors) == 12);

Factors factors(const uint8_t *code) noexcept {
	Factors f;
	std::memcpy(&f, code, sizeof(f));
	return f;
}

inline uint32_t index_of(const VectorCodec &codec, const uint8_t *code, uint32_t m) noexcept {
	if (codec.pq_bits == 8)
		return code[sizeof(Factors) + m];
	return code[sizeof(Factors) + m / 2] >> (m % 2 * 4) & 15u;
}

// best[k] for k below n (a multiple of 4) = the squared distance, or the inner product, of x with centroid k.
template <bool kDistance>
void compare(const float *x, const float *book, uint32_t sub_dims, uint32_t n, float *out) noexcept {
	for (uint32_t k = 0; k < n; k += 4) {
		Float4 sum = {};
		for (uint32_t d = 0; d < sub_dims; d++) {
			Float4 c;
			std::memcpy(&c, book + size_t(d) * n + k, sizeof(c));
			const Float4 all = {x[d], x[d], x[d], x[d]};
			const Float4 difference = all - c;
			sum += kDistance ? difference * difference : all * c;
		}
		std::memcpy(out + k, &sum, sizeof(sum));
	}
}

} // namespace

size_t state_bytes(const VectorCodec &codec) noexcept {
	return (1 + (size_t(codec.dims) << codec.pq_bits)) * sizeof(float);
}

size_t code_bytes(const VectorCodec &codec) noexcept {
	const size_t indexes = (size_t(codec.pq_subspaces) * codec.pq_bits + 7) / 8;
	return sizeof(Factors) + (indexes + 3) / 4 * 4;
}

size_t query_bytes(const VectorCodec &codec) noexcept {
	return kQueryData + (size_t(codec.pq_subspaces) << codec.pq_bits) * sizeof(float);
}

void encode(const VectorCodec &codec, const float *x, uint8_t *code) noexcept {
	const uint32_t clusters = 1u << codec.pq_bits;
	std::memset(code, 0, pq_code::code_bytes(codec));
	Factors f = {0.0f, norm_squared(x, codec.dims), 0.0f};
	if (!finite(f.norm_sq)) {
		f.norm_sq = std::numeric_limits<float>::infinity();
		std::memcpy(code, &f, sizeof(f));
		return;
	}
	const float *books = codebooks(codec);
	float dot = 0.0f, hat_sq = 0.0f, compared[256];
	for (uint32_t m = 0; m < codec.pq_subspaces; m++) {
		const Subspace s = subspace(codec, m);
		const float *book = books + size_t(s.begin) * clusters;
		compare<true>(x + s.begin, book, s.dims, clusters, compared);
		uint32_t best = 0;
		for (uint32_t k = 1; k < clusters; k++)
			if (compared[k] < compared[best])
				best = k;
		uint8_t *at = code + sizeof(f) + (codec.pq_bits == 8 ? m : m / 2);
		*at = static_cast<uint8_t>(*at | best << (codec.pq_bits == 8 ? 0 : m % 2 * 4));
		for (uint32_t d = 0; d < s.dims; d++) {
			const float c = book[size_t(d) * clusters + best];
			dot += x[s.begin + d] * c;
			hat_sq += c * c;
		}
	}
	if (f.norm_sq > 0.0f) {
		f.factor = correction(f.norm_sq, dot);
		const float error_sq = f.norm_sq + f.factor * (f.factor * hat_sq - 2.0f * dot);
		f.error = error_sq > 0.0f ? std::sqrt(error_sq) : 0.0f;
	}
	std::memcpy(code, &f, sizeof(f));
}

// The centroids themselves: f is for inner products, and would make the vector too long.
void decode(const VectorCodec &codec, const uint8_t *code, float *x) noexcept {
	const uint32_t clusters = 1u << codec.pq_bits;
	const float *books = codebooks(codec);
	for (uint32_t m = 0; m < codec.pq_subspaces; m++) {
		const Subspace s = subspace(codec, m);
		const float *centroid = books + size_t(s.begin) * clusters + index_of(codec, code, m);
		for (uint32_t d = 0; d < s.dims; d++)
			x[s.begin + d] = centroid[size_t(d) * clusters];
	}
}

void prepare(const VectorCodec &codec, const float *q, uint8_t *table) noexcept {
	const uint32_t clusters = 1u << codec.pq_bits;
	QueryHead head = {norm_squared(q, codec.dims), 0.0f, 0.0f};
	float *entries = reinterpret_cast<float *>(table + kQueryData);
	if (finite(head.norm_sq)) {
		const float *books = codebooks(codec);
		for (uint32_t m = 0; m < codec.pq_subspaces; m++) {
			const Subspace s = subspace(codec, m);
			compare<false>(q + s.begin, books + size_t(s.begin) * clusters, s.dims, clusters,
						   entries + size_t(m) * clusters);
		}
	} else {
		head.norm_sq = std::numeric_limits<float>::infinity();
		std::memset(entries, 0, pq_code::query_bytes(codec) - kQueryData);
	}
	std::memcpy(table, &head, sizeof(head));
}

Product dot(const VectorCodec &codec, const uint8_t *table, const uint8_t *code) noexcept {
	const Factors f = factors(code);
	const float *entries = reinterpret_cast<const float *>(table + kQueryData);
	const uint8_t *index = code + sizeof(f);
	float sum[8] = {};
	const uint32_t n = codec.pq_subspaces;
	uint32_t m = 0;
	if (codec.pq_bits == 8)
		for (; m + 8 <= n; m += 8, entries += 8 * 256, index += 8)
			for (uint32_t k = 0; k < 8; k++)
				sum[k] += entries[k * 256 + index[k]];
	else
		for (; m + 8 <= n; m += 8, entries += 8 * 16, index += 4)
			for (uint32_t k = 0; k < 4; k++) {
				sum[k] += entries[2 * k * 16 + (index[k] & 15)];
				sum[k + 4] += entries[(2 * k + 1) * 16 + (index[k] >> 4)];
			}
	for (; m < n; m++, entries += size_t(1) << codec.pq_bits)
		sum[0] += entries[index_of(codec, code, m)];
	const float total = ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
	return {f.factor * total, f.norm_sq, error_of(codec, code), 0.0f};
}

Lane lane(const uint8_t *code) noexcept {
	const Factors f = factors(code);
	return {code + sizeof(f), f.factor, f.norm_sq, 0.0f};
}

float error_of(const VectorCodec &codec, const uint8_t *code) noexcept {
	return factors(code).error * error_scale(codec);
}

// The inner products are rounded to 8 bits of the widest subspace's range.
QueryHead prepare_blocks(const VectorCodec &codec, const float *q, QueryTable &table) noexcept {
	constexpr uint32_t kClusters = 16;
	const float *books = codebooks(codec);
	QueryHead head = {norm_squared(q, codec.dims), 0.0f, 0.0f};
	table.delta = table.offset = 0.0f;
	float products[kClusters], range = 0.0f;
	auto compare_in = [&](uint32_t m) {
		const Subspace s = subspace(codec, m);
		compare<false>(q + s.begin, books + size_t(s.begin) * kClusters, s.dims, kClusters, products);
		float low = products[0], high = products[0];
		for (float p : products) {
			low = p < low ? p : low;
			high = p > high ? p : high;
		}
		range = high - low > range ? high - low : range;
		return low;
	};
	for (uint32_t m = 0; m < codec.pq_subspaces; m++)
		table.offset += compare_in(m);
	const float inverse = 255.0f / range;
	if (!finite(head.norm_sq) || !finite(table.offset) || !finite(inverse)) {
		std::memset(table.lut, 0, size_t(codec.pq_subspaces) * kClusters);
		if (!finite(head.norm_sq))
			head.norm_sq = std::numeric_limits<float>::infinity();
		table.offset = finite(table.offset) ? table.offset : 0.0f;
		return head;
	}
	table.delta = range / 255.0f;
	for (uint32_t m = 0; m < codec.pq_subspaces; m++) {
		const float low = compare_in(m);
		for (uint32_t k = 0; k < kClusters; k++)
			table.lut[m * kClusters + k] = static_cast<uint8_t>((products[k] - low) * inverse + 0.5f);
	}
	return head;
}

// |a| |b| and the cosine of the angle between the two reproductions; their lengths times f are the square roots of
// |a|^2 + |e|^2.
CodePair code_dot(const VectorCodec &codec, const uint8_t *a, const uint8_t *b) noexcept {
	const uint32_t clusters = 1u << codec.pq_bits;
	const Factors fa = factors(a), fb = factors(b);
	const float *books = codebooks(codec);
	float dot = 0.0f;
	for (uint32_t m = 0; m < codec.pq_subspaces; m++) {
		const Subspace s = subspace(codec, m);
		const float *book = books + size_t(s.begin) * clusters;
		const float *ca = book + index_of(codec, a, m), *cb = book + index_of(codec, b, m);
		for (uint32_t d = 0; d < s.dims; d++)
			dot += ca[size_t(d) * clusters] * cb[size_t(d) * clusters];
	}
	const float lengths = std::sqrt(fa.norm_sq + fa.error * fa.error) * std::sqrt(fb.norm_sq + fb.error * fb.error);
	const float norms = std::sqrt(fa.norm_sq) * std::sqrt(fb.norm_sq);
	const float cosine = lengths > 0.0f && finite(lengths) ? fa.factor * fb.factor * dot / lengths : 0.0f;
	return {finite(norms) ? norms * cosine : 0.0f, fa.norm_sq, fb.norm_sq, 0.0f};
}

float norm_squared_of(const uint8_t *code) noexcept {
	return factors(code).norm_sq;
}

} // namespace ruvector::codec::pq_code
