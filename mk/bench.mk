# Benchmarks. `make bench` compares ruvector with pgvector, hnswlib and FAISS; bench/README.md tells the options.
include bench/lib/lib.mk

BENCH_CXX = $(or $(CXX),g++)
comma := ,
BENCH_BIN = build/bench/bin
BENCH_PROGRAMS = $(addprefix $(BENCH_BIN)/,prepare generate pg_worker hnswlib_worker faiss_worker)
# Every in-process peer is compiled for this very machine: the best that it can do here.
BENCH_PEER_FLAGS ?= -O3 -march=native
BENCH_WORKER_FLAGS = -std=c++17 -Wall -Wextra -fno-math-errno $(BENCH_PEER_FLAGS)
BENCH_HEADERS = $(wildcard bench/src/*.hpp)
bench_version = $(or $(shell dpkg-query -W -f='$${Version}' $(1) 2>/dev/null),unknown)

.PHONY: bench bench-memory run-bench run-bench-memory bench-data bench-report bench-programs clean-bench
##@ Measuring
# Left out beside other goals, as `check` is: what is installed first can be what this Makefile needs. A peer that cannot be
# installed is left out later.
ifndef PGXS
bench: ## recall, speed, build, size, writes beside the peers; options: bench/README.md
bench-memory: ## agent memory: time in the server and recall; bench/memory/run.py
bench bench-memory:
	@scripts/setup.sh --bench || true
	@$(MAKE) --no-print-directory -j"$$(nproc)" run-$@
endif

run-bench: private-server bench-programs
	@bench/peers/pgvector.sh '$(DEV_ROOT)' '$(PG_CONFIG)' >/dev/null || [ $$? -eq 3 ]
	@RUVECTOR_SERVER='$(DEV_ROOT)' PG_CONFIG='$(PG_CONFIG)' python3 bench/run.py --bin=$(BENCH_BIN)

run-bench-memory: private-server $(BENCH_BIN)/memory_load $(BENCH_BIN)/generate
	@RUVECTOR_SERVER='$(DEV_ROOT)' PG_CONFIG='$(PG_CONFIG)' python3 bench/memory/run.py

bench-data: $(BENCH_BIN)/prepare $(BENCH_BIN)/generate ## prepare the benchmark's data sets, all or SETS=a,b
	@python3 bench/sets.py .dev/bench/data $(BENCH_BIN) $(subst $(comma), ,$(filter-out all,$(SETS)))

bench-report: ## tables, plots and answers from bench/results/*.json
	@python3 bench/report.py

bench-programs: $(BENCH_PROGRAMS)

$(BENCH_BIN)/prepare: bench/src/prepare.cpp $(BENCH_LIB)
	@mkdir -p $(@D)
	$(BENCH_CXX) $(BENCH_CXXFLAGS) -o $@ $< $(BENCH_LIB) $(BENCH_LIBS)

$(BENCH_BIN)/memory_load: bench/memory/load.cpp $(BENCH_LIB)
	@mkdir -p $(@D)
	$(BENCH_CXX) $(BENCH_CXXFLAGS) -o $@ $< $(BENCH_LIB) $(BENCH_LIBS)

# The same vectors on every x86-64: no fused multiply-add unless all have it.
$(BENCH_BIN)/generate: bench/src/generate.cpp $(BENCH_LIB)
	@mkdir -p $(@D)
	$(BENCH_CXX) $(BENCH_CXXFLAGS) -ffp-contract=off -o $@ $< $(BENCH_LIB) $(BENCH_LIBS)

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

# FAISS from source where it can be had (Debian's binary is for any x86-64), else Debian's binary.
FAISS_DIR = .dev/bench/faiss
$(FAISS_DIR)/tried: bench/peers/faiss.sh
	@mkdir -p $(@D)
	@nice bench/peers/faiss.sh $(@D) || [ $$? -eq 3 ]
	@touch $@

$(BENCH_BIN)/faiss_worker: bench/src/faiss_worker.cpp $(BENCH_HEADERS) $(FAISS_DIR)/tried
	@mkdir -p $(@D)
	@if [ -f $(FAISS_DIR)/built ]; then \
		$(BENCH_CXX) $(BENCH_WORKER_FLAGS) -w -DRV_FAISS_VERSION='"'"$$(sed 's/"//g' $(FAISS_DIR)/built)"'"' -fopenmp \
			-I$(FAISS_DIR)/include -o $@ $< $(FAISS_DIR)/libfaiss.a -llapack -lblas; \
	else \
		$(BENCH_CXX) $(BENCH_WORKER_FLAGS) -w -fopenmp -o $@ $< -lfaiss -llapack -lblas \
			-DRV_FAISS_VERSION='"$(call bench_version,libfaiss-dev) of Debian, compiled for any processor"'; \
	fi || echo "faiss: skipped (needs the Debian packages libfaiss-dev and liblapack-dev)"

clean-bench: ## remove the benchmark's cluster and prepared data
	rm -rf .dev/bench build/bench
