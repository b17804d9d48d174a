-- ivfflat indexes on halfvec. The same statements give the same output in pgvector 0.8.7.
SET enable_seqscan = off;

CREATE TABLE t (val halfvec(3));
INSERT INTO t (val) VALUES ('[0,0,0]'), ('[1,2,3]'), ('[1,1,1]'), (NULL);
CREATE INDEX ON t USING ivfflat (val halfvec_l2_ops) WITH (lists = 1);
INSERT INTO t (val) VALUES ('[1,2,4]');
SELECT * FROM t ORDER BY val <-> '[3,3,3]';
SELECT COUNT(*) FROM (SELECT * FROM t ORDER BY val <-> (SELECT NULL::halfvec)) t2;
SELECT COUNT(*) FROM t;
TRUNCATE t;
SELECT * FROM t ORDER BY val <-> '[3,3,3]';
DROP TABLE t;

CREATE TABLE t (val halfvec(3));
INSERT INTO t (val) VALUES ('[0,0,0]'), ('[1,2,3]'), ('[1,1,1]'), (NULL);
CREATE INDEX ON t USING ivfflat (val halfvec_ip_ops) WITH (lists = 1);
INSERT INTO t (val) VALUES ('[1,2,4]');
SELECT * FROM t ORDER BY val <#> '[3,3,3]';
SELECT COUNT(*) FROM (SELECT * FROM t ORDER BY val <#> (SELECT NULL::halfvec)) t2;
DROP TABLE t;

CREATE TABLE t (val halfvec(3));
INSERT INTO t (val) VALUES ('[0,0,0]'), ('[1,2,3]'), ('[1,1,1]'), (NULL);
CREATE INDEX ON t USING ivfflat (val halfvec_cosine_ops) WITH (lists = 1);
INSERT INTO t (val) VALUES ('[1,2,4]');
SELECT * FROM t ORDER BY val <=> '[3,3,3]';
SELECT COUNT(*) FROM (SELECT * FROM t ORDER BY val <=> '[0,0,0]') t2;
SELECT COUNT(*) FROM (SELECT * FROM t ORDER BY val <=> (SELECT NULL::halfvec)) t2;
DROP TABLE t;

CREATE TABLE t (val halfvec);
CREATE INDEX ON t USING ivfflat (val halfvec_l2_ops);
CREATE INDEX ON t USING ivfflat ((val::halfvec(4001)) halfvec_l2_ops);
CREATE INDEX ON t USING ivfflat ((val::halfvec(1)) halfvec_ip_ops);
CREATE INDEX ON t USING ivfflat ((val::halfvec(4000)) halfvec_l2_ops) WITH (lists = 3);
CREATE INDEX ON t USING ivfflat ((val::halfvec(3)));
DROP TABLE t;

-- wide rows, built and inserted
CREATE TABLE t (val halfvec(4000));
INSERT INTO t SELECT array_agg(g)::halfvec FROM generate_series(1, 4) g, generate_series(1, 4000) GROUP BY g;
CREATE INDEX ON t USING ivfflat (val halfvec_l2_ops) WITH (lists = 2);
INSERT INTO t SELECT array_agg(g)::halfvec FROM generate_series(5, 8) g, generate_series(1, 4000) GROUP BY g;
SET ivfflat.probes = 2;
SELECT subvector(val, 1, 1) FROM t ORDER BY val <-> array_fill(0, ARRAY[4000])::halfvec;
DROP TABLE t;
