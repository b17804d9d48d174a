-- More dimensions than pgvector's indexes take (2,000; halfvec 4,000): vectors that do not fit beside their edges, or into a page.
SET enable_seqscan = off;
-- ones up to a place that grows with i: the order of the distances from i = 1 is the order of i
CREATE FUNCTION steps(i int, n int) RETURNS real[] LANGUAGE sql IMMUTABLE AS $$
	SELECT array_fill(1::real, ARRAY[i * n / 50]) || array_fill(0::real, ARRAY[n - i * n / 50])
$$;

-- vector(2000)
CREATE TABLE w (id int, v vector(2000));
INSERT INTO w SELECT i, steps(i, 2000)::vector FROM generate_series(1, 30) i;
CREATE INDEX w_v ON w USING hnsw (v vector_l2_ops);
INSERT INTO w SELECT i, steps(i, 2000)::vector FROM generate_series(31, 40) i;
SELECT dimensions, vertices, tids, unreachable FROM ruvector.index_stats('w_v');
SELECT count(*) FILTER (WHERE found = id) AS by_themselves FROM (SELECT id, (SELECT b.id FROM w b ORDER BY b.v <-> a.v LIMIT 1) AS found FROM w a) s;
SELECT array_agg(id) FROM (SELECT id FROM w ORDER BY v <-> (SELECT v FROM w WHERE id = 1) LIMIT 5) s;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <-> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
DELETE FROM w WHERE id % 3 = 0;
VACUUM w;
INSERT INTO w SELECT i, steps(i, 2000)::vector FROM generate_series(41, 50) i;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <-> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
REINDEX INDEX w_v;
SELECT * FROM ruvector.index_check('w_v', true);
DROP TABLE w;

-- vector(2001)
CREATE TABLE w (id int, v vector(2001));
INSERT INTO w SELECT i, steps(i, 2001)::vector FROM generate_series(1, 30) i;
CREATE INDEX w_v ON w USING hnsw (v vector_l2_ops);
INSERT INTO w SELECT i, steps(i, 2001)::vector FROM generate_series(31, 40) i;
SELECT dimensions, vertices, tids, unreachable FROM ruvector.index_stats('w_v');
SELECT count(*) FILTER (WHERE found = id) AS by_themselves FROM (SELECT id, (SELECT b.id FROM w b ORDER BY b.v <-> a.v LIMIT 1) AS found FROM w a) s;
SELECT array_agg(id) FROM (SELECT id FROM w ORDER BY v <-> (SELECT v FROM w WHERE id = 1) LIMIT 5) s;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <-> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
DELETE FROM w WHERE id % 3 = 0;
VACUUM w;
INSERT INTO w SELECT i, steps(i, 2001)::vector FROM generate_series(41, 50) i;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <-> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
REINDEX INDEX w_v;
SELECT * FROM ruvector.index_check('w_v', true);
DROP TABLE w;

-- vector(3072)
CREATE TABLE w (id int, v vector(3072));
INSERT INTO w SELECT i, steps(i, 3072)::vector FROM generate_series(1, 30) i;
CREATE INDEX w_v ON w USING hnsw (v vector_cosine_ops);
INSERT INTO w SELECT i, steps(i, 3072)::vector FROM generate_series(31, 40) i;
SELECT dimensions, vertices, tids, unreachable FROM ruvector.index_stats('w_v');
SELECT count(*) FILTER (WHERE found = id) AS by_themselves FROM (SELECT id, (SELECT b.id FROM w b ORDER BY b.v <=> a.v LIMIT 1) AS found FROM w a) s;
SELECT array_agg(id) FROM (SELECT id FROM w ORDER BY v <=> (SELECT v FROM w WHERE id = 1) LIMIT 5) s;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <=> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
DELETE FROM w WHERE id % 3 = 0;
VACUUM w;
INSERT INTO w SELECT i, steps(i, 3072)::vector FROM generate_series(41, 50) i;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <=> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
REINDEX INDEX w_v;
SELECT * FROM ruvector.index_check('w_v', true);
DROP TABLE w;

-- vector(16000)
CREATE TABLE w (id int, v vector(16000));
INSERT INTO w SELECT i, steps(i, 16000)::vector FROM generate_series(1, 30) i;
CREATE INDEX w_v ON w USING hnsw (v vector_l2_ops);
INSERT INTO w SELECT i, steps(i, 16000)::vector FROM generate_series(31, 40) i;
SELECT dimensions, vertices, tids, unreachable FROM ruvector.index_stats('w_v');
SELECT count(*) FILTER (WHERE found = id) AS by_themselves FROM (SELECT id, (SELECT b.id FROM w b ORDER BY b.v <-> a.v LIMIT 1) AS found FROM w a) s;
SELECT array_agg(id) FROM (SELECT id FROM w ORDER BY v <-> (SELECT v FROM w WHERE id = 1) LIMIT 5) s;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <-> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
DELETE FROM w WHERE id % 3 = 0;
VACUUM w;
INSERT INTO w SELECT i, steps(i, 16000)::vector FROM generate_series(41, 50) i;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <-> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
REINDEX INDEX w_v;
SELECT * FROM ruvector.index_check('w_v', true);
DROP TABLE w;

-- vector(16000)
CREATE TABLE w (id int, v vector(16000));
INSERT INTO w SELECT i, steps(i, 16000)::vector FROM generate_series(1, 30) i;
CREATE INDEX w_v ON w USING hnsw (v vector_l1_ops);
INSERT INTO w SELECT i, steps(i, 16000)::vector FROM generate_series(31, 40) i;
SELECT dimensions, vertices, tids, unreachable FROM ruvector.index_stats('w_v');
SELECT count(*) FILTER (WHERE found = id) AS by_themselves FROM (SELECT id, (SELECT b.id FROM w b ORDER BY b.v <+> a.v LIMIT 1) AS found FROM w a) s;
SELECT array_agg(id) FROM (SELECT id FROM w ORDER BY v <+> (SELECT v FROM w WHERE id = 1) LIMIT 5) s;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <+> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
DELETE FROM w WHERE id % 3 = 0;
VACUUM w;
INSERT INTO w SELECT i, steps(i, 16000)::vector FROM generate_series(41, 50) i;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <+> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
REINDEX INDEX w_v;
SELECT * FROM ruvector.index_check('w_v', true);
DROP TABLE w;

-- halfvec(4001)
CREATE TABLE w (id int, v halfvec(4001));
INSERT INTO w SELECT i, steps(i, 4001)::halfvec FROM generate_series(1, 30) i;
CREATE INDEX w_v ON w USING hnsw (v halfvec_l2_ops);
INSERT INTO w SELECT i, steps(i, 4001)::halfvec FROM generate_series(31, 40) i;
SELECT dimensions, vertices, tids, unreachable FROM ruvector.index_stats('w_v');
SELECT count(*) FILTER (WHERE found = id) AS by_themselves FROM (SELECT id, (SELECT b.id FROM w b ORDER BY b.v <-> a.v LIMIT 1) AS found FROM w a) s;
SELECT array_agg(id) FROM (SELECT id FROM w ORDER BY v <-> (SELECT v FROM w WHERE id = 1) LIMIT 5) s;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <-> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
DELETE FROM w WHERE id % 3 = 0;
VACUUM w;
INSERT INTO w SELECT i, steps(i, 4001)::halfvec FROM generate_series(41, 50) i;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <-> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
REINDEX INDEX w_v;
SELECT * FROM ruvector.index_check('w_v', true);
DROP TABLE w;

-- halfvec(8000)
CREATE TABLE w (id int, v halfvec(8000));
INSERT INTO w SELECT i, steps(i, 8000)::halfvec FROM generate_series(1, 30) i;
CREATE INDEX w_v ON w USING hnsw (v halfvec_cosine_ops);
INSERT INTO w SELECT i, steps(i, 8000)::halfvec FROM generate_series(31, 40) i;
SELECT dimensions, vertices, tids, unreachable FROM ruvector.index_stats('w_v');
SELECT count(*) FILTER (WHERE found = id) AS by_themselves FROM (SELECT id, (SELECT b.id FROM w b ORDER BY b.v <=> a.v LIMIT 1) AS found FROM w a) s;
SELECT array_agg(id) FROM (SELECT id FROM w ORDER BY v <=> (SELECT v FROM w WHERE id = 1) LIMIT 5) s;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <=> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
DELETE FROM w WHERE id % 3 = 0;
VACUUM w;
INSERT INTO w SELECT i, steps(i, 8000)::halfvec FROM generate_series(41, 50) i;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <=> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
REINDEX INDEX w_v;
SELECT * FROM ruvector.index_check('w_v', true);
DROP TABLE w;

-- halfvec(16000)
CREATE TABLE w (id int, v halfvec(16000));
INSERT INTO w SELECT i, steps(i, 16000)::halfvec FROM generate_series(1, 30) i;
CREATE INDEX w_v ON w USING hnsw (v halfvec_l2_ops);
INSERT INTO w SELECT i, steps(i, 16000)::halfvec FROM generate_series(31, 40) i;
SELECT dimensions, vertices, tids, unreachable FROM ruvector.index_stats('w_v');
SELECT count(*) FILTER (WHERE found = id) AS by_themselves FROM (SELECT id, (SELECT b.id FROM w b ORDER BY b.v <-> a.v LIMIT 1) AS found FROM w a) s;
SELECT array_agg(id) FROM (SELECT id FROM w ORDER BY v <-> (SELECT v FROM w WHERE id = 1) LIMIT 5) s;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <-> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
DELETE FROM w WHERE id % 3 = 0;
VACUUM w;
INSERT INTO w SELECT i, steps(i, 16000)::halfvec FROM generate_series(41, 50) i;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <-> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
REINDEX INDEX w_v;
SELECT * FROM ruvector.index_check('w_v', true);
DROP TABLE w;

-- bit(64000)
CREATE TABLE w (id int, v bit(64000));
INSERT INTO w SELECT i, (repeat('1', i * 1000) || repeat('0', 64000 - i * 1000))::bit(64000) FROM generate_series(1, 30) i;
CREATE INDEX w_v ON w USING hnsw (v bit_hamming_ops);
INSERT INTO w SELECT i, (repeat('1', i * 1000) || repeat('0', 64000 - i * 1000))::bit(64000) FROM generate_series(31, 40) i;
SELECT dimensions, vertices, tids, unreachable FROM ruvector.index_stats('w_v');
SELECT count(*) FILTER (WHERE found = id) AS by_themselves FROM (SELECT id, (SELECT b.id FROM w b ORDER BY b.v <~> a.v LIMIT 1) AS found FROM w a) s;
SELECT array_agg(id) FROM (SELECT id FROM w ORDER BY v <~> (SELECT v FROM w WHERE id = 1) LIMIT 5) s;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <~> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
DELETE FROM w WHERE id % 3 = 0;
VACUUM w;
INSERT INTO w SELECT i, (repeat('1', i * 1000) || repeat('0', 64000 - i * 1000))::bit(64000) FROM generate_series(41, 50) i;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <~> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
REINDEX INDEX w_v;
SELECT * FROM ruvector.index_check('w_v', true);
DROP TABLE w;

-- sparsevec(1000000000)
CREATE TABLE w (id int, v sparsevec(1000000000));
INSERT INTO w SELECT i, (SELECT '{' || string_agg((j * 1000000)::text || ':1', ',') || '}/1000000000' FROM generate_series(1, i * 19) j)::sparsevec FROM generate_series(1, 30) i;
CREATE INDEX w_v ON w USING hnsw (v sparsevec_l2_ops);
INSERT INTO w SELECT i, (SELECT '{' || string_agg((j * 1000000)::text || ':1', ',') || '}/1000000000' FROM generate_series(1, i * 19) j)::sparsevec FROM generate_series(31, 40) i;
SELECT dimensions, vertices, tids, unreachable FROM ruvector.index_stats('w_v');
SELECT count(*) FILTER (WHERE found = id) AS by_themselves FROM (SELECT id, (SELECT b.id FROM w b ORDER BY b.v <-> a.v LIMIT 1) AS found FROM w a) s;
SELECT array_agg(id) FROM (SELECT id FROM w ORDER BY v <-> (SELECT v FROM w WHERE id = 1) LIMIT 5) s;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <-> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <-> (SELECT NULL::sparsevec) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
DELETE FROM w WHERE id % 3 = 0;
VACUUM w;
INSERT INTO w SELECT i, (SELECT '{' || string_agg((j * 1000000)::text || ':1', ',') || '}/1000000000' FROM generate_series(1, i * 19) j)::sparsevec FROM generate_series(41, 50) i;
SELECT count(*) FROM (SELECT id FROM w ORDER BY v <-> (SELECT v FROM w WHERE id = 1) LIMIT 100) s;
SELECT * FROM ruvector.index_check('w_v', true);
REINDEX INDEX w_v;
SELECT * FROM ruvector.index_check('w_v', true);
DROP TABLE w;
DROP FUNCTION steps;

-- the limits of the types are the limits of the index
CREATE TABLE w (b bit(64000), v vector(16000));
CREATE INDEX ON w USING hnsw (v vector_l2_ops) WITH (m = 100, ef_construction = 200);
CREATE INDEX ON w USING hnsw (b bit_jaccard_ops) WITH (m = 100, ef_construction = 200);
CREATE TABLE too_wide (v vector(16001));
CREATE TABLE too_wide (v halfvec(16001));
DROP TABLE w;
