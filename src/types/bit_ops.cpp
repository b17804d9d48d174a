// types/bit_ops.cpp - distances of PostgreSQL's own type bit. Bits past the end of a value are always zero.
#include "ruvector/pg/boundary.hpp"
#include "ruvector/simd/kernels.hpp"

extern "C" {
#include "utils/varbit.h"
}

namespace ruvector::types {

namespace {

void check_same_length(VarBit *a, VarBit *b) {
	if (VARBITLEN(a) != VARBITLEN(b))
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("different bit lengths %u and %u", VARBITLEN(a), VARBITLEN(b))));
}

} // namespace

RV_FUNCTION(ruvector_bit_hamming_distance) {
	VarBit *a = PG_GETARG_VARBIT_P(0);
	VarBit *b = PG_GETARG_VARBIT_P(1);
	check_same_length(a, b);
	PG_RETURN_FLOAT8(static_cast<double>(simd::kernels->hamming(VARBITS(a), VARBITS(b), VARBITBYTES(a))));
}

// 1 where no bit is common, so for zeros too.
RV_FUNCTION(ruvector_bit_jaccard_distance) {
	VarBit *a = PG_GETARG_VARBIT_P(0);
	VarBit *b = PG_GETARG_VARBIT_P(1);
	check_same_length(a, b);
	uint64_t common = 0;
	uint64_t any = 0;
	simd::kernels->jaccard(VARBITS(a), VARBITS(b), VARBITBYTES(a), &common, &any);
	PG_RETURN_FLOAT8(common == 0 ? 1.0 : 1.0 - static_cast<double>(common) / static_cast<double>(any));
}

} // namespace ruvector::types
