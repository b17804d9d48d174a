// test/unit/check.hpp - the whole framework of the unit tests: TAP on standard output, one line per TEST.
//   TEST("name") { CHECK(1 + 1 == 2); CHECK_NEAR(a, b, tolerance); }
//   main is here; the exit status is the number of failed tests (at most 100).
#pragma once

#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace check {

struct Case {
	std::string name;
	std::function<void()> body;
};

inline std::vector<Case> &cases() {
	static std::vector<Case> list;
	return list;
}

inline int &failures_in_case() {
	static int n = 0;
	return n;
}

struct Register {
	Register(const char *name, std::function<void()> body) { cases().push_back({name, std::move(body)}); }
};

inline void fail(const char *file, int line, const std::string &what) {
	if (++failures_in_case() <= 10) // enough to see the pattern
		std::printf("# %s:%d: %s\n", file, line, what.c_str());
}

} // namespace check

#define CHECK_JOIN2(a, b) a##b
#define CHECK_JOIN(a, b) CHECK_JOIN2(a, b)
#define TEST(name)                                                                                                     \
	static void CHECK_JOIN(test_body_, __LINE__)();                                                                    \
	static check::Register CHECK_JOIN(test_register_, __LINE__)(name, CHECK_JOIN(test_body_, __LINE__));               \
	static void CHECK_JOIN(test_body_, __LINE__)()
#define CHECK(condition)                                                                                               \
	do {                                                                                                               \
		if (!(condition))                                                                                              \
			check::fail(__FILE__, __LINE__, #condition);                                                               \
	} while (0)
#define CHECK_NEAR(a, b, tolerance)                                                                                    \
	do {                                                                                                               \
		double check_a = (a), check_b = (b), check_t = (tolerance);                                                    \
		if (!(std::fabs(check_a - check_b) <= check_t))                                                                \
			check::fail(__FILE__, __LINE__,                                                                            \
						std::string(#a " = ") + std::to_string(check_a) + ", " #b " = " + std::to_string(check_b) +    \
							", tolerance " + std::to_string(check_t));                                                 \
	} while (0)

int main() {
	int failed = 0, number = 0;
	std::printf("1..%zu\n", check::cases().size());
	for (auto &c : check::cases()) {
		check::failures_in_case() = 0;
		c.body();
		bool ok = check::failures_in_case() == 0;
		failed += !ok;
		std::printf("%s %d - %s\n", ok ? "ok" : "not ok", ++number, c.name.c_str());
	}
	return failed > 100 ? 100 : failed;
}
