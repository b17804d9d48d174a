// simd/dispatch.cpp - which kernels this machine can execute, and which are in use.
// `kernels` is the scalar table from the start (constant initialisation), and the best one once the constructor below
// has run, that is when the library is loaded or before main. So no caller can see it unset.
#include "tables.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace ruvector::simd {

const KernelTable *kernels = &kScalarTable;

#if defined(__x86_64__)

// Everything that the flags of a file in mk/arch.mk let the compiler use. __builtin_cpu_supports also asks whether the
// operating system saves the registers; F16C, which it does not know everywhere, needs those of AVX only.
static bool has_avx2() noexcept {
	unsigned a = 0, b = 0, c = 0, d = 0;
	return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C) && __builtin_cpu_supports("avx2") &&
		   __builtin_cpu_supports("fma") && __builtin_cpu_supports("popcnt");
}

static bool has_avx512() noexcept {
	return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
		   __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
		   __builtin_cpu_supports("avx512vl");
}

static bool has_avx512vnni() noexcept {
	return has_avx512() && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vpopcntdq") &&
		   __builtin_cpu_supports("avx512bitalg");
}

const KernelTable *table(Level level) noexcept {
	__builtin_cpu_init();
	switch (level) {
	case Level::scalar:
		return &kScalarTable;
	case Level::sse2:
		return &kSse2Table;
	case Level::avx2:
		return has_avx2() ? &kAvx2Table : nullptr;
	case Level::avx512:
		return has_avx512() ? &kAvx512Table : nullptr;
	case Level::avx512vnni:
		return has_avx512vnni() ? &kAvx512VnniTable : nullptr;
	case Level::neon:
		break;
	}
	return nullptr;
}

#else

const KernelTable *table(Level level) noexcept {
	switch (level) {
	case Level::scalar:
		return &kScalarTable;
#if defined(__aarch64__)
	case Level::neon:
		return &kNeonTable;
#endif
	default:
		return nullptr;
	}
}

#endif

static const KernelTable *best_up_to(Level level) noexcept {
	for (int i = static_cast<int>(level); i > 0; --i)
		if (const KernelTable *found = table(static_cast<Level>(i)))
			return found;
	return &kScalarTable;
}

Level best_level() noexcept {
	return best_up_to(Level::avx512vnni)->level;
}

void use_level(Level level) noexcept {
	kernels = best_up_to(level);
}

const char *level_name(Level level) noexcept {
	switch (level) {
	case Level::scalar:
		return "scalar";
	case Level::sse2:
		return "sse2";
	case Level::neon:
		return "neon";
	case Level::avx2:
		return "avx2";
	case Level::avx512:
		return "avx512";
	case Level::avx512vnni:
		return "avx512vnni";
	}
	return "unknown";
}

[[gnu::constructor]] static void use_best_level() noexcept {
	use_level(best_level());
}

} // namespace ruvector::simd
