// api/ranking.cpp - diversity of search results and term scores in SQL.
#include <string_view>
#include <vector>

#include "api/arguments.hpp"
#include "api/interrupts.hpp"
#include "ruvector/memory/bm25.hpp"
#include "ruvector/memory/mmr.hpp"
#include "ruvector/pg/boundary.hpp"
#include "ruvector/types/dense.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
extern "C" {
#include "tsearch/ts_type.h"
#include "utils/tuplestore.h"
}
#pragma GCC diagnostic pop

using namespace ruvector;

namespace {

// The elements of a vector[], which must have the same number of dimensions: that of `like` if there is one.
struct Vectors {
	const float **items;
	size_t count;
	int dim;
};

Vectors vectors_arg(Datum datum, const types::Vector *like) {
	ArrayType *array = DatumGetArrayTypeP(datum);
	api::check_no_nulls(array, "embeddings");
	Datum *elements;
	int count;
	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_INT, &elements, nullptr, &count);
	auto **items = static_cast<const float **>(palloc(sizeof(float *) * (static_cast<size_t>(count) + 1)));
	for (int i = 0; i < count; ++i) {
		const types::Vector *v = types::vector_arg(elements[i]);
		if (like == nullptr)
			like = v;
		types::check_same_dims(like, v);
		items[i] = v->x;
	}
	return {items, static_cast<size_t>(count), like == nullptr ? 0 : like->dim};
}

std::string_view text_view(Datum datum) {
	auto *value = PG_DETOAST_DATUM_PACKED(datum);
	return {VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};
}

uint16 positions_of(TSVector vector, const WordEntry &entry) {
	return entry.haspos ? POSDATALEN(vector, &entry) : 1; // a stripped lexeme occurs
}

int64 document_length(TSVector vector) {
	int64 length = 0;
	for (int32 i = 0; i < vector->size; ++i)
		length += positions_of(vector, ARRPTR(vector)[i]);
	return length;
}

// How often a lexeme occurs; they are sorted by memcmp, a prefix before what is longer.
int32 frequency(TSVector vector, std::string_view lexeme) {
	int32 low = 0, high = vector->size;
	while (low < high) {
		const int32 middle = low + (high - low) / 2;
		const WordEntry &entry = ARRPTR(vector)[middle];
		const int order = lexeme.compare({STRPTR(vector) + entry.pos, entry.len});
		if (order == 0)
			return positions_of(vector, entry);
		(order < 0 ? high : low) = order < 0 ? middle : middle + 1;
	}
	return 0;
}

} // namespace

// ruvector._mmr(ids_count int, embeddings vector[], query vector, k int, lambda float8, metric text)
RV_FUNCTION(ruvector_mmr) {
	const int32 ids = PG_GETARG_INT32(0);
	const types::Vector *query = types::vector_arg(PG_GETARG_DATUM(2));
	const Vectors vectors = vectors_arg(PG_GETARG_DATUM(1), query);
	const int32 k = PG_GETARG_INT32(3);
	const double lambda = PG_GETARG_FLOAT8(4);
	const std::string_view metric = text_view(PG_GETARG_DATUM(5));
	if (static_cast<size_t>(ids) != vectors.count)
		ereport(ERROR, errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				errmsg("ids and embeddings have different lengths: %d and %zu", ids, vectors.count));
	if (k < 0)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must not be negative"));
	InitMaterializedSRF(fcinfo, 0);
	auto *rows = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);

	auto *chosen = static_cast<memory::Selected *>(palloc(sizeof(memory::Selected) * (vectors.count + 1)));
	size_t count;
	{
		const auto selected =
			memory::mmr({vectors.items, vectors.items + vectors.count}, query->x, static_cast<size_t>(query->dim),
						static_cast<size_t>(k), lambda, memory::similarity_named(metric), api::poll_interrupts);
		count = selected.size();
		std::copy(selected.begin(), selected.end(), chosen);
	}
	for (size_t i = 0; i < count; ++i) {
		Datum values[4] = {Int32GetDatum(static_cast<int32>(i + 1)),
						   Int32GetDatum(static_cast<int32>(chosen[i].index + 1)), Float8GetDatum(chosen[i].score),
						   Float8GetDatum(chosen[i].relevance)};
		bool nulls[4] = {};
		tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
	}
	return static_cast<Datum>(0);
}

RV_FUNCTION(ruvector_diversity_score) {
	const Vectors vectors = vectors_arg(PG_GETARG_DATUM(0), nullptr);
	const std::string_view metric = text_view(PG_GETARG_DATUM(1));
	RV_RETURN_FLOAT8(memory::diversity({vectors.items, vectors.items + vectors.count}, static_cast<size_t>(vectors.dim),
									   memory::similarity_named(metric), api::poll_interrupts));
}

// ruvector._bm25(tsv tsvector, terms text[], idf float8[], avgdl float8, k1 float8, b float8)
RV_FUNCTION(ruvector_bm25) {
	const TSVector vector = DatumGetTSVector(PG_GETARG_DATUM(0));
	const auto idf = api::array_arg<double>(PG_GETARG_DATUM(2), "idf");
	ArrayType *terms = PG_GETARG_ARRAYTYPE_P(1);
	api::check_no_nulls(terms, "terms");
	const memory::Bm25 bm25{PG_GETARG_FLOAT8(3), PG_GETARG_FLOAT8(4), PG_GETARG_FLOAT8(5)};
	if (!(bm25.average_length >= 0 && bm25.k1 >= 0 && bm25.b >= 0 && bm25.b <= 1))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("avgdl and k1 must not be negative, and b must be between 0 and 1"));
	const int count = ArrayGetNItems(ARR_NDIM(terms), ARR_DIMS(terms));
	if (static_cast<size_t>(count) != idf.size)
		ereport(ERROR, errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				errmsg("terms and idf have different lengths: %d and %zu", count, idf.size));

	const double length = static_cast<double>(document_length(vector));
	double score = 0;
	// Element by element: this runs for every candidate of a search.
	const char *next = ARR_DATA_PTR(terms);
	for (int i = 0; i < count; ++i) {
		const std::string_view term(VARDATA_ANY(next), VARSIZE_ANY_EXHDR(next));
		score += bm25.term(idf.data[i], frequency(vector, term), length);
		next += VARSIZE_ANY(next);
		next = reinterpret_cast<const char *>(att_align_nominal(next, TYPALIGN_INT));
	}
	PG_RETURN_FLOAT8(score);
}

RV_FUNCTION(ruvector_bm25_length) {
	PG_RETURN_INT32(static_cast<int32>(document_length(DatumGetTSVector(PG_GETARG_DATUM(0)))));
}

RV_FUNCTION(ruvector_bm25_idf) {
	const int64 documents = PG_GETARG_INT64(0), having = PG_GETARG_INT64(1);
	if (having < 0 || documents < having)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("document_frequency must be between 0 and documents"));
	PG_RETURN_FLOAT8(memory::bm25_idf(static_cast<double>(documents), static_cast<double>(having)));
}
