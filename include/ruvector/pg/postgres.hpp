// pg/postgres.hpp - the one way to include PostgreSQL's headers from C++.
// C++ standard headers come before this one: postgres.h turns snprintf and friends into macros.
#pragma once

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wregister"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
extern "C" {
#include "postgres.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif
}
#pragma GCC diagnostic pop

// Macros of PostgreSQL that collide with C++ names and that we do not use.
#undef _
#undef gettext
#undef Abs
