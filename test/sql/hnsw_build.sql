-- Builds: with workers and without, where workers must not be; concurrently; over little memory.
SET min_parallel_table_scan_size = 0;
SET max_parallel_maintenance_workers = 2;

-- a temporary table is nobody else's
CREATE TEMP TABLE own (id int, v vector(3));
INSERT INTO own SELECT i, ARRAY[i, i % 7, -i]::vector FROM generate_series(1, 3000) i;
ANALYZE own;
CREATE INDEX own_v ON own USING hnsw (v vector_l2_ops);
SELECT * FROM ruvector.index_check('own_v', true);
REINDEX INDEX own_v;
SELECT vertices, unreachable FROM ruvector.index_stats('own_v');
DROP TABLE own;

-- an index that is built again as its transaction ends, of rows as short as they can be
CREATE TEMP TABLE own (v bit(4)) ON COMMIT DELETE ROWS;
CREATE INDEX own_v ON own USING hnsw (v bit_hamming_ops);
BEGIN;
INSERT INTO own SELECT i::bit(4) FROM generate_series(1, 3000) i;
SELECT count(*) FROM own;
COMMIT;
SELECT count(*) FROM own;
SELECT * FROM ruvector.index_check('own_v', true);
DROP TABLE own;

-- functions that workers may not call
CREATE TABLE b (id int, v vector(3));
INSERT INTO b SELECT i, ARRAY[i, i % 7, -i]::vector FROM generate_series(1, 3000) i;
ANALYZE b;
CREATE SEQUENCE called;
CREATE FUNCTION counted(vector) RETURNS vector(3) LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE AS $$
BEGIN
	PERFORM nextval('public.called');
	RETURN $1;
END $$;
CREATE INDEX b_e ON b USING hnsw ((counted(v)::vector(3)) vector_l2_ops);
SELECT last_value FROM called;
CREATE INDEX b_p ON b USING hnsw (v vector_l2_ops) WHERE vector_dims(counted(v)) = 3 AND id > 10;
SELECT last_value > 3000 FROM called;
SELECT vertices FROM ruvector.index_stats('b_e');
SELECT vertices FROM ruvector.index_stats('b_p');
DROP INDEX b_e, b_p;

-- with workers and without, as the table says
CREATE INDEX b_v ON b USING hnsw (v vector_l2_ops);
SELECT vertices, tids FROM ruvector.index_stats('b_v');
SELECT * FROM ruvector.index_check('b_v', true);
ALTER TABLE b SET (parallel_workers = 0);
REINDEX INDEX b_v;
SELECT vertices, tids, unreachable FROM ruvector.index_stats('b_v');
ALTER TABLE b SET (parallel_workers = 2);
REINDEX INDEX b_v;
SELECT vertices, tids FROM ruvector.index_stats('b_v');
SELECT * FROM ruvector.index_check('b_v', true);
ALTER TABLE b RESET (parallel_workers);

-- concurrently
REINDEX INDEX CONCURRENTLY b_v;
SELECT * FROM ruvector.index_check('b_v', true);
CREATE INDEX CONCURRENTLY b_c ON b USING hnsw (v vector_cosine_ops);
SELECT tids FROM ruvector.index_stats('b_c');
SELECT * FROM ruvector.index_check('b_c', true);
DROP INDEX CONCURRENTLY b_c;
-- equal rows: validation gets each of them once
CREATE TABLE same AS SELECT i AS id, ARRAY[1, 2, i / 2500]::vector(3) AS v FROM generate_series(1, 3000) i;
CREATE INDEX CONCURRENTLY same_v ON same USING hnsw (v vector_l2_ops);
SELECT tids FROM ruvector.index_stats('same_v');
DELETE FROM same WHERE id % 3 = 0;
REINDEX INDEX CONCURRENTLY same_v;
SELECT tids FROM ruvector.index_stats('same_v');
SELECT * FROM ruvector.index_check('same_v', true);
VACUUM same;
INSERT INTO same SELECT i, '[1,2,0]' FROM generate_series(3001, 3500) i;
REINDEX INDEX CONCURRENTLY same_v;
SELECT tids FROM ruvector.index_stats('same_v');
SELECT * FROM ruvector.index_check('same_v', true);
DROP TABLE same;
BEGIN;
CREATE INDEX CONCURRENTLY b_c ON b USING hnsw (v vector_cosine_ops);
ROLLBACK;

-- a build that fails leaves nothing, or an invalid index that says so
CREATE TABLE mixed (v vector);
INSERT INTO mixed VALUES ('[1,2,3]'), ('[1,2]');
CREATE INDEX CONCURRENTLY mixed_v ON mixed USING hnsw ((v::vector(3)) vector_l2_ops);
SELECT indisvalid FROM pg_index WHERE indexrelid = 'mixed_v'::regclass;
SELECT * FROM ruvector.index_check('mixed_v');
DELETE FROM mixed WHERE vector_dims(v) = 2;
REINDEX INDEX mixed_v;
SELECT indisvalid FROM pg_index WHERE indexrelid = 'mixed_v'::regclass;
SELECT * FROM ruvector.index_check('mixed_v', true);
DROP TABLE mixed;

-- in little memory the build goes on in the buffers, and says so once
CREATE TABLE big (id int, v vector(400));
INSERT INTO big SELECT i, (SELECT array_agg((i * j) % 101) FROM generate_series(1, 400) j)::vector FROM generate_series(1, 1500) i;
ANALYZE big;
SET maintenance_work_mem = '1MB';
SET client_min_messages = warning;
SET max_parallel_maintenance_workers = 0;
CREATE INDEX big_v ON big USING hnsw (v vector_l2_ops);
RESET client_min_messages;
SELECT tids FROM ruvector.index_stats('big_v');
SELECT * FROM ruvector.index_check('big_v', true);
DROP TABLE big;

-- ALTER TYPE, SET LOGGED, VACUUM FULL and CLUSTER build the index again
CREATE TABLE c (id int PRIMARY KEY, v vector(3));
INSERT INTO c SELECT i, ARRAY[i, i % 7, -i]::vector FROM generate_series(1, 100) i;
CREATE INDEX c_v ON c USING hnsw (v vector_l2_ops) WITH (m = 8);
DELETE FROM c WHERE id % 2 = 0;
VACUUM FULL c;
SELECT vertices, dead, m FROM ruvector.index_stats('c_v');
CLUSTER c USING c_pkey;
SELECT vertices, dead, m FROM ruvector.index_stats('c_v');
ALTER TABLE c SET UNLOGGED;
ALTER TABLE c SET LOGGED;
SELECT vertices, dead, m FROM ruvector.index_stats('c_v');
ALTER TABLE c ALTER v TYPE vector(2) USING subvector(v, 1, 2)::vector(2);
SELECT vertices, dimensions, m FROM ruvector.index_stats('c_v');
ALTER TABLE c ALTER v TYPE halfvec(2);
ALTER TABLE c ALTER v TYPE vector;
SELECT * FROM ruvector.index_check('c_v', true);

-- a domain has the dimensions of its base type; a materialized view is refreshed
CREATE DOMAIN embedding AS vector(3);
CREATE TABLE d (v embedding);
CREATE INDEX d_v ON d USING hnsw (v vector_l2_ops);
INSERT INTO d SELECT ARRAY[i, i, -i]::vector FROM generate_series(1, 100) i;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT v FROM d ORDER BY v <-> '[7,7,-7]' LIMIT 1;
SELECT v FROM d ORDER BY v <-> '[7,7,-7]' LIMIT 1;
CREATE MATERIALIZED VIEW d_view AS SELECT v::vector(3) AS v FROM d;
CREATE INDEX d_view_v ON d_view USING hnsw (v vector_l2_ops);
INSERT INTO d VALUES ('[0,0,1]');
REFRESH MATERIALIZED VIEW d_view;
SELECT v FROM d_view ORDER BY v <-> '[0,0,2]' LIMIT 1;
SELECT * FROM ruvector.index_check('d_view_v', true);
DROP MATERIALIZED VIEW d_view;
DROP TABLE d;
DROP DOMAIN embedding;
DROP TABLE b, c;
DROP FUNCTION counted;
DROP SEQUENCE called;
