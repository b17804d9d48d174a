// learning/experience.cpp - checks of logged steps; keys of vectors; polling.
#include "ruvector/learning/experience.hpp"

#include <cmath>
#include <cstdio>

#include "ruvector/error.hpp"

namespace ruvector::learning {

namespace {

[[noreturn]] void bad(ErrorKind kind, const std::string &what) {
	throw Error(kind, what);
}

std::string row(size_t i) {
	return " in experience " + std::to_string(i + 1);
}

} // namespace

std::string vector_key(const float *vector, size_t dim, double step) {
	if (!(step > 0 && step < HUGE_VAL))
		bad(ErrorKind::invalid_argument, "the step of a state key must be positive and finite");
	std::string key;
	for (size_t i = 0; i < dim; i++) {
		double x = std::round(double(vector[i]) / step) * step;
		if (!std::isfinite(x))
			bad(ErrorKind::data_exception, "a state holds NaN or infinity");
		char buffer[40];
		std::snprintf(buffer, sizeof buffer, "%.9g", x == 0 ? 0.0 : x); // no -0
		key += (i ? "," : "") + std::string(buffer);
	}
	return key;
}

void Experience::check(const Shape &shape) const {
	bool keys = shape.state_dim == 0;
	if (count == 0)
		bad(ErrorKind::invalid_argument, "there is no experience to learn from");
	if (!(keys ? state_keys && next_state_keys : states && next_states) || !actions || !rewards || !terminated)
		bad(ErrorKind::invalid_argument, keys ? "state keys, actions, rewards or ends are missing"
											  : "state vectors, actions, rewards or ends are missing");
	for (size_t i = 0; i < count; i++) {
		if (actions[i] >= shape.actions)
			bad(ErrorKind::data_exception, "action " + std::to_string(actions[i]) + row(i) + " was not declared");
		if (!std::isfinite(rewards[i]))
			bad(ErrorKind::data_exception, "the reward" + row(i) + " is NaN or infinite");
		if (behaviour && !std::isnan(behaviour[i]) && !(behaviour[i] > 0 && behaviour[i] <= 1))
			bad(ErrorKind::data_exception, "the behaviour probability" + row(i) + " is not in (0, 1]");
	}
	if (!keys)
		for (size_t i = 0, n = count * shape.state_dim; i < n; i++)
			if (!std::isfinite(states[i]) || (!std::isfinite(next_states[i]) && !terminated[i / shape.state_dim]))
				bad(ErrorKind::data_exception, "a state" + row(i / shape.state_dim) + " holds NaN or infinity");
}

bool Poll::finish() const {
	Signal signal = ask ? ask(argument) : Signal::proceed;
	if (signal == Signal::cancel)
		throw Error(ErrorKind::canceled, "learning was canceled");
	return signal == Signal::finish;
}

} // namespace ruvector::learning
