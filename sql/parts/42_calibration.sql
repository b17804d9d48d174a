-- 42_calibration.sql - recall of an hnsw index, measured and promised.

CREATE FUNCTION ruvector.calibrate(index regclass, k integer DEFAULT 10, target_recall double precision DEFAULT 0.95,
	sample integer DEFAULT 200,
	OUT ef_search integer, OUT recall double precision, OUT adjusted_recall double precision, OUT chosen boolean)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'ruvector_calibrate' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector.calibrate(regclass, integer, double precision, integer) IS
	'measures the recall of an hnsw index among the k (1 to 500) nearest rows with 1 to 10000 rows of its table as queries, each without itself, against exact answers, for a ladder of ef_search, and stores the ladder in the index for ruvector.target_recall. adjusted_recall: what conformal risk control (arXiv 2208.02814) promises as the expected recall of another such query; chosen: the least ef_search that promises target_recall (between 0 and 1), else the largest, with a warning. Not undone by ROLLBACK; gone after REINDEX. For the owner of the index';

CREATE FUNCTION ruvector.calibrate(index regclass, queries anyarray, k integer DEFAULT 10,
	target_recall double precision DEFAULT 0.95,
	OUT ef_search integer, OUT recall double precision, OUT adjusted_recall double precision, OUT chosen boolean)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'ruvector_calibrate_queries' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector.calibrate(regclass, anyarray, integer, double precision) IS
	'the same with queries (1 to 10000 of the indexed type) of your own: where they are of another kind than the rows they are harder, and only they tell the recall that users get';

CREATE FUNCTION ruvector.calibration(index regclass,
	OUT ef_search integer, OUT recall double precision, OUT adjusted_recall double precision, OUT k integer,
	OUT queries integer, OUT sampled boolean, OUT calibrated_at timestamptz)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'ruvector_calibration' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.calibration(regclass) IS
	'what the last ruvector.calibrate of an hnsw index has stored in it, a row for each ef_search measured; no rows: not calibrated. sampled: the queries were rows of the table. For the owner of the index';
