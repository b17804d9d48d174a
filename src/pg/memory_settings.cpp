// pg/memory_settings.cpp - the settings of agent memory.
#include "ruvector/pg/postgres.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
extern "C" {
#include "utils/guc.h"
}
#pragma GCC diagnostic pop

namespace ruvector::pg {

// Read with current_setting() by ruvector.current_namespace(), which also works before the library is loaded.
static char *namespace_setting;

void define_memory_settings() {
	DefineCustomStringVariable(
		"ruvector.namespace", "Sets the namespace that the functions of agent memory read and write.",
		"A choice, no protection: which namespaces a role may use is decided by ruvector.enable_rls().",
		&namespace_setting, "default", PGC_USERSET, 0, nullptr, nullptr, nullptr);
}

} // namespace ruvector::pg
