// api/learning.cpp - the algorithms of learning as SQL functions: configuration, decisions, training, evaluation. They
// read and write no tables: rows come in as arrays and go out as arrays (sql/parts/60_learning.sql).
//
// Each function has three parts: arguments become plain arrays (PostgreSQL calls, nothing owned), C++ works on views of
// these and copies its results into the memory context, and the result is built when all C++ objects are gone.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ruvector/learning/conformal.hpp"
#include "ruvector/learning/evaluation.hpp"
#include "ruvector/learning/policy.hpp"
#include "ruvector/learning/tabular.hpp"
#include "ruvector/pg/boundary.hpp"
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
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/uuid.h"
}
#pragma GCC diagnostic pop

using namespace ruvector;
using namespace ruvector::learning;

namespace {

// ---- arguments -------------------------------------------------------------------------------------------------------

// Elements of an array argument; a null array has none.
struct Elements {
	Datum *values = nullptr;
	bool *nulls = nullptr;
	int count = 0;
};

Elements elements(FunctionCallInfo fcinfo, int i, Oid type) {
	Elements result;
	if (PG_ARGISNULL(i))
		return result;
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(i);
	int16 length;
	bool by_value;
	char alignment;
	if (type == InvalidOid)
		type = ARR_ELEMTYPE(array);
	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	deconstruct_array(array, type, length, by_value, alignment, &result.values, &result.nulls, &result.count);
	return result;
}

std::string_view text_view(Datum datum) {
	text *value = DatumGetTextPP(datum);
	return {VARDATA_ANY(value), static_cast<size_t>(VARSIZE_ANY_EXHDR(value))};
}

std::string_view text_arg(FunctionCallInfo fcinfo, int i) {
	return PG_ARGISNULL(i) ? std::string_view() : text_view(PG_GETARG_DATUM(i));
}

template <typename T>
T *array_of(size_t count) {
	return static_cast<T *>(MemoryContextAllocHuge(CurrentMemoryContext, std::max<size_t>(count, 1) * sizeof(T)));
}

// A column of an array argument; null elements become `otherwise`. `count` -1: whatever the array has.
template <typename T, typename F>
T *column(FunctionCallInfo fcinfo, int i, Oid type, int *count, T otherwise, F &&convert) {
	const Elements e = elements(fcinfo, i, type);
	if (*count < 0)
		*count = e.count;
	if (e.count != *count)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR), errmsg("arrays of %d and %d elements", *count, e.count)));
	T *result = array_of<T>(e.count);
	for (int j = 0; j < e.count; ++j)
		result[j] = e.nulls[j] ? otherwise : convert(e.values[j]);
	return result;
}

std::string_view *text_column(FunctionCallInfo fcinfo, int i, int *count) {
	return column<std::string_view>(fcinfo, i, TEXTOID, count, {}, text_view);
}
uint32_t *int_column(FunctionCallInfo fcinfo, int i, int *count) {
	return column<uint32_t>(fcinfo, i, INT4OID, count, UINT32_MAX,
							[](Datum d) { return static_cast<uint32_t>(DatumGetInt32(d)); });
}
double *float_column(FunctionCallInfo fcinfo, int i, int *count) {
	return column<double>(fcinfo, i, FLOAT8OID, count, NAN, [](Datum d) { return DatumGetFloat8(d); });
}
uint8_t *bool_column(FunctionCallInfo fcinfo, int i, int *count) {
	return column<uint8_t>(fcinfo, i, BOOLOID, count, 0, [](Datum d) { return static_cast<uint8_t>(DatumGetBool(d)); });
}
uint64_t *long_column(FunctionCallInfo fcinfo, int i, int *count) {
	return column<uint64_t>(fcinfo, i, INT8OID, count, 0,
							[](Datum d) { return static_cast<uint64_t>(DatumGetInt64(d)); });
}

// Vectors of one size below each other; a missing one is zero (the state after the end).
float *vector_column(FunctionCallInfo fcinfo, int i, int count, uint32_t dim) {
	const Elements e = elements(fcinfo, i, InvalidOid);
	if (e.count != count)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR), errmsg("arrays of %d and %d elements", count, e.count)));
	float *result = array_of<float>(static_cast<size_t>(count) * dim);
	for (int j = 0; j < count; ++j) {
		float *row = result + static_cast<size_t>(j) * dim;
		if (e.nulls[j]) {
			std::fill(row, row + dim, 0.0f);
			continue;
		}
		const types::Vector *v = types::vector_arg(e.values[j]);
		if (static_cast<uint32_t>(v->dim) != dim)
			ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
							errmsg("expected a state of %u dimensions, not %d", dim, v->dim)));
		std::copy(v->x, v->x + dim, row);
	}
	return result;
}

// The settings of a session: (session_type text, config jsonb, actions integer, state_dim integer).
constexpr int kSettings = 4;
struct Settings {
	std::string_view type;
	int count = 0;
	const char **names = nullptr;
	double *values = nullptr;
	Shape shape;
};

Settings settings_arg(FunctionCallInfo fcinfo, int i) {
	for (int j = 0; j < 3; ++j)
		if (PG_ARGISNULL(i + j))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("settings of a session must not be null")));
	Settings settings;
	settings.type = text_arg(fcinfo, i);
	settings.shape.actions = static_cast<uint32_t>(PG_GETARG_INT32(i + 2));
	settings.shape.state_dim = PG_ARGISNULL(i + 3) ? 0 : static_cast<uint32_t>(PG_GETARG_INT32(i + 3));

	Jsonb *config = PG_GETARG_JSONB_P(i + 1);
	if (!JB_ROOT_IS_OBJECT(config))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("config must be a JSON object")));
	settings.names = array_of<const char *>(JB_ROOT_COUNT(config));
	settings.values = array_of<double>(JB_ROOT_COUNT(config));
	JsonbIterator *iterator = JsonbIteratorInit(&config->root);
	JsonbValue value;
	JsonbIteratorToken token;
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE) {
		if (token == WJB_KEY)
			settings.names[settings.count] = pnstrdup(value.val.string.val, value.val.string.len);
		if (token != WJB_VALUE)
			continue;
		double number;
		if (value.type == jbvNumeric)
			number = DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(value.val.numeric)));
		else if (value.type == jbvBool)
			number = value.val.boolean ? 1 : 0;
		else
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("hyper-parameter \"%s\" must be a number", settings.names[settings.count])));
		settings.values[settings.count++] = number;
	}
	return settings;
}

Config make_config(const Settings &settings) {
	std::vector<std::pair<std::string, double>> values;
	for (int i = 0; i < settings.count; ++i)
		values.emplace_back(settings.names[i], settings.values[i]);
	return Config(algorithm_from_name(settings.type), values);
}

// The rows of a tabular session: (value_states text[], value_actions integer[], value_q float8[], value_visits bigint[],
// from_states text[], from_actions integer[], to_states text[], to_terminated boolean[], counts bigint[], reward_sums float8[]).
constexpr int kRows = 10;
struct Rows {
	int values = -1, transitions = -1;
	std::string_view *states, *from, *to;
	uint32_t *actions, *from_actions;
	double *q, *rewards;
	uint64_t *visits, *counts;
	uint8_t *terminated;
};

Rows rows_arg(FunctionCallInfo fcinfo, int i) {
	Rows rows;
	rows.states = text_column(fcinfo, i, &rows.values);
	rows.actions = int_column(fcinfo, i + 1, &rows.values);
	rows.q = float_column(fcinfo, i + 2, &rows.values);
	rows.visits = long_column(fcinfo, i + 3, &rows.values);
	rows.from = text_column(fcinfo, i + 4, &rows.transitions);
	rows.from_actions = int_column(fcinfo, i + 5, &rows.transitions);
	rows.to = text_column(fcinfo, i + 6, &rows.transitions);
	rows.terminated = bool_column(fcinfo, i + 7, &rows.transitions);
	rows.counts = long_column(fcinfo, i + 8, &rows.transitions);
	rows.rewards = float_column(fcinfo, i + 9, &rows.transitions);
	return rows;
}

TabularPolicy make_table(const Config &config, const Shape &shape, const Rows &rows) {
	TabularPolicy policy(config.algorithm(), shape);
	for (int i = 0; i < rows.values; ++i)
		policy.put(ActionValue{rows.states[i], rows.actions[i], rows.q[i], rows.visits[i]});
	for (int i = 0; i < rows.transitions; ++i)
		policy.put(Transition{rows.from[i], rows.from_actions[i], rows.to[i], rows.terminated[i] != 0, rows.counts[i],
							  rows.rewards[i]});
	return policy;
}

// Experience: (states text[], next_states text[], state_vecs vector[], next_state_vecs vector[], actions integer[],
// rewards float8[], terminated boolean[], truncated boolean[], behaviour_probs float8[], trajectories bigint[]).
constexpr int kExperience = 10;
Experience experience_arg(FunctionCallInfo fcinfo, int i, const Shape &shape) {
	Experience e;
	int count = -1;
	e.actions = int_column(fcinfo, i + 4, &count);
	e.rewards = float_column(fcinfo, i + 5, &count);
	e.terminated = bool_column(fcinfo, i + 6, &count);
	e.truncated = bool_column(fcinfo, i + 7, &count);
	e.behaviour = float_column(fcinfo, i + 8, &count);
	e.trajectory = long_column(fcinfo, i + 9, &count);
	if (shape.state_dim == 0) {
		e.state_keys = text_column(fcinfo, i, &count);
		e.next_state_keys = text_column(fcinfo, i + 1, &count);
	} else {
		e.states = vector_column(fcinfo, i + 2, count, shape.state_dim);
		e.next_states = vector_column(fcinfo, i + 3, count, shape.state_dim);
	}
	e.count = static_cast<size_t>(count);
	return e;
}

// Rows first .. first + count - 1.
Experience part_of(const Experience &e, const Shape &shape, size_t first, size_t count) {
	Experience part = e;
	part.count = count;
	if (e.state_keys) {
		part.state_keys += first;
		part.next_state_keys += first;
	} else {
		part.states += first * shape.state_dim;
		part.next_states += first * shape.state_dim;
	}
	part.actions += first;
	part.rewards += first;
	part.terminated += first;
	part.truncated += first;
	part.behaviour += first;
	part.trajectory += first;
	return part;
}

State state_of(const Experience &e, const Shape &shape, size_t row) {
	State state;
	if (e.state_keys) {
		state.key = e.state_keys[row];
	} else {
		state.vector = e.states + row * shape.state_dim;
		state.dim = shape.state_dim;
	}
	return state;
}

// ---- results ---------------------------------------------------------------------------------------------------------

// A copy in the memory context, made while C++ objects are alive.
template <typename T>
T *copy_out(const T *values, size_t count) {
	T *copy = pg::pg_call([&] { return array_of<T>(count); });
	if (count > 0)
		memcpy(copy, values, count * sizeof(T));
	return copy;
}

Datum float_or_null(double value, bool *null) {
	*null = std::isnan(value);
	return Float8GetDatum(value);
}

// NaN becomes NULL.
Datum float_array(const double *values, size_t count) {
	auto *datums = array_of<Datum>(count);
	auto *nulls = array_of<bool>(count);
	for (size_t i = 0; i < count; ++i)
		datums[i] = float_or_null(values[i], &nulls[i]);
	int dims[1] = {static_cast<int>(count)}, lower[1] = {1};
	return PointerGetDatum(
		construct_md_array(datums, nulls, 1, dims, lower, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

template <typename F>
Datum array_datum(size_t count, Oid type, F &&element) {
	auto *datums = array_of<Datum>(count);
	for (size_t i = 0; i < count; ++i)
		datums[i] = element(i);
	int16 length;
	bool by_value;
	char alignment;
	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	return PointerGetDatum(construct_array(datums, static_cast<int>(count), type, length, by_value, alignment));
}

Datum row_result(FunctionCallInfo fcinfo, Datum *values, bool *nulls) {
	TupleDesc descriptor;
	if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

// Changed action values, in the memory context.
struct Changes {
	size_t count = 0;
	std::string_view *states = nullptr;
	ValueChange *rows = nullptr;

	void take(const TabularPolicy &policy) {
		const std::vector<ValueChange> changed = policy.value_changes();
		count = changed.size();
		rows = copy_out(changed.data(), count);
		for (size_t i = 0; i < count; ++i)
			rows[i].state = {copy_out(changed[i].state.data(), changed[i].state.size()), changed[i].state.size()};
	}
	// states text[], actions integer[], q float8[], visits bigint[]
	void put(Datum *values) const {
		values[0] = array_datum(count, TEXTOID, [&](size_t i) {
			return PointerGetDatum(
				cstring_to_text_with_len(rows[i].state.data(), static_cast<int>(rows[i].state.size())));
		});
		values[1] =
			array_datum(count, INT4OID, [&](size_t i) { return Int32GetDatum(static_cast<int32>(rows[i].action)); });
		values[2] = array_datum(count, FLOAT8OID, [&](size_t i) { return Float8GetDatum(rows[i].q); });
		values[3] =
			array_datum(count, INT8OID, [&](size_t i) { return Int64GetDatum(static_cast<int64>(rows[i].visits)); });
	}
};

Datum bytes_datum(const uint8_t *bytes, size_t size) {
	auto *result = static_cast<bytea *>(palloc(size + VARHDRSZ));
	SET_VARSIZE(result, size + VARHDRSZ);
	memcpy(VARDATA(result), bytes, size);
	return PointerGetDatum(result);
}

// ---- interrupts ------------------------------------------------------------------------------------------------------

using Clock = std::chrono::steady_clock;

struct Deadline {
	bool set = false;
	Clock::time_point at;
};

// PostgreSQL says why it interrupts: its error travels through the algorithm as an exception.
Signal ask(void *argument) {
	if (INTERRUPTS_PENDING_CONDITION())
		pg::pg_call([] { CHECK_FOR_INTERRUPTS(); });
	const auto *deadline = static_cast<const Deadline *>(argument);
	return deadline->set && Clock::now() >= deadline->at ? Signal::finish : Signal::proceed;
}

// ---- decoded policies ------------------------------------------------------------------------------------------------

// Policies of this backend, by the name of their bytes (learning_policies.weights_id), the latest used first.
class PolicyCache {
public:
	using Key = std::string;
	static constexpr size_t kBytes = size_t(64) << 20;

	const Policy *find(const Key &key) {
		const auto it = index_.find(key);
		if (it == index_.end())
			return nullptr;
		order_.splice(order_.begin(), order_, it->second);
		return it->second->policy.get();
	}

	const Policy *add(const Key &key, std::unique_ptr<Policy> policy) {
		const size_t bytes = policy->memory();
		while (!order_.empty() && bytes_ + bytes > kBytes) {
			bytes_ -= order_.back().bytes;
			index_.erase(order_.back().key);
			order_.pop_back();
		}
		order_.push_front(Entry{key, std::move(policy), bytes});
		index_[key] = order_.begin();
		bytes_ += bytes;
		return order_.front().policy.get();
	}

private:
	struct Entry {
		Key key;
		std::unique_ptr<Policy> policy;
		size_t bytes;
	};
	std::list<Entry> order_;
	std::unordered_map<Key, std::list<Entry>::iterator> index_;
	size_t bytes_ = 0;
};

PolicyCache &policy_cache() {
	static PolicyCache cache;
	return cache;
}

// A stored policy: (weights_id uuid, weights bytea); the bytes may be left out when they are in the cache.
constexpr int kStored = 2;
struct Stored {
	const char *id = nullptr; // 16 bytes
	const char *bytes = nullptr;
	size_t size = 0;
};

Stored stored_arg(FunctionCallInfo fcinfo, int i) {
	Stored stored;
	if (!PG_ARGISNULL(i))
		stored.id = reinterpret_cast<const char *>(PG_GETARG_UUID_P(i)->data);
	if (!PG_ARGISNULL(i + 1)) {
		bytea *bytes = PG_GETARG_BYTEA_PP(i + 1);
		stored.bytes = VARDATA_ANY(bytes);
		stored.size = VARSIZE_ANY_EXHDR(bytes);
	}
	return stored;
}

const Policy &decoded(const Stored &stored, const Config &config, const Shape &shape) {
	const PolicyCache::Key key(stored.id, UUID_LEN);
	const Policy *policy = policy_cache().find(key);
	if (!policy) {
		if (!stored.bytes)
			throw Error(ErrorKind::internal, "policy is neither given nor in the cache");
		policy = policy_cache().add(key, load_policy(stored.bytes, stored.size));
	}
	if (policy->algorithm() != config.algorithm() || !(policy->shape() == shape))
		throw Error(ErrorKind::data_exception, "policy belongs to another kind of session");
	return *policy;
}

} // namespace

// ---- functions -------------------------------------------------------------------------------------------------------

// _learning_parameters(session_type, OUT names text[], OUT initial, low, high float8[], OUT integers boolean[], OUT meanings text[])
RV_FUNCTION(ruvector_learning_parameters) {
	const ParameterList list = parameters(algorithm_from_name(text_arg(fcinfo, 0)));
	auto text_of = [&](const char *Parameter::*member) {
		return array_datum(list.count, TEXTOID, [&](size_t i) { return CStringGetTextDatum(list.first[i].*member); });
	};
	auto number_of = [&](double Parameter::*member) {
		return array_datum(list.count, FLOAT8OID, [&](size_t i) { return Float8GetDatum(list.first[i].*member); });
	};
	Datum values[6] = {text_of(&Parameter::name),
					   number_of(&Parameter::initial),
					   number_of(&Parameter::low),
					   number_of(&Parameter::high),
					   array_datum(list.count, BOOLOID, [&](size_t i) { return BoolGetDatum(list.first[i].integer); }),
					   text_of(&Parameter::meaning)};
	bool nulls[6] = {};
	return row_result(fcinfo, values, nulls);
}

// _policy_make(settings, seed bigint) -> bytea; also checks the configuration of tabular sessions, which have no weights (NULL)
RV_FUNCTION(ruvector_policy_make) {
	const Settings settings = settings_arg(fcinfo, 0);
	const auto seed = static_cast<uint64_t>(PG_GETARG_INT64(kSettings));
	uint8_t *bytes = nullptr;
	size_t size = 0;
	{
		const Config config = make_config(settings);
		const auto policy = make_policy(config, settings.shape, seed);
		if (!is_tabular(config.algorithm())) {
			const std::vector<uint8_t> serialized = policy->serialize();
			size = serialized.size();
			bytes = copy_out(serialized.data(), size);
		}
	}
	if (!bytes)
		PG_RETURN_NULL();
	return bytes_datum(bytes, size);
}

// _policy_cached(weights_id uuid) -> boolean
RV_FUNCTION(ruvector_policy_cached) {
	const auto *id = reinterpret_cast<const char *>(PG_GETARG_UUID_P(0)->data);
	PG_RETURN_BOOL(policy_cache().find(std::string(id, UUID_LEN)) != nullptr);
}

// _policy_act(settings, stored, rows, state text, state_vec vector, available integer[], explore boolean, steps bigint,
//   temperature float8, seed bigint, stream bigint, target_return float8, history (an experience),
//   OUT action integer, OUT explored boolean, OUT probabilities float8[], OUT action_values float8[], OUT state_value float8)
RV_FUNCTION(ruvector_policy_act) {
	const Settings settings = settings_arg(fcinfo, 0);
	const Stored stored = stored_arg(fcinfo, kSettings);
	int i = kSettings + kStored;
	Rows rows;
	if (!stored.id)
		rows = rows_arg(fcinfo, i);
	i += kRows;
	State state;
	if (settings.shape.state_dim == 0) {
		state.key = text_arg(fcinfo, i);
	} else if (!PG_ARGISNULL(i + 1)) {
		const types::Vector *v = types::vector_arg(PG_GETARG_DATUM(i + 1));
		state.vector = v->x;
		state.dim = static_cast<uint32_t>(v->dim);
	}
	int available_count = -1;
	const uint32_t *available = int_column(fcinfo, i + 2, &available_count);
	learning::Query query;
	query.state = state;
	if (!PG_ARGISNULL(i + 2)) {
		query.available = available;
		query.available_count = static_cast<size_t>(available_count);
	}
	query.explore = PG_GETARG_BOOL(i + 3);
	query.steps = static_cast<uint64_t>(PG_GETARG_INT64(i + 4));
	query.temperature = PG_GETARG_FLOAT8(i + 5);
	const auto seed = static_cast<uint64_t>(PG_GETARG_INT64(i + 6)),
			   stream = static_cast<uint64_t>(PG_GETARG_INT64(i + 7));
	query.target_return = PG_ARGISNULL(i + 8) ? NAN : PG_GETARG_FLOAT8(i + 8);
	Experience history;
	if (!PG_ARGISNULL(i + 9 + 4)) {
		history = experience_arg(fcinfo, i + 9, settings.shape);
		query.history = &history;
	}

	double *probability, *value, state_value;
	uint32_t action;
	bool explored;
	{
		const Config config = make_config(settings);
		Deadline never;
		const Poll poll{ask, &never};
		Random random(seed, stream);
		const Decision decision = stored.id ? decoded(stored, config, settings.shape).act(query, config, random, poll)
											: make_table(config, settings.shape, rows).act(query, config, random, poll);
		probability = copy_out(decision.probability.data(), settings.shape.actions);
		value = copy_out(decision.value.data(), settings.shape.actions);
		state_value = decision.state_value;
		action = decision.action;
		explored = decision.explored;
	}
	Datum values[5] = {Int32GetDatum(static_cast<int32>(action)), BoolGetDatum(explored),
					   float_array(probability, settings.shape.actions), float_array(value, settings.shape.actions), 0};
	bool nulls[5] = {};
	values[4] = float_or_null(state_value, &nulls[4]);
	return row_result(fcinfo, values, nulls);
}

// _tabular_update(settings, rows, state text, action integer, reward float8, next_state text, terminated boolean,
//   next_action integer, steps bigint, OUT predicted float8, OUT target float8, OUT states text[], OUT actions integer[],
//   OUT q float8[], OUT visits bigint[])
RV_FUNCTION(ruvector_tabular_update) {
	const Settings settings = settings_arg(fcinfo, 0);
	const Rows rows = rows_arg(fcinfo, kSettings);
	const int i = kSettings + kRows;
	Step step{};
	step.state = text_arg(fcinfo, i);
	step.action = static_cast<uint32_t>(PG_GETARG_INT32(i + 1));
	step.reward = PG_GETARG_FLOAT8(i + 2);
	step.next_state = text_arg(fcinfo, i + 3);
	step.terminated = PG_GETARG_BOOL(i + 4);
	step.has_next_action = !PG_ARGISNULL(i + 5);
	step.next_action = step.has_next_action ? static_cast<uint32_t>(PG_GETARG_INT32(i + 5)) : 0;
	step.steps = static_cast<uint64_t>(PG_GETARG_INT64(i + 6));

	Update update;
	Changes changes;
	{
		const Config config = make_config(settings);
		TabularPolicy policy = make_table(config, settings.shape, rows);
		update = policy.online_update(step, config);
		changes.take(policy);
	}
	Datum values[6];
	bool nulls[6] = {};
	values[0] = float_or_null(update.predicted, &nulls[0]);
	values[1] = float_or_null(update.target, &nulls[1]);
	changes.put(values + 2);
	return row_result(fcinfo, values, nulls);
}

// _policy_train(settings, weights bytea, rows, experience, seed bigint, max_ms float8, OUT weights bytea, OUT rows_used bigint,
//   OUT updates bigint, OUT epochs bigint, OUT first_loss, last_loss, mean_return, entropy, value_loss, kl, change float8,
//   OUT finished_early boolean, OUT losses float8[], OUT states text[], OUT actions integer[], OUT q float8[], OUT visits bigint[])
RV_FUNCTION(ruvector_policy_train) {
	const Settings settings = settings_arg(fcinfo, 0);
	const char *old_bytes = nullptr;
	size_t old_size = 0;
	if (!PG_ARGISNULL(kSettings)) {
		bytea *bytes = PG_GETARG_BYTEA_PP(kSettings);
		old_bytes = VARDATA_ANY(bytes);
		old_size = VARSIZE_ANY_EXHDR(bytes);
	}
	int i = kSettings + 1;
	Rows rows = rows_arg(fcinfo, i);
	i += kRows;
	const Experience experience = experience_arg(fcinfo, i, settings.shape);
	i += kExperience;
	// The model of a tabular session is in its rows already, but train() wants to be given an experience: the last
	// transition is given as one instead of as a count.
	Experience one;
	double one_reward = 0;
	if (experience.count == 0 && rows.transitions > 0) {
		const int last = rows.transitions - 1;
		one.count = 1;
		one.state_keys = rows.from + last;
		one.next_state_keys = rows.to + last;
		one.actions = rows.from_actions + last;
		one.terminated = rows.terminated + last;
		one_reward = rows.rewards[last] / static_cast<double>(rows.counts[last]);
		one.rewards = &one_reward;
		rows.rewards[last] -= one_reward;
		if (--rows.counts[last] == 0)
			--rows.transitions;
	}
	const auto seed = static_cast<uint64_t>(PG_GETARG_INT64(i));
	Deadline deadline;
	if (!PG_ARGISNULL(i + 1)) {
		deadline.set = true;
		deadline.at = Clock::now() + std::chrono::microseconds(static_cast<int64_t>(1000 * PG_GETARG_FLOAT8(i + 1)));
	}

	Changes changes;
	uint8_t *bytes;
	size_t size, losses;
	double *loss;
	struct { // of Metrics, without what it owns
		uint64_t rows, updates, epochs;
		double numbers[7];
		bool finished_early;
	} m;
	{
		const Config config = make_config(settings);
		const Poll poll{ask, &deadline};
		Metrics metrics;
		std::vector<uint8_t> serialized;
		if (is_tabular(config.algorithm())) {
			TabularPolicy policy = make_table(config, settings.shape, rows);
			metrics = policy.train(experience.count ? experience : one, config, seed, poll);
			serialized = policy.serialize();
			changes.take(policy);
		} else {
			auto policy = old_bytes ? load_policy(old_bytes, old_size) : make_policy(config, settings.shape, seed);
			if (policy->algorithm() != config.algorithm() || !(policy->shape() == settings.shape))
				throw Error(ErrorKind::data_exception, "policy belongs to another kind of session");
			metrics = policy->train(experience, config, seed, poll);
			serialized = policy->serialize();
		}
		size = serialized.size();
		bytes = copy_out(serialized.data(), size);
		losses = metrics.losses.size();
		loss = copy_out(metrics.losses.data(), losses);
		m = {metrics.rows,
			 metrics.updates,
			 metrics.epochs,
			 {metrics.first_loss, metrics.last_loss, metrics.mean_return, metrics.entropy, metrics.value_loss,
			  metrics.kl, metrics.change},
			 metrics.finished_early};
	}
	Datum values[17];
	bool nulls[17] = {};
	values[0] = bytes_datum(bytes, size);
	values[1] = Int64GetDatum(static_cast<int64>(m.rows));
	values[2] = Int64GetDatum(static_cast<int64>(m.updates));
	values[3] = Int64GetDatum(static_cast<int64>(m.epochs));
	for (int j = 0; j < 7; ++j)
		values[4 + j] = float_or_null(m.numbers[j], &nulls[4 + j]);
	values[11] = BoolGetDatum(m.finished_early);
	values[12] = float_array(loss, losses);
	changes.put(values + 13);
	return row_result(fcinfo, values, nulls);
}

// _policy_evaluate(settings, stored, rows, experience, estimator text, explore boolean, steps bigint, seed bigint,
//   weight_clip float8, confidence float8, OUT value, se, low, high, ess, largest_weight float8, OUT trajectories,
//   rows, unknown_behaviour bigint)
RV_FUNCTION(ruvector_policy_evaluate) {
	const Settings settings = settings_arg(fcinfo, 0);
	const Stored stored = stored_arg(fcinfo, kSettings);
	int i = kSettings + kStored;
	const Rows rows = rows_arg(fcinfo, i);
	i += kRows;
	EvaluationInput input;
	input.log = experience_arg(fcinfo, i, settings.shape);
	input.shape = settings.shape;
	i += kExperience;
	const char *estimator = text_to_cstring(PG_GETARG_TEXT_PP(i));
	const bool explore = PG_GETARG_BOOL(i + 1);
	const auto steps = static_cast<uint64_t>(PG_GETARG_INT64(i + 2)),
			   seed = static_cast<uint64_t>(PG_GETARG_INT64(i + 3));
	input.weight_clip = PG_GETARG_FLOAT8(i + 4);
	input.confidence = PG_GETARG_FLOAT8(i + 5);
	const size_t actions = settings.shape.actions;
	auto *target = array_of<double>(input.log.count * actions);
	auto *action_values = array_of<double>(input.log.count * actions);

	Evaluation result;
	{
		const Config config = make_config(settings);
		Deadline never;
		const Poll poll{ask, &never};
		input.log.check(settings.shape);
		input.discount = config.algorithm() == Algorithm::decision_transformer ? 1 : config.get("discount_factor");
		std::unique_ptr<TabularPolicy> table;
		if (!stored.id)
			table = std::make_unique<TabularPolicy>(make_table(config, settings.shape, rows));
		const Policy &policy = stored.id ? decoded(stored, config, settings.shape) : *table;
		bool values_known = true;
		size_t start = 0; // of the trajectory, for policies that look back
		for (size_t row = 0; row < input.log.count; ++row) {
			if (row > 0 && (input.log.trajectory[row] != input.log.trajectory[row - 1] ||
							input.log.terminated[row - 1] || input.log.truncated[row - 1]))
				start = row;
			const Experience history = part_of(input.log, settings.shape, start, row - start);
			learning::Query query;
			query.state = state_of(input.log, settings.shape, row);
			query.explore = explore;
			query.steps = steps;
			query.history = &history;
			Random random(seed, row);
			const Decision decision = policy.act(query, config, random, poll);
			std::copy(decision.probability.begin(), decision.probability.end(), target + row * actions);
			for (size_t a = 0; a < actions; ++a) {
				double v = decision.value[a];
				if (std::isnan(v))
					v = decision.state_value;
				values_known = values_known && !std::isnan(v);
				action_values[row * actions + a] = v;
			}
			if (row % 64 == 0)
				poll.finish();
		}
		input.target = target;
		input.values = values_known ? action_values : nullptr;
		const Estimator chosen = estimator_from_name(estimator);
		if (chosen == Estimator::dr && !values_known)
			throw Error(ErrorKind::invalid_argument, "this policy knows no values, which the estimator dr needs");
		result = evaluate(chosen, input);
	}
	Datum values[9] = {0,
					   0,
					   0,
					   0,
					   0,
					   0,
					   Int64GetDatum(static_cast<int64>(result.trajectories)),
					   Int64GetDatum(static_cast<int64>(result.rows)),
					   Int64GetDatum(static_cast<int64>(result.unknown_behaviour))};
	bool nulls[9] = {};
	const double numbers[6] = {result.value,         result.se, result.low, result.high, result.effective_size,
							   result.largest_weight};
	for (int j = 0; j < 6; ++j)
		values[j] = float_or_null(numbers[j], &nulls[j]);
	return row_result(fcinfo, values, nulls);
}

// _conformal_interval(predicted float8, action_scores float8[], all_scores float8[], alpha float8, OUT low float8,
//   OUT high float8, OUT calibrated boolean, OUT scores integer)
RV_FUNCTION(ruvector_conformal_interval) {
	int action_count = -1, all_count = -1;
	const double *by_action = float_column(fcinfo, 1, &action_count), *all = float_column(fcinfo, 2, &all_count);
	const learning::Interval interval =
		conformal_interval(PG_GETARG_FLOAT8(0), by_action, static_cast<size_t>(action_count), all,
						   static_cast<size_t>(all_count), PG_GETARG_FLOAT8(3), -INFINITY, INFINITY);
	Datum values[4] = {Float8GetDatum(interval.low), Float8GetDatum(interval.high), BoolGetDatum(interval.calibrated),
					   Int32GetDatum(static_cast<int32>(interval.scores))};
	bool nulls[4] = {};
	return row_result(fcinfo, values, nulls);
}

// _vector_key(state vector, step float8) -> text
RV_FUNCTION(ruvector_vector_key) {
	const types::Vector *v = types::vector_arg(PG_GETARG_DATUM(0));
	const double step = PG_GETARG_FLOAT8(1);
	char *text_out;
	size_t size;
	{
		const std::string key = vector_key(v->x, static_cast<size_t>(v->dim), step);
		size = key.size();
		text_out = copy_out(key.data(), size);
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(text_out, static_cast<int>(size)));
}
