-- ruvector.batch_search answers like one SELECT per query, for who may read the table.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();

SELECT setseed(0.31);
CREATE TABLE data AS SELECT i AS id, (SELECT array_agg(random() - 0.5 + (i + d) * 0) FROM generate_series(1, 16) d)::vector(16) AS v FROM generate_series(1, 1000) i;
INSERT INTO data SELECT id + 2000, v FROM data WHERE id % 100 = 0; -- duplicates
CREATE TABLE queries AS SELECT row_number() OVER (ORDER BY id)::int AS q, v FROM data WHERE id % 50 = 7;
CREATE INDEX data_l2 ON data USING hnsw (v vector_l2_ops);
CREATE INDEX data_ip ON data USING hnsw (v vector_ip_ops);
CREATE INDEX data_cosine ON data USING hnsw (v vector_cosine_ops);
CREATE INDEX data_l1 ON data USING hnsw (v vector_l1_ops);
CREATE INDEX data_int8 ON data USING hnsw (v vector_l2_int8_ops);
CREATE INDEX data_half ON data USING hnsw ((v::halfvec(16)) halfvec_l2_ops) WHERE id % 2 = 0;
CREATE INDEX data_bit ON data USING hnsw ((binary_quantize(v)::bit(16)) bit_hamming_ops);
DELETE FROM data WHERE id % 7 = 0;
ANALYZE data;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_sort = off;

-- The same rows' distances in the same order as by LATERAL; each the operator's distance of its row.
CREATE FUNCTION pg_temp.answers_alike(index text, value text, type text, op text, condition text DEFAULT 'true') RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TEMP TABLE batch ON COMMIT DROP AS SELECT b.query, b.rank, b.distance, d.id, %2$s %4$s q.w AS exact
		FROM ruvector.batch_search(%1$L, (SELECT array_agg(%2$s ORDER BY q) FROM queries), 12, 100) b
		JOIN data d ON d.ctid = b.tid JOIN (SELECT q, %2$s AS w FROM queries) q ON q.q = b.query', index, value, type, op);
	SET LOCAL hnsw.ef_search = 100;
	EXECUTE format('CREATE TEMP TABLE single ON COMMIT DROP AS SELECT q.q, n.d, row_number() OVER (PARTITION BY q.q ORDER BY n.d) AS rank
		FROM (SELECT q, %2$s AS w FROM queries) q, LATERAL (SELECT %2$s %4$s q.w AS d FROM data WHERE %5$s ORDER BY %2$s %4$s q.w LIMIT 12) n', index, value, type, op, condition);
	RESET hnsw.ef_search;
	RETURN NEXT results_eq('SELECT query, rank FROM batch ORDER BY 1, 2', 'SELECT q, r FROM queries, generate_series(1, 12) r ORDER BY 1, 2', index || ': twelve rows a query');
	RETURN NEXT is((SELECT count(*) FROM (SELECT DISTINCT query, id FROM batch) x), (SELECT count(*) FROM batch), index || ': no row twice');
	RETURN NEXT is((SELECT count(*) FROM batch WHERE abs(distance - exact) > 1e-5), 0::bigint, index || ': the distances are the operator''s');
	RETURN NEXT is((SELECT count(*) FROM batch b JOIN single s ON s.q = b.query AND s.rank = b.rank WHERE abs(b.distance - s.d) > 1e-5), 0::bigint, index || ': as one SELECT per query');
	RETURN NEXT is((SELECT count(*) FROM (SELECT distance - lag(distance) OVER (PARTITION BY query ORDER BY rank) AS step FROM batch) x WHERE step < 0), 0::bigint, index || ': in order');
	DROP TABLE batch, single;
END $$;
SELECT pg_temp.answers_alike('data_ip', 'v', 'vector', '<#>');
SELECT pg_temp.answers_alike('data_cosine', 'v', 'vector', '<=>');
SELECT pg_temp.answers_alike('data_l1', 'v', 'vector', '<+>');
SELECT pg_temp.answers_alike('data_l2', 'v', 'vector', '<->');
DROP INDEX data_l2;
SELECT pg_temp.answers_alike('data_int8', 'v', 'vector', '<->');
SELECT pg_temp.answers_alike('data_half', 'v::halfvec(16)', 'halfvec', '<->', 'id % 2 = 0');
SELECT pg_temp.answers_alike('data_bit', 'binary_quantize(v)::bit(16)', 'bit', '<~>');

SELECT is_empty($$SELECT * FROM ruvector.batch_search('data_ip', '{}'::vector[])$$, 'no queries, no rows');
SELECT is_empty($$SELECT * FROM ruvector.batch_search('data_ip', NULL::vector[])$$, 'NULL, no rows');
SELECT results_eq($$SELECT count(*) FROM ruvector.batch_search('data_ip', (SELECT array_agg(v) FROM queries))$$, 'SELECT 10 * count(*) FROM queries', 'ten rows if nothing is said');
SELECT cmp_ok(count(*), '>', 500::bigint, 'more rows than ef_search: the scan goes on') FROM ruvector.batch_search('data_int8', (SELECT array_agg(v) FROM queries WHERE q = 1), 2000, 10);
SELECT is(current_setting('hnsw.ef_search'), '40', 'the setting is as before');
-- The statement's snapshot.
SELECT is_empty($$WITH gone AS (DELETE FROM data WHERE id = 57 RETURNING v) SELECT 1 FROM gone WHERE false$$, 'a row goes');
SELECT is(count(*), 0::bigint, 'and is not found') FROM ruvector.batch_search('data_int8', (SELECT array_agg(v) FROM queries WHERE q = 2), 1) b WHERE distance = 0;

SELECT throws_ok($$SELECT * FROM ruvector.batch_search('data_ip', '{"[1]"}'::vector[])$$, '22000', 'expected 16 dimensions, not 1', 'other dimensions');
SELECT throws_ok($$SELECT * FROM ruvector.batch_search('data_ip', ARRAY[NULL]::vector[])$$, '22004', 'queries must not be null', 'a NULL query');
SELECT throws_ok($$SELECT * FROM ruvector.batch_search('data_ip', '{"[1]"}'::halfvec[])$$, '42804', NULL, 'another type');
SELECT throws_ok($$SELECT * FROM ruvector.batch_search('data_ip', '{}'::vector[], 0)$$, '22023', 'k must be between 1 and 10000', 'k too small');
SELECT throws_ok($$SELECT * FROM ruvector.batch_search('data_ip', '{}'::vector[], 10, 0)$$, '22023', NULL, 'ef_search too small');
SELECT throws_ok($$SELECT * FROM ruvector.batch_search('data', '{}'::vector[])$$, '42809', '"data" is not an index', 'no index');

CREATE ROLE reader;
SET LOCAL ROLE reader;
SELECT throws_ok($$SELECT * FROM ruvector.batch_search('data_ip', '{}'::vector[])$$, '42501', 'permission denied for table data', 'who may not read the table');
RESET ROLE;
GRANT SELECT ON data, queries TO reader;
SET LOCAL ROLE reader;
SELECT cmp_ok(count(*), '>', 0::bigint, 'who may') FROM ruvector.batch_search('data_ip', (SELECT array_agg(v) FROM queries));
RESET ROLE;
ALTER TABLE data ENABLE ROW LEVEL SECURITY;
CREATE POLICY small ON data USING (id < 100);
SET LOCAL ROLE reader;
SELECT throws_ok($$SELECT * FROM ruvector.batch_search('data_ip', '{}'::vector[])$$, '0A000', NULL, 'policies are not passed by');
RESET ROLE;
SELECT lives_ok($$SELECT * FROM ruvector.batch_search('data_ip', '{}'::vector[])$$, 'the owner has none');

SELECT finish();
ROLLBACK;
