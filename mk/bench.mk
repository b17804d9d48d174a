# Benchmarks. `make bench` compares ruvector with pgvector, hnswlib and FAISS; bench/README.md tells the options.
BENCH_BUILD = .dev/bench/bin
BENCH_PROGRAMS = $(addprefix $(BENCH_BUILD)/,truth pg_worker hnswlib_worker faiss_worker)
BENCH_CXX ?= $(or $(CXX),g++)
# Every in-process peer is compiled for this very machine: the best that it can do here.
BENCH_CXXFLAGS ?= -O3 -march=native
BENCH_ALL_FLAGS = -std=c++17 -Wall -Wextra -fno-math-errno $(BENCH_CXXFLAGS)
BENCH_HEADERS = $(wildcard bench/src/*.hpp bench/lib/*.hpp)
bench_version = $(or $(shell dpkg-query -W -f='$${Version}' $(1) 2>/dev/null),unknown)

.PHONY: bench bench-report bench-programs clean-bench
bench-programs: $(BENCH_PROGRAMS)

# The exact answers are computed with vector instructions too; reassociation is safe there (see bench/src/truth.cpp).
$(BENCH_BUILD)/truth: bench/src/truth.cpp $(BENCH_HEADERS)
	@mkdir -p $(@D)
	$(BENCH_CXX) $(BENCH_ALL_FLAGS) -ffast-math -pthread -o $@ $<

$(BENCH_BUILD)/pg_worker: bench/src/pg_worker.cpp $(BENCH_HEADERS)
	@mkdir -p $(@D)
	$(BENCH_CXX) $(BENCH_ALL_FLAGS) -I$$(pg_config --includedir) -o $@ $< -lpq

# A peer that is not installed is left out with a message; run.py goes on without it.
$(BENCH_BUILD)/hnswlib_worker: bench/src/hnswlib_worker.cpp $(BENCH_HEADERS)
	@mkdir -p $(@D)
	$(BENCH_CXX) $(BENCH_ALL_FLAGS) -w -DRV_HNSWLIB_VERSION='"$(call bench_version,libhnswlib-dev)"' \
		-DRV_CXX_FLAGS='"$(BENCH_CXXFLAGS)"' -pthread -o $@ $< || \
		echo "hnswlib: skipped (Debian package libhnswlib-dev)"

$(BENCH_BUILD)/faiss_worker: bench/src/faiss_worker.cpp $(BENCH_HEADERS)
	@mkdir -p $(@D)
	$(BENCH_CXX) $(BENCH_ALL_FLAGS) -w -DRV_FAISS_VERSION='"$(call bench_version,libfaiss-dev)"' -fopenmp \
		-o $@ $< -lfaiss -llapack -lblas || echo "faiss: skipped (Debian packages libfaiss-dev, liblapack-dev)"

bench: $(BENCH_PROGRAMS)
	python3 bench/run.py --bin=$(BENCH_BUILD)

bench-report:
	python3 bench/report.py

clean-bench:
	rm -rf .dev/bench
