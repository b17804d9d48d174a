# Learning curves of the nine algorithms, C++ alone: `make bench-learning` (about ten minutes of two processors).
# SEEDS=5, FIRST_SEED=11, T=name of an algorithm: the table on the screen. Without T it is written to bench/learning, too.
LEARNING_SRCS := $(sort $(wildcard src/learning/*.cpp))
SEEDS ?= 5
FIRST_SEED ?= 11

.PHONY: bench-learning
build/unit/solve: build/unit/obj/bench/learning/solve.o $(LEARNING_SRCS:%.cpp=build/unit/obj/%.o)
	$(CXX) $^ $(UNIT_LDLIBS) -pthread -o $@

-include build/unit/obj/bench/learning/solve.d

bench-learning: build/unit/solve ## all nine algorithms on standard environments; options: mk/learning.mk
	build/unit/solve $(SEEDS) $(FIRST_SEED) '$(T)' $(if $(T),,bench/learning/results-core.json bench/learning/RESULTS-core.md)
