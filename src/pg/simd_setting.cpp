// pg/simd_setting.cpp - the setting ruvector.simd: which distance kernels a session uses.
// For tests and for comparing measurements; the default is the best level of the machine.
#include "ruvector/pg/postgres.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
extern "C" {
#include "utils/guc.h"
}
#pragma GCC diagnostic pop

#include "ruvector/simd/kernels.hpp"

namespace ruvector::pg {

static constexpr int kAuto = -1;

static int simd_setting = kAuto;

static const config_enum_entry kSimdOptions[] = {
	{"auto", kAuto, false},
	{"scalar", static_cast<int>(simd::Level::scalar), false},
	{"sse2", static_cast<int>(simd::Level::sse2), false},
	{"neon", static_cast<int>(simd::Level::neon), false},
	{"avx2", static_cast<int>(simd::Level::avx2), false},
	{"avx512", static_cast<int>(simd::Level::avx512), false},
	{"avx512vnni", static_cast<int>(simd::Level::avx512vnni), false},
	{nullptr, 0, false},
};

// An assign hook may not raise, and a setting may come from a server with another processor: what this machine lacks
// falls back to the best level below.
static void assign_simd(int level, void *) {
	simd::use_level(level == kAuto ? simd::best_level() : static_cast<simd::Level>(level));
}

void define_simd_setting() {
	DefineCustomEnumVariable("ruvector.simd", "Sets the instruction set of the distance functions.",
							 "A level that the machine does not support is replaced by the best one below it.",
							 &simd_setting, kAuto, kSimdOptions, PGC_USERSET, 0, nullptr, assign_simd, nullptr);
}

// Called when all settings are defined: a misspelt ruvector.* then is an error instead of a new variable.
void reserve_setting_prefix() {
	MarkGUCPrefixReserved("ruvector");
}

} // namespace ruvector::pg
