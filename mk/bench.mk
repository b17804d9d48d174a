# Benchmarks. `make bench` compares ruvector with pgvector, hnswlib and FAISS; bench/README.md tells the options.
include bench/lib/lib.mk

BENCH_CXX = $(or $(CXX),g++)
BENCH_BIN = build/bench/bin
BENCH_PROGRAMS = $(addprefix $(BENCH_BIN)/,prepare pg_worker hnswlib_worker faiss_worker)
# Every in-process peer is compiled for this very machine: the best that it can do here.
BENCH_PEER_FLAGS ?= -O3 -march=native
BENCH_WORKER_FLAGS = -std=c++17 -Wall -Wextra -fno-math-errno $(BENCH_PEER_FLAGS)
BENCH_HEADERS = $(wildcard bench/src/*.hpp)
bench_version = $(or $(shell dpkg-query -W -f='$${Version}' $(1) 2>/dev/null),unknown)

.PHONY: bench bench-report bench-programs clean-bench
##@ Measuring
bench: private-server bench-programs ## recall, speed, build, size, writes beside the peers; options: bench/README.md
	@bench/peers/pgvector.sh '$(DEV_ROOT)' '$(PG_CONFIG)' >/dev/null || [ $$? -eq 3 ]
	@RUVECTOR_SERVER='$(DEV_ROOT)' PG_CONFIG='$(PG_CONFIG)' python3 bench/run.py --bin=$(BENCH_BIN)

bench-report: ## tables, plots and answers from bench/results/*.json
	@python3 bench/report.py

bench-programs: $(BENCH_PROGRAMS)

$(BENCH_BIN)/prepare: bench/src/prepare.cpp $(BENCH_LIB)
	@mkdir -p $(@D)
	$(BENCH_CXX) $(BENCH_CXXFLAGS) -o $@ $< $(BENCH_LIB) $(BENCH_LIBS)

$(BENCH_BIN)/pg_worker: bench/src/pg_worker.cpp $(BENCH_HEADERS)
	@mkdir -p $(@D)
	$(BENCH_CXX) $(BENCH_WORKER_FLAGS) -I$(shell $(BENCH_PG_CONFIG) --includedir) -o $@ $< \
		-L$(shell $(BENCH_PG_CONFIG) --libdir) -lpq

# A peer that is not installed is left out with a message; run.py goes on without it.
$(BENCH_BIN)/hnswlib_worker: bench/src/hnswlib_worker.cpp $(BENCH_HEADERS)
	@mkdir -p $(@D)
	@$(BENCH_CXX) $(BENCH_WORKER_FLAGS) -w -DRV_HNSWLIB_VERSION='"$(call bench_version,libhnswlib-dev)"' \
		-DRV_CXX_FLAGS='"$(BENCH_PEER_FLAGS)"' -pthread -o $@ $< || \
		echo "hnswlib: skipped (needs the Debian package libhnswlib-dev)"

$(BENCH_BIN)/faiss_worker: bench/src/faiss_worker.cpp $(BENCH_HEADERS)
	@mkdir -p $(@D)
	@$(BENCH_CXX) $(BENCH_WORKER_FLAGS) -w -DRV_FAISS_VERSION='"$(call bench_version,libfaiss-dev)"' -fopenmp \
		-o $@ $< -lfaiss -llapack -lblas || \
		echo "faiss: skipped (needs the Debian packages libfaiss-dev and liblapack-dev)"

clean-bench: ## remove the benchmark's cluster and prepared data
	rm -rf .dev/bench build/bench
