// memory/json_text.hpp - the little JSON that actions need: an object flattened to paths, and quoting.
#pragma once

#include <string>
#include <vector>

#include "ruvector/memory/actions.hpp"

namespace ruvector::memory {

// Flattens one JSON object (or array) that fills the whole text; false if the text is not one.
// Members of nested objects get the path a.b, elements of arrays a.0; null is left out.
bool flatten_json(const std::string &text, std::vector<Argument> &out);

std::string json_quote(const std::string &text);
// As a number or a boolean when it is exactly one and was not written as a string.
std::string json_value(const Argument &argument);
enum class ValueType { integer, number, boolean, string };
ValueType type_of(const Argument &argument);

} // namespace ruvector::memory
