// memory/actions.hpp - reading actions written as text, and one parameterised script from many runs of the same steps.
//
// An action is one of
//   call    name(value, key=value, ...)  or  name[value]     name: letters, digits and _ . : / -
//   object  {"action": "name", ...}      name under action, name, tool or function; arguments under arguments, args,
//                                        parameters or input when that is an object, else all other keys
//   text    anything else; words with a digit and quoted words are arguments, and so are words in which otherwise
//           similar actions differ (Drain: He et al., ICWS 2017; same number of words, same first word, 40 % equal words)
// Two actions are the same step when their keys are equal: the name of a call or an object, the template of a text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ruvector::memory {

struct Argument {
	std::string path; // "user", "address.city"; "1", "2" for positions
	std::string value;
	bool quoted = false; // written as a string: never read as a number
	bool operator==(const Argument &other) const {
		return path == other.path && value == other.value && quoted == other.quoted;
	}
};

struct Action {
	bool is_text = false;
	std::string name;                // first word of a text
	std::vector<Argument> arguments; // none for a text: they depend on its template
};

Action parse_action(const std::string &text);

// Templates of texts. Depends on the set of texts only, not on their order.
class ActionKeys {
public:
	explicit ActionKeys(const std::vector<std::string> &actions);
	const std::vector<std::string> &keys() const { return keys_; } // one per action
	// Arguments of action number i under its key.
	std::vector<Argument> arguments(size_t i) const;

private:
	std::vector<std::string> actions_;
	std::vector<std::string> keys_;
};

// One run of a pattern: the actions of its steps and what was observed after each (empty: nothing known).
struct Occurrence {
	std::vector<std::vector<Argument>> arguments; // per step
	std::vector<std::string> observations;        // per step
};

// JSON texts: an array of the steps, an object of the parameters.
//   steps:      [{"action": key, "arguments": {path: {"value": v} | {"parameter": name} | {"step": n, "output": path}}}]
//   parameters: {name: {"type": string|integer|number|boolean, "examples": [...], "optional": true}}
// Equal in every run: a constant. Found in the observation of an earlier step in every run: that step's output. Else a
// parameter; arguments that agree with each other in every run share one.
struct Script {
	std::string steps;
	std::string parameters;
};

Script generalize(const std::vector<std::string> &keys, const std::vector<Occurrence> &occurrences);

} // namespace ruvector::memory
