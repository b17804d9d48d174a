-- What sparsevec has beyond pgvector: aggregates, hashing, scaling, subscripts, soft errors of input.
\pset null '(null)'
\pset format unaligned
\pset tuples_only on
CREATE FUNCTION pg_temp.attempt(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text; state text; message text; detail text; hint text;
BEGIN
	EXECUTE 'SELECT (' || expression || ')::text' INTO result;
	RETURN coalesce(result, '(null)');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws('|', state, message, nullif(detail, ''), nullif(hint, ''));
END $$;

-- sum and avg
SELECT sum(v), avg(v) FROM unnest(ARRAY['{1:1,2:2}/3', '{2:3,3:-4}/3', NULL, '{}/3']::sparsevec[]) v;
SELECT sum(v), avg(v) FROM unnest(ARRAY['{1:1,2:2}/3', '{1:-1,3:4}/3']::sparsevec[]) v;
SELECT sum(v), avg(v) FROM unnest(ARRAY['{}/3']::sparsevec[]) v;
SELECT sum(v), avg(v) FROM unnest(ARRAY[NULL]::sparsevec[]) v;
SELECT sum(v), avg(v) FROM unnest(ARRAY[]::sparsevec[]) v;
SELECT sum(v) FROM unnest(ARRAY['{1:3e38}/1', '{1:3e38}/1', '{1:-3e38}/1']::sparsevec[]) v;
SELECT sum(v) FROM unnest(ARRAY['{1:3e38}/1', '{1:3e38}/1']::sparsevec[]) v;
SELECT avg(v) FROM unnest(ARRAY['{1:3e38}/1', '{1:3e38}/1']::sparsevec[]) v;
SELECT sum(v) FROM unnest(ARRAY['{1:1}/1', '{1:1}/2']::sparsevec[]) v;
SELECT avg(v) FROM unnest(ARRAY['{1:1}/1', '{}/2']::sparsevec[]) v;
SELECT pg_typeof(sum('[1,2]'::vector)), pg_typeof(sum('[1,2]'::halfvec)), pg_typeof(avg('[1,2]'::vector)), pg_typeof(avg('[1,2]'::halfvec)), pg_typeof(sum('{}/1'::sparsevec)), pg_typeof(sum(1)), pg_typeof(avg(1.5::float8));
SELECT sum(DISTINCT v), sum(v) FILTER (WHERE l2_norm(v) > 1), count(*) FROM unnest(ARRAY['{1:1}/2', '{1:1}/2', '{2:2}/2']::sparsevec[]) v;
SELECT i, sum(v) OVER (ORDER BY i), avg(v) OVER (ORDER BY i ROWS 1 PRECEDING) FROM unnest(ARRAY['{1:1}/2', '{1:3}/2', '{2:2}/2', NULL]::sparsevec[]) WITH ORDINALITY x(v, i) ORDER BY i;

-- as the sum of dense vectors, over many rows and groups
CREATE TABLE documents AS
	SELECT i, i % 3 AS part, (('{' || i % 97 + 1 || ':' || i % 5 + 1 || ',' || i % 89 + 101 || ':-1,' || i % 50 + 201 || ':0.5}/300')::sparsevec) AS v
	FROM generate_series(1, 3000) i;
SELECT sum(v)::vector = sum(v::vector), avg(v)::vector <-> avg(v::vector) < 1e-4 FROM documents;
SELECT part, sum(v)::vector = sum(v::vector), count(*) FROM documents GROUP BY part ORDER BY part;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
ALTER TABLE documents SET (parallel_workers = 2);
EXPLAIN (COSTS OFF) SELECT sum(v), avg(v), ruvector.weighted_avg(v, 1) FROM documents;
SELECT md5(sum(v)::text) = (SELECT md5(sum(v::vector)::sparsevec::text) FROM documents), ruvector.weighted_avg(v, 2) = avg(v) FROM documents;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;

-- more than 16,000 elements: in a state, but not in a result
SELECT sum(('{' || i || ':1}/20000')::sparsevec) FROM generate_series(1, 16001) i;
SELECT l1_distance(sum(('{' || i || ':1}/20000')::sparsevec), '{}/20000') FROM generate_series(1, 16000) i;
SELECT sum(('{' || i % 20000 + 1 || ':' || CASE WHEN i < 20000 THEN 1 ELSE -1 END || '}/20000')::sparsevec) FROM generate_series(0, 39999) i;

-- weighted average
SELECT ruvector.weighted_avg(v, w) FROM (VALUES ('{1:1}/2'::sparsevec, 3), ('{1:1,2:2}/2', 1), (NULL, 5), ('{2:7}/2', NULL), ('{2:9}/2', 0)) x(v, w);
SELECT ruvector.weighted_avg(v, 0) FROM (VALUES ('{1:1}/2'::sparsevec)) x(v);
SELECT ruvector.weighted_avg(v, 1) FROM (VALUES (NULL::sparsevec)) x(v);
SELECT t || ' => ' || pg_temp.attempt(t) FROM unnest(ARRAY[
	$$ruvector.weighted_avg('{1:1}/2'::sparsevec, -1)$$, $$ruvector.weighted_avg('{1:1}/2'::sparsevec, 'NaN')$$, $$ruvector.weighted_avg('{1:1}/2'::sparsevec, 'Infinity')$$, $$ruvector.weighted_avg('{1:3e38}/2'::sparsevec, 1e300)$$
]) WITH ORDINALITY AS x(t, n) ORDER BY n;

-- scale
SELECT t || ' => ' || pg_temp.attempt(t) FROM unnest(ARRAY[
	$$ruvector.scale('{1:1,3:-2}/3'::sparsevec, 2.5)$$, $$ruvector.scale('{1:1,3:-2}/3'::sparsevec, 0)$$, $$ruvector.scale('{}/3'::sparsevec, 2)$$, $$ruvector.scale('{1:1}/3'::sparsevec, -1)$$, $$ruvector.scale('{1:3e38}/3'::sparsevec, 2)$$,
	$$ruvector.scale('{1:1e-40}/3'::sparsevec, 1e-20)$$, $$ruvector.scale('{1:1}/3'::sparsevec, 'NaN')$$, $$ruvector.scale('{1:1}/3'::sparsevec, 'Infinity')$$, $$ruvector.scale(NULL::sparsevec, 1)$$, $$ruvector.scale('{1:1}/3'::sparsevec, NULL)$$
]) WITH ORDINALITY AS x(t, n) ORDER BY n;

-- hashing
SELECT ruvector.sparsevec_hash('{1:1,2:0}/2') = ruvector.sparsevec_hash('{1:1,2:-0}/2'), ruvector.sparsevec_hash('{1:1}/2') = ruvector.sparsevec_hash('{1:1}/3'), ruvector.sparsevec_hash('{1:1}/2') = ruvector.sparsevec_hash('{2:1}/2'),
	ruvector.sparsevec_hash_extended('{1:1}/2', 0)::bit(32) = ruvector.sparsevec_hash('{1:1}/2')::bit(32), ruvector.sparsevec_hash_extended('{1:1}/2', 1) = ruvector.sparsevec_hash_extended('{1:1}/2', 2);
SELECT count(DISTINCT ruvector.sparsevec_hash(v)) = count(DISTINCT v) FROM documents;
CREATE TABLE hashed (v sparsevec) PARTITION BY HASH (v);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO hashed SELECT v FROM documents;
SELECT (SELECT count(*) > 0 FROM hashed_0), (SELECT count(*) > 0 FROM hashed_1), count(*) FROM hashed;
CREATE INDEX by_hash ON documents USING hash (v);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT i FROM documents WHERE v = '{1:1,101:-1,201:0.5}/300';
SELECT count(*) FROM documents WHERE v = (SELECT v FROM documents WHERE i = 7);
RESET enable_seqscan;
RESET enable_bitmapscan;
DROP INDEX by_hash;
SET enable_mergejoin = off;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM documents a JOIN documents b USING (v);
SELECT (SELECT count(*) FROM documents a JOIN documents b USING (v)) = (SELECT sum(n * n) FROM (SELECT count(*) AS n FROM documents GROUP BY v::text) g);
RESET enable_mergejoin;
RESET enable_nestloop;
SET enable_sort = off;
SELECT count(*) FROM (SELECT v FROM documents GROUP BY v) g;
RESET enable_sort;

-- subscripts, for reading
CREATE TABLE element (v sparsevec(5), vs sparsevec[]);
INSERT INTO element VALUES ('{1:1.5,3:2,5:-7}/5', ARRAY['{2:9}/2'::sparsevec, '{}/1']), (NULL, NULL);
SELECT v[1], v[2], v[3], v[4], v[5], v[0], v[6], v[-1], v[NULL], vs[1][2] FROM element;
SELECT ('{2:3}/1000000000'::sparsevec)[1000000000], ('{1000000000:3}/1000000000'::sparsevec)[1000000000], pg_typeof(('{2:3}/3'::sparsevec)[1]);
SELECT v[i] FROM element, generate_series(1, 5) i WHERE v IS NOT NULL AND v[i] <> 0 ORDER BY i;
SELECT (vs[1])[2], (vs[2])[1] FROM element;
CREATE INDEX ON element ((v[3]));
SELECT v[1:2] FROM element;
SELECT v[1][2] FROM element;
SELECT v['a'] FROM element;
SELECT v[1.4] FROM element;
UPDATE element SET v[1] = 2;
CREATE VIEW element_view AS SELECT v[3] AS third FROM element;
SELECT * FROM element_view;

-- soft errors of input, where the server has them (16 and later)
CREATE FUNCTION pg_temp.any_valid(texts text[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	result boolean := false;
BEGIN
	IF current_setting('server_version_num')::int >= 160000 THEN
		EXECUTE $q$ SELECT bool_or(pg_input_is_valid(t, 'sparsevec(2)')) FROM unnest($1) t $q$ INTO result USING texts;
	END IF;
	RETURN result;
END $$;
SELECT pg_temp.any_valid(ARRAY['', '{', '{1:1}/3', '{1:1}/0', '{3:1}/2', '{1:1,1:1}/2', '{1:nan}/2', '{1:1e99}/2', '{1:1}/2x', '{1:1}', repeat(',', 16000), '{}/9999999999']);

DROP TABLE documents, hashed, element CASCADE;
