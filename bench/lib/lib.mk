ifndef BENCH_LIB_MK
BENCH_LIB_MK := 1
# The measuring library, shared by `make demo` and `make bench`: data readers, exact neighbours, latency, a libpq client.
# No PGXS here: these are client programs. Included more than once without harm.
ifndef BENCH_LIB
BENCH_LIB := build/bench/lib/libruvector_bench.a
BENCH_PG_CONFIG ?= $(or $(PG_CONFIG),pg_config)
BENCH_CXXFLAGS = -std=c++17 -O3 -g -Wall -Wextra -fno-math-errno -ffp-contract=fast -MMD -MP -pthread -Ibench/lib \
	-I$(shell $(BENCH_PG_CONFIG) --includedir)
BENCH_LIBS = -L$(shell $(BENCH_PG_CONFIG) --libdir) -lpq -lz -pthread
BENCH_LIB_OBJS := $(patsubst bench/lib/%.cpp,build/bench/lib/%.o,$(sort $(wildcard bench/lib/*.cpp)))

build/bench/lib/%.o: bench/lib/%.cpp
	@mkdir -p $(@D)
	$(CXX) $(BENCH_CXXFLAGS) -c $< -o $@

$(BENCH_LIB): $(BENCH_LIB_OBJS)
	$(AR) rcs $@ $^

build/bench/bench_lib_test: bench/lib/test/bench_lib_test.cpp $(BENCH_LIB)
	$(CXX) $(BENCH_CXXFLAGS) $< $(BENCH_LIB) $(BENCH_LIBS) -o $@

.PHONY: bench-lib-test
bench-lib-test: build/bench/bench_lib_test ## test the measuring library
	build/bench/bench_lib_test

-include $(BENCH_LIB_OBJS:.o=.d)
endif
endif
