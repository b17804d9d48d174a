// am/handler.cpp - the access methods hnsw and ivfflat: what they can do and where their callbacks are.
#include "am/ivfflat.hpp"
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
	case kPhaseTrain:
		name = "training the codec";
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

char *ivfflat_ambuildphasename(int64 phase) {
	const char *name = nullptr;
	switch (phase) {
	case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
		name = "initializing";
		break;
	case kIvfflatPhaseKMeans:
		name = "performing k-means";
		break;
	case kIvfflatPhaseAssign:
		name = "assigning tuples";
		break;
	case kIvfflatPhaseLoad:
		name = "loading tuples";
		break;
	}
	return const_cast<char *>(name); // the server only reads it
}

// What both have in common; the fields that makeNode has zeroed and that stay so are listed all the same.
IndexAmRoutine *make_routine() {
	IndexAmRoutine *am = makeNode(IndexAmRoutine);
	am->amstrategies = 0; // ordering operators only
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
	am->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL;
	am->amkeytype = InvalidOid;
	am->amcanreturn = nullptr;
	am->amproperty = nullptr;
	am->amadjustmembers = nullptr;
	am->amgetbitmap = nullptr;
	am->ammarkpos = nullptr;
	am->amrestrpos = nullptr;
	am->amestimateparallelscan = nullptr;
	am->aminitparallelscan = nullptr;
	am->amparallelrescan = nullptr;
	return am;
}

} // namespace

RV_FUNCTION(ruvector_hnsw_handler) {
	IndexAmRoutine *am = make_routine();
	am->amsupport = kHnswSupportFunctions;
	am->amusemaintenanceworkmem = true; // vacuum's tables of dead vertices
	RV_AM_BUILDS_IN_PARALLEL(am);
	am->ambuild = hnsw_ambuild;
	am->ambuildempty = hnsw_ambuildempty;
	am->aminsert = hnsw_aminsert;
	am->ambulkdelete = hnsw_ambulkdelete;
	am->amvacuumcleanup = hnsw_amvacuumcleanup;
	am->amcostestimate = hnsw_amcostestimate;
	am->amoptions = hnsw_amoptions;
	am->ambuildphasename = hnsw_ambuildphasename;
	am->amvalidate = hnsw_amvalidate;
	am->ambeginscan = hnsw_ambeginscan;
	am->amrescan = hnsw_amrescan;
	am->amgettuple = hnsw_amgettuple;
	am->amendscan = hnsw_amendscan;
	PG_RETURN_POINTER(am);
}

RV_FUNCTION(ruvector_ivfflat_handler) {
	IndexAmRoutine *am = make_routine();
	am->amsupport = kIvfflatSupportFunctions;
	am->amusemaintenanceworkmem = false;
	am->ambuild = ivfflat_ambuild;
	am->ambuildempty = ivfflat_ambuildempty;
	am->aminsert = ivfflat_aminsert;
	am->ambulkdelete = ivfflat_ambulkdelete;
	am->amvacuumcleanup = ivfflat_amvacuumcleanup;
	am->amcostestimate = ivfflat_amcostestimate;
	am->amoptions = ivfflat_amoptions;
	am->ambuildphasename = ivfflat_ambuildphasename;
	am->amvalidate = ivfflat_amvalidate;
	am->ambeginscan = ivfflat_ambeginscan;
	am->amrescan = ivfflat_amrescan;
	am->amgettuple = ivfflat_amgettuple;
	am->amendscan = ivfflat_amendscan;
	PG_RETURN_POINTER(am);
}

} // namespace ruvector::am
