# Learning curves of the nine algorithms, C++ alone: `make bench-learning` (some minutes of one processor).
# SEEDS=5, T=name of an algorithm, OUT=the JSON file.
LEARNING_SRCS := $(sort $(wildcard src/learning/*.cpp))
SEEDS ?= 5

.PHONY: bench-learning
build/unit/solve: build/unit/obj/bench/learning/solve.o $(LEARNING_SRCS:%.cpp=build/unit/obj/%.o)
	$(CXX) $^ $(UNIT_LDLIBS) -o $@

-include build/unit/obj/bench/learning/solve.d

bench-learning: build/unit/solve ## all nine algorithms on standard environments; options: mk/learning.mk
	@mkdir -p build/bench
	build/unit/solve $(SEEDS) '$(T)' $(or $(OUT),build/bench/learning.json)
