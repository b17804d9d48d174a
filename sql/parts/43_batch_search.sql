-- 43_batch_search.sql - many queries in one call.

CREATE FUNCTION ruvector.batch_search(index regclass, queries anyarray, k integer DEFAULT 10, ef_search integer DEFAULT NULL,
	OUT query integer, OUT rank integer, OUT tid tid, OUT distance double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'ruvector_batch_search' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1000;
COMMENT ON FUNCTION ruvector.batch_search(regclass, anyarray, integer, integer) IS
	'the k (1 to 10000) nearest rows of each query of an array, by an hnsw index: number of the query in the array (from 1), rank (from 1), place of the row (join on ctid in the same statement) and distance as the search computed it, in single precision. ef_search: for this call, instead of hnsw.ef_search and ruvector.target_recall. Needs SELECT on the table; refuses a table with row-level security policies for the caller';
