// api/diagnostics.cpp - what the library says about itself.
#include "ruvector/pg/boundary.hpp"
#include "ruvector/simd/kernels.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
}
#pragma GCC diagnostic pop

using namespace ruvector;

// ruvector.simd(OUT in_use text, OUT best text, OUT available text[])
RV_FUNCTION(ruvector_simd) {
	TupleDesc descriptor;
	if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	constexpr int kLevels = static_cast<int>(simd::Level::avx512vnni) + 1;
	Datum available[kLevels];
	int count = 0;
	for (int level = 0; level < kLevels; ++level)
		if (const simd::KernelTable *table = simd::table(static_cast<simd::Level>(level)))
			available[count++] = CStringGetTextDatum(table->name);

	Datum values[3] = {
		CStringGetTextDatum(simd::kernels->name),
		CStringGetTextDatum(simd::level_name(simd::best_level())),
		PointerGetDatum(construct_array(available, count, TEXTOID, -1, false, TYPALIGN_INT)),
	};
	bool nulls[3] = {false, false, false};
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}
