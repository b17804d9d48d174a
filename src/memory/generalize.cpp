// memory/generalize.cpp - constants, parameters and data flow from aligned runs of the same steps.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "json_text.hpp"
#include "ruvector/memory/actions.hpp"

namespace ruvector::memory {
namespace {

constexpr size_t kMaxExamples = 5;

// One argument of one step over all runs; a run that lacks it has no value.
struct Slot {
	size_t step;
	std::string path;
	std::vector<std::optional<Argument>> values;

	bool same_values(const Slot &other) const {
		for (size_t r = 0; r < values.size(); ++r) {
			if (values[r].has_value() != other.values[r].has_value())
				return false;
			if (values[r] && values[r]->value != other.values[r]->value)
				return false;
		}
		return true;
	}
	bool complete() const {
		return std::all_of(values.begin(), values.end(), [](const auto &v) { return v.has_value(); });
	}
	bool constant() const {
		return complete() &&
			   std::all_of(values.begin(), values.end(), [&](const auto &v) { return v->value == values[0]->value; });
	}
};

struct Outputs {
	std::vector<Argument> named; // members of a JSON object, or key=value
	std::string text;
};

bool is_word_character(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
		   static_cast<unsigned char>(c) >= 0x80;
}

Outputs read_observation(const std::string &text) {
	Outputs outputs;
	outputs.text = text;
	if (flatten_json(text, outputs.named))
		return outputs;
	// key=value and "key: value", anywhere in the text; the value ends at a space, comma or semicolon.
	for (size_t i = 0; i < text.size();) {
		size_t key = i;
		while (i < text.size() && is_word_character(text[i]))
			++i;
		size_t key_end = i;
		bool pair = key_end > key && i < text.size() &&
					(text[i] == '=' || (text[i] == ':' && i + 1 < text.size() && text[i + 1] == ' '));
		if (!pair) {
			i += key_end == key;
			continue;
		}
		i += text[i] == ':' ? 2 : 1;
		size_t value = i;
		while (i < text.size() && !std::isspace(static_cast<unsigned char>(text[i])) && text[i] != ',' &&
			   text[i] != ';')
			++i;
		if (i > value)
			outputs.named.push_back({text.substr(key, key_end - key), text.substr(value, i - value), false});
	}
	return outputs;
}

// Whether the text has the value as whole words.
bool mentions(const std::string &text, const std::string &value) {
	if (value.empty())
		return false;
	for (size_t at = text.find(value); at != std::string::npos; at = text.find(value, at + 1)) {
		size_t end = at + value.size();
		bool left = at == 0 || !is_word_character(text[at - 1]) || !is_word_character(value.front());
		bool right = end == text.size() || !is_word_character(text[end]) || !is_word_character(value.back());
		if (left && right)
			return true;
	}
	return false;
}

struct Source {
	size_t step;
	std::string path; // empty: somewhere in the observation's text
};

// The first step before slot.step whose observation has the slot's value in every run.
std::optional<Source> find_source(const Slot &slot, const std::vector<std::vector<Outputs>> &outputs) {
	size_t runs = outputs.size();
	for (size_t step = 0; step < slot.step; ++step) {
		for (const Argument &candidate : outputs[0][step].named) {
			auto holds = [&](size_t run) {
				const auto &named = outputs[run][step].named;
				return std::any_of(named.begin(), named.end(), [&](const Argument &a) {
					return a.path == candidate.path && a.value == slot.values[run]->value;
				});
			};
			size_t run = 0;
			while (run < runs && holds(run))
				++run;
			if (run == runs)
				return Source{step, candidate.path};
		}
		size_t run = 0;
		while (run < runs && mentions(outputs[run][step].text, slot.values[run]->value))
			++run;
		if (run == runs)
			return Source{step, ""};
	}
	return std::nullopt;
}

bool is_position(const std::string &path) {
	return std::all_of(path.begin(), path.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string first_word(const std::string &key) {
	std::string word;
	for (char c : key.substr(0, key.find(' ')))
		word += is_word_character(c) ? c : '_';
	return word;
}

class Generalizer {
public:
	Generalizer(const std::vector<std::string> &keys, const std::vector<Occurrence> &occurrences)
		: keys_(keys), occurrences_(occurrences) {}

	Script run() {
		collect_slots();
		for (const Occurrence &occurrence : occurrences_) {
			std::vector<Outputs> of_run;
			for (size_t step = 0; step < keys_.size(); ++step)
				of_run.push_back(read_observation(occurrence.observations[step]));
			outputs_.push_back(std::move(of_run));
		}
		for (size_t s = 0; s < slots_.size(); ++s)
			bind(s);

		Script script;
		for (size_t step = 0, s = 0; step < keys_.size(); ++step) {
			std::string arguments;
			for (; s < slots_.size() && slots_[s].step == step; ++s)
				arguments += (arguments.empty() ? "" : ", ") + json_quote(slots_[s].path) + ": " + bindings_[s];
			script.steps += (step == 0 ? "{\"action\": " : ", {\"action\": ") + json_quote(keys_[step]) +
							", \"arguments\": {" + arguments + "}}";
		}
		script.steps = "[" + script.steps + "]";
		script.parameters = "{" + parameters_ + "}";
		return script;
	}

private:
	void collect_slots() {
		for (size_t step = 0; step < keys_.size(); ++step) {
			std::map<std::string, size_t> place;
			for (size_t run = 0; run < occurrences_.size(); ++run)
				for (const Argument &argument : occurrences_[run].arguments[step]) {
					auto [at, is_new] = place.try_emplace(argument.path, slots_.size());
					if (is_new)
						slots_.push_back(
							{step, argument.path, std::vector<std::optional<Argument>>(occurrences_.size())});
					slots_[at->second].values[run] = argument;
				}
		}
	}

	void bind(size_t s) {
		const Slot &slot = slots_[s];
		if (slot.constant()) {
			bindings_.push_back("{\"value\": " + json_value(*slot.values[0]) + "}");
			return;
		}
		for (size_t earlier = 0; earlier < s; ++earlier)
			if (!slots_[earlier].constant() && slots_[earlier].same_values(slot)) {
				bindings_.push_back(bindings_[earlier]);
				return;
			}
		if (slot.complete())
			if (auto source = find_source(slot, outputs_)) {
				bindings_.push_back("{\"step\": " + std::to_string(source->step + 1) + ", \"output\": " +
									(source->path.empty() ? "null" : json_quote(source->path)) + "}");
				return;
			}
		std::string name = new_name(slot);
		bindings_.push_back("{\"parameter\": " + json_quote(name) + "}");
		parameters_ += (parameters_.empty() ? "" : ", ") + json_quote(name) + ": " + describe(slot);
	}

	std::string new_name(const Slot &slot) {
		std::string base = is_position(slot.path) ? first_word(keys_[slot.step]) + "_" + slot.path : slot.path;
		std::string name = base;
		for (int n = 2; !names_.insert(name).second; ++n)
			name = base + "_" + std::to_string(n);
		return name;
	}

	static std::string describe(const Slot &slot) {
		std::optional<ValueType> type;
		std::string examples;
		std::set<std::string> seen;
		for (const auto &value : slot.values) {
			if (!value)
				continue;
			ValueType t = type_of(*value);
			if (!type)
				type = t;
			else if (*type != t) {
				bool numbers = (*type == ValueType::integer || *type == ValueType::number) &&
							   (t == ValueType::integer || t == ValueType::number);
				type = numbers ? ValueType::number : ValueType::string;
			}
			if (seen.size() < kMaxExamples && seen.insert(value->value).second)
				examples += (examples.empty() ? "" : ", ") + json_value(*value);
		}
		const char *name = "string";
		switch (*type) {
		case ValueType::integer:
			name = "integer";
			break;
		case ValueType::number:
			name = "number";
			break;
		case ValueType::boolean:
			name = "boolean";
			break;
		case ValueType::string:
			break;
		}
		return std::string("{\"type\": \"") + name + "\", \"examples\": [" + examples + "]" +
			   (slot.complete() ? "}" : ", \"optional\": true}");
	}

	const std::vector<std::string> &keys_;
	const std::vector<Occurrence> &occurrences_;
	std::vector<Slot> slots_;                   // by step
	std::vector<std::vector<Outputs>> outputs_; // run, step
	std::vector<std::string> bindings_;         // per slot
	std::set<std::string> names_;
	std::string parameters_;
};

} // namespace

Script generalize(const std::vector<std::string> &keys, const std::vector<Occurrence> &occurrences) {
	return Generalizer(keys, occurrences).run();
}

} // namespace ruvector::memory
