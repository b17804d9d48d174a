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
// Read in the same way by the trigger on reflexion_episodes.
static bool auto_consolidate_setting;

void define_memory_settings() {
	DefineCustomStringVariable(
		"ruvector.namespace", "Sets the namespace that the functions of agent memory read and write.",
		"A choice, no protection: which namespaces a role may use is decided by ruvector.enable_rls().",
		&namespace_setting, "default", PGC_USERSET, 0, nullptr, nullptr, nullptr);
	DefineCustomBoolVariable(
		"ruvector.auto_consolidate", "Makes and updates skills whenever episodes are stored.",
		"As ruvector.auto_consolidate() with its defaults, over the newest episodes with the same actions.",
		&auto_consolidate_setting, false, PGC_USERSET, 0, nullptr, nullptr, nullptr);
}

} // namespace ruvector::pg
