# ruvector - vector data types and nearest-neighbour indexes for PostgreSQL.
# `make help` lists what there is. PostgreSQL 15 to 18; choose a server with PG_CONFIG=...

EXTENSION = ruvector
# Not VERSION: PGXS sets that to the version of PostgreSQL.
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" ruvector.control)
MODULE_big = ruvector
SRCS := $(sort $(wildcard src/*.cpp src/*/*.cpp))
OBJS = $(SRCS:.cpp=.o)
HEADERS_ruvector = include/ruvector/ruvector.h

SQL_PARTS := $(sort $(wildcard sql/parts/*.sql))
DATA = $(wildcard sql/ruvector--*--*.sql)
DATA_built = sql/ruvector--$(EXTVERSION).sql

# Bitcode would compile the per-instruction-set files without their flags (see mk/arch.mk); it buys nothing here.
override with_llvm = no
SANITIZE ?=
# libstdc++ is linked dynamically; override for a static build.
CXX_RUNTIME ?= -lstdc++
# Eigen is headers only; its asserts are off: no assert may take a backend down.
EIGEN_CPPFLAGS ?= -isystem /usr/include/eigen3 -DEIGEN_NO_DEBUG -DEIGEN_DONT_PARALLELIZE
PG_CPPFLAGS = -DRUVECTOR_VERSION="\"$(EXTVERSION)\"" -I$(srcdir)/include -I$(srcdir)/src $(EIGEN_CPPFLAGS)
PG_CXXFLAGS = -std=c++17 -fvisibility=hidden -fvisibility-inlines-hidden -Wall -Wextra -Wno-register \
	-fno-math-errno -MMD -MP $(SANITIZE) $(WERROR)
SHLIB_LINK += $(SANITIZE) $(CXX_RUNTIME)
EXTRA_CLEAN = $(OBJS:.o=.d) build .dev

# The system packages can be missing when these run: they install what is needed first, or need no PostgreSQL.
BOOTSTRAP_GOALS := help setup demo demo-shell check clean-dev unit asan-unit check-arch bench-micro fuzz fuzz-build \
	bench-learning bench bench-memory
ifneq ($(filter-out $(BOOTSTRAP_GOALS),$(or $(MAKECMDGOALS),all)),)
PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
# The server's headers are not ours to warn about.
override CPPFLAGS := $(subst -I$(includedir_server),-isystem $(includedir_server),$(CPPFLAGS))
include mk/quality.mk

sql/ruvector--$(EXTVERSION).sql: $(SQL_PARTS) ruvector.control
	@printf '%s\n' '\echo Use "CREATE EXTENSION ruvector" to load this file. \quit' > $@
	cat $(SQL_PARTS) >> $@

-include $(OBJS:.o=.d)
endif
# After PGXS, see there.
include mk/arch.mk
include mk/dev.mk
include mk/unit.mk
include mk/demo.mk
include mk/bench.mk
include mk/learning.mk
include mk/learning-sql.mk
include mk/fuzz.mk
include mk/alias.mk
