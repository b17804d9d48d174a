-- A plan that scans more indexes at once than a backend keeps buffer hints of: each scan reads its own index.
SET max_parallel_maintenance_workers = 0;
SELECT setseed(0.1);
CREATE TABLE many (id int, k int, v vector(8)) PARTITION BY LIST (k);
SELECT format('CREATE TABLE many_%s PARTITION OF many FOR VALUES IN (%s)', k, k) FROM generate_series(1, 20) k \gexec
INSERT INTO many SELECT i, 1 + i % 20, array(SELECT random() FROM generate_series(1, 8) WHERE i > 0)::vector(8)
FROM generate_series(1, 2000) i;
CREATE INDEX ON many USING hnsw (v vector_l2_ops);
SET enable_seqscan = off;
SET enable_sort = off;
SET hnsw.ef_search = 5;
SET hnsw.iterative_scan = relaxed_order;
SELECT count(*), count(DISTINCT id)
FROM (SELECT id FROM many ORDER BY v <-> '[0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5]' LIMIT 1900) x;
DROP TABLE many;
