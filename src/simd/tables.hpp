// simd/tables.hpp - the tables that the files of the instruction sets define; dispatch.cpp chooses among them.
// A file whose instruction set is not of the target architecture defines nothing.
#pragma once

#include "ruvector/simd/kernels.hpp"

namespace ruvector::simd {

extern const KernelTable kScalarTable;
#if defined(__x86_64__)
extern const KernelTable kSse2Table;
extern const KernelTable kAvx2Table;
extern const KernelTable kAvx512Table;
extern const KernelTable kAvx512VnniTable;
#elif defined(__aarch64__)
extern const KernelTable kNeonTable;
#endif

} // namespace ruvector::simd
