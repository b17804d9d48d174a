// am/toast.hpp - reads many out-of-line values of one table.
#pragma once

#include "ruvector/pg/postgres.hpp"

extern "C" {
#include "access/genam.h"
#include "access/relscan.h"
#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/snapshot.h"
}

namespace ruvector::am {

// PostgreSQL opens and closes the TOAST table, its indexes and a scan for every value; a search that re-ranks reads
// dozens. Here they stay open.
struct ToastReader {
	Relation table, index; // null: not opened yet
	Relation *indexes;
	int index_count;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	SnapshotData snapshot;

	// The value, not out of line any more; in the current memory context. `owner`, the table it is from, stays open.
	Datum read(Relation owner, Datum value);
	void end();

private:
	void open(Oid toast_table);
};

} // namespace ruvector::am
