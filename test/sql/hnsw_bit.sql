-- hnsw over bit: results, NULLs, zero vectors, empty and truncated tables, duplicates, deletes.
SET enable_seqscan = off;

-- bit_hamming_ops
CREATE TABLE t (id serial, v bit(4));
INSERT INTO t (v) VALUES ('0000'), ('1011'), ('0111'), (NULL);
CREATE INDEX t_v ON t USING hnsw (v bit_hamming_ops);
INSERT INTO t (v) VALUES ('1111');
EXPLAIN (COSTS OFF) SELECT v FROM t ORDER BY v <~> '1000';
SELECT id, v, round((v <~> '1000')::numeric, 3) AS distance FROM t ORDER BY v <~> '1000';
SELECT id, v, round((v <~> '0111')::numeric, 3) AS distance FROM t ORDER BY v <~> '0111';
SELECT id FROM t ORDER BY v <~> '1000' LIMIT 2;
SELECT count(*) FROM (SELECT 1 FROM t ORDER BY v <~> (SELECT NULL::bit)) s;
SELECT id FROM t ORDER BY v <~> '111' LIMIT 1;
SELECT * FROM ruvector.index_check('t_v', true);
DELETE FROM t WHERE id = 2;
SELECT id FROM t ORDER BY v <~> '1000';
VACUUM t;
SELECT id FROM t ORDER BY v <~> '1000';
UPDATE t SET v = '1111' WHERE id = 3;
SELECT * FROM (SELECT id, round((v <~> '1000')::numeric, 3) AS distance FROM t ORDER BY v <~> '1000' LIMIT 10) s ORDER BY distance, id;
TRUNCATE t;
SELECT id FROM t ORDER BY v <~> '1000';
INSERT INTO t (v) VALUES ('1111');
SELECT v FROM t ORDER BY v <~> '1000';
REINDEX INDEX t_v;
SELECT v FROM t ORDER BY v <~> '1000';
SELECT * FROM ruvector.index_check('t_v', true);
DROP TABLE t;

-- bit_jaccard_ops
CREATE TABLE t (id serial, v bit(4));
INSERT INTO t (v) VALUES ('0000'), ('1011'), ('0111'), (NULL);
CREATE INDEX t_v ON t USING hnsw (v bit_jaccard_ops);
INSERT INTO t (v) VALUES ('1100');
EXPLAIN (COSTS OFF) SELECT v FROM t ORDER BY v <%> '1010';
SELECT id, v, round((v <%> '1010')::numeric, 3) AS distance FROM t ORDER BY v <%> '1010';
SELECT id, v, round((v <%> '1001')::numeric, 3) AS distance FROM t ORDER BY v <%> '1001';
SELECT id FROM t ORDER BY v <%> '1010' LIMIT 2;
SELECT count(*) FROM (SELECT 1 FROM t ORDER BY v <%> (SELECT NULL::bit)) s;
SELECT * FROM ruvector.index_check('t_v', true);
DELETE FROM t WHERE id = 2;
SELECT id FROM t ORDER BY v <%> '1010';
VACUUM t;
SELECT id FROM t ORDER BY v <%> '1010';
UPDATE t SET v = '1100' WHERE id = 3;
SELECT * FROM (SELECT id, round((v <%> '1010')::numeric, 3) AS distance FROM t ORDER BY v <%> '1010' LIMIT 10) s ORDER BY distance, id;
TRUNCATE t;
SELECT id FROM t ORDER BY v <%> '1010';
INSERT INTO t (v) VALUES ('1100');
SELECT v FROM t ORDER BY v <%> '1010';
REINDEX INDEX t_v;
SELECT v FROM t ORDER BY v <%> '1010';
SELECT * FROM ruvector.index_check('t_v', true);
DROP TABLE t;

-- an index of nothing, and of nothing but NULL
CREATE TABLE e (id serial, v bit(4));
CREATE INDEX e_v ON e USING hnsw (v bit_jaccard_ops);
SELECT id FROM e ORDER BY v <%> '1111';
SELECT * FROM ruvector.index_check('e_v', true);
INSERT INTO e (v) VALUES (NULL), (NULL);
SELECT id FROM e ORDER BY v <%> '1111';
VACUUM e;
SELECT * FROM ruvector.index_check('e_v', true);
REINDEX INDEX e_v;
SELECT count(*) FROM (SELECT id FROM e ORDER BY v <%> '1111') s;
DROP TABLE e;

-- unlogged and temporary tables, ON COMMIT DELETE ROWS, a rollback
CREATE UNLOGGED TABLE u (v bit(4));
CREATE INDEX u_v ON u USING hnsw (v bit_hamming_ops);
INSERT INTO u VALUES ('1011');
SELECT * FROM u ORDER BY v <~> '1111';
SELECT * FROM ruvector.index_check('u_v', true);
DROP TABLE u;
CREATE TEMP TABLE temporary (v bit(4)) ON COMMIT DELETE ROWS;
CREATE INDEX temporary_v ON temporary USING hnsw (v bit_hamming_ops);
BEGIN;
INSERT INTO temporary VALUES ('1011');
SELECT * FROM temporary ORDER BY v <~> '1111';
COMMIT;
SELECT * FROM temporary ORDER BY v <~> '1111';
BEGIN;
INSERT INTO temporary VALUES ('1011');
ROLLBACK;
SELECT * FROM temporary ORDER BY v <~> '1111';
DROP TABLE temporary;

-- against the exact order, by distances: rows that are equally far have no order
CREATE TABLE m (id int, v bit(20));
INSERT INTO m SELECT i, (i * 7919)::bit(20) FROM generate_series(1, 500) i;
CREATE INDEX m_v ON m USING hnsw (v bit_hamming_ops);
INSERT INTO m SELECT i, (i * 7919)::bit(20) FROM generate_series(501, 600) i;
DELETE FROM m WHERE id % 7 = 3;
VACUUM m;
SET enable_indexscan = off;
SET enable_seqscan = on;
SELECT array_agg(v <~> B'10110011100011110000' ORDER BY v <~> B'10110011100011110000') AS exact FROM m \gset
SET enable_indexscan = on;
SET enable_seqscan = off;
SET hnsw.ef_search = 1000;
SELECT count(*), array_agg(d) = :'exact'::float8[] AS equal FROM (SELECT v <~> B'10110011100011110000' AS d FROM m ORDER BY v <~> B'10110011100011110000' LIMIT 1000) s;
SET hnsw.ef_search = 200;
SELECT count(*), array_agg(d) = (:'exact'::float8[])[:10] AS equal FROM (SELECT v <~> B'10110011100011110000' AS d FROM m ORDER BY v <~> B'10110011100011110000' LIMIT 10) s;
RESET hnsw.ef_search;
SELECT * FROM ruvector.index_check('m_v', true);
DROP INDEX m_v;
DELETE FROM m WHERE id > 500;
INSERT INTO m SELECT i, (i * 7919)::bit(20) FROM generate_series(1, 500) i WHERE i % 7 = 3;
CREATE INDEX m_v ON m USING hnsw (v bit_jaccard_ops);
INSERT INTO m SELECT i, (i * 7919)::bit(20) FROM generate_series(501, 600) i;
DELETE FROM m WHERE id % 7 = 3;
VACUUM m;
SET enable_indexscan = off;
SET enable_seqscan = on;
SELECT array_agg(v <%> B'10110011100011110000' ORDER BY v <%> B'10110011100011110000') AS exact FROM m \gset
SET enable_indexscan = on;
SET enable_seqscan = off;
SET hnsw.ef_search = 1000;
SELECT count(*), array_agg(d) = :'exact'::float8[] AS equal FROM (SELECT v <%> B'10110011100011110000' AS d FROM m ORDER BY v <%> B'10110011100011110000' LIMIT 1000) s;
SET hnsw.ef_search = 200;
SELECT count(*), array_agg(d) = (:'exact'::float8[])[:10] AS equal FROM (SELECT v <%> B'10110011100011110000' AS d FROM m ORDER BY v <%> B'10110011100011110000' LIMIT 10) s;
RESET hnsw.ef_search;
SELECT * FROM ruvector.index_check('m_v', true);
DROP INDEX m_v;
DELETE FROM m WHERE id > 500;
INSERT INTO m SELECT i, (i * 7919)::bit(20) FROM generate_series(1, 500) i WHERE i % 7 = 3;
DROP TABLE m;

-- more equal rows than a vertex has room for: all are found, nearest first, also after deletes and vacuum
CREATE TABLE d (id int, v bit(16));
INSERT INTO d SELECT i, '1111000011110000' FROM generate_series(1, 2000) i;
CREATE INDEX d_v ON d USING hnsw (v bit_hamming_ops);
INSERT INTO d SELECT i, '1111000011110000' FROM generate_series(2001, 5000) i;
INSERT INTO d SELECT i, (i - 5000)::bit(16) FROM generate_series(5001, 5040) i;
SELECT * FROM ruvector.index_check('d_v', true);
SELECT count(*), count(DISTINCT id), min(id), max(id) FROM (SELECT id FROM d ORDER BY v <~> '1111000011110000' LIMIT 5000) s;
SELECT count(*), count(DISTINCT id), min(id), max(id) FROM (SELECT id FROM d ORDER BY v <~> '1111000011110000' LIMIT 10000) s;
DELETE FROM d WHERE id % 2 = 0 AND id <= 5000;
SELECT count(*), count(DISTINCT id), min(id), max(id) FROM (SELECT id FROM d ORDER BY v <~> '1111000011110000' LIMIT 2500) s;
VACUUM d;
SELECT * FROM ruvector.index_check('d_v', true);
SELECT count(*), count(DISTINCT id), min(id), max(id) FROM (SELECT id FROM d ORDER BY v <~> '1111000011110000' LIMIT 10000) s;
INSERT INTO d SELECT i, '1111000011110000' FROM generate_series(6001, 6100) i;
DELETE FROM d WHERE id <= 5000;
VACUUM d;
SELECT count(*), count(DISTINCT id), min(id), max(id) FROM (SELECT id FROM d ORDER BY v <~> '1111000011110000' LIMIT 100) s;
DELETE FROM d WHERE id > 6000;
VACUUM d;
SELECT count(*), count(DISTINCT id), min(id), max(id) FROM (SELECT id FROM d ORDER BY v <~> '1111000011110000' LIMIT 10000) s;
SELECT * FROM ruvector.index_check('d_v', true);
DELETE FROM d;
VACUUM d;
SELECT id FROM d ORDER BY v <~> '1111000011110000' LIMIT 1;
INSERT INTO d VALUES (1, '1111000011110000');
SELECT id FROM d ORDER BY v <~> '1111000011110000' LIMIT 1;
SELECT * FROM ruvector.index_check('d_v', true);
DROP TABLE d;
