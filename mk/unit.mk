# Unit tests and micro benchmarks of the pure rooms: C++ alone, no PostgreSQL needed. Objects and programs are in
# build/unit and build/asan-unit; the flags of the instruction sets are those of mk/arch.mk.
UNIT_CXXFLAGS := -std=c++17 -g -fvisibility=hidden -fvisibility-inlines-hidden -Wall -Wextra -fno-math-errno \
	-Iinclude -Isrc -isystem /usr/include/eigen3 -Itest/unit
UNIT_SRCS   := $(sort $(wildcard $(addprefix src/,$(addsuffix /*.cpp,simd codec graph stats memory learning))))
UNIT_TESTS  := $(sort $(wildcard test/unit/*_test.cpp))
MICRO_SRCS  := $(sort $(wildcard bench/micro/*_bench.cpp))
ASAN_CXXFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
UNIT_LDLIBS ?= -lpthread

# $(call unit_rules,directory,flags): objects and test programs below a directory of build.
define unit_rules
$(1)/obj/%.o: %.cpp
	@mkdir -p $$(@D)
	$$(CXX) $$(UNIT_CXXFLAGS) -O2 $$(call arch_flags,$$<) $(2) $$(WERROR) -MMD -MP -c $$< -o $$@

$(1)/%_test: $(1)/obj/test/unit/%_test.o $$(UNIT_SRCS:%.cpp=$(1)/obj/%.o)
	$$(CXX) $(2) $$^ $$(UNIT_LDLIBS) -o $$@

.PRECIOUS: $(1)/obj/%.o
-include $$(patsubst %.cpp,$(1)/obj/%.d,$$(UNIT_SRCS) $$(UNIT_TESTS) $$(MICRO_SRCS))
endef
$(eval $(call unit_rules,build/unit,))
$(eval $(call unit_rules,build/asan-unit,$(ASAN_CXXFLAGS)))

UNIT_PROGRAMS = $(UNIT_TESTS:test/unit/%.cpp=build/unit/%)

.PHONY: unit asan-unit check-arch bench-micro

##@ C++ alone
unit: check-arch $(UNIT_PROGRAMS) ## C++ tests of the pure rooms, without a server; all or T=name
	@scripts/run_unit.sh $(if $(T),$(filter build/unit/$(T)%,$(UNIT_PROGRAMS)),$(UNIT_PROGRAMS))

asan-unit: $(UNIT_PROGRAMS:build/unit/%=build/asan-unit/%) ## the same with the address and undefined-behaviour sanitizers
	prove --exec '' $^

check-arch: $(patsubst %.cpp,build/unit/obj/%.o,$(wildcard src/simd/*.cpp)) ## no object of an instruction set defines a symbol that the linker could merge
	@CXX='$(CXX)' scripts/check_arch.sh $^

build/unit/%_bench: build/unit/obj/bench/micro/%_bench.o $(UNIT_SRCS:%.cpp=build/unit/obj/%.o)
	$(CXX) $^ $(UNIT_LDLIBS) -o $@

bench-micro: $(MICRO_SRCS:bench/micro/%.cpp=build/unit/%) ## nanoseconds per call of the kernels and codecs
	@for program in $^; do $$program || exit 1; done
