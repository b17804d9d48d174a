// api/codecs.cpp - codes of vectors as SQL values: quantize, reconstruct, distance.
//
// A code is a bytea: CodeHead, then the code of codec/vector_code.hpp. A codebook of pq is a bytea: BookHead, then the
// codec's state. Integers and floats are little endian, as everywhere in this extension's storage. Heads are checked
// against what the function is for, lengths against what the head says; then any bytes are safe to read.
//
// Page code style: nothing here has a destructor, so PostgreSQL errors may jump out anywhere.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "ruvector/codec/vector_code.hpp"
#include "ruvector/pg/boundary.hpp"
#include "ruvector/simd/kernels.hpp"
#include "ruvector/types/dense.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
}
#pragma GCC diagnostic pop

using namespace ruvector;
using codec::VectorCode;
using codec::VectorCodec;
using codec::VectorMetric;
using types::Vector;

namespace {

constexpr uint8_t kVersion = 1;
constexpr char kCodeMagic[2] = {'r', 'v'}, kBookMagic[2] = {'r', 'b'};

struct CodeHead {
	char magic[2];
	uint8_t kind, version;
	uint32_t dims;
	uint64_t origin; // binary: the seed; pq: the codebook's fingerprint; int8: 0
};
static_assert(sizeof(CodeHead) == 16);

struct BookHead {
	char magic[2];
	uint8_t bits, version;
	uint32_t dims;
	uint64_t fingerprint; // of the state
	uint16_t subspaces;
	uint16_t unused[3];
};
static_assert(sizeof(BookHead) == 24);

const char *name_of(VectorCode kind) {
	return kind == VectorCode::int8 ? "int8" : kind == VectorCode::binary ? "binary" : "pq";
}

// FNV-1a over 8 bytes at a time, finished so that all bits matter.
uint64_t fingerprint(const uint8_t *bytes, size_t n) {
	uint64_t hash = 0xcbf29ce484222325u;
	for (size_t i = 0; i < n; i += 8) {
		uint64_t word = 0;
		std::memcpy(&word, bytes + i, n - i < 8 ? n - i : 8);
		hash = (hash ^ word) * 0x100000001b3u;
		hash ^= hash >> 29;
	}
	return hash;
}

template <typename T = uint8_t>
T *aligned(size_t bytes) {
	const uintptr_t p = reinterpret_cast<uintptr_t>(MemoryContextAllocHuge(CurrentMemoryContext, bytes + 64));
	return reinterpret_cast<T *>((p + 63) / 64 * 64);
}

struct Bytes {
	const uint8_t *data;
	size_t size;
};

Bytes bytes_arg(Datum datum) {
	const bytea *value = DatumGetByteaPP(datum);
	return {reinterpret_cast<const uint8_t *>(VARDATA_ANY(value)), VARSIZE_ANY_EXHDR(value)};
}

[[noreturn]] void raise_no_code(VectorCode kind, const char *detail) {
	ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					errmsg("not a code of ruvector.%s_quantize", name_of(kind)), errdetail("%s", detail)));
}

struct Code {
	CodeHead head;
	const uint8_t *bytes;
};

// Reads and checks the head; the length is checked by check_length, when the codec is known.
Code code_arg(VectorCode kind, Bytes value) {
	Code code;
	if (value.size < sizeof(code.head))
		raise_no_code(kind, "It is too short.");
	std::memcpy(&code.head, value.data, sizeof(code.head));
	if (std::memcmp(code.head.magic, kCodeMagic, 2) != 0)
		raise_no_code(kind, "It does not begin as a code.");
	if (code.head.kind != static_cast<uint8_t>(kind))
		raise_no_code(kind, "It is a code of another kind.");
	if (code.head.version != kVersion)
		raise_no_code(kind, "It is of another version.");
	if (code.head.dims < 1 || code.head.dims > types::kVectorMaxDim)
		raise_no_code(kind, "Its number of dimensions is out of range.");
	code.bytes = value.data + sizeof(code.head);
	return code;
}

void check_length(const VectorCodec &codec, Bytes value) {
	if (value.size != sizeof(CodeHead) + codec::code_bytes(codec))
		raise_no_code(codec.kind, "Its length does not fit its number of dimensions.");
}

VectorCodec binary_codec(uint32_t dims, uint64_t seed) {
	VectorCodec codec = codec::binary_codec(dims);
	uint8_t *state = aligned(codec::state_bytes(codec));
	codec::make_binary_state(codec, seed, nullptr, state, aligned(codec::scratch_bytes(codec)));
	codec.state = state;
	return codec;
}

[[noreturn]] void raise_no_book(const char *detail) {
	ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("not a codebook of ruvector.pq_train"),
					errdetail("%s", detail)));
}

VectorCodec book_arg(Datum datum, uint64_t *origin) {
	const Bytes value = bytes_arg(datum);
	BookHead head;
	if (value.size < sizeof(head))
		raise_no_book("It is too short.");
	std::memcpy(&head, value.data, sizeof(head));
	if (std::memcmp(head.magic, kBookMagic, 2) != 0)
		raise_no_book("It does not begin as a codebook.");
	if (head.version != kVersion)
		raise_no_book("It is of another version.");
	VectorCodec codec = {VectorCode::pq, head.bits, head.subspaces, head.dims, nullptr};
	if (!codec::valid(codec))
		raise_no_book("Its parameters are out of range.");
	if (value.size != sizeof(head) + codec::state_bytes(codec))
		raise_no_book("Its length does not fit its parameters.");
	uint8_t *state = aligned(codec::state_bytes(codec));
	std::memcpy(state, value.data + sizeof(head), codec::state_bytes(codec));
	if (head.fingerprint != fingerprint(state, codec::state_bytes(codec)))
		raise_no_book("It is damaged: its checksum does not match.");
	codec.state = state;
	*origin = head.fingerprint;
	return codec;
}

bytea *make_bytea(size_t bytes) {
	bytea *result = static_cast<bytea *>(palloc0(VARHDRSZ + bytes));
	SET_VARSIZE(result, VARHDRSZ + bytes);
	return result;
}

void check_dims(const VectorCodec &codec, const Vector *v) {
	if (static_cast<uint32_t>(v->dim) != codec.dims)
		types::check_same_dims_of("vector", static_cast<int>(codec.dims), v->dim);
}

Datum quantize(const VectorCodec &codec, uint64_t origin, const Vector *v) {
	check_dims(codec, v);
	bytea *result = make_bytea(sizeof(CodeHead) + codec::code_bytes(codec));
	const CodeHead head = {
		{kCodeMagic[0], kCodeMagic[1]}, static_cast<uint8_t>(codec.kind), kVersion, codec.dims, origin};
	uint8_t *out = reinterpret_cast<uint8_t *>(VARDATA(result));
	std::memcpy(out, &head, sizeof(head));
	codec::encode(codec, v->x, out + sizeof(head), aligned(codec::scratch_bytes(codec)));
	if (!std::isfinite(codec::code_norm_squared(codec, out + sizeof(head))))
		types::raise_overflow();
	PG_RETURN_BYTEA_P(result);
}

Datum reconstruct(const VectorCodec &codec, const Code &code) {
	Vector *result = types::make_vector(static_cast<int>(codec.dims));
	codec::decode(codec, code.bytes, result->x, aligned(codec::scratch_bytes(codec)));
	for (int i = 0; i < result->dim; i++)
		if (!std::isfinite(result->x[i]))
			raise_no_code(codec.kind, "It is damaged: its vector is not finite.");
	PG_RETURN_POINTER(result);
}

enum class Operator { l2, ip, cosine };

Operator operator_arg(Datum datum) {
	const char *name = text_to_cstring(DatumGetTextPP(datum));
	if (std::strcmp(name, "l2") == 0)
		return Operator::l2;
	if (std::strcmp(name, "ip") == 0)
		return Operator::ip;
	if (std::strcmp(name, "cosine") == 0)
		return Operator::cosine;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown metric \"%s\"", name),
					errhint("It is l2, ip or cosine.")));
}

// As the operators <->, <#> and <=> would give it.
Datum distance(const VectorCodec &codec, const Code &code, const Vector *q, Operator op) {
	check_dims(codec, q);
	const codec::VectorQuery query =
		codec::prepare(codec, op == Operator::l2 ? VectorMetric::l2 : VectorMetric::ip, q->x,
					   aligned(codec::query_bytes(codec)), aligned(codec::scratch_bytes(codec)));
	double d = static_cast<double>(codec::distance(query, code.bytes));
	if (op == Operator::l2) {
		d = d > 0 || std::isnan(d) ? std::sqrt(d) : 0.0;
	} else if (op == Operator::cosine) {
		const double norm = std::sqrt(static_cast<double>(codec::code_norm_squared(codec, code.bytes)));
		const double query_norm =
			std::sqrt(static_cast<double>(simd::kernels->ip_f32(q->x, q->x, static_cast<size_t>(q->dim))));
		d = d / norm / query_norm;
		d = 1.0 + (d < -1.0 ? -1.0 : d > 1.0 ? 1.0 : d); // NaN of a zero vector stays NaN
	}
	PG_RETURN_FLOAT8(d);
}

struct CodeArg {
	VectorCodec codec;
	Code code;
};

CodeArg int8_arg(Datum datum) {
	const Bytes value = bytes_arg(datum);
	const Code code = code_arg(VectorCode::int8, value);
	const VectorCodec codec = codec::int8_codec(code.head.dims);
	check_length(codec, value);
	return {codec, code};
}

CodeArg binary_arg(Datum datum) {
	const Bytes value = bytes_arg(datum);
	const Code code = code_arg(VectorCode::binary, value);
	check_length(codec::binary_codec(code.head.dims), value);
	return {binary_codec(code.head.dims, code.head.origin), code};
}

CodeArg pq_arg(Datum book, Datum datum) {
	uint64_t origin;
	const VectorCodec codec = book_arg(book, &origin);
	const Bytes value = bytes_arg(datum);
	const Code code = code_arg(VectorCode::pq, value);
	if (code.head.dims != codec.dims || code.head.origin != origin)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the code is of another codebook")));
	check_length(codec, value);
	return {codec, code};
}

// The vectors of an array as rows of floats; a NULL or another number of dimensions is an error.
float *rows_of(ArrayType *array, uint32_t *rows, uint32_t *dims) {
	Datum *elements;
	bool *nulls;
	int n;
	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	float *out = nullptr;
	*rows = static_cast<uint32_t>(n);
	*dims = 0;
	for (int i = 0; i < n; i++) {
		CHECK_FOR_INTERRUPTS();
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls")));
		Vector *v = types::vector_arg(elements[i]);
		if (i == 0) {
			*dims = static_cast<uint32_t>(v->dim);
			out = aligned<float>(size_t(n) * *dims * sizeof(float));
		}
		if (static_cast<uint32_t>(v->dim) != *dims)
			types::check_same_dims_of("vector", static_cast<int>(*dims), v->dim);
		std::memcpy(out + size_t(i) * *dims, v->x, *dims * sizeof(float));
		if (reinterpret_cast<Pointer>(v) != DatumGetPointer(elements[i]))
			pfree(v);
	}
	return out;
}

bool poll(void *) {
	CHECK_FOR_INTERRUPTS();
	return false;
}

} // namespace

// ruvector.int8_quantize(vector) RETURNS bytea
RV_FUNCTION(ruvector_int8_quantize) {
	const Vector *v = types::vector_arg(PG_GETARG_DATUM(0));
	return quantize(codec::int8_codec(static_cast<uint32_t>(v->dim)), 0, v);
}

// ruvector.int8_reconstruct(bytea) RETURNS vector
RV_FUNCTION(ruvector_int8_reconstruct) {
	const CodeArg c = int8_arg(PG_GETARG_DATUM(0));
	return reconstruct(c.codec, c.code);
}

// ruvector.int8_distance(bytea, vector, text) RETURNS float8
RV_FUNCTION(ruvector_int8_distance) {
	const CodeArg c = int8_arg(PG_GETARG_DATUM(0));
	return distance(c.codec, c.code, types::vector_arg(PG_GETARG_DATUM(1)), operator_arg(PG_GETARG_DATUM(2)));
}

// ruvector.binary_quantize(vector, bigint) RETURNS bytea
RV_FUNCTION(ruvector_binary_quantize_code) {
	const Vector *v = types::vector_arg(PG_GETARG_DATUM(0));
	const uint64_t seed = static_cast<uint64_t>(PG_GETARG_INT64(1));
	return quantize(binary_codec(static_cast<uint32_t>(v->dim), seed), seed, v);
}

// ruvector.binary_reconstruct(bytea) RETURNS vector
RV_FUNCTION(ruvector_binary_reconstruct) {
	const CodeArg c = binary_arg(PG_GETARG_DATUM(0));
	return reconstruct(c.codec, c.code);
}

// ruvector.binary_distance(bytea, vector, text) RETURNS float8
RV_FUNCTION(ruvector_binary_distance) {
	const CodeArg c = binary_arg(PG_GETARG_DATUM(0));
	return distance(c.codec, c.code, types::vector_arg(PG_GETARG_DATUM(1)), operator_arg(PG_GETARG_DATUM(2)));
}

// ruvector.pq_train_on(vector[], subspaces integer, bits integer, seed bigint) RETURNS bytea; subspaces may be NULL
RV_FUNCTION(ruvector_pq_train) {
	if (PG_ARGISNULL(0) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		PG_RETURN_NULL();
	uint32_t rows, dims;
	const float *sample = rows_of(PG_GETARG_ARRAYTYPE_P(0), &rows, &dims);
	if (rows == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the sample is empty")));
	const int32 bits = PG_GETARG_INT32(2);
	if (bits != 4 && bits != 8)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("bits is 4 or 8, not %d", bits)));
	const int32 default_subspaces = static_cast<int32>(bits == 8 ? (dims + 3) / 4 : (dims + 1) / 2);
	const int32 subspaces = PG_ARGISNULL(1) ? default_subspaces : PG_GETARG_INT32(1);
	if (subspaces < 1 || subspaces > static_cast<int32>(dims))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the number of subspaces must be between 1 and the number of dimensions, %u", dims)));
	const VectorCodec codec = {VectorCode::pq, static_cast<uint8_t>(bits), static_cast<uint16_t>(subspaces), dims,
							   nullptr};
	uint8_t *state = aligned(codec::state_bytes(codec));
	codec::train_pq({codec, sample, rows, static_cast<uint64_t>(PG_GETARG_INT64(3)), 10, state,
					 aligned(codec::pq_training_scratch_bytes(codec, rows)), poll, nullptr});
	const size_t bytes = codec::state_bytes(codec);
	const BookHead head = {{kBookMagic[0], kBookMagic[1]}, codec.pq_bits,      kVersion, dims,
						   fingerprint(state, bytes),      codec.pq_subspaces, {0, 0, 0}};
	bytea *result = make_bytea(sizeof(head) + bytes);
	std::memcpy(VARDATA(result), &head, sizeof(head));
	std::memcpy(VARDATA(result) + sizeof(head), state, bytes);
	PG_RETURN_BYTEA_P(result);
}

// ruvector.pq_quantize(bytea, vector) RETURNS bytea
RV_FUNCTION(ruvector_pq_quantize) {
	uint64_t origin;
	const VectorCodec codec = book_arg(PG_GETARG_DATUM(0), &origin);
	return quantize(codec, origin, types::vector_arg(PG_GETARG_DATUM(1)));
}

// ruvector.pq_reconstruct(bytea, bytea) RETURNS vector
RV_FUNCTION(ruvector_pq_reconstruct) {
	const CodeArg c = pq_arg(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1));
	return reconstruct(c.codec, c.code);
}

// ruvector.pq_distance(bytea, bytea, vector, text) RETURNS float8
RV_FUNCTION(ruvector_pq_distance) {
	const CodeArg c = pq_arg(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1));
	return distance(c.codec, c.code, types::vector_arg(PG_GETARG_DATUM(2)), operator_arg(PG_GETARG_DATUM(3)));
}

namespace {

struct Report {
	int32 bytes;
	double recall;
	int32 candidates;
};

struct Sample {
	float *rows; // queries, then base, then what only training reads
	uint32_t dims, queries, base, training;
	VectorMetric metric;
	const float *row(uint32_t i) const { return rows + size_t(i) * dims; }
};

// The rank of each true neighbour among the base by code; recall of the best c is the share of ranks up to c.
Report measure(VectorCodec codec, const Sample &sample, uint32_t k, const uint32_t *truth, uint64_t seed) {
	uint8_t *state = aligned(codec::state_bytes(codec)), *scratch = aligned(codec::scratch_bytes(codec));
	codec.state = state;
	const uint32_t first = sample.queries; // of the base; of training, where there are rows for it alone
	const uint32_t train = sample.training >= 256 ? first + sample.base : first;
	const uint32_t train_rows = sample.training >= 256 ? sample.training : sample.base;
	if (codec.kind == VectorCode::binary) {
		float *centre = aligned<float>(sample.dims * sizeof(float));
		std::memset(centre, 0, sample.dims * sizeof(float));
		for (uint32_t i = 0; i < train_rows; i++)
			for (uint32_t d = 0; d < sample.dims; d++)
				centre[d] += sample.row(train + i)[d] / static_cast<float>(train_rows);
		codec::make_binary_state(codec, seed, centre, state, scratch);
	} else if (codec.kind == VectorCode::pq) {
		codec::train_pq({codec, sample.row(train), train_rows, seed, 10, state,
						 aligned(codec::pq_training_scratch_bytes(codec, train_rows)), poll, nullptr});
	}
	const size_t bytes = codec::code_bytes(codec);
	uint8_t *codes = aligned(bytes * sample.base), *table = aligned(codec::query_bytes(codec));
	for (uint32_t i = 0; i < sample.base; i++) {
		CHECK_FOR_INTERRUPTS();
		codec::encode(codec, sample.row(first + i), codes + i * bytes, scratch);
	}
	float *estimates = aligned<float>(sample.base * sizeof(float));
	uint32_t *with_rank = static_cast<uint32_t *>(palloc0((sample.base + 1) * sizeof(uint32_t)));
	for (uint32_t q = 0; q < sample.queries; q++) {
		CHECK_FOR_INTERRUPTS();
		codec::distances(codec::prepare(codec, sample.metric, sample.row(q), table, scratch), codes, bytes, sample.base,
						 estimates);
		for (uint32_t j = 0; j < k; j++) {
			const uint32_t neighbour = truth[size_t(q) * k + j];
			uint32_t rank = 1;
			for (uint32_t i = 0; i < sample.base; i++)
				rank += estimates[i] < estimates[neighbour] || (estimates[i] == estimates[neighbour] && i < neighbour);
			with_rank[rank]++;
		}
	}
	const double all = double(sample.queries) * k;
	Report report = {static_cast<int32>(bytes), 0, 0};
	uint64_t found = 0;
	for (uint32_t c = 1; c <= sample.base; c++) {
		found += with_rank[c];
		if (c == k)
			report.recall = static_cast<double>(found) / all;
		if (c >= k && static_cast<double>(found) >= 0.99 * all) {
			report.candidates = static_cast<int32>(c);
			break;
		}
	}
	return report;
}

} // namespace

// ruvector._measure_codecs(sample vector[], measured integer, k integer, metric text, seed bigint,
//     OUT codec text[], OUT bytes integer[], OUT recall float8[], OUT candidates integer[])
RV_FUNCTION(ruvector_measure_codecs) {
	TupleDesc descriptor;
	if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	Sample sample;
	uint32_t rows;
	sample.rows = rows_of(PG_GETARG_ARRAYTYPE_P(0), &rows, &sample.dims);
	const int32 k = PG_GETARG_INT32(2);
	const uint32_t measured = static_cast<uint32_t>(std::max(PG_GETARG_INT32(1), 0));
	const Operator op = operator_arg(PG_GETARG_DATUM(3));
	const uint64_t seed = static_cast<uint64_t>(PG_GETARG_INT64(4));
	const uint32_t used = std::min(rows, measured);
	sample.queries = std::min(used / 5, 100u);
	sample.base = used - sample.queries;
	sample.training = rows - used;
	sample.metric = op == Operator::l2 ? VectorMetric::l2 : VectorMetric::ip;
	if (k < 1 || sample.queries == 0 || sample.base < 2 * static_cast<uint32_t>(k))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%u rows are not enough to measure the nearest %d", used, k),
						errhint("At least 2.5 k rows are needed, and 5; 1,000 or more tell something.")));
	if (op == Operator::cosine)
		for (uint32_t i = 0; i < rows; i++) {
			float *x = sample.rows + size_t(i) * sample.dims;
			const float norm = std::sqrt(simd::kernels->ip_f32(x, x, sample.dims));
			for (uint32_t d = 0; norm > 0 && std::isfinite(norm) && d < sample.dims; d++)
				x[d] /= norm;
		}

	// The true neighbours, nearest first, by insertion into a list of k.
	uint32_t *truth = aligned<uint32_t>(size_t(sample.queries) * static_cast<size_t>(k) * sizeof(uint32_t));
	float *nearest = aligned<float>(static_cast<size_t>(k) * sizeof(float));
	for (uint32_t q = 0; q < sample.queries; q++) {
		CHECK_FOR_INTERRUPTS();
		uint32_t *ids = truth + size_t(q) * static_cast<size_t>(k);
		int32 n = 0;
		for (uint32_t i = 0; i < sample.base; i++) {
			const float *x = sample.row(sample.queries + i);
			const float d = op == Operator::l2 ? simd::kernels->l2sq_f32(x, sample.row(q), sample.dims)
											   : -simd::kernels->ip_f32(x, sample.row(q), sample.dims);
			if (n == k && !(d < nearest[k - 1]))
				continue;
			int32 at = n < k ? n++ : k - 1;
			for (; at > 0 && d < nearest[at - 1]; at--) {
				nearest[at] = nearest[at - 1];
				ids[at] = ids[at - 1];
			}
			nearest[at] = d;
			ids[at] = i;
		}
	}

	const VectorCodec codecs[] = {codec::int8_codec(sample.dims), codec::pq_codec(sample.dims),
								  codec::binary_codec(sample.dims)};
	Datum columns[4][3];
	for (int c = 0; c < 3; c++) {
		const Report report = measure(codecs[c], sample, static_cast<uint32_t>(k), truth, seed);
		columns[0][c] = CStringGetTextDatum(name_of(codecs[c].kind));
		columns[1][c] = Int32GetDatum(report.bytes);
		columns[2][c] = Float8GetDatum(report.recall);
		columns[3][c] = Int32GetDatum(report.candidates);
	}
	Datum values[4] = {
		PointerGetDatum(construct_array(columns[0], 3, TEXTOID, -1, false, TYPALIGN_INT)),
		PointerGetDatum(construct_array(columns[1], 3, INT4OID, 4, true, TYPALIGN_INT)),
		PointerGetDatum(construct_array(columns[2], 3, FLOAT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)),
		PointerGetDatum(construct_array(columns[3], 3, INT4OID, 4, true, TYPALIGN_INT)),
	};
	bool nulls[4] = {false, false, false, false};
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}
