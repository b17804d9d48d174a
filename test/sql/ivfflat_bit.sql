-- ivfflat indexes on bit. The same statements give the same output in pgvector 0.8.7.
SET enable_seqscan = off;

CREATE TABLE t (val bit(3));
INSERT INTO t (val) VALUES (B'000'), (B'100'), (B'111'), (NULL);
CREATE INDEX ON t USING ivfflat (val bit_hamming_ops) WITH (lists = 1);
INSERT INTO t (val) VALUES (B'110');
SELECT * FROM t ORDER BY val <~> B'111';
SELECT COUNT(*) FROM (SELECT * FROM t ORDER BY val <~> (SELECT NULL::bit)) t2;
SELECT COUNT(*) FROM t;
SELECT * FROM t ORDER BY val <~> B'1111';
TRUNCATE t;
SELECT * FROM t ORDER BY val <~> B'111';
DROP TABLE t;

CREATE TABLE t (val bit(10));
INSERT INTO t SELECT g::bit(10) FROM generate_series(0, 1023) g;
CREATE INDEX ON t USING ivfflat (val bit_hamming_ops) WITH (lists = 8);
SET ivfflat.probes = 8;
SELECT val <~> B'1010101010' AS distance, COUNT(*) FROM
	(SELECT val FROM t ORDER BY val <~> B'1010101010' LIMIT 56) t2 GROUP BY 1 ORDER BY 1;
RESET ivfflat.probes;
DROP TABLE t;

CREATE TABLE t (val varbit(3));
CREATE INDEX ON t USING ivfflat (val bit_hamming_ops);
CREATE INDEX ON t USING ivfflat ((val::bit(3)) bit_jaccard_ops);
CREATE INDEX ON t USING ivfflat ((val::bit(64001)) bit_hamming_ops);
CREATE INDEX ON t USING ivfflat ((val::bit(1)) bit_hamming_ops) WITH (lists = 2);
DROP TABLE t;

CREATE TABLE t (val sparsevec(3));
CREATE INDEX ON t USING ivfflat (val sparsevec_l2_ops);
CREATE INDEX ON t USING ivfflat (val);
DROP TABLE t;
