// am/context.cpp - loads an index's context; turns SQL values into stored vectors.
#include "am/context.hpp"

#include <cmath>

#include "ruvector/simd/kernels.hpp"

extern "C" {
#include "ruvector/ruvector.h"
#include "utils/varbit.h"
}

namespace ruvector::am {

namespace {

// What rd_amcache holds: one chunk.
struct CachedContext {
	graph::Layout layout;
	Opclass opclass;
	bool center_set;
};

Size signs_bytes(const graph::Layout &layout) {
	return layout.has_codes() ? MAXALIGN(codec::rotation_sign_bytes(layout.dims)) : 0;
}
Size center_bytes(const graph::Layout &layout) {
	return layout.has_codes() ? Size(layout.dims) * sizeof(float) : 0;
}
uint8_t *cached_signs(CachedContext *c) {
	return reinterpret_cast<uint8_t *>(c) + MAXALIGN(sizeof(CachedContext));
}
float *cached_center(CachedContext *c) {
	return reinterpret_cast<float *>(cached_signs(c) + signs_bytes(c->layout));
}

void read_center(Relation index, const graph::Layout &layout, float *center) {
	Size bytes = center_bytes(layout), done = 0;
	for (BlockNumber block = 1; done < bytes; block++) {
		Buffer buffer = ReadBuffer(index, block);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		Page page = BufferGetPage(buffer);
		page_check(index, block, page, PageKind::parameters);
		Size n = Min(bytes - done, kPageBytes);
		memcpy(reinterpret_cast<char *>(center) + done, PageGetContents(page), n);
		done += n;
		UnlockReleaseBuffer(buffer);
	}
}

void set_projection(Context *c, bool center_set) {
	if (!c->layout.has_codes())
		return;
	c->projection.codec = c->layout.edge_codec();
	c->projection.rotation = {c->layout.dims, c->projection.codec.rotated_dims, c->signs};
	c->projection.center = center_set ? c->center : nullptr;
}

CachedContext *cached_context(Relation index, const MetaPage &meta) {
	CachedContext *c = static_cast<CachedContext *>(index->rd_amcache);
	if (!c || memcmp(&c->layout, &meta.layout, sizeof(c->layout)) != 0) {
		if (c)
			pfree(c);
		index->rd_amcache = nullptr;
		const char *wrong = layout_problem(meta.layout);
		if (wrong != nullptr)
			ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
							errmsg("the layout of index \"%s\" is broken: %s", RelationGetRelationName(index), wrong),
							errhint("Please REINDEX it.")));
		Opclass opclass = index_opclass(index);
		if (uint8(opclass.element) != meta.layout.element || uint8(opclass.metric) != meta.layout.metric)
			ereport(ERROR,
					(errcode(ERRCODE_INDEX_CORRUPTED),
					 errmsg("index \"%s\" was built with another operator class", RelationGetRelationName(index)),
					 errhint("Please REINDEX it.")));
		Size bytes = MAXALIGN(sizeof(CachedContext)) + signs_bytes(meta.layout) + center_bytes(meta.layout);
		c = static_cast<CachedContext *>(MemoryContextAllocZero(index->rd_indexcxt, bytes));
		c->layout = meta.layout;
		c->opclass = opclass;
		if (c->layout.has_codes())
			codec::make_rotation_signs(c->layout.dims, c->layout.seed, cached_signs(c));
		index->rd_amcache = c;
	}
	if (meta.center_set && !c->center_set) {
		read_center(index, c->layout, cached_center(c));
		c->center_set = true;
	}
	return c;
}

template <typename T>
T *detoast(Datum value) {
	return reinterpret_cast<T *>(PG_DETOAST_DATUM(value));
}

// pgvector's text of an index, which is not that of its operators.
void check_dims(uint32 expected, uint32 actual) {
	if (expected != actual)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected %u dimensions, not %u", expected, actual)));
}

} // namespace

uint32 center_block_count(const graph::Layout &layout) {
	return uint32((center_bytes(layout) + kPageBytes - 1) / kPageBytes);
}

Context *make_context(const graph::Layout &layout, const Opclass &opclass) {
	Context *c = static_cast<Context *>(palloc0(sizeof(Context)));
	c->layout = layout;
	c->opclass = opclass;
	if (layout.has_codes()) {
		c->signs = static_cast<uint8_t *>(palloc(signs_bytes(layout)));
		c->center = static_cast<float *>(palloc0(center_bytes(layout)));
		codec::make_rotation_signs(layout.dims, layout.seed, c->signs);
	}
	set_projection(c, false);
	return c;
}

Context *load_context(Relation index, const MetaPage &meta) {
	CachedContext *cached = cached_context(index, meta);
	Size extra = signs_bytes(cached->layout) + center_bytes(cached->layout);
	char *memory = static_cast<char *>(palloc(MAXALIGN(sizeof(Context)) + extra));
	Context *c = reinterpret_cast<Context *>(memory);
	memset(c, 0, sizeof(*c));
	c->layout = cached->layout;
	c->opclass = cached->opclass;
	c->signs = reinterpret_cast<uint8_t *>(memory + MAXALIGN(sizeof(Context)));
	c->center = reinterpret_cast<float *>(c->signs + signs_bytes(c->layout));
	memcpy(c->signs, cached_signs(cached), extra);
	set_projection(c, cached->center_set);
	return c;
}

const void *stored_vector(const Context &context, Datum value, bool query) {
	const graph::Layout &layout = context.layout;
	switch (graph::Element(layout.element)) {
	case graph::Element::f32: {
		auto *v = detoast<RuvectorVector>(value);
		check_dims(layout.dims, uint32(v->dim));
		if (!context.opclass.normalize)
			return v->x;
		double norm = 0;
		for (int i = 0; i < v->dim; i++)
			norm += double(v->x[i]) * double(v->x[i]);
		if (norm == 0 && !query)
			return nullptr;
		norm = norm > 0 ? sqrt(norm) : 1;
		float *x = static_cast<float *>(palloc(layout.vector_bytes));
		for (int i = 0; i < v->dim; i++)
			x[i] = float(v->x[i] / norm);
		return x;
	}
	case graph::Element::f16: {
		auto *v = detoast<RuvectorHalfvec>(value);
		check_dims(layout.dims, uint32(v->dim));
		if (!context.opclass.normalize)
			return v->x;
		float *x = static_cast<float *>(palloc(Size(v->dim) * sizeof(float)));
		simd::kernels->f16_to_f32(v->x, x, size_t(v->dim));
		double norm = 0;
		for (int i = 0; i < v->dim; i++)
			norm += double(x[i]) * double(x[i]);
		if (norm == 0 && !query)
			return nullptr;
		norm = norm > 0 ? sqrt(norm) : 1;
		for (int i = 0; i < v->dim; i++)
			x[i] = float(x[i] / norm);
		uint16_t *half = static_cast<uint16_t *>(palloc(layout.vector_bytes));
		simd::kernels->f32_to_f16(x, half, size_t(v->dim));
		return half;
	}
	case graph::Element::bit: {
		auto *v = detoast<VarBit>(value);
		check_dims(layout.dims, uint32(VARBITLEN(v)));
		return VARBITS(v);
	}
	case graph::Element::sparse: {
		auto *v = detoast<RuvectorSparsevec>(value);
		check_dims(layout.dims, uint32(v->dim));
		if (!query && uint32(v->nnz) > graph::kMaxNonZero)
			ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
							errmsg("sparsevec cannot have more than %u non-zero elements for hnsw index",
								   graph::kMaxNonZero)));
		const float *values = RUVECTOR_SPARSEVEC_VALUES(v);
		double norm = 0;
		for (int i = 0; i < v->nnz; i++)
			norm += double(values[i]) * double(values[i]);
		if (context.opclass.normalize && norm == 0 && !query)
			return nullptr;
		norm = context.opclass.normalize && norm > 0 ? sqrt(norm) : 1;
		Size pairs = Size(v->nnz) * 4;
		char *stored = static_cast<char *>(palloc(4 + 2 * pairs));
		memcpy(stored, &v->nnz, 4);
		memcpy(stored + 4, v->indices, pairs);
		float *out = reinterpret_cast<float *>(stored + 4 + pairs);
		for (int i = 0; i < v->nnz; i++)
			out[i] = norm == 1 ? values[i] : float(values[i] / norm);
		return stored;
	}
	}
	pg_unreachable();
}

const void *zero_vector(const Context &context) {
	return palloc0(context.layout.vector_bytes ? context.layout.vector_bytes : 4);
}

graph::Arena context_arena(MemoryContext memory) {
	return {memory,
			[](void *context, size_t bytes) -> void * {
				return MemoryContextAllocHuge(static_cast<MemoryContext>(context), bytes);
			},
			[](void *, void *chunk) { pfree(chunk); }};
}

} // namespace ruvector::am
