// unit/actions_test.cpp - actions as text: the grammar, templates, and scripts from aligned runs.
#include "check.hpp"

#include <algorithm>
#include <random>

#include "ruvector/memory/actions.hpp"

using namespace ruvector::memory;

namespace {

bool is(const std::string &text, const std::string &name, const std::vector<Argument> &arguments) {
	Action action = parse_action(text);
	return !action.is_text && action.name == name && action.arguments == arguments;
}

bool is_text(const std::string &text, const std::string &name) {
	Action action = parse_action(text);
	return action.is_text && action.name == name;
}

Script script(const std::vector<std::vector<std::string>> &runs,
			  const std::vector<std::vector<std::string>> &observed) {
	std::vector<std::string> all;
	for (const auto &run : runs)
		all.insert(all.end(), run.begin(), run.end());
	ActionKeys keys(all);
	std::vector<Occurrence> occurrences;
	size_t at = 0;
	for (size_t r = 0; r < runs.size(); ++r) {
		Occurrence occurrence;
		for (size_t s = 0; s < runs[r].size(); ++s, ++at)
			occurrence.arguments.push_back(keys.arguments(at));
		occurrence.observations = observed[r];
		occurrences.push_back(occurrence);
	}
	return generalize({keys.keys().begin(), keys.keys().begin() + std::ptrdiff_t(runs[0].size())}, occurrences);
}

} // namespace

TEST("calls") {
	CHECK(is("fetch()", "fetch", {}));
	CHECK(is("  fetch( 7 , \"a, b\" ) ", "fetch", {{"1", "7"}, {"2", "a, b", true}}));
	CHECK(is("http.get(url=https://x.org/a?b=1, retries: 3)", "http.get",
			 {{"url", "https://x.org/a?b=1"}, {"retries", "3"}}));
	CHECK(is("f(https://x.org, g(1, 2), [3, 4])", "f", {{"1", "https://x.org"}, {"2", "g(1, 2)"}, {"3", "[3, 4]"}}));
	CHECK(is("Search[Jonny Craig]", "Search", {{"1", "Jonny Craig"}}));
	CHECK(is("Search[Whos's ] first]", "Search", {{"1", "Whos's ] first"}}));
	CHECK(is("f(name='x')", "f", {{"name", "x", true}}));
	CHECK(is_text("f(1) then g(2)", "f(1)") || is_text("f(1) then g(2)", "<*>"));
	CHECK(is_text("(no name)", "(no"));
	CHECK(is_text("f(open", "f(open"));
	CHECK(is_text("", ""));
}

TEST("objects") {
	CHECK(is("{\"action\": \"go\", \"to\": \"desk\", \"n\": 2}", "go", {{"to", "desk", true}, {"n", "2"}}));
	CHECK(is("{\"tool\": \"sql\", \"args\": {\"q\": \"select \\u00e9\\n\", \"opt\": {\"deep\": [true, null, 1.5]}}, "
			 "\"id\": 9}",
			 "sql", {{"q", "select \xC3\xA9\n", true}, {"opt.deep.0", "true"}, {"opt.deep.2", "1.5"}}));
	CHECK(is("{\"name\": \"emoji\", \"x\": \"\\ud83d\\ude00\"}", "emoji", {{"x", "\xF0\x9F\x98\x80", true}}));
	for (const char *bad : {"{\"action\": }", "{\"x\": 1}", "{\"action\": \"a\"} x", "{\"action\": \"a\", \"b\": 01}",
							"{\"action\": \"\\u0000\"}", "{\"action\": \"\\ud800\"}", "{\"action\": \"a\",}", "{"})
		CHECK(parse_action(bad).is_text);
	std::string deep(200, '[');
	CHECK(parse_action("{\"action\": \"a\", \"b\": " + deep).is_text);
}

TEST("templates of texts: digits, quotes and what differs are arguments; order does not matter") {
	std::vector<std::string> actions = {
		"go to countertop 1",       "go to sinkbasin 2", "take plate 1 from countertop 1",
		"open the \"big red\" box", "look around",       "inventory"};
	ActionKeys keys(actions);
	CHECK(keys.keys()[0] == "go to <*> <*>");
	CHECK(keys.keys()[1] == "go to <*> <*>");
	CHECK(keys.keys()[2] == "take plate <*> from countertop <*>");
	CHECK(keys.keys()[3] == "open the <*> box");
	CHECK(keys.keys()[4] == "look around");
	CHECK(keys.keys()[5] == "inventory");
	CHECK((keys.arguments(1) == std::vector<Argument>{{"1", "sinkbasin"}, {"2", "2"}}));
	CHECK((keys.arguments(3) == std::vector<Argument>{{"1", "big red", true}}));

	std::reverse(actions.begin(), actions.end());
	ActionKeys reversed(actions);
	for (size_t i = 0; i < actions.size(); ++i)
		CHECK(reversed.keys()[actions.size() - 1 - i] == keys.keys()[i]);
}

TEST("authentication: one parameter, one bound value, one constant") {
	Script s = script({{"authenticate(user=ann, realm=main)", "validate(token=t-81)", "fetch(ann, token=t-81)"},
					   {"authenticate(user=bob, realm=main)", "validate(token=t-22)", "fetch(bob, token=t-22)"},
					   {"authenticate(user=cyd, realm=main)", "validate(token=t-57)", "fetch(cyd, token=t-57)"}},
					  {{"token=t-81", "ok", ""}, {"token=t-22", "ok", ""}, {"token=t-57", "ok", ""}});
	CHECK(s.steps ==
		  "[{\"action\": \"authenticate\", \"arguments\": {\"user\": {\"parameter\": \"user\"}, \"realm\": "
		  "{\"value\": \"main\"}}}, {\"action\": \"validate\", \"arguments\": {\"token\": {\"step\": 1, "
		  "\"output\": \"token\"}}}, {\"action\": \"fetch\", \"arguments\": {\"1\": {\"parameter\": \"user\"}, "
		  "\"token\": {\"step\": 1, \"output\": \"token\"}}}]");
	CHECK(s.parameters == "{\"user\": {\"type\": \"string\", \"examples\": [\"ann\", \"bob\", \"cyd\"]}}");
}

TEST("data flow needs every run, whole words, and an earlier step") {
	Script s = script({{"a()", "b(x=1)"}, {"a()", "b(x=12)"}}, {{"got 1 item", ""}, {"got 12 items", ""}});
	CHECK(s.steps.find("\"x\": {\"step\": 1, \"output\": null}") != std::string::npos);
	s = script({{"a()", "b(x=1)"}, {"a()", "b(x=12)"}}, {{"got 1 item", ""}, {"got 123 items", ""}});
	CHECK(s.steps.find("\"x\": {\"parameter\": \"x\"}") != std::string::npos);
	s = script({{"b(x=1)", "a()"}, {"b(x=2)", "a()"}}, {{"x=1", ""}, {"x=2", ""}});
	CHECK(s.steps.find("\"x\": {\"parameter\": \"x\"}") != std::string::npos);
	s = script({{"a()", "b(x=7)"}, {"a()", "b(x=8)"}},
			   {{"{\"id\": 1, \"item\": {\"no\": 7}}", ""}, {"{\"id\": 1, \"item\": {\"no\": 8}}", ""}});
	CHECK(s.steps.find("\"x\": {\"step\": 1, \"output\": \"item.no\"}") != std::string::npos);
}

TEST("types, optional arguments, names") {
	Script s = script({{"f(a=1, b=1.5, c=true, d=\"7\")", "f(a=5, z=1)"}, {"f(a=2, b=2, c=false, d=x)", "f(a=6)"}},
					  {{"", ""}, {"", ""}});
	for (const char *part : {"\"a\": {\"type\": \"integer\", \"examples\": [1, 2]}",
							 "\"b\": {\"type\": \"number\", \"examples\": [1.5, 2]}",
							 "\"c\": {\"type\": \"boolean\", \"examples\": [true, false]}",
							 "\"d\": {\"type\": \"string\", \"examples\": [\"7\", \"x\"]}",
							 "\"a_2\": {\"type\": \"integer\", \"examples\": [5, 6]}",
							 "\"z\": {\"type\": \"integer\", \"examples\": [1], \"optional\": true}"})
		CHECK(s.parameters.find(part) != std::string::npos);
}

TEST("any text is read without harm") {
	std::mt19937 random(3);
	const std::string pieces[] = {"f",     "(",    ")",  "[",    "]",
								  "{",     "}",    "\"", "\\",   "'",
								  ",",     "=",    ":",  " ",    "action",
								  "1",     ".",    "-",  "e",    "<*>",
								  "\\u00", "\xC3", "\t", "null", "\"action\": \"a\""};
	for (int round = 0; round < 20000; ++round) {
		std::vector<std::string> texts(3);
		for (auto &text : texts)
			for (size_t n = random() % 12; n > 0; --n)
				text += pieces[random() % (sizeof(pieces) / sizeof(*pieces))];
		ActionKeys keys(texts);
		Occurrence run;
		for (size_t i = 0; i < texts.size(); ++i) {
			Action action = parse_action(texts[i]);
			CHECK(action.is_text || keys.keys()[i] == action.name);
			run.arguments.push_back(keys.arguments(i));
			run.observations.push_back(texts[random() % 3]);
		}
		Script script = generalize(keys.keys(), {run, run});
		CHECK(script.steps.front() == '[' && script.steps.back() == ']');
		CHECK(script.parameters == "{}"); // two equal runs hold constants only
	}
}
