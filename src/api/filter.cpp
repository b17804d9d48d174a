// api/filter.cpp - the filter language of agent memory over jsonb: ruvector.filter_match.
//
// A filter is compiled once a scan into a tree and evaluated on the binary form of each item. There is nothing here but
// PostgreSQL's own memory, so an error may leave from anywhere.
#include <cstring>

#include "ruvector/pg/boundary.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
extern "C" {
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "regex/regex.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
}
#pragma GCC diagnostic pop

namespace {

enum class Op { all, any, negate, eq, ne, gt, gte, lt, lte, in, nin, contains, exists, regex };

struct Operator {
	const char *name;
	Op op;
};

constexpr Operator kOperators[] = {
	{"$eq", Op::eq},       {"$ne", Op::ne}, {"$gt", Op::gt},   {"$gte", Op::gte},           {"$lt", Op::lt},
	{"$lte", Op::lte},     {"$in", Op::in}, {"$nin", Op::nin}, {"$contains", Op::contains}, {"$exists", Op::exists},
	{"$regex", Op::regex},
};

// One step of the path to a field: "a.b" is the key b of the object under the key a.
struct Step {
	const char *key;
	int length;
	Step *next;
};

// A condition on a field, or a combination of the conditions in `children`.
struct Condition {
	Op op;
	Step *path;
	JsonbValue operand;
	text *pattern;
	Condition *children;
	Condition *next;
};

struct Filter {
	MemoryContext context;
	Jsonb *source;
	Condition *root;
};

[[noreturn]] void invalid_filter(const char *message, const JsonbValue *key) {
	if (key)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("filter: \"%.*s\" %s", key->val.string.len, key->val.string.val, message)));
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("filter: %s", message)));
	pg_unreachable();
}

[[noreturn]] void unknown_operator(const JsonbValue &key) {
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown filter operator \"%.*s\"", key.val.string.len, key.val.string.val),
			 errhint("Operators: $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $contains, $exists, $regex; $and, $or, "
					 "$not combine.")));
	pg_unreachable();
}

bool is_key(const JsonbValue &key, const char *name) {
	return key.val.string.len == static_cast<int>(strlen(name)) &&
		   memcmp(key.val.string.val, name, key.val.string.len) == 0;
}

bool is_array(const JsonbValue &value) {
	return value.type == jbvBinary && JsonContainerIsArray(value.val.binary.data);
}

bool is_object(const JsonbValue &value) {
	return value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data);
}

Condition *new_node(Op op) {
	Condition *node = static_cast<Condition *>(palloc0(sizeof(Condition)));
	node->op = op;
	return node;
}

void add_child(Condition *parent, Condition *child) {
	child->next = parent->children;
	parent->children = child;
}

Step *split(const JsonbValue &key) {
	Step *first = nullptr;
	Step **last = &first;
	const char *from = key.val.string.val;
	const char *end = from + key.val.string.len;
	while (true) {
		const char *dot = static_cast<const char *>(memchr(from, '.', end - from));
		Step *step = static_cast<Step *>(palloc0(sizeof(Step)));
		step->key = from;
		step->length = static_cast<int>((dot ? dot : end) - from);
		*last = step;
		last = &step->next;
		if (!dot)
			return first;
		from = dot + 1;
	}
}

Condition *compile_field(const JsonbValue &name, Step *path, const JsonbValue &condition);

Condition *compile_operator(const JsonbValue &name, Step *path, const JsonbValue &key, const JsonbValue &operand) {
	if (is_key(key, "$not")) {
		Condition *node = new_node(Op::negate);
		add_child(node, compile_field(name, path, operand));
		return node;
	}
	for (const Operator &candidate : kOperators) {
		if (!is_key(key, candidate.name))
			continue;
		switch (candidate.op) {
		case Op::gt:
		case Op::gte:
		case Op::lt:
		case Op::lte:
			if (operand.type != jbvNumeric && operand.type != jbvString && operand.type != jbvBool)
				invalid_filter("needs a number, a string or a boolean", &key);
			break;
		case Op::in:
		case Op::nin:
			if (!is_array(operand))
				invalid_filter("needs an array", &key);
			break;
		case Op::exists:
			if (operand.type != jbvBool)
				invalid_filter("needs true or false", &key);
			break;
		case Op::regex:
			if (operand.type != jbvString)
				invalid_filter("needs a string", &key);
			break;
		default:
			break;
		}
		Condition *node = new_node(candidate.op);
		node->path = path;
		node->operand = operand;
		if (candidate.op == Op::regex)
			node->pattern = cstring_to_text_with_len(operand.val.string.val, operand.val.string.len);
		return node;
	}
	unknown_operator(key);
}

// {"field": value} or {"field": {"$op": operand, ...}}
Condition *compile_field(const JsonbValue &name, Step *path, const JsonbValue &condition) {
	check_stack_depth();
	if (!is_object(condition)) {
		Condition *node = new_node(Op::eq);
		node->path = path;
		node->operand = condition;
		return node;
	}
	Condition *node = new_node(Op::all);
	JsonbIterator *iterator = JsonbIteratorInit(condition.val.binary.data);
	JsonbValue key, operand;
	JsonbIteratorToken token;
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE) {
		if (token != WJB_KEY)
			continue;
		JsonbIteratorNext(&iterator, &operand, true);
		add_child(node, compile_operator(name, path, key, operand));
	}
	if (!node->children)
		invalid_filter("has an empty condition; to compare with an object use $eq", &name);
	return node;
}

Condition *compile(JsonbContainer *container) {
	check_stack_depth();
	if (!JsonContainerIsObject(container))
		invalid_filter("not a JSON object", nullptr);
	Condition *node = new_node(Op::all);
	JsonbIterator *iterator = JsonbIteratorInit(container);
	JsonbValue key, value;
	JsonbIteratorToken token;
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE) {
		if (token != WJB_KEY)
			continue;
		JsonbIteratorNext(&iterator, &value, true);
		bool is_and = is_key(key, "$and");
		if (is_and || is_key(key, "$or")) {
			if (!is_array(value) || JsonContainerSize(value.val.binary.data) == 0)
				invalid_filter("needs an array of filters", &key);
			Condition *list = new_node(is_and ? Op::all : Op::any);
			for (uint32 i = 0; i < JsonContainerSize(value.val.binary.data); ++i) {
				JsonbValue *item = getIthJsonbValueFromContainer(value.val.binary.data, i);
				if (!is_object(*item))
					invalid_filter("needs an array of filters", &key);
				add_child(list, compile(item->val.binary.data));
			}
			add_child(node, list);
		} else if (is_key(key, "$not")) {
			if (!is_object(value))
				invalid_filter("needs a filter", &key);
			Condition *negation = new_node(Op::negate);
			add_child(negation, compile(value.val.binary.data));
			add_child(node, negation);
		} else if (key.val.string.len > 0 && key.val.string.val[0] == '$') {
			unknown_operator(key);
		} else {
			add_child(node, compile_field(key, split(key), value));
		}
	}
	return node;
}

// NULL: there is no such field.
JsonbValue *find(JsonbContainer *item, const Step *path, JsonbValue *buffer) {
	while (true) {
		if (!JsonContainerIsObject(item))
			return nullptr;
		JsonbValue *value = getKeyJsonValueFromContainer(item, path->key, path->length, buffer);
		if (!value || !path->next)
			return value;
		if (value->type != jbvBinary)
			return nullptr;
		item = value->val.binary.data;
		path = path->next;
	}
}

int compare_numeric(const JsonbValue &a, const JsonbValue &b) {
	return DatumGetInt32(
		DirectFunctionCall2(numeric_cmp, NumericGetDatum(a.val.numeric), NumericGetDatum(b.val.numeric)));
}

// Strings compare by their bytes: by code point in UTF-8, the same under every collation.
int compare_string(const JsonbValue &a, const JsonbValue &b) {
	int order = memcmp(a.val.string.val, b.val.string.val, Min(a.val.string.len, b.val.string.len));
	return order != 0 ? order : a.val.string.len - b.val.string.len;
}

bool equal(const JsonbValue &a, const JsonbValue &b) {
	if (a.type != b.type)
		return false;
	switch (a.type) {
	case jbvNull:
		return true;
	case jbvBool:
		return a.val.boolean == b.val.boolean;
	case jbvNumeric:
		return compare_numeric(a, b) == 0;
	case jbvString:
		return a.val.string.len == b.val.string.len && compare_string(a, b) == 0;
	case jbvBinary:
		return compareJsonbContainers(a.val.binary.data, b.val.binary.data) == 0;
	default:
		return false;
	}
}

// Values of different types have no order: false for all four operators.
bool ordered(Op op, const JsonbValue &field, const JsonbValue &operand) {
	if (field.type != operand.type)
		return false;
	int order;
	if (field.type == jbvNumeric)
		order = compare_numeric(field, operand);
	else if (field.type == jbvString)
		order = compare_string(field, operand);
	else
		order = static_cast<int>(field.val.boolean) - static_cast<int>(operand.val.boolean);
	switch (op) {
	case Op::gt:
		return order > 0;
	case Op::gte:
		return order >= 0;
	case Op::lt:
		return order < 0;
	default:
		return order <= 0;
	}
}

bool contains(const JsonbValue &field, const JsonbValue &operand) {
	if (field.type == jbvString)
		return operand.type == jbvString && memmem(field.val.string.val, field.val.string.len, operand.val.string.val,
												   operand.val.string.len) != nullptr;
	if (field.type != jbvBinary)
		return false;
	JsonbContainer *container = field.val.binary.data;
	if (operand.type != jbvBinary)
		return JsonContainerIsArray(container) &&
			   findJsonbValueFromContainer(container, JB_FARRAY, const_cast<JsonbValue *>(&operand)) != nullptr;
	if (JsonContainerIsArray(container) != JsonContainerIsArray(operand.val.binary.data))
		return false;
	JsonbIterator *outer = JsonbIteratorInit(container);
	JsonbIterator *inner = JsonbIteratorInit(operand.val.binary.data);
	return JsonbDeepContains(&outer, &inner);
}

bool is_in(const JsonbValue &field, const JsonbValue &list) {
	JsonbContainer *container = list.val.binary.data;
	if (field.type != jbvBinary)
		return findJsonbValueFromContainer(container, JB_FARRAY, const_cast<JsonbValue *>(&field)) != nullptr;
	for (uint32 i = 0; i < JsonContainerSize(container); ++i)
		if (equal(field, *getIthJsonbValueFromContainer(container, i)))
			return true;
	return false;
}

bool matches(JsonbContainer *item, const Condition &node) {
	check_stack_depth();
	switch (node.op) {
	case Op::all:
		for (const Condition *child = node.children; child; child = child->next)
			if (!matches(item, *child))
				return false;
		return true;
	case Op::any:
		for (const Condition *child = node.children; child; child = child->next)
			if (matches(item, *child))
				return true;
		return false;
	case Op::negate:
		return !matches(item, *node.children);
	default:
		break;
	}

	JsonbValue buffer;
	const JsonbValue *field = find(item, node.path, &buffer);
	if (!field)
		return node.op == Op::ne || node.op == Op::nin || (node.op == Op::exists && !node.operand.val.boolean);
	switch (node.op) {
	case Op::eq:
		return equal(*field, node.operand);
	case Op::ne:
		return !equal(*field, node.operand);
	case Op::in:
		return is_in(*field, node.operand);
	case Op::nin:
		return !is_in(*field, node.operand);
	case Op::contains:
		return contains(*field, node.operand);
	case Op::exists:
		return node.operand.val.boolean;
	case Op::regex:
		return field->type == jbvString &&
			   RE_compile_and_execute(node.pattern, field->val.string.val, field->val.string.len, REG_ADVANCED,
									  DEFAULT_COLLATION_OID, 0, nullptr);
	default:
		return ordered(node.op, *field, node.operand);
	}
}

// The compiled filter, kept for the next call with the same one.
const Condition &compiled(FunctionCallInfo fcinfo, Jsonb *source) {
	FmgrInfo *info = fcinfo->flinfo;
	Filter *filter = static_cast<Filter *>(info->fn_extra);
	if (filter && VARSIZE(filter->source) == VARSIZE(source) && memcmp(filter->source, source, VARSIZE(source)) == 0)
		return *filter->root;

	MemoryContext context = AllocSetContextCreate(info->fn_mcxt, "ruvector filter", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Filter *made = static_cast<Filter *>(palloc0(sizeof(Filter)));
	made->context = context;
	made->source = static_cast<Jsonb *>(palloc(VARSIZE(source)));
	memcpy(made->source, source, VARSIZE(source));
	made->root = compile(&made->source->root);
	MemoryContextSwitchTo(caller);
	if (filter)
		MemoryContextDelete(filter->context);
	info->fn_extra = made;
	return *made->root;
}

// {"a": {"b": operand}} for the path a.b
Jsonb *nested(const Step *path, const JsonbValue &operand) {
	JsonbParseState *state = nullptr;
	JsonbValue *result = nullptr;
	int depth = 0;
	for (const Step *step = path; step; step = step->next, ++depth) {
		JsonbValue key;
		key.type = jbvString;
		key.val.string.val = const_cast<char *>(step->key);
		key.val.string.len = step->length;
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
		pushJsonbValue(&state, WJB_KEY, &key);
	}
	JsonbValue value = operand;
	pushJsonbValue(&state, WJB_VALUE, &value);
	while (depth-- > 0)
		result = pushJsonbValue(&state, WJB_END_OBJECT, nullptr);
	return JsonbValueToJsonb(result);
}

void collect_implied(const Condition &node, ArrayBuildState **implied) {
	if (node.op == Op::all)
		for (const Condition *child = node.children; child; child = child->next)
			collect_implied(*child, implied);
	// $contains with a string may mean a part of a string, which @> does not find.
	else if (node.op == Op::eq || (node.op == Op::contains && node.operand.type == jbvBinary))
		*implied = accumArrayResult(*implied, JsonbPGetDatum(nested(node.path, node.operand)), false, JSONBOID,
									CurrentMemoryContext);
}

} // namespace

// ruvector.filter_match(item jsonb, filter jsonb) RETURNS boolean
RV_FUNCTION(ruvector_filter_match) {
	if (PG_ARGISNULL(1))
		PG_RETURN_BOOL(true);
	Jsonb *source = PG_GETARG_JSONB_P(1);
	const Condition &root = compiled(fcinfo, source);
	PG_FREE_IF_COPY(source, 1);
	if (PG_ARGISNULL(0)) {
		JsonbContainer *nothing = static_cast<JsonbContainer *>(palloc0(sizeof(JsonbContainer)));
		nothing->header = JB_FOBJECT;
		PG_RETURN_BOOL(matches(nothing, root));
	}
	Jsonb *item = PG_GETARG_JSONB_P(0);
	bool result = matches(&item->root, root);
	PG_FREE_IF_COPY(item, 0);
	PG_RETURN_BOOL(result);
}

// ruvector._filter_containment(filter jsonb) RETURNS jsonb[]
RV_FUNCTION(ruvector_filter_containment) {
	Jsonb *source = PG_GETARG_JSONB_P(0);
	const Condition *root = compile(&source->root);
	ArrayBuildState *implied = nullptr;
	collect_implied(*root, &implied);
	if (!implied)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(JSONBOID));
	PG_RETURN_DATUM(makeArrayResult(implied, CurrentMemoryContext));
}
