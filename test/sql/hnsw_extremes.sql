-- Elements near the largest float: distances overflow to infinity and differences of infinities are no number. Every row is
-- found, once, and nothing crashes.
SET max_parallel_maintenance_workers = 0;
SELECT setseed(0.5);
CREATE TABLE extreme (id serial, v vector(4));
INSERT INTO extreme (v)
SELECT array(SELECT (CASE WHEN random() < 0.5 THEN -1 ELSE 1 END) * 1e15 * power(10, (random() * 20)::int) * (0.5 + random())
	FROM generate_series(1, 4) WHERE i > 0)::vector(4)
FROM generate_series(1, 600) i;
CREATE INDEX extreme_l2 ON extreme USING hnsw (v vector_l2_ops);
SET enable_seqscan = off;
SET hnsw.iterative_scan = relaxed_order;
SET hnsw.ef_search = 40;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM extreme ORDER BY v <-> '[1e30,-1e30,1e30,1e30]' LIMIT 1000) x;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM extreme ORDER BY v <-> '[0,0,0,0]' LIMIT 1000) x;
DELETE FROM extreme WHERE id % 3 = 0;
VACUUM extreme;
SELECT count(*) >= 390, count(*) = count(DISTINCT id)
FROM (SELECT id FROM extreme ORDER BY v <-> '[1e30,-1e30,1e30,1e30]' LIMIT 1000) x;
DROP INDEX extreme_l2;
CREATE INDEX extreme_ip ON extreme USING hnsw (v vector_ip_ops);
SELECT count(*) >= 100, count(*) = count(DISTINCT id)
FROM (SELECT id FROM extreme ORDER BY v <#> '[1e30,-1e30,1e30,1e30]' LIMIT 1000) x;
DROP TABLE extreme;
