# One instruction set per file: only src/simd/*_<isa>.cpp get -m flags, so nothing else can execute an instruction that
# the machine lacks. `override` and the place after PGXS are needed: PGXS has already folded PG_CXXFLAGS into CXXFLAGS.
# Kernels are always optimised: xsimd emits out-of-line functions at -O0.
src/simd/%_avx2.o:   override CXXFLAGS += -O3 -mavx2 -mfma -mf16c
src/simd/%_avx512.o: override CXXFLAGS += -O3 -mavx2 -mfma -mf16c -mavx512f -mavx512cd -mavx512bw -mavx512dq -mavx512vl
src/simd/%_avx512vnni.o: override CXXFLAGS += -O3 -mavx2 -mfma -mf16c -mavx512f -mavx512cd -mavx512bw -mavx512dq \
	-mavx512vl -mavx512vnni -mavx512vpopcntdq -mavx512bitalg
src/simd/%_sse2.o:   override CXXFLAGS += -O3
src/simd/%_neon.o:   override CXXFLAGS += -O3
# The scalar kernels are the reference the others are tested against: keep the vectoriser out of them.
src/simd/%_scalar.o: override CXXFLAGS += -O2 -fno-tree-vectorize
