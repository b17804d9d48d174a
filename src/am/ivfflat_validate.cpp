// am/ivfflat_validate.cpp - what an operator class and a column mean to an ivfflat index, and the limits of both.
#include "am/ivfflat.hpp"
#include "ruvector/pg/boundary.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
}

namespace ruvector::am {

using graph::Element;
using graph::Metric;

// pgvector's limits: an entry or a centroid has to fit into a page.
uint32 ivfflat_max_dimensions(Element element) {
	switch (element) {
	case Element::f32:
		return 2000;
	case Element::f16:
		return 4000;
	case Element::bit:
		return graph::kMaxBitDimensions;
	case Element::sparse:
		break;
	}
	return 0;
}
static_assert(MAXALIGN(sizeof(IvfflatEntry) + 2000 * sizeof(float)) + sizeof(ItemIdData) <= kPageBytes);
static_assert(MAXALIGN(sizeof(IvfflatEntry) + graph::kMaxBitDimensions / 8) + sizeof(ItemIdData) <= kPageBytes);
static_assert(sizeof(IvfflatMeta) <= kPageBytes);

namespace {

bool supported(const Opclass &opclass) {
	switch (opclass.metric) {
	case Metric::l2:
	case Metric::ip:
	case Metric::cosine:
		return opclass.element == Element::f32 || opclass.element == Element::f16;
	case Metric::hamming:
		return opclass.element == Element::bit;
	case Metric::l1:
	case Metric::jaccard: // have no centroids that mean something
		break;
	}
	return false;
}

} // namespace

Opclass ivfflat_opclass(Relation index) {
	Opclass opclass;
	if (!opclass_of_functions(index_getprocid(index, 1, 1), index_getprocid(index, 1, 2), InvalidOid, &opclass) ||
		!supported(opclass))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("type not supported for ivfflat index"),
				 errdetail("The operator class of index \"%s\" has a distance function that the index does not know.",
						   RelationGetRelationName(index))));
	return opclass;
}

int ivfflat_dimensions(Relation index, const Opclass &opclass) {
	const FormData_pg_attribute *column = TupleDescAttr(RelationGetDescr(index), 0);
	// A domain has no modifier of its own; its base type's is in the domain's definition.
	int32 dims = column->atttypmod;
	Oid type = getBaseTypeAndTypmod(column->atttypid, &dims);
	if (type == VARBITOID) // its modifier is a maximum
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("type not supported for ivfflat index")));
	if (dims < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("column does not have dimensions")));
	uint32 most = ivfflat_max_dimensions(opclass.element);
	if (uint32(dims) > most)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("column cannot have more than %d dimensions for ivfflat index", int(most))));
	// One dimension has two directions only: angles tell nothing.
	if (dims == 1 && (opclass.metric == Metric::ip || opclass.metric == Metric::cosine))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("dimensions must be greater than one for this opclass")));
	return dims;
}

namespace {

constexpr TypeSupport kHalfvecSupport = {Element::f16, 4000};
constexpr TypeSupport kBitSupport = {Element::bit, graph::kMaxBitDimensions};

} // namespace

// Part of the surface of pgvector's operator classes. The index itself asks the distance function.
RV_FUNCTION(ruvector_ivfflat_halfvec_support) {
	return PointerGetDatum(&kHalfvecSupport);
}
RV_FUNCTION(ruvector_ivfflat_bit_support) {
	return PointerGetDatum(&kBitSupport);
}

} // namespace ruvector::am
