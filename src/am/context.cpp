// am/context.cpp - loads an index's context; turns SQL values into stored vectors.
#include "am/context.hpp"

#include <cmath>

#include "ruvector/simd/kernels.hpp"

extern "C" {
#include "ruvector/ruvector.h"
#include "utils/varbit.h"
}

namespace ruvector::am {

void *palloc_aligned(Size bytes) {
	return reinterpret_cast<void *>(TYPEALIGN(64, reinterpret_cast<uintptr_t>(palloc(bytes + 64))));
}

namespace {

// What rd_amcache holds, in one chunk: this, then signs, centre and codebook.
struct CachedContext {
	graph::Layout layout;
	Opclass opclass;
	bool center_set;
};

// Whether P(x - center) is wanted: for residual codes of edges, or by the codec.
bool has_rotation(const graph::Layout &layout) {
	return layout.edge_codes() == graph::EdgeCodes::residual || graph::Codec(layout.codec) == graph::Codec::binary;
}
Size signs_bytes(const graph::Layout &layout) {
	return has_rotation(layout) ? MAXALIGN(codec::rotation_sign_bytes(layout.dims)) : 0;
}
Size parameter_bytes(const graph::Layout &layout) {
	return center_bytes(layout) + codebook_bytes(layout);
}
uint8_t *cached_signs(CachedContext *c) {
	return reinterpret_cast<uint8_t *>(c) + MAXALIGN(sizeof(CachedContext));
}
char *cached_parameters(CachedContext *c) {
	return reinterpret_cast<char *>(cached_signs(c) + signs_bytes(c->layout));
}

void read_cached_parameters(Relation index, CachedContext *c) {
	read_parameters(
		index, 1, cached_parameters(c), parameter_bytes(c->layout),
		[](Relation of, BlockNumber block, Page page) { page_check(of, block, page, PageKind::parameters); });
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
		if (!fits_opclass(meta.layout, opclass))
			ereport(ERROR,
					(errcode(ERRCODE_INDEX_CORRUPTED),
					 errmsg("index \"%s\" was built with another operator class", RelationGetRelationName(index)),
					 errhint("Please REINDEX it.")));
		Size bytes = MAXALIGN(sizeof(CachedContext)) + signs_bytes(meta.layout) + parameter_bytes(meta.layout);
		c = static_cast<CachedContext *>(MemoryContextAllocZero(index->rd_indexcxt, bytes));
		c->layout = meta.layout;
		c->opclass = opclass;
		if (has_rotation(c->layout))
			codec::make_rotation_signs(c->layout.dims, c->layout.seed, cached_signs(c));
		if (codebook_bytes(c->layout) != 0) // written by the build
			read_cached_parameters(index, c);
		index->rd_amcache = c;
	}
	if (meta.center_set && !c->center_set) {
		read_cached_parameters(index, c);
		c->center_set = true;
	}
	return c;
}

// The models' memory, in one chunk behind a Context.
Size model_bytes(const graph::Layout &layout) {
	return signs_bytes(layout) + MAXALIGN(center_bytes(layout)) +
		   (layout.is_plain() ? 0 : codec::state_bytes(vector_codec(layout)));
}

Context *new_context(const graph::Layout &layout, const Opclass &opclass) {
	char *memory = static_cast<char *>(palloc0(MAXALIGN(sizeof(Context)) + model_bytes(layout)));
	Context *c = reinterpret_cast<Context *>(memory);
	c->layout = layout;
	c->opclass = opclass;
	c->signs = reinterpret_cast<uint8_t *>(memory + MAXALIGN(sizeof(Context)));
	c->center = reinterpret_cast<float *>(c->signs + signs_bytes(layout));
	c->state = reinterpret_cast<uint8_t *>(c->center) + MAXALIGN(center_bytes(layout));
	if (layout.has_codes())
		c->model.codec = layout.edge_codec();
	if (has_rotation(layout))
		c->model.rotation = {layout.dims, (layout.dims + 3) / 4 * 4, c->signs};
	if (!layout.is_plain()) {
		c->model.vectors = vector_codec(layout);
		c->model.vectors.state = c->state;
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

codec::VectorCodec vector_codec(graph::Codec codec, uint32 dims, uint32 pq_subspaces) {
	switch (codec) {
	case graph::Codec::int8:
		return codec::int8_codec(dims);
	case graph::Codec::pq:
		return {codec::VectorCode::pq, 4, uint16(pq_subspaces), dims, nullptr};
	case graph::Codec::binary:
		return codec::binary_codec(dims);
	case graph::Codec::plain:
		break;
	}
	pg_unreachable();
}

Size center_bytes(const graph::Layout &layout) {
	return has_rotation(layout) ? Size(layout.dims) * sizeof(float) : 0;
}

Size codebook_bytes(const graph::Layout &layout) {
	return graph::Codec(layout.codec) == graph::Codec::pq ? codec::state_bytes(vector_codec(layout)) : 0;
}

uint32 parameter_block_count(const graph::Layout &layout) {
	return uint32((parameter_bytes(layout) + kPageBytes - 1) / kPageBytes);
}

// Subspaces of four bits each: two dimensions in one where there are few, which need more bits each, else four.
uint32 planned_subspaces(uint32 dims, int option) {
	if (option != 0)
		return Min(uint32(option), dims);
	return dims <= 256 ? (dims + 1) / 2 : (dims + 3) / 4;
}

graph::LayoutRequest layout_request(const Opclass &opclass, const Options &options, uint32 dims) {
	graph::LayoutRequest request = {working_element(opclass),        opclass.metric, dims, uint32(options.m),
									uint32(options.ef_construction), kRotationSeed};
	request.codec = opclass.codec;
	if (opclass.codec != graph::Codec::plain) {
		if (opclass.codec == graph::Codec::pq)
			request.pq_subspaces = planned_subspaces(dims, options.pq_subspaces);
		codec::VectorCodec vectors = vector_codec(opclass.codec, dims, request.pq_subspaces);
		request.code_bytes = uint32(codec::code_bytes(vectors));
		request.code_groups = uint32(codec::code_nibbles(vectors));
	}
	request.compact = Arrangement(options.layout) == Arrangement::compact;
	request.edge_bits = uint32(options.edge_bits);
	return request;
}

void set_parameters(Context *c, const float *center, const uint8_t *codebook) {
	if (center != nullptr && has_rotation(c->layout)) {
		if (center != c->center)
			memcpy(c->center, center, center_bytes(c->layout));
		c->model.center = c->center;
	}
	if (codebook != nullptr)
		memcpy(c->state, codebook, codebook_bytes(c->layout));
	if (graph::Codec(c->layout.codec) == graph::Codec::binary) {
		void *scratch = palloc_aligned(codec::scratch_bytes(c->model.vectors));
		codec::make_binary_state(c->model.vectors, c->layout.seed, c->model.center, c->state, scratch);
	}
}

Context *make_context(const graph::Layout &layout, const Opclass &opclass) {
	Context *c = new_context(layout, opclass);
	if (has_rotation(layout))
		codec::make_rotation_signs(layout.dims, layout.seed, c->signs);
	set_parameters(c, nullptr, nullptr);
	return c;
}

Context *load_context(Relation index, const MetaPage &meta) {
	CachedContext *cached = cached_context(index, meta);
	Context *c = new_context(cached->layout, cached->opclass);
	memcpy(c->signs, cached_signs(cached), signs_bytes(c->layout));
	const char *parameters = cached_parameters(cached);
	set_parameters(c, cached->center_set ? reinterpret_cast<const float *>(parameters) : nullptr,
				   codebook_bytes(c->layout) != 0
					   ? reinterpret_cast<const uint8_t *>(parameters) + center_bytes(c->layout)
					   : nullptr);
	return c;
}

namespace {

// Single-precision elements of a vector or halfvec, normalised where the class wants it: the working form of coded
// vectors.
const float *working_floats(const Context &context, Datum value, bool query) {
	const graph::Layout &layout = context.layout;
	float *x;
	const float *given;
	if (context.opclass.element == graph::Element::f32) {
		auto *v = detoast<RuvectorVector>(value);
		check_dims(layout.dims, uint32(v->dim));
		given = v->x;
		if (!context.opclass.normalize)
			return given;
		x = static_cast<float *>(palloc(Size(layout.dims) * sizeof(float)));
	} else {
		auto *v = detoast<RuvectorHalfvec>(value);
		check_dims(layout.dims, uint32(v->dim));
		x = static_cast<float *>(palloc(Size(layout.dims) * sizeof(float)));
		simd::kernels->f16_to_f32(v->x, x, layout.dims);
		given = x;
		if (!context.opclass.normalize)
			return x;
	}
	double norm = 0;
	for (uint32 i = 0; i < layout.dims; i++)
		norm += double(given[i]) * double(given[i]);
	if (norm == 0 && !query)
		return nullptr;
	norm = norm > 0 ? sqrt(norm) : 1;
	for (uint32 i = 0; i < layout.dims; i++)
		x[i] = float(given[i] / norm);
	return x;
}

} // namespace

const void *working_vector(const Context &context, Datum value, bool query) {
	const graph::Layout &layout = context.layout;
	switch (graph::Element(layout.element)) {
	case graph::Element::f32:
		return working_floats(context, value, query);
	case graph::Element::f16: {
		if (!context.opclass.normalize) {
			auto *v = detoast<RuvectorHalfvec>(value);
			check_dims(layout.dims, uint32(v->dim));
			return v->x;
		}
		const float *x = working_floats(context, value, query);
		if (x == nullptr)
			return nullptr;
		uint16_t *half = static_cast<uint16_t *>(palloc(layout.vector_bytes));
		simd::kernels->f32_to_f16(x, half, layout.dims);
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

ItemPointerData row_tid(Relation index, const graph::HeapTid &heap_tid) {
	ItemPointerData tid;
	from_heap_tid(heap_tid, &tid);
	if (unlikely(ItemPointerGetBlockNumberNoCheck(&tid) == InvalidBlockNumber || !ItemPointerIsValid(&tid)))
		ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
						errmsg("index \"%s\" contains an impossible heap TID", RelationGetRelationName(index)),
						errhint("Please REINDEX it.")));
	return tid;
}

const void *zero_vector(const Context &context) {
	return palloc0(Max(context.layout.working_bytes(), 4));
}

graph::Arena context_arena(MemoryContext memory) {
	return {memory,
			[](void *context, size_t bytes) -> void * {
				return MemoryContextAllocHuge(static_cast<MemoryContext>(context), bytes);
			},
			[](void *, void *chunk) { pfree(chunk); }};
}

} // namespace ruvector::am
