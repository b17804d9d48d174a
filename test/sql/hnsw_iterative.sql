-- Filters and LIMIT: an iterative scan goes on until it has the rows, a scan without ends at hnsw.ef_search.
SET enable_seqscan = off;
SET enable_bitmapscan = off;
CREATE TABLE t (id int, part int, v vector(2));
-- On a line: the order of the distances from [0,0] is the order of id.
INSERT INTO t SELECT i, i % 100, ARRAY[i, 0]::vector FROM generate_series(1, 3000) i;
CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops);
CREATE FUNCTION seen(query text) RETURNS TABLE (n bigint, distinct_rows bigint, sorted boolean, first int, last int) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'SELECT count(*), count(DISTINCT id), bool_and(before IS NULL OR before < id), min(id), max(id)
		FROM (SELECT id, lag(id) OVER () AS before FROM (' || query || ') s) s';
END $$;

-- off: what the candidates are enough for
SET hnsw.iterative_scan = off;
SELECT n, sorted, first FROM seen($$SELECT id FROM t ORDER BY v <-> '[0,0]' LIMIT 10$$);
SELECT n, sorted, first FROM seen($$SELECT id FROM t ORDER BY v <-> '[0,0]' LIMIT 100$$);
SELECT n < 10 AS fewer FROM seen($$SELECT id FROM t WHERE part = 99 ORDER BY v <-> '[0,0]' LIMIT 10$$);
SET hnsw.ef_search = 200;
SELECT n, sorted, first, last FROM seen($$SELECT id FROM t ORDER BY v <-> '[0,0]' LIMIT 100$$);
SELECT n, sorted, first, last FROM seen($$SELECT id FROM t ORDER BY v <-> '[0,0]' LIMIT 1000$$);
SET hnsw.ef_search = 1;
SELECT * FROM seen($$SELECT id FROM t ORDER BY v <-> '[0,0]' LIMIT 10$$);
RESET hnsw.ef_search;

-- strict order
SET hnsw.iterative_scan = strict_order;
SELECT * FROM seen($$SELECT id FROM t ORDER BY v <-> '[0,0]' LIMIT 100$$);
SELECT * FROM seen($$SELECT id FROM t WHERE part = 99 ORDER BY v <-> '[0,0]' LIMIT 10$$);
SELECT * FROM seen($$SELECT id FROM t WHERE part = 99 ORDER BY v <-> '[0,0]' LIMIT 30$$);
SELECT * FROM seen($$SELECT id FROM t WHERE part = 99 ORDER BY v <-> '[0,0]' LIMIT 50$$);
SELECT * FROM seen($$SELECT id FROM t ORDER BY v <-> '[0,0]'$$);
SELECT * FROM seen($$SELECT id FROM t WHERE id = 2999 ORDER BY v <-> '[0,0]' LIMIT 1$$);
SELECT * FROM seen($$SELECT id FROM t WHERE id < 0 ORDER BY v <-> '[0,0]' LIMIT 1$$);
SET hnsw.ef_search = 1;
SELECT n, distinct_rows, sorted FROM seen($$SELECT id FROM t WHERE part = 99 ORDER BY v <-> '[0,0]' LIMIT 30$$);
RESET hnsw.ef_search;

-- relaxed order: as many rows, each once
SET hnsw.iterative_scan = relaxed_order;
SELECT n, distinct_rows, first, last FROM seen($$SELECT id FROM t WHERE part = 99 ORDER BY v <-> '[0,0]' LIMIT 30$$);
SELECT n, distinct_rows, first, last FROM seen($$SELECT id FROM t ORDER BY v <-> '[0,0]'$$);
SELECT n, distinct_rows, first, last FROM seen($$SELECT * FROM (SELECT id FROM t WHERE part = 99 ORDER BY v <-> '[0,0]' LIMIT 10) s ORDER BY id$$);

-- limits of the iteration
SET hnsw.max_scan_tuples = 500;
SELECT n BETWEEN 100 AND 2000 AS ended FROM seen($$SELECT id FROM t ORDER BY v <-> '[0,0]'$$);
SELECT n < 30 AS ended FROM seen($$SELECT id FROM t WHERE part = 99 ORDER BY v <-> '[0,0]' LIMIT 30$$);
RESET hnsw.max_scan_tuples;
SET work_mem = '64kB';
SELECT n < 3000 AS ended FROM seen($$SELECT id FROM t ORDER BY v <-> '[0,0]'$$);
SET hnsw.scan_mem_multiplier = 1000;
SELECT n FROM seen($$SELECT id FROM t ORDER BY v <-> '[0,0]'$$);
RESET hnsw.scan_mem_multiplier;
RESET work_mem;
RESET hnsw.iterative_scan;

-- deleted rows do not count, before vacuum and after
DELETE FROM t WHERE id <= 2900;
SELECT * FROM seen($$SELECT id FROM t ORDER BY v <-> '[0,0]' LIMIT 10$$);
VACUUM t;
SELECT * FROM seen($$SELECT id FROM t ORDER BY v <-> '[0,0]' LIMIT 10$$);
SELECT * FROM seen($$SELECT id FROM t WHERE part = 99 ORDER BY v <-> '[0,0]' LIMIT 10$$);

-- a rescan begins anew: correlated subqueries, cursors, both with the same and with other queries
SELECT q, (SELECT id FROM t ORDER BY v <-> ARRAY[q, 0]::vector LIMIT 1) FROM generate_series(2901, 2991, 30) q;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM t ORDER BY v <-> '[2950.2,0]';
FETCH 3 FROM c;
-- the cursor does not see what comes later
INSERT INTO t VALUES (1, 1, '[2950.9,0]');
FETCH 3 FROM c;
SELECT id FROM t ORDER BY v <-> '[2950.9,0]' LIMIT 1;
ROLLBACK;
SELECT id FROM t ORDER BY v <-> '[2950.9,0]' LIMIT 1;
SELECT * FROM ruvector.index_check('t_v', true);
DROP FUNCTION seen;
DROP TABLE t;
