// am/validate.cpp - what an operator class means to the index, and whether its members fit together.
//
// The element type and the metric of an index follow from its class's distance function. It is known by its C symbol,
// not by its SQL name or OID: users make classes of their own, in any schema, from the functions that the extension
// gives them.
#include "am/ivfflat.hpp"
#include "ruvector/pg/boundary.hpp"

extern "C" {
#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "catalog/pg_am.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_language.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
}

namespace ruvector::am {

using graph::Codec;
using graph::Element;
using graph::Metric;

namespace {

struct DistanceSymbol {
	const char *symbol;
	Element element;
	Metric metric;
};

constexpr DistanceSymbol kDistances[] = {
	{"ruvector_vector_l2_squared_distance", Element::f32, Metric::l2},
	{"ruvector_vector_negative_inner_product", Element::f32, Metric::ip},
	{"ruvector_vector_l1_distance", Element::f32, Metric::l1},
	{"ruvector_halfvec_l2_squared_distance", Element::f16, Metric::l2},
	{"ruvector_halfvec_negative_inner_product", Element::f16, Metric::ip},
	{"ruvector_halfvec_l1_distance", Element::f16, Metric::l1},
	{"ruvector_bit_hamming_distance", Element::bit, Metric::hamming},
	{"ruvector_bit_jaccard_distance", Element::bit, Metric::jaccard},
	{"ruvector_sparsevec_l2_squared_distance", Element::sparse, Metric::l2},
	{"ruvector_sparsevec_negative_inner_product", Element::sparse, Metric::ip},
	{"ruvector_sparsevec_l1_distance", Element::sparse, Metric::l1},
};

struct CodecSymbol {
	const char *symbol;
	Codec codec;
};

constexpr CodecSymbol kCodecs[] = {
	{"ruvector_int8_codec", Codec::int8},
	{"ruvector_pq_codec", Codec::pq},
	{"ruvector_binary_codec", Codec::binary},
};

// Strategy 1 is the operator of ORDER BY; there are no others.
constexpr int kOrderStrategy = 1;
constexpr int kDistanceFunction = 1, kNormFunction = 2; // in both access methods

// What the support functions of an access method are, in the order of their numbers.
enum class Support { distance, norm, internal };
constexpr Support kHnswSupport[] = {Support::distance, Support::norm, Support::internal, Support::internal};
constexpr Support kIvfflatSupport[] = {Support::distance, Support::norm,     Support::distance,
									   Support::norm,     Support::internal, Support::internal};

struct Method {
	const char *name;
	const Support *support;
	int support_count, codec_function; // the codec's is the last
	uint32 (*max_dimensions)(Element element);
	bool (*supports)(const Opclass &opclass);
};

// What has centroids that mean something.
bool ivfflat_supports(const Opclass &opclass) {
	switch (opclass.metric) {
	case Metric::l2:
	case Metric::ip:
	case Metric::cosine:
		return opclass.element == Element::f32 || opclass.element == Element::f16;
	case Metric::hamming:
		return opclass.element == Element::bit;
	case Metric::l1:
	case Metric::jaccard:
		break;
	}
	return false;
}

constexpr Method kHnsw = {
	"hnsw", kHnswSupport, kHnswSupportFunctions, kHnswSupportFunctions, max_dimensions, [](const Opclass &) {
		return true;
	}};
constexpr Method kIvfflat = {
	"ivfflat",       kIvfflatSupport, kIvfflatSupportFunctions, kIvfflatSupportFunctions, ivfflat_max_dimensions,
	ivfflat_supports};
static_assert(lengthof(kHnswSupport) == kHnswSupportFunctions && lengthof(kIvfflatSupport) == kIvfflatSupportFunctions);

const Method &method_of(Relation index) {
	return index->rd_indam->ambuild == ivfflat_ambuild ? kIvfflat : kHnsw;
}

// "$libdir/ruvector", "ruvector.so", "/usr/lib/.../ruvector": the same library.
bool is_our_library(const char *path) {
	static constexpr char kName[] = "ruvector";
	const char *slash = strrchr(path, '/');
	const char *name = slash != nullptr ? slash + 1 : path;
	Size length = sizeof(kName) - 1;
	return strncmp(name, kName, length) == 0 && (name[length] == '\0' || name[length] == '.');
}

// The C symbol of a function of our library, or null. Reads only the catalog.
char *our_symbol(Oid function) {
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return nullptr;
	char *symbol = nullptr;
	bool source_null, library_null;
	Datum source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc, &source_null);
	Datum library = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_probin, &library_null);
	const auto *form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
	if (form->prolang == ClanguageId && !source_null && !library_null && is_our_library(TextDatumGetCString(library)))
		symbol = TextDatumGetCString(source);
	ReleaseSysCache(tuple);
	return symbol;
}

template <typename Known, size_t n>
const Known *find_symbol(Oid function, const Known (&known)[n]) {
	const char *symbol = our_symbol(function);
	for (const Known &k : known)
		if (symbol != nullptr && strcmp(symbol, k.symbol) == 0)
			return &k;
	return nullptr;
}

} // namespace

uint32 max_dimensions(Element element) {
	switch (element) {
	case Element::f32:
	case Element::f16:
		return graph::kMaxDimensions;
	case Element::bit:
		return graph::kMaxBitDimensions;
	case Element::sparse:
		break;
	}
	return kMaxSparseDimensions;
}

uint32 ivfflat_max_dimensions(Element element) {
	switch (element) {
	case Element::f32:
		return kIvfflatMaxVector;
	case Element::f16:
		return kIvfflatMaxHalfvec;
	case Element::bit:
		return graph::kMaxBitDimensions;
	case Element::sparse:
		break;
	}
	return 0;
}

bool opclass_of_functions(Oid distance_function, Oid norm_function, Oid codec_function, Opclass *opclass) {
	const DistanceSymbol *found = OidIsValid(distance_function) ? find_symbol(distance_function, kDistances) : nullptr;
	if (found == nullptr)
		return false;
	opclass->element = found->element;
	opclass->metric = found->metric;
	opclass->codec = Codec::plain;
	opclass->normalize = false;
	if (OidIsValid(norm_function)) {
		if (found->metric != Metric::ip) // normalising would change the order
			return false;
		opclass->metric = Metric::cosine;
		opclass->normalize = true;
	}
	if (OidIsValid(codec_function)) {
		const CodecSymbol *codec = find_symbol(codec_function, kCodecs);
		bool dense = found->element == Element::f32 || found->element == Element::f16;
		if (codec == nullptr || !dense || found->metric == Metric::l1)
			return false;
		opclass->codec = codec->codec;
	}
	return true;
}

Opclass index_opclass(Relation index) {
	const Method &method = method_of(index);
	Opclass opclass;
	if (!opclass_of_functions(index_getprocid(index, 1, kDistanceFunction), index_getprocid(index, 1, kNormFunction),
							  index_getprocid(index, 1, uint16(method.codec_function)), &opclass) ||
		!method.supports(opclass))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("type not supported for %s index", method.name),
				 errdetail("The operator class of index \"%s\" has a distance function that the index does not know.",
						   RelationGetRelationName(index))));
	return opclass;
}

int index_dimensions(Relation index, const Opclass &opclass) {
	const Method &method = method_of(index);
	const FormData_pg_attribute *column = TupleDescAttr(RelationGetDescr(index), 0);
	// A domain has no modifier of its own; its base type's is in the domain's definition.
	int32 dims = column->atttypmod;
	Oid type = getBaseTypeAndTypmod(column->atttypid, &dims);
	if (type == VARBITOID) // its modifier is a maximum
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("type not supported for %s index", method.name)));
	if (dims < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("column does not have dimensions")));
	uint32 most = method.max_dimensions(opclass.element);
	if (uint32(dims) > most)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("column cannot have more than %d dimensions for %s index", int(most), method.name)));
	// One dimension has two directions only: angles between centroids tell nothing.
	if (dims == 1 && &method == &kIvfflat && (opclass.metric == Metric::ip || opclass.metric == Metric::cosine))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("dimensions must be greater than one for this opclass")));
	return dims;
}

namespace {

// What amvalidate is looking at, for its messages.
struct Family {
	const Method &method;
	const char *name;
	bool ok;
};

// All complaints are INFO, as in PostgreSQL's own validators: the caller wants to see all of them.
#define RV_COMPLAIN(family, ...)                                                                                       \
	do {                                                                                                               \
		(family)->ok = false;                                                                                          \
		ereport(INFO, (errcode(ERRCODE_INVALID_OBJECT_DEFINITION), __VA_ARGS__));                                      \
	} while (0)

void check_function(Family *family, Form_pg_amproc member) {
	if (member->amproclefttype != member->amprocrighttype) {
		RV_COMPLAIN(family, errmsg("operator family \"%s\" of access method %s contains support function %s with "
								   "different left and right input types",
								   family->name, family->method.name, format_procedure(member->amproc)));
		return;
	}
	Oid type = member->amproclefttype;
	if (member->amprocnum < 1 || member->amprocnum > family->method.support_count) {
		RV_COMPLAIN(family,
					errmsg("operator family \"%s\" of access method %s contains function %s with invalid "
						   "support number %d",
						   family->name, family->method.name, format_procedure(member->amproc), member->amprocnum));
		return;
	}
	bool fits = false;
	switch (family->method.support[member->amprocnum - 1]) {
	case Support::distance:
		fits = check_amproc_signature(member->amproc, FLOAT8OID, false, 2, 2, type, type);
		break;
	case Support::norm:
		fits = check_amproc_signature(member->amproc, FLOAT8OID, false, 1, 1, type);
		break;
	case Support::internal:
		fits = check_amproc_signature(member->amproc, INTERNALOID, true, 1, 1, INTERNALOID);
		break;
	}
	if (!fits)
		RV_COMPLAIN(family,
					errmsg("operator family \"%s\" of access method %s contains function %s with wrong "
						   "signature for support number %d",
						   family->name, family->method.name, format_procedure(member->amproc), member->amprocnum));
}

void check_operator(Family *family, Form_pg_amop member) {
	if (member->amopstrategy != kOrderStrategy)
		RV_COMPLAIN(family,
					errmsg("operator family \"%s\" of access method %s contains operator %s with invalid "
						   "strategy number %d",
						   family->name, family->method.name, format_operator(member->amopopr), member->amopstrategy));
	if (member->amoppurpose != AMOP_ORDER) {
		RV_COMPLAIN(family, errmsg("operator family \"%s\" of access method %s contains operator %s that is not for "
								   "ordering",
								   family->name, family->method.name, format_operator(member->amopopr)));
		return;
	}
	if (member->amoplefttype != member->amoprighttype ||
		!check_amop_signature(member->amopopr, FLOAT8OID, member->amoplefttype, member->amoprighttype))
		RV_COMPLAIN(family,
					errmsg("operator family \"%s\" of access method %s contains operator %s with wrong signature",
						   family->name, family->method.name, format_operator(member->amopopr)));
	if (!opfamily_can_sort_type(member->amopsortfamily, FLOAT8OID))
		RV_COMPLAIN(family, errmsg("operator family \"%s\" of access method %s contains invalid ORDER BY specification "
								   "for operator %s",
								   family->name, family->method.name, format_operator(member->amopopr)));
}

// The class's own members: an operator, and functions that together are a metric of ours.
void check_class(Family *family, const char *class_name, Oid family_oid, Oid type) {
	if (!OidIsValid(get_opfamily_member(family_oid, type, type, kOrderStrategy)))
		RV_COMPLAIN(family, errmsg("operator class \"%s\" of access method %s is missing operator %d", class_name,
								   family->method.name, kOrderStrategy));
	Oid distance = get_opfamily_proc(family_oid, type, type, kDistanceFunction);
	Oid norm = get_opfamily_proc(family_oid, type, type, kNormFunction);
	Oid codec = get_opfamily_proc(family_oid, type, type, int16(family->method.codec_function));
	Opclass opclass;
	if (!OidIsValid(distance))
		RV_COMPLAIN(family, errmsg("operator class \"%s\" of access method %s is missing support function %d",
								   class_name, family->method.name, kDistanceFunction));
	else if (!opclass_of_functions(distance, InvalidOid, InvalidOid, &opclass) || !family->method.supports(opclass))
		RV_COMPLAIN(family, errmsg("operator class \"%s\" of access method %s has function %s for distances, which the "
								   "index does not know",
								   class_name, family->method.name, format_procedure(distance)));
	else if (!opclass_of_functions(distance, norm, InvalidOid, &opclass))
		RV_COMPLAIN(family, errmsg("operator class \"%s\" of access method %s has function %s for norms, but its "
								   "distance is not an inner product",
								   class_name, family->method.name, format_procedure(norm)));
	else if (!opclass_of_functions(distance, norm, codec, &opclass))
		RV_COMPLAIN(family,
					errmsg("operator class \"%s\" of access method %s has function %s for its codec, which does "
						   "not go with its distance",
						   class_name, family->method.name, format_procedure(codec)));
}

bool validate(Oid opclass_oid, Family family) {
	HeapTuple class_tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass_oid));
	if (!HeapTupleIsValid(class_tuple))
		elog(ERROR, "cache lookup failed for operator class %u", opclass_oid);
	const auto *form = reinterpret_cast<Form_pg_opclass>(GETSTRUCT(class_tuple));
	Oid family_oid = form->opcfamily;

	HeapTuple family_tuple = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(family_oid));
	if (!HeapTupleIsValid(family_tuple))
		elog(ERROR, "cache lookup failed for operator family %u", family_oid);
	family.name = NameStr(reinterpret_cast<Form_pg_opfamily>(GETSTRUCT(family_tuple))->opfname);

	CatCList *operators = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(family_oid));
	CatCList *functions = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(family_oid));
	for (int i = 0; i < functions->n_members; i++)
		check_function(&family, reinterpret_cast<Form_pg_amproc>(GETSTRUCT(&functions->members[i]->tuple)));
	for (int i = 0; i < operators->n_members; i++)
		check_operator(&family, reinterpret_cast<Form_pg_amop>(GETSTRUCT(&operators->members[i]->tuple)));
	check_class(&family, NameStr(form->opcname), family_oid, form->opcintype);

	ReleaseCatCacheList(functions);
	ReleaseCatCacheList(operators);
	ReleaseSysCache(family_tuple);
	ReleaseSysCache(class_tuple);
	return family.ok;
}

} // namespace

bool hnsw_amvalidate(Oid opclass_oid) {
	return validate(opclass_oid, {kHnsw, nullptr, true});
}

bool ivfflat_amvalidate(Oid opclass_oid) {
	return validate(opclass_oid, {kIvfflat, nullptr, true});
}

namespace {

constexpr TypeSupport kHalfvecSupport = {Element::f16, graph::kMaxDimensions};
constexpr TypeSupport kBitSupport = {Element::bit, graph::kMaxBitDimensions};
constexpr TypeSupport kSparsevecSupport = {Element::sparse, kMaxSparseDimensions};
constexpr TypeSupport kIvfflatHalfvecSupport = {Element::f16, kIvfflatMaxHalfvec};

Datum pointer_to(const TypeSupport &support) {
	return PointerGetDatum(&support);
}

} // namespace

// Part of the surface of pgvector's operator classes. The index itself asks the distance function.
RV_FUNCTION(ruvector_hnsw_halfvec_support) {
	return pointer_to(kHalfvecSupport);
}
RV_FUNCTION(ruvector_hnsw_bit_support) {
	return pointer_to(kBitSupport);
}
RV_FUNCTION(ruvector_hnsw_sparsevec_support) {
	return pointer_to(kSparsevecSupport);
}
RV_FUNCTION(ruvector_ivfflat_halfvec_support) {
	return pointer_to(kIvfflatHalfvecSupport);
}
RV_FUNCTION(ruvector_ivfflat_bit_support) {
	return pointer_to(kBitSupport);
}

// The last support function of a method names the codec of an operator class; it is known by its symbol and never called
// by the index.
RV_FUNCTION(ruvector_int8_codec) {
	PG_RETURN_POINTER(nullptr);
}
RV_FUNCTION(ruvector_pq_codec) {
	PG_RETURN_POINTER(nullptr);
}
RV_FUNCTION(ruvector_binary_codec) {
	PG_RETURN_POINTER(nullptr);
}

} // namespace ruvector::am
