// am/options.cpp - index options (m, ef_construction, layout, ...; lists) and the settings hnsw.*, ivfflat.* and
// ruvector.target_recall.
//
// The settings have pgvector's names. If its library was loaded into this backend before ours, they exist already and
// cannot be defined again; then its variables count, and are read by name. In the other order it is pgvector that
// refuses to load.
#include "am/ivfflat.hpp"
#include "ruvector/pg/compat.hpp"

extern "C" {
#include "access/reloptions.h"
#include "utils/guc.h"
}

namespace ruvector::am {

namespace {

relopt_kind option_kind, ivfflat_option_kind;

// A setting's variable, and whether it is ours.
template <typename T>
struct Setting {
	const char *name;
	T value;
	bool foreign;
};

Setting<int> ef_search{"hnsw.ef_search", kDefaultEfSearch, false};
Setting<int> iterative_scan{"hnsw.iterative_scan", iterative_strict, false};
Setting<int> max_scan_tuples{"hnsw.max_scan_tuples", 20000, false};
Setting<double> scan_mem_multiplier{"hnsw.scan_mem_multiplier", 1, false};
double target_recall = 0; // a setting of ours alone

Setting<int> probes{"ivfflat.probes", 1, false};
Setting<int> ivfflat_iterative_scan{"ivfflat.iterative_scan", iterative_off, false};
Setting<int> max_probes{"ivfflat.max_probes", kMaxLists, false};

// Whether hnsw.ef_search was set by anybody, so that it counts more than an index's own default. The answer travels with
// the value: PostgreSQL keeps what the check hook gives it beside each value that it may go back to.
bool ef_search_set = false;

bool check_ef_search(int *, void **extra, GucSource source) {
	bool *set = static_cast<bool *>(RV_GUC_ALLOCATE(sizeof(bool)));
	if (set == nullptr)
		return false;
	*set = source > PGC_S_DEFAULT;
	*extra = set;
	return true;
}

void assign_ef_search(int, void *extra) {
	ef_search_set = extra != nullptr && *static_cast<bool *>(extra);
}

constexpr config_enum_entry kIterativeScanModes[] = {{"off", iterative_off, false},
													 {"relaxed_order", iterative_relaxed, false},
													 {"strict_order", iterative_strict, false},
													 {nullptr, 0, false}};
relopt_enum_elt_def kArrangements[] = {
	{"fast", int(Arrangement::fast)}, {"compact", int(Arrangement::compact)}, {nullptr, 0}};
constexpr config_enum_entry kIvfflatIterativeScanModes[] = {
	{"off", iterative_off, false}, {"relaxed_order", iterative_relaxed, false}, {nullptr, 0, false}};

// True if another library has defined the variable. A placeholder, made by SET or a configuration file before the
// variable is known, is not a definition: it is replaced, and its value taken over.
template <typename T>
bool defined_elsewhere(Setting<T> *setting) {
	const char *value = GetConfigOption(setting->name, true, false);
	setting->foreign = value != nullptr && (GetConfigOptionFlags(setting->name, true) & GUC_CUSTOM_PLACEHOLDER) == 0;
	return setting->foreign;
}

// The text of a variable that is not ours; null if it has vanished.
template <typename T>
const char *foreign_value(const Setting<T> &setting) {
	return GetConfigOption(setting.name, true, false);
}

int read(const Setting<int> &setting, int low, int high) {
	if (!setting.foreign)
		return setting.value;
	const char *text = foreign_value(setting);
	int value;
	if (text == nullptr || !parse_int(text, &value, 0, nullptr))
		return setting.value;
	return value < low ? low : value > high ? high : value;
}

int read_mode(const Setting<int> &setting, const config_enum_entry *modes) {
	if (!setting.foreign)
		return setting.value;
	const char *text = foreign_value(setting);
	for (const config_enum_entry *mode = modes; text != nullptr && mode->name != nullptr; mode++)
		if (pg_strcasecmp(text, mode->name) == 0)
			return mode->val;
	return setting.value;
}

} // namespace

int setting_ef_search() {
	return read(ef_search, kMinEfSearch, kMaxEfSearch);
}

bool ef_search_is_set() {
	return ef_search.foreign ? setting_ef_search() != kDefaultEfSearch : ef_search_set;
}

double setting_target_recall() {
	return target_recall;
}

int setting_max_scan_tuples() {
	return read(max_scan_tuples, 1, INT_MAX);
}

int setting_iterative_scan() {
	return read_mode(iterative_scan, kIterativeScanModes);
}

int setting_probes() {
	return read(probes, kMinLists, kMaxLists);
}

int setting_ivfflat_iterative_scan() {
	return read_mode(ivfflat_iterative_scan, kIvfflatIterativeScanModes);
}

int setting_max_probes() {
	return read(max_probes, kMinLists, kMaxLists);
}

double setting_scan_mem_multiplier() {
	if (!scan_mem_multiplier.foreign)
		return scan_mem_multiplier.value;
	const char *text = foreign_value(scan_mem_multiplier);
	double value;
	if (text == nullptr || !parse_real(text, &value, 0, nullptr) || !(value >= 1))
		return scan_mem_multiplier.value;
	return value > 1000 ? 1000 : value;
}

namespace {

// What both methods have for codes. What a search may do otherwise tomorrow takes no lock against searches.
void define_code_options(relopt_kind kind) {
	add_int_reloption(kind, "pq_subspaces",
					  "Subspaces of the product quantizer, each of four bits; 0 lets the index choose", 0, 0,
					  int(graph::kMaxDimensions), AccessExclusiveLock);
	add_real_reloption(kind, "oversampling",
					   "Candidates per row wanted that a search of codes keeps; 0 lets the index choose", 0, 0, 100,
					   ShareUpdateExclusiveLock);
	add_bool_reloption(kind, "rerank", "Whether rows found by codes are ordered by their exact distances", true,
					   ShareUpdateExclusiveLock);
}

void check_oversampling(double oversampling) {
	if (oversampling != 0 && oversampling < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for option \"oversampling\": %g", oversampling),
						errdetail("Valid values are 0 and those between 1 and 100.")));
}

void define_ivfflat_options() {
	ivfflat_option_kind = add_reloption_kind();
	add_int_reloption(ivfflat_option_kind, "lists", "Number of lists that the rows are divided into", kDefaultLists,
					  kMinLists, kMaxLists, AccessExclusiveLock);
	define_code_options(ivfflat_option_kind);
	if (!defined_elsewhere(&probes))
		DefineCustomIntVariable(probes.name, "Sets the number of lists that a search reads.",
								"More lists have more of the true nearest neighbors and take longer. "
								"Valid range is 1..32768.",
								&probes.value, 1, kMinLists, kMaxLists, PGC_USERSET, 0, nullptr, nullptr, nullptr);
	if (!defined_elsewhere(&ivfflat_iterative_scan))
		DefineCustomEnumVariable(ivfflat_iterative_scan.name,
								 "Sets whether an index scan goes on with the next lists when its own are used up.",
								 nullptr, &ivfflat_iterative_scan.value, iterative_off, kIvfflatIterativeScanModes,
								 PGC_USERSET, 0, nullptr, nullptr, nullptr);
	if (!defined_elsewhere(&max_probes))
		DefineCustomIntVariable(max_probes.name, "Sets the number of lists that an iterative scan reads at most.",
								"A number below ivfflat.probes has no effect.", &max_probes.value, kMaxLists, kMinLists,
								kMaxLists, PGC_USERSET, 0, nullptr, nullptr, nullptr);
	MarkGUCPrefixReserved("ivfflat");
}

} // namespace

void define_options() {
	option_kind = add_reloption_kind();
	add_int_reloption(option_kind, "m", "Number of connections of a vertex per layer", kDefaultM, kMinM, kMaxM,
					  AccessExclusiveLock);
	add_int_reloption(option_kind, "ef_construction",
					  "Number of candidates that an insert keeps while it looks for neighbors", kDefaultEfConstruction,
					  kMinEfConstruction, kMaxEfConstruction, AccessExclusiveLock);
	add_enum_reloption(option_kind, "layout", "Whether codes of a vertex's neighbors are kept beside it", kArrangements,
					   int(Arrangement::fast), "Valid values are \"fast\" and \"compact\".", AccessExclusiveLock);
	add_int_reloption(option_kind, "edge_bits", "Bits per dimension of a neighbor's code; 0 lets the index choose", 0,
					  0, 4, AccessExclusiveLock);
	add_int_reloption(option_kind, "ef_search", "Default of hnsw.ef_search for this index; 0 for none", 0, 0,
					  kMaxEfSearch, ShareUpdateExclusiveLock);
	define_code_options(option_kind);

	if (!defined_elsewhere(&ef_search))
		DefineCustomIntVariable(ef_search.name, "Sets the number of candidates that a search keeps.",
								"More candidates find more of the true nearest neighbors and take longer. "
								"Valid range is 1..1000.",
								&ef_search.value, kDefaultEfSearch, kMinEfSearch, kMaxEfSearch, PGC_USERSET, 0,
								check_ef_search, assign_ef_search, nullptr);
	if (!defined_elsewhere(&iterative_scan))
		DefineCustomEnumVariable(
			iterative_scan.name, "Sets whether an index scan goes on when its candidates are used up.",
			"\"strict_order\" and \"relaxed_order\" search on until enough rows pass the query's "
			"conditions; relaxed_order may return rows slightly out of order.",
			&iterative_scan.value, iterative_strict, kIterativeScanModes, PGC_USERSET, 0, nullptr, nullptr, nullptr);
	if (!defined_elsewhere(&max_scan_tuples))
		DefineCustomIntVariable(max_scan_tuples.name,
								"Sets the number of tuples that an iterative scan visits at most.", nullptr,
								&max_scan_tuples.value, 20000, 1, INT_MAX, PGC_USERSET, 0, nullptr, nullptr, nullptr);
	if (!defined_elsewhere(&scan_mem_multiplier))
		DefineCustomRealVariable(
			scan_mem_multiplier.name, "Sets the memory that an iterative scan uses at most, in multiples of work_mem.",
			nullptr, &scan_mem_multiplier.value, 1, 1, 1000, PGC_USERSET, 0, nullptr, nullptr, nullptr);
	MarkGUCPrefixReserved("hnsw");
	DefineCustomRealVariable(
		"ruvector.target_recall", "Sets the recall that scans of calibrated hnsw indexes are to reach; 0 for none.",
		"Such an index is searched with the least ef that reached it when ruvector.calibrate measured, "
		"whatever hnsw.ef_search is.",
		&target_recall, 0, 0, 1, PGC_USERSET, 0, nullptr, nullptr, nullptr);
	define_ivfflat_options();
}

namespace {

struct OptionPlace {
	const char *name;
	relopt_type type;
	int offset;
};

template <size_t n>
bytea *build_options(Datum reloptions, bool validate, relopt_kind kind, Size size, const OptionPlace (&places)[n]) {
	relopt_parse_elt table[n] = {}; // 18 has a field more
	for (size_t i = 0; i < n; i++) {
		table[i].optname = places[i].name;
		table[i].opttype = places[i].type;
		table[i].offset = places[i].offset;
	}
	return static_cast<bytea *>(build_reloptions(reloptions, validate, kind, size, table, n));
}

} // namespace

bytea *hnsw_amoptions(Datum reloptions, bool validate) {
	static constexpr OptionPlace kPlaces[] = {
		{"m", RELOPT_TYPE_INT, offsetof(Options, m)},
		{"ef_construction", RELOPT_TYPE_INT, offsetof(Options, ef_construction)},
		{"layout", RELOPT_TYPE_ENUM, offsetof(Options, layout)},
		{"edge_bits", RELOPT_TYPE_INT, offsetof(Options, edge_bits)},
		{"pq_subspaces", RELOPT_TYPE_INT, offsetof(Options, pq_subspaces)},
		{"ef_search", RELOPT_TYPE_INT, offsetof(Options, ef_search)},
		{"oversampling", RELOPT_TYPE_REAL, offsetof(Options, oversampling)},
		{"rerank", RELOPT_TYPE_BOOL, offsetof(Options, rerank)},
	};
	bytea *result = build_options(reloptions, validate, option_kind, sizeof(Options), kPlaces);
	const Options *options = reinterpret_cast<const Options *>(result);
	if (validate && options != nullptr && options->edge_bits == 3)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for option \"edge_bits\": %d", options->edge_bits),
						errdetail("Valid values are 0, 1, 2 and 4.")));
	if (validate && options != nullptr)
		check_oversampling(options->oversampling);
	return result;
}

bytea *ivfflat_amoptions(Datum reloptions, bool validate) {
	static constexpr OptionPlace kPlaces[] = {
		{"lists", RELOPT_TYPE_INT, offsetof(IvfflatOptions, lists)},
		{"pq_subspaces", RELOPT_TYPE_INT, offsetof(IvfflatOptions, pq_subspaces)},
		{"oversampling", RELOPT_TYPE_REAL, offsetof(IvfflatOptions, oversampling)},
		{"rerank", RELOPT_TYPE_BOOL, offsetof(IvfflatOptions, rerank)},
	};
	bytea *result = build_options(reloptions, validate, ivfflat_option_kind, sizeof(IvfflatOptions), kPlaces);
	if (validate && result != nullptr)
		check_oversampling(reinterpret_cast<const IvfflatOptions *>(result)->oversampling);
	return result;
}

// By default as many as keep the recall within half a point of the plain class, on sentence embeddings at 0.97.
uint32 rows_looked_up(const IvfflatOptions &options, graph::Codec codec) {
	double by_default = codec == graph::Codec::int8 ? 1 : 3;
	return uint32(kRowsAsked * (options.oversampling != 0 ? options.oversampling : by_default));
}

IvfflatOptions ivfflat_options_of(Relation index) {
	if (index->rd_options != nullptr)
		return *reinterpret_cast<const IvfflatOptions *>(index->rd_options);
	IvfflatOptions options = {};
	options.lists = kDefaultLists;
	options.rerank = true;
	return options;
}

Options options_of(Relation index) {
	if (index->rd_options != nullptr)
		return *reinterpret_cast<const Options *>(index->rd_options);
	Options options = {};
	options.m = kDefaultM;
	options.ef_construction = kDefaultEfConstruction;
	options.rerank = true;
	return options;
}

int option_m(Relation index) {
	return options_of(index).m;
}

int option_ef_construction(Relation index) {
	return options_of(index).ef_construction;
}

void check_options(Relation index) {
	if (option_ef_construction(index) < 2 * option_m(index))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("ef_construction must be greater than or equal to 2 * m")));
}

} // namespace ruvector::am
