# The demonstration: see demo/README.md.
include bench/lib/lib.mk

DEMO_EXTENSION ?= ruvector
DEMO_SRCS := $(sort $(wildcard demo/*.cpp))
DEMO_OBJS := $(DEMO_SRCS:demo/%.cpp=build/demo/%.o)

.PHONY: demo demo-shell demo-build

##@ Demonstration
demo: ## Fashion-MNIST: load, index, search 10,000 images, measure, show pictures; an agent with a memory; under five minutes
	@DEMO_STARTED=$$(date +%s) MAKE='$(MAKE)' PG_CONFIG='$(PG_CONFIG)' DEMO_EXTENSION='$(DEMO_EXTENSION)' demo/demo.sh

demo-shell: ## the same, then psql in its database
	@DEMO_STARTED=$$(date +%s) MAKE='$(MAKE)' PG_CONFIG='$(PG_CONFIG)' DEMO_EXTENSION='$(DEMO_EXTENSION)' demo/demo.sh shell

build/demo/%.o: demo/%.cpp
	@mkdir -p $(@D)
	$(CXX) $(BENCH_CXXFLAGS) -c $< -o $@

build/demo/ruvector-demo: $(DEMO_OBJS) $(BENCH_LIB)
	$(CXX) $(BENCH_CXXFLAGS) $^ $(BENCH_LIBS) -o $@

demo-build: build/demo/ruvector-demo

-include $(DEMO_OBJS:.o=.d)
