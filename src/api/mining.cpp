// api/mining.cpp - sequence mining and actions in SQL: arrays in, rows out. The methods are in the room memory.
#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include "ruvector/memory/actions.hpp"
#include "ruvector/memory/sequence_mining.hpp"
#include "ruvector/pg/boundary.hpp"
#include "ruvector/pg/compat.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "nodes/execnodes.h"
#include "utils/array.h"
#include "utils/tuplestore.h"
}

using namespace ruvector;

namespace {

// Array arguments as C arrays; nothing here owns C++ memory.
struct Elements {
	Datum *values;
	int count;

	int64 number(int i) const { return DatumGetInt64(values[i]); }
	bool flag(int i) const { return DatumGetBool(values[i]); }
	const char *data(int i) const { return VARDATA_ANY(DatumGetPointer(values[i])); }
	size_t size(int i) const { return VARSIZE_ANY_EXHDR(DatumGetPointer(values[i])); }
	std::string text(int i) const { return {data(i), size(i)}; }
};

Elements elements(FunctionCallInfo fcinfo, int argument, Oid type, const char *name, bool null_as_empty = false) {
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(argument);
	if (ARR_NDIM(array) > 1)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR), errmsg("\"%s\" must have one dimension", name)));
	Elements result;
	bool *nulls;
	int16 length = type == INT8OID ? 8 : type == BOOLOID ? 1 : -1;
	bool by_value = type == BOOLOID || (type == INT8OID && FLOAT8PASSBYVAL);
	char alignment = type == INT8OID ? TYPALIGN_DOUBLE : type == BOOLOID ? TYPALIGN_CHAR : TYPALIGN_INT;
	deconstruct_array(array, type, length, by_value, alignment, &result.values, &nulls, &result.count);
	for (int i = 0; i < result.count; ++i) {
		if (nulls[i] && null_as_empty)
			result.values[i] = PointerGetDatum(cstring_to_text_with_len("", 0));
		else if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("\"%s\" must not contain NULL", name)));
		else if (type == TEXTOID)
			result.values[i] = PointerGetDatum(PG_DETOAST_DATUM_PACKED(result.values[i]));
	}
	return result;
}

void same_length(const Elements &a, const char *name_a, const Elements &b, const char *name_b) {
	if (a.count != b.count)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("\"%s\" has %d elements, \"%s\" has %d", name_a, a.count, name_b, b.count),
						errhint("Both describe the same steps, one element a step.")));
}

struct Limits {
	int32 min_support, max_gap, min_length, max_length, max_patterns;
};

void check_limits(const Limits &limits) {
	auto refuse = [](const char *name, int32 value, const char *hint) {
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must not be %d", name, value),
						errhint("%s", hint)));
	};
	if (limits.min_support < 1)
		refuse("min_support", limits.min_support, "A pattern is in at least one sequence.");
	if (limits.max_gap < -1)
		refuse("max_gap", limits.max_gap,
			   "0 means steps that follow each other directly, -1 any number of steps between.");
	if (limits.min_length < 1)
		refuse("min_length", limits.min_length, "A pattern has at least one step.");
	if (limits.max_length < limits.min_length)
		refuse("max_length", limits.max_length, "It must be at least min_length.");
	if (limits.max_patterns < 1)
		refuse("max_patterns", limits.max_patterns, "It must be at least 1.");
}

void poll() {
	if (INTERRUPTS_PENDING_CONDITION())
		pg::pg_call([] { CHECK_FOR_INTERRUPTS(); });
}

memory::MiningOptions options_of(const Limits &limits, bool closed) {
	memory::MiningOptions options;
	options.min_support = uint32_t(limits.min_support);
	options.max_gap = limits.max_gap < 0 ? memory::kAnyGap : uint32_t(limits.max_gap);
	options.min_length = uint32_t(limits.min_length);
	options.max_length = uint32_t(limits.max_length);
	options.max_patterns = size_t(limits.max_patterns);
	options.closed = closed;
	options.poll = poll;
	return options;
}

// Steps grouped into sequences, in the order in which the sequences appear; a sequence's steps need not be together.
struct Database {
	std::vector<int64> ids;
	std::vector<memory::Sequence> sequences;
	std::vector<std::vector<int>> places; // of each step of a sequence in the arrays
	std::vector<std::string> names;       // of the items

	void add(int64 id, const std::string &name, int place) {
		auto [at, is_new] = number_of_id_.try_emplace(id, ids.size());
		if (is_new) {
			ids.push_back(id);
			sequences.emplace_back();
			places.emplace_back();
		}
		auto [item, is_new_item] = item_of_name_.try_emplace(name, uint32_t(names.size()));
		if (is_new_item)
			names.push_back(name);
		sequences[at->second].push_back(item->second);
		places[at->second].push_back(place);
	}

private:
	std::unordered_map<int64, size_t> number_of_id_;
	std::unordered_map<std::string, uint32_t> item_of_name_;
};

// The rest makes Datums: called inside pg_call, owns nothing.
Datum make_text(const std::string &text) {
	return PointerGetDatum(cstring_to_text_with_len(text.data(), int(text.size())));
}

Datum make_texts(const std::vector<std::string> &texts) {
	Datum *values = static_cast<Datum *>(palloc(sizeof(Datum) * std::max<size_t>(texts.size(), 1)));
	for (size_t i = 0; i < texts.size(); ++i)
		values[i] = make_text(texts[i]);
	return PointerGetDatum(construct_array(values, int(texts.size()), TEXTOID, -1, false, TYPALIGN_INT));
}

Datum make_numbers(const std::vector<int64> &numbers) {
	Datum *values = static_cast<Datum *>(palloc(sizeof(Datum) * std::max<size_t>(numbers.size(), 1)));
	for (size_t i = 0; i < numbers.size(); ++i)
		values[i] = Int64GetDatum(numbers[i]);
	return PointerGetDatum(construct_array(values, int(numbers.size()), INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

} // namespace

// ruvector.mine_sequences(sequence_ids bigint[], items text[], min_support, max_gap, min_length, max_length, closed,
// max_patterns) -> rows of pattern text[], support, sequence_ids bigint[]
RV_FUNCTION(ruvector_mine_sequences) {
	Elements ids = elements(fcinfo, 0, INT8OID, "sequence_ids");
	Elements items = elements(fcinfo, 1, TEXTOID, "items");
	same_length(ids, "sequence_ids", items, "items");
	Limits limits = {PG_GETARG_INT32(2), PG_GETARG_INT32(3), PG_GETARG_INT32(4), PG_GETARG_INT32(5),
					 PG_GETARG_INT32(7)};
	check_limits(limits);
	bool closed = PG_GETARG_BOOL(6);
	InitMaterializedSRF(fcinfo, 0);
	auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);

	Database database;
	for (int i = 0; i < ids.count; ++i)
		database.add(ids.number(i), items.text(i), i);
	for (const auto &pattern : memory::mine_sequences(database.sequences, options_of(limits, closed))) {
		std::vector<std::string> names;
		for (memory::Item item : pattern.items)
			names.push_back(database.names[item]);
		std::vector<int64> where;
		for (uint32_t s : pattern.sequences)
			where.push_back(database.ids[s]);
		std::sort(where.begin(), where.end());
		pg::pg_call([&] {
			Datum values[3] = {make_texts(names), Int64GetDatum(int64(where.size())), make_numbers(where)};
			bool nulls[3] = {false, false, false};
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		});
	}
	return Datum(0);
}

// ruvector.action_keys(actions text[]) -> text[], one key an action
RV_FUNCTION(ruvector_action_keys) {
	Elements actions = elements(fcinfo, 0, TEXTOID, "actions", true);
	std::vector<std::string> texts;
	for (int i = 0; i < actions.count; ++i)
		texts.push_back(actions.text(i));
	memory::ActionKeys keys(texts);
	return pg::pg_call([&] { return make_texts(keys.keys()); });
}

// ruvector.action_names(actions text[]) -> text[], sorted, each once
RV_FUNCTION(ruvector_action_names) {
	Elements actions = elements(fcinfo, 0, TEXTOID, "actions", true);
	std::vector<std::string> names;
	for (int i = 0; i < actions.count; ++i) {
		names.push_back(memory::parse_action(actions.text(i)).name);
		if (names.back().empty())
			names.pop_back();
	}
	std::sort(names.begin(), names.end());
	names.erase(std::unique(names.begin(), names.end()), names.end());
	return pg::pg_call([&] { return make_texts(names); });
}

// ruvector._mine_actions(episode_ids bigint[], actions text[], observations text[], successes boolean[], min_support,
// max_gap, min_length, max_length, max_patterns) -> rows of pattern text[], succeeded bigint[], failed bigint[],
// steps jsonb, parameters jsonb: the patterns closed and frequent among the successes, and the failures that have them.
RV_FUNCTION(ruvector_mine_actions) {
	Elements ids = elements(fcinfo, 0, INT8OID, "episode_ids");
	Elements actions = elements(fcinfo, 1, TEXTOID, "actions", true);
	Elements observations = elements(fcinfo, 2, TEXTOID, "observations", true);
	Elements success = elements(fcinfo, 3, BOOLOID, "successes");
	same_length(ids, "episode_ids", actions, "actions");
	same_length(ids, "episode_ids", observations, "observations");
	same_length(ids, "episode_ids", success, "successes");
	Limits limits = {PG_GETARG_INT32(4), PG_GETARG_INT32(5), PG_GETARG_INT32(6), PG_GETARG_INT32(7),
					 PG_GETARG_INT32(8)};
	check_limits(limits);
	InitMaterializedSRF(fcinfo, 0);
	auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);

	std::vector<std::string> texts;
	for (int i = 0; i < actions.count; ++i)
		texts.push_back(actions.text(i));
	memory::ActionKeys keys(texts);
	texts.clear();

	Database database;
	std::vector<bool> succeeded;
	for (int i = 0; i < ids.count; ++i) {
		database.add(ids.number(i), keys.keys()[size_t(i)], i);
		if (succeeded.size() < database.ids.size())
			succeeded.push_back(success.flag(i));
	}
	std::vector<memory::Sequence> successes;
	std::vector<size_t> place_of_success, failures;
	for (size_t s = 0; s < database.sequences.size(); ++s) {
		if (succeeded[s]) {
			successes.push_back(database.sequences[s]);
			place_of_success.push_back(s);
		} else {
			failures.push_back(s);
		}
	}

	memory::MiningOptions options = options_of(limits, true);
	for (const auto &pattern : memory::mine_sequences(successes, options)) {
		std::vector<std::string> names;
		for (memory::Item item : pattern.items)
			names.push_back(database.names[item]);
		std::vector<int64> with_success, with_failure;
		std::vector<memory::Occurrence> occurrences;
		for (uint32_t s : pattern.sequences) {
			size_t sequence = place_of_success[s];
			with_success.push_back(database.ids[sequence]);
			memory::Occurrence occurrence;
			for (uint32_t step : memory::first_occurrence(successes[s], pattern.items, options.max_gap)) {
				int place = database.places[sequence][step];
				occurrence.arguments.push_back(keys.arguments(size_t(place)));
				occurrence.observations.push_back(observations.text(place));
			}
			occurrences.push_back(std::move(occurrence));
		}
		for (size_t sequence : failures) {
			poll();
			if (!memory::first_occurrence(database.sequences[sequence], pattern.items, options.max_gap).empty())
				with_failure.push_back(database.ids[sequence]);
		}
		std::sort(with_success.begin(), with_success.end());
		std::sort(with_failure.begin(), with_failure.end());
		memory::Script script = memory::generalize(names, occurrences);
		pg::pg_call([&] {
			Datum values[5] = {make_texts(names), make_numbers(with_success), make_numbers(with_failure),
							   make_text(script.steps), make_text(script.parameters)};
			bool nulls[5] = {false, false, false, false, false};
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		});
	}
	return Datum(0);
}
