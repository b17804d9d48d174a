// ruvector.cpp - module magic and start-up. Each room initialises itself; nothing else happens here.
#include "ruvector/pg/boundary.hpp"
#include "ruvector/simd/kernels.hpp"

extern "C" {
#if PG_VERSION_NUM >= 180000
#pragma GCC visibility push(default)
PG_MODULE_MAGIC_EXT(.name = "ruvector", .version = RUVECTOR_VERSION);
#pragma GCC visibility pop
#else
#pragma GCC visibility push(default)
PG_MODULE_MAGIC;
#pragma GCC visibility pop
#endif
}

namespace ruvector {
namespace pg {
void define_simd_setting();
void define_memory_settings();
void reserve_setting_prefix();
} // namespace pg
namespace am {
void initialize();
}
} // namespace ruvector

extern "C" RV_EXPORT void _PG_init(void);

void _PG_init(void) {
	ruvector::pg::define_simd_setting();
	ruvector::pg::define_memory_settings();
	ruvector::am::initialize();
	ruvector::pg::reserve_setting_prefix();
}
