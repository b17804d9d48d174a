// am/handler.cpp - the access method: what it can do and where its callbacks are.
#include "am/hnsw.hpp"
#include "ruvector/pg/boundary.hpp"
#include "ruvector/pg/compat.hpp"

extern "C" {
#include "commands/progress.h"
#include "commands/vacuum.h"
}

namespace ruvector::am {

void initialize();

void initialize() {
	define_options();
	install_executor_hook();
}

char *hnsw_ambuildphasename(int64 phase) {
	const char *name = nullptr;
	switch (phase) {
	case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
		name = "initializing";
		break;
	case kPhaseLoad:
		name = "loading tuples";
		break;
	case kPhaseWrite:
		name = "writing index";
		break;
	}
	return const_cast<char *>(name); // the server only reads it
}

namespace {

// Support functions: 1 distance; 2 norm (its presence means: vectors are normalised); 3 type; 4 codec.
constexpr uint16 kSupportFunctions = 4;

IndexAmRoutine *make_routine() {
	IndexAmRoutine *am = makeNode(IndexAmRoutine);
	am->amstrategies = 0; // ordering operators only
	am->amsupport = kSupportFunctions;
	am->amoptsprocnum = 0;
	am->amcanorder = false;
	am->amcanorderbyop = true;
	am->amcanbackward = false;
	am->amcanunique = false;
	am->amcanmulticol = false;
	am->amoptionalkey = true;
	am->amsearcharray = false;
	am->amsearchnulls = false;
	am->amstorage = false;
	am->amclusterable = false;
	am->ampredlocks = false;
	am->amcanparallel = false;
	am->amcaninclude = false;
	am->amusemaintenanceworkmem = true; // vacuum's tables of dead vertices
	am->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL;
	am->amkeytype = InvalidOid;
	RV_AM_VERSION_FIELDS(am);

	am->ambuild = hnsw_ambuild;
	am->ambuildempty = hnsw_ambuildempty;
	am->aminsert = hnsw_aminsert;
	am->ambulkdelete = hnsw_ambulkdelete;
	am->amvacuumcleanup = hnsw_amvacuumcleanup;
	am->amcanreturn = nullptr;
	am->amcostestimate = hnsw_amcostestimate;
	am->amoptions = hnsw_amoptions;
	am->amproperty = nullptr;
	am->ambuildphasename = hnsw_ambuildphasename;
	am->amvalidate = hnsw_amvalidate;
	am->amadjustmembers = nullptr;
	am->ambeginscan = hnsw_ambeginscan;
	am->amrescan = hnsw_amrescan;
	am->amgettuple = hnsw_amgettuple;
	am->amgetbitmap = nullptr;
	am->amendscan = hnsw_amendscan;
	am->ammarkpos = nullptr;
	am->amrestrpos = nullptr;
	am->amestimateparallelscan = nullptr;
	am->aminitparallelscan = nullptr;
	am->amparallelrescan = nullptr;
	return am;
}

} // namespace

RV_FUNCTION(ruvector_hnsw_handler) {
	PG_RETURN_POINTER(make_routine());
}

} // namespace ruvector::am
