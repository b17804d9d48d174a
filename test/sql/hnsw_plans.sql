-- When the planner takes an hnsw index, and when it does not.
SET max_parallel_workers_per_gather = 0;
SET enable_incremental_sort = off;

CREATE TABLE p (id int PRIMARY KEY, part int, v vector(384)) WITH (autovacuum_enabled = off);
INSERT INTO p SELECT i, i % 500, (SELECT array_agg((i * j) % 2003 - 1000) FROM generate_series(1, 384) j)::vector FROM generate_series(1, 2000) i;
CREATE INDEX p_part ON p (part);
CREATE INDEX p_v ON p USING hnsw (v vector_l2_ops);
ANALYZE p;
-- A query that EXPLAIN shows briefly, and every version in the same way.
CREATE FUNCTION q(int) RETURNS vector LANGUAGE plpgsql STABLE COST 1 AS $$ BEGIN RETURN (SELECT v FROM p WHERE id = $1); END $$;
PREPARE nearest(vector) AS SELECT id FROM p ORDER BY v <-> $1 LIMIT 10;

-- taken: a LIMIT over the order of the class
PREPARE query AS SELECT id FROM p ORDER BY v <-> q(17) LIMIT 10;
EXPLAIN (COSTS OFF) EXECUTE query;
EXECUTE query;
EXPLAIN (COSTS OFF) SELECT id FROM p ORDER BY v <-> q(17) LIMIT 10 OFFSET 20;
EXPLAIN (COSTS OFF) SELECT id FROM p ORDER BY q(17) <-> v LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM p ORDER BY v <-> q(17) FETCH FIRST ROW ONLY;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE nearest(NULL);
RESET plan_cache_mode;
EXPLAIN (COSTS OFF) SELECT id FROM p WHERE part < 400 ORDER BY v <-> q(17) LIMIT 10;
EXPLAIN (COSTS OFF) SELECT a.id, n.id FROM (SELECT * FROM p WHERE id <= 3) a, LATERAL (SELECT id FROM p ORDER BY p.v <-> a.v LIMIT 2) n;
SELECT a.id, n.id FROM (SELECT * FROM p WHERE id <= 3) a, LATERAL (SELECT id FROM p ORDER BY p.v <-> a.v LIMIT 1) n ORDER BY 1;

-- not taken: all rows, the other end, another operator, an expression over the distance, a condition without an order
EXPLAIN (COSTS OFF) SELECT id FROM p ORDER BY v <-> q(17);
EXPLAIN (COSTS OFF) SELECT id FROM p ORDER BY v <-> q(17) DESC LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM p ORDER BY v <=> q(17) LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM p ORDER BY 1 - (v <-> q(17)) DESC LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM p ORDER BY (v <-> q(17)) + 0 LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM p WHERE v <-> q(17) < 10;
EXPLAIN (COSTS OFF) SELECT id FROM p WHERE v = q(17);
EXPLAIN (COSTS OFF) SELECT count(*) FROM p;
EXPLAIN (COSTS OFF) SELECT id FROM p ORDER BY v LIMIT 10;

-- a filter that leaves few rows: its own index and a sort
EXPLAIN (COSTS OFF) SELECT id FROM p WHERE id = 5 ORDER BY v <-> q(17) LIMIT 10;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM p WHERE part = 17 ORDER BY v <-> q(17) LIMIT 10;
RESET enable_bitmapscan;
SELECT id FROM p WHERE part = 17 ORDER BY v <-> q(17) LIMIT 10;

-- the usual switches
SET enable_indexscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM p ORDER BY v <-> q(17) LIMIT 10;
RESET enable_indexscan;

-- a small table
CREATE TABLE small (id int, v vector(384)) WITH (autovacuum_enabled = off);
INSERT INTO small SELECT id, v FROM p WHERE id <= 20;
CREATE INDEX small_v ON small USING hnsw (v vector_l2_ops);
ANALYZE small;
EXPLAIN (COSTS OFF) SELECT id FROM small ORDER BY v <-> q(17) LIMIT 10;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM small ORDER BY v <-> q(17) LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM small ORDER BY v <-> q(17);
RESET enable_seqscan;
DROP TABLE small;

-- partial indexes: only where the query implies the condition
DROP INDEX p_v;
CREATE INDEX p_partial ON p USING hnsw (v vector_l2_ops) WHERE part < 450;
EXPLAIN (COSTS OFF) SELECT id FROM p WHERE part < 450 ORDER BY v <-> q(17) LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM p WHERE part < 440 ORDER BY v <-> q(17) LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM p ORDER BY v <-> q(17) LIMIT 10;
SELECT count(*) FROM (SELECT id FROM p WHERE part < 440 ORDER BY v <-> q(17) LIMIT 10) s;
DROP INDEX p_partial;

-- expressions
CREATE INDEX p_bits ON p USING hnsw ((binary_quantize(v)::bit(384)) bit_hamming_ops);
CREATE INDEX p_half ON p USING hnsw ((v::halfvec(384)) halfvec_l2_ops);
CREATE INDEX p_sub ON p USING hnsw ((subvector(v, 1, 300)::vector(300)) vector_cosine_ops);
ANALYZE p;
EXPLAIN (COSTS OFF) SELECT id FROM p ORDER BY binary_quantize(v)::bit(384) <~> binary_quantize(q(17)) LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM p ORDER BY v::halfvec(384) <-> q(17)::halfvec LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM p ORDER BY subvector(v, 1, 300)::vector(300) <=> subvector(q(17), 1, 300) LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM p ORDER BY subvector(v, 1, 299)::vector(299) <=> subvector(q(17), 1, 299) LIMIT 10;
SELECT id FROM p ORDER BY v::halfvec(384) <-> q(17)::halfvec LIMIT 1;
SELECT id FROM p ORDER BY subvector(v, 1, 300)::vector(300) <=> subvector(q(17), 1, 300) LIMIT 1;
-- first by bits, then by the vectors themselves
EXPLAIN (COSTS OFF) SELECT id FROM (SELECT id, v FROM p ORDER BY binary_quantize(v)::bit(384) <~> binary_quantize(q(17)) LIMIT 20) s
	ORDER BY v <-> q(17) LIMIT 5;
DROP INDEX p_bits, p_half, p_sub;

-- partitions: each in its order, merged
CREATE TABLE pp (id int, part int, v vector(384)) PARTITION BY LIST (part);
CREATE TABLE pp_1 PARTITION OF pp FOR VALUES IN (1) WITH (autovacuum_enabled = off);
CREATE TABLE pp_2 PARTITION OF pp FOR VALUES IN (2) WITH (autovacuum_enabled = off);
CREATE INDEX pp_v ON pp USING hnsw (v vector_l2_ops);
INSERT INTO pp SELECT id, 1 + id % 2, v FROM p;
ANALYZE pp;
EXPLAIN (COSTS OFF) SELECT id FROM pp ORDER BY v <-> q(17) LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM pp WHERE part = 2 ORDER BY v <-> q(17) LIMIT 10;
SELECT id FROM pp ORDER BY v <-> q(17) LIMIT 1;
SELECT id FROM pp WHERE part = 1 ORDER BY v <-> q(18) LIMIT 1;
SELECT * FROM ruvector.index_check('pp_1_v_idx', true);
ALTER TABLE pp DETACH PARTITION pp_2;
CREATE TABLE pp_3 (LIKE pp_1);
INSERT INTO pp_3 SELECT id + 5000, 3, v FROM pp_2 WHERE id <= 100;
ALTER TABLE pp ATTACH PARTITION pp_3 FOR VALUES IN (3);
SELECT * FROM ruvector.index_check('pp_3_v_idx', true);
SELECT id FROM pp WHERE part = 3 ORDER BY v <-> q(17) LIMIT 1;
DEALLOCATE ALL;
DROP FUNCTION q;
DROP TABLE p, pp, pp_2;
