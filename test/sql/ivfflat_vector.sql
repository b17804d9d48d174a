-- ivfflat indexes on vector. The same statements give the same output in pgvector 0.8.7.
SET enable_seqscan = off;

-- L2
CREATE TABLE t (val vector(3));
INSERT INTO t (val) VALUES ('[0,0,0]'), ('[1,2,3]'), ('[1,1,1]'), (NULL);
CREATE INDEX ON t USING ivfflat (val) WITH (lists = 1);
INSERT INTO t (val) VALUES ('[1,2,4]');
SELECT * FROM t ORDER BY val <-> '[3,3,3]';
SELECT COUNT(*) FROM (SELECT * FROM t ORDER BY val <-> (SELECT NULL::vector)) t2;
SELECT COUNT(*) FROM t;
EXPLAIN (COSTS OFF) SELECT * FROM t ORDER BY val <-> '[3,3,3]' LIMIT 2;
SELECT * FROM t ORDER BY val <-> '[3,3]';
DELETE FROM t WHERE val = '[1,2,3]';
VACUUM t;
SELECT * FROM t ORDER BY val <-> '[3,3,3]';
INSERT INTO t (val) VALUES ('[1,2,3]');
SELECT * FROM t ORDER BY val <-> '[3,3,3]';
TRUNCATE t;
SELECT * FROM t ORDER BY val <-> '[3,3,3]';
INSERT INTO t (val) VALUES ('[4,5,6]'), (NULL), ('[7,8,9]');
SELECT * FROM t ORDER BY val <-> '[3,3,3]';
DROP TABLE t;

-- inner product
CREATE TABLE t (val vector(3));
INSERT INTO t (val) VALUES ('[0,0,0]'), ('[1,2,3]'), ('[1,1,1]'), (NULL);
CREATE INDEX ON t USING ivfflat (val vector_ip_ops) WITH (lists = 1);
INSERT INTO t (val) VALUES ('[1,2,4]');
SELECT * FROM t ORDER BY val <#> '[3,3,3]';
SELECT COUNT(*) FROM (SELECT * FROM t ORDER BY val <#> (SELECT NULL::vector)) t2;
DROP TABLE t;

-- cosine: zero vectors are not indexed
CREATE TABLE t (val vector(3));
INSERT INTO t (val) VALUES ('[0,0,0]'), ('[1,2,3]'), ('[1,1,1]'), (NULL);
CREATE INDEX ON t USING ivfflat (val vector_cosine_ops) WITH (lists = 1);
INSERT INTO t (val) VALUES ('[1,2,4]'), ('[0,0,0]');
SELECT * FROM t ORDER BY val <=> '[3,3,3]';
SELECT COUNT(*) FROM (SELECT * FROM t ORDER BY val <=> '[0,0,0]') t2;
SELECT COUNT(*) FROM (SELECT * FROM t ORDER BY val <=> (SELECT NULL::vector)) t2;
DROP TABLE t;

-- iterative scan
CREATE TABLE t (val vector(3));
INSERT INTO t (val) VALUES ('[0,0,0]'), ('[1,2,3]'), ('[1,1,1]'), (NULL);
CREATE INDEX ON t USING ivfflat (val vector_l2_ops) WITH (lists = 3);
SELECT * FROM t ORDER BY val <-> '[3,3,3]';
SET ivfflat.probes = 2;
SELECT * FROM t ORDER BY val <-> '[3,3,3]';
SET ivfflat.probes = 3;
SELECT * FROM t ORDER BY val <-> '[3,3,3]';
RESET ivfflat.probes;
SET ivfflat.iterative_scan = relaxed_order;
SELECT * FROM t ORDER BY val <-> '[3,3,3]';
SET ivfflat.max_probes = 1;
SELECT * FROM t ORDER BY val <-> '[3,3,3]';
SET ivfflat.max_probes = 2;
SELECT * FROM t ORDER BY val <-> '[3,3,3]';
SET ivfflat.probes = 3;
SELECT * FROM t ORDER BY val <-> '[3,3,3]';
RESET ivfflat.probes;
RESET ivfflat.max_probes;
RESET ivfflat.iterative_scan;
DROP TABLE t;

-- unlogged
CREATE UNLOGGED TABLE t (val vector(3));
INSERT INTO t (val) VALUES ('[0,0,0]'), ('[1,2,3]'), ('[1,1,1]'), (NULL);
CREATE INDEX ON t USING ivfflat (val vector_l2_ops) WITH (lists = 1);
SELECT * FROM t ORDER BY val <-> '[3,3,3]';
DROP TABLE t;

-- many equal vectors; more lists than distinct ones
CREATE TABLE t (val vector(2));
INSERT INTO t SELECT '[1,1]' FROM generate_series(1, 500);
INSERT INTO t SELECT '[5,5]' FROM generate_series(1, 500);
CREATE INDEX ON t USING ivfflat (val vector_l2_ops) WITH (lists = 5);
SELECT val, COUNT(*) FROM (SELECT * FROM t ORDER BY val <-> '[1,2]' LIMIT 600) t2 GROUP BY val;
SET ivfflat.probes = 5;
SELECT val, COUNT(*) FROM (SELECT * FROM t ORDER BY val <-> '[1,2]' LIMIT 600) t2 GROUP BY val ORDER BY val;
RESET ivfflat.probes;
DROP TABLE t;

-- partial and expression indexes
CREATE TABLE t (id int, val float4[]);
INSERT INTO t VALUES (1, '{1,1}'), (2, '{2,2}'), (3, '{3,3}'), (4, '{4,4}');
CREATE INDEX ON t USING ivfflat ((val::vector(2)) vector_l2_ops) WITH (lists = 1) WHERE id > 1;
SELECT id FROM t WHERE id > 1 ORDER BY val::vector(2) <-> '[0,0]' LIMIT 2;
DROP TABLE t;

-- limits
CREATE TABLE t (val vector);
CREATE INDEX ON t USING ivfflat (val vector_l2_ops);
CREATE INDEX ON t USING ivfflat ((val::vector(2001)) vector_l2_ops);
CREATE INDEX ON t USING ivfflat ((val::vector(1)) vector_ip_ops);
CREATE INDEX ON t USING ivfflat ((val::vector(1)) vector_cosine_ops);
CREATE INDEX ON t USING ivfflat ((val::vector(2000)) vector_l2_ops);
CREATE INDEX ON t USING ivfflat ((val::vector(1)) vector_l2_ops);
CREATE INDEX ON t USING ivfflat ((val::vector(3)) vector_l2_ops) INCLUDE (val);
CREATE UNIQUE INDEX ON t USING ivfflat ((val::vector(3)) vector_l2_ops);
CREATE INDEX ON t USING ivfflat ((val::vector(3)) vector_l1_ops);
DROP TABLE t;
