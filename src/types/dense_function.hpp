// types/dense_function.hpp - opens one SQL function for vector and one for halfvec from one template.
#pragma once

#include "ruvector/pg/boundary.hpp"
#include "ruvector/types/dense.hpp"

// RV_DENSE_FUNCTION(name) makes ruvector_vector_name and ruvector_halfvec_name of the template `Datum name<V>(fcinfo)`.
#define RV_DENSE_FUNCTION(name)                                                                                        \
	RV_FUNCTION(ruvector_vector_##name) {                                                                              \
		return name<Vector>(fcinfo);                                                                                   \
	}                                                                                                                  \
	RV_FUNCTION(ruvector_halfvec_##name) {                                                                             \
		return name<Halfvec>(fcinfo);                                                                                  \
	}
