// api/interrupts.hpp - lets the loops of the pure rooms be cancelled: pass it as their `poll`.
#pragma once

#include "ruvector/pg/boundary.hpp"

namespace ruvector::api {

inline void poll_interrupts() {
	if (unlikely(INTERRUPTS_PENDING_CONDITION()))
		pg::pg_call([] { CHECK_FOR_INTERRUPTS(); });
}

} // namespace ruvector::api
