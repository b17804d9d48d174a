# Fuzzing of what clients send: libFuzzer with the address and undefined-behaviour sanitizers, over the pure readers.
#   make fuzz S=60            every target for 60 seconds each; T=name for one (sparsevec_text)
#   build/fuzz/corpus/NAME    what was found interesting, kept between runs; seeds are in test/fuzz/seeds/NAME
#   build/fuzz/crash/         inputs that failed: run build/fuzz/NAME FILE to see why, then add it to the seeds
FUZZ_CXX ?= clang++-14
FUZZ_FLAGS := -std=c++17 -g -O1 -Wall -Wextra -fno-omit-frame-pointer -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all -Iinclude -Isrc -Itest/fuzz
FUZZ_PURE := src/types/parse_dense.cpp src/types/sparsevec_format.cpp
FUZZ_NAMES := $(patsubst test/fuzz/%_fuzz.cpp,%,$(sort $(wildcard test/fuzz/*_fuzz.cpp)))
S ?= 60

build/fuzz/%: test/fuzz/%_fuzz.cpp $(FUZZ_PURE) $(wildcard test/fuzz/*.hpp src/types/*.hpp include/ruvector/types/half.hpp)
	@mkdir -p $(@D)
	$(FUZZ_CXX) $(FUZZ_FLAGS) $< $(FUZZ_PURE) -o $@

.PHONY: fuzz fuzz-build
fuzz-build: $(FUZZ_NAMES:%=build/fuzz/%)

fuzz: $(if $(T),$(T:%=build/fuzz/%),fuzz-build) ## libFuzzer over the readers of text and binary input, S seconds each; all or T=name
	@scripts/run_fuzz.sh $(S) $(or $(T),$(FUZZ_NAMES))
