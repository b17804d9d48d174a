# One instruction set per file: only src/simd/*_<isa>.cpp get -m flags, so nothing else can execute an instruction that
# the machine lacks. `override` and the place after PGXS are needed: PGXS has already folded PG_CXXFLAGS into CXXFLAGS.
# Kernels are always optimised: xsimd emits out-of-line functions at -O0. On another architecture these files are empty.
ARCH_IS_X86_64 := $(filter x86_64-%,$(shell $(CXX) -dumpmachine))

ARCH_avx2       := -O3 $(if $(ARCH_IS_X86_64),-mavx2 -mfma -mf16c)
ARCH_avx512     := $(ARCH_avx2) $(if $(ARCH_IS_X86_64),-mavx512f -mavx512cd -mavx512bw -mavx512dq -mavx512vl)
ARCH_avx512vnni := $(ARCH_avx512) $(if $(ARCH_IS_X86_64),-mavx512vnni -mavx512vpopcntdq -mavx512bitalg)
ARCH_sse2       := -O3
ARCH_neon       := -O3
# The scalar kernels are the reference the others are tested against: keep the vectoriser out of them.
ARCH_scalar     := -O2 -fno-tree-vectorize -fno-tree-slp-vectorize

ARCH_LEVELS := scalar sse2 neon avx2 avx512 avx512vnni
# The flags of a file's instruction set, nothing for other files: $(call arch_flags,src/simd/kernels_avx2.cpp)
arch_flags = $(if $(filter src/simd/kernels_%.cpp,$(1)),$(ARCH_$(patsubst src/simd/kernels_%.cpp,%,$(1))))

$(foreach level,$(ARCH_LEVELS),$(eval src/simd/kernels_$(level).o: override CXXFLAGS += $$(ARCH_$(level))))

# The index's own loops over the elements of a vector are worth vectorising, with the baseline's instructions.
src/am/%.o src/codec/%.o: override CXXFLAGS += -O3
