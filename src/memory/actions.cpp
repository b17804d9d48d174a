// memory/actions.cpp - reading actions, and the templates of texts.
#include "ruvector/memory/actions.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "json_text.hpp"

namespace ruvector::memory {
namespace {

const char kSlot[] = "<*>";

bool is_space(char c) {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

bool is_name_character(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
		   c == ':' || c == '/' || c == '-' || static_cast<unsigned char>(c) >= 0x80;
}

std::string trim(const std::string &text) {
	size_t first = 0, last = text.size();
	while (first < last && is_space(text[first]))
		++first;
	while (last > first && is_space(text[last - 1]))
		--last;
	return text.substr(first, last - first);
}

// A value without the quotes around it.
Argument unquote(const std::string &path, const std::string &text) {
	size_t n = text.size();
	if (n >= 2 && (text[0] == '"' || text[0] == '\'') && text[n - 1] == text[0])
		return {path, text.substr(1, n - 2), true};
	return {path, text, false};
}

// The end of the quoted string that starts at i, or i if it never ends.
size_t skip_quoted(const std::string &text, size_t i) {
	for (size_t j = i + 1; j < text.size(); ++j) {
		if (text[j] == '\\')
			++j;
		else if (text[j] == text[i])
			return j;
	}
	return i;
}

// Where the bracket that opens at i closes; npos if nowhere.
size_t closing(const std::string &text, size_t i) {
	int depth = 0;
	for (size_t j = i; j < text.size(); ++j) {
		char c = text[j];
		if (c == '"')
			j = skip_quoted(text, j);
		else if (c == '(' || c == '[' || c == '{')
			++depth;
		else if (c == ')' || c == ']' || c == '}') {
			if (--depth == 0)
				return j;
		}
	}
	return std::string::npos;
}

void split_arguments(const std::string &inside, std::vector<Argument> &out) {
	size_t start = 0, position = 0;
	int depth = 0;
	auto finish = [&](size_t end) {
		std::string piece = trim(inside.substr(start, end - start));
		start = end + 1;
		++position;
		if (piece.empty())
			return;
		size_t name = 0;
		while (name < piece.size() && is_name_character(piece[name]) && piece[name] != ':')
			++name;
		size_t sign = name;
		while (sign < piece.size() && is_space(piece[sign]))
			++sign;
		// "key=value" and "key: value"; a URL's colon has no space behind it.
		bool named =
			name > 0 && sign < piece.size() &&
			(piece[sign] == '=' || (piece[sign] == ':' && sign + 1 < piece.size() && is_space(piece[sign + 1])));
		if (named)
			out.push_back(unquote(piece.substr(0, name), trim(piece.substr(sign + 1))));
		else
			out.push_back(unquote(std::to_string(position), piece));
	};
	for (size_t i = 0; i < inside.size(); ++i) {
		char c = inside[i];
		if (c == '"')
			i = skip_quoted(inside, i);
		else if (c == '(' || c == '[' || c == '{')
			++depth;
		else if (c == ')' || c == ']' || c == '}')
			--depth;
		else if (c == ',' && depth == 0)
			finish(i);
	}
	finish(inside.size());
}

bool parse_call(const std::string &text, Action &action) {
	size_t name = 0;
	while (name < text.size() && is_name_character(text[name]))
		++name;
	if (name == 0 || name == text.size() || (text[name] != '(' && text[name] != '['))
		return false;
	// ReAct's name[value] holds free text, whose brackets and quotes need not match.
	bool free_text = text[name] == '[';
	if (free_text ? text.back() != ']' : closing(text, name) != text.size() - 1)
		return false;
	action.name = text.substr(0, name);
	std::string inside = text.substr(name + 1, text.size() - name - 2);
	if (!free_text)
		split_arguments(inside, action.arguments);
	else if (!trim(inside).empty())
		action.arguments.push_back(unquote("1", trim(inside)));
	return true;
}

bool parse_object(const std::string &text, Action &action) {
	if (text.empty() || text[0] != '{')
		return false;
	std::vector<Argument> members;
	if (!flatten_json(text, members))
		return false;
	auto member = [&](const char *path) {
		return std::find_if(members.begin(), members.end(),
							[&](const Argument &a) { return a.path == path && a.quoted && !a.value.empty(); });
	};
	auto name = members.end();
	for (const char *key : {"action", "name", "tool", "function"})
		if (name == members.end())
			name = member(key);
	if (name == members.end())
		return false;
	action.name = name->value;
	members.erase(name);
	for (const char *key : {"arguments.", "args.", "parameters.", "input."}) {
		std::string prefix = key;
		for (const Argument &a : members)
			if (a.path.compare(0, prefix.size(), prefix) == 0)
				action.arguments.push_back({a.path.substr(prefix.size()), a.value, a.quoted});
		if (!action.arguments.empty())
			return true;
	}
	action.arguments = members;
	return true;
}

std::vector<std::string> words_of(const std::string &text) {
	std::vector<std::string> words;
	for (size_t i = 0; i < text.size();) {
		if (is_space(text[i])) {
			++i;
			continue;
		}
		size_t end = i;
		if (text[i] == '"')
			end = skip_quoted(text, i);
		while (end < text.size() && !is_space(text[end]))
			++end;
		words.push_back(text.substr(i, end - i));
		i = end;
	}
	return words;
}

bool is_variable(const std::string &word) {
	return word[0] == '"' || std::any_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string join(const std::vector<std::string> &words) {
	std::string text;
	for (const std::string &word : words)
		text += (text.empty() ? "" : " ") + word;
	return text;
}

// Drain's tree is a map here: number of words and first word lead to the templates among which similarity decides.
class TemplateTree {
public:
	using Leaf = std::pair<size_t, std::string>;

	std::pair<Leaf, size_t> add(const std::vector<std::string> &words) {
		Leaf leaf{words.size(), words.empty() ? "" : words[0]};
		auto &templates = leaves_[leaf];
		size_t best = templates.size(), best_equal = 0;
		for (size_t t = 0; t < templates.size(); ++t) {
			size_t equal = 0;
			for (size_t i = 0; i < words.size(); ++i)
				equal += words[i] == templates[t][i] && words[i] != kSlot;
			bool similar = double(equal) >= kSimilarity * double(words.size());
			if (similar && (best == templates.size() || equal > best_equal)) {
				best = t;
				best_equal = equal;
			}
		}
		if (best == templates.size()) {
			templates.push_back(words);
		} else {
			for (size_t i = 0; i < words.size(); ++i)
				if (templates[best][i] != words[i])
					templates[best][i] = kSlot;
		}
		return {leaf, best};
	}

	std::string text(const std::pair<Leaf, size_t> &place) const { return join(leaves_.at(place.first)[place.second]); }

private:
	static constexpr double kSimilarity = 0.4;
	std::map<Leaf, std::vector<std::vector<std::string>>> leaves_;
};

} // namespace

Action parse_action(const std::string &text) {
	std::string trimmed = trim(text);
	Action action;
	if (parse_call(trimmed, action) || parse_object(trimmed, action))
		return action;
	action = {};
	action.is_text = true;
	std::vector<std::string> words = words_of(trimmed);
	if (!words.empty())
		action.name = is_variable(words[0]) ? kSlot : words[0];
	return action;
}

ActionKeys::ActionKeys(const std::vector<std::string> &actions) : actions_(actions), keys_(actions.size()) {
	std::set<std::string> masked; // ordered: the templates do not depend on the order of the actions
	std::vector<std::string> masked_of(actions.size());
	for (size_t i = 0; i < actions.size(); ++i) {
		Action action = parse_action(actions[i]);
		if (!action.is_text) {
			keys_[i] = action.name;
			continue;
		}
		std::vector<std::string> words = words_of(actions[i]);
		for (std::string &word : words)
			if (is_variable(word))
				word = kSlot;
		masked_of[i] = join(words);
		masked.insert(masked_of[i]);
	}
	TemplateTree tree;
	std::map<std::string, std::pair<TemplateTree::Leaf, size_t>> places;
	for (const std::string &text : masked)
		places[text] = tree.add(words_of(text));
	for (size_t i = 0; i < actions.size(); ++i)
		if (auto place = places.find(masked_of[i]); keys_[i].empty() && place != places.end())
			keys_[i] = tree.text(place->second);
}

std::vector<Argument> ActionKeys::arguments(size_t i) const {
	Action action = parse_action(actions_[i]);
	if (!action.is_text)
		return action.arguments;
	std::vector<Argument> arguments;
	std::vector<std::string> words = words_of(actions_[i]), pattern = words_of(keys_[i]);
	for (size_t w = 0; w < words.size() && w < pattern.size(); ++w)
		if (pattern[w] == kSlot)
			arguments.push_back(unquote(std::to_string(arguments.size() + 1), words[w]));
	return arguments;
}

} // namespace ruvector::memory
