// am/toast.cpp - one scan of a TOAST index, restarted for each value.
#include "am/toast.hpp"

#include "ruvector/pg/compat.hpp"

extern "C" {
#include "access/detoast.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/toast_internals.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
}

namespace ruvector::am {

void ToastReader::open(Oid toast_table) {
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(this));
	table = table_open(toast_table, AccessShareLock);
	int valid = toast_open_indexes(table, AccessShareLock, &indexes, &index_count);
	index = indexes[valid];
	RV_INIT_TOAST_SNAPSHOT(&snapshot);
	scan = RV_INDEX_BEGINSCAN(table, index, &snapshot, 1, 0);
	slot = table_slot_create(table, nullptr);
	MemoryContextSwitchTo(old);
}

Datum ToastReader::read(Relation owner, Datum value) {
	varlena *attribute = reinterpret_cast<varlena *>(DatumGetPointer(value));
	if (!VARATT_IS_EXTERNAL_ONDISK(attribute))
		return value;
	varatt_external pointer;
	VARATT_EXTERNAL_GET_POINTER(pointer, attribute);
	Datum whole = PointerGetDatum(nullptr);
	if (!VARATT_EXTERNAL_IS_COMPRESSED(pointer) && pointer.va_toastrelid == owner->rd_rel->reltoastrelid) {
		if (table == nullptr)
			open(pointer.va_toastrelid);
		const Size bytes = Size(VARATT_EXTERNAL_GET_EXTSIZE(pointer));
		varlena *result = static_cast<varlena *>(palloc(bytes + VARHDRSZ));
		SET_VARSIZE(result, bytes + VARHDRSZ);
		ScanKeyData key;
		ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(pointer.va_valueid));
		index_rescan(scan, &key, 1, nullptr, 0);
		Size done = 0;
		for (int32 sequence = 0; done < bytes && index_getnext_slot(scan, ForwardScanDirection, slot); sequence++) {
			bool isnull;
			if (DatumGetInt32(slot_getattr(slot, 2, &isnull)) != sequence)
				break;
			varlena *chunk = reinterpret_cast<varlena *>(DatumGetPointer(slot_getattr(slot, 3, &isnull)));
			if (VARATT_IS_EXTENDED(chunk) && !VARATT_IS_SHORT(chunk))
				break;
			const Size n = VARSIZE_ANY_EXHDR(chunk);
			if (n > bytes - done)
				break;
			memcpy(VARDATA(result) + done, VARDATA_ANY(chunk), n);
			done += n;
		}
		ExecClearTuple(slot);
		if (done == bytes)
			whole = PointerGetDatum(result);
	}
	// Whatever is unusual is PostgreSQL's to read, or to complain about.
	return whole != PointerGetDatum(nullptr) ? whole : PointerGetDatum(detoast_external_attr(attribute));
}

void ToastReader::end() {
	if (table == nullptr)
		return;
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	toast_close_indexes(indexes, index_count, NoLock);
	table_close(table, NoLock);
	table = nullptr;
}

} // namespace ruvector::am
