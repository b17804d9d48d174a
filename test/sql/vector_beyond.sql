-- What vector and halfvec have beyond pgvector: hashing, subscripts, scale, weighted_avg, soft errors of input.
\pset null '(null)'
\pset format unaligned
\pset tuples_only on

-- Evaluates an expression; an error becomes "sqlstate|message|detail".
CREATE FUNCTION pg_temp.attempt(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text; state text; message text; detail text;
BEGIN
	EXECUTE 'SELECT (' || expression || ')::text' INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws('|', state, left(message, 100), nullif(detail, ''));
END $$;
CREATE FUNCTION pg_temp.each(expressions text[]) RETURNS TABLE (expression text, result text) LANGUAGE sql AS
	$$ SELECT e, pg_temp.attempt(e) FROM unnest(expressions) WITH ORDINALITY AS t(e, n) ORDER BY n $$;

-- equal values have equal hashes
SELECT ruvector.vector_hash('[0,1]') = ruvector.vector_hash('[-0,1]'), ruvector.vector_hash('[1]') <> ruvector.vector_hash('[1,0]'),
	ruvector.vector_hash_extended('[-0]', 7) = ruvector.vector_hash_extended('[0]', 7),
	ruvector.vector_hash_extended('[1]', 7) <> ruvector.vector_hash_extended('[1]', 8),
	ruvector.vector_hash_extended('[1,2]', 0) & 4294967295 = ruvector.vector_hash('[1,2]')::bigint & 4294967295;
SELECT ruvector.halfvec_hash('[0,1]') = ruvector.halfvec_hash('[-0,1]'), ruvector.halfvec_hash('[1]') <> ruvector.halfvec_hash('[1,0]'),
	ruvector.halfvec_hash_extended('[-0]', 7) = ruvector.halfvec_hash_extended('[0]', 7),
	ruvector.halfvec_hash_extended('[1]', 7) <> ruvector.halfvec_hash_extended('[1]', 8),
	ruvector.halfvec_hash_extended('[1,2]', 0) & 4294967295 = ruvector.halfvec_hash('[1,2]')::bigint & 4294967295;
SELECT count(DISTINCT ruvector.vector_hash(ARRAY[i, i % 10]::vector)) > 9900, count(DISTINCT ruvector.halfvec_hash(ARRAY[i % 1000, i / 1000]::halfvec)) > 9900
	FROM generate_series(1, 10000) i;
CREATE TEMP TABLE h (id int, v vector, w halfvec);
INSERT INTO h SELECT i, ARRAY[i % 3, 0]::vector, ARRAY[i % 3, 0]::halfvec FROM generate_series(1, 9) i;
INSERT INTO h VALUES (10, '[1,-0]', '[1,-0]'), (11, NULL, NULL);
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT v, count(*) FROM h GROUP BY v;
SELECT * FROM (SELECT v, count(*) FROM h GROUP BY v) g ORDER BY 2, 1;
SELECT * FROM (SELECT w, count(*) FROM h GROUP BY w) g ORDER BY 2, 1;
RESET enable_sort;
SET enable_mergejoin = off;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM h a JOIN h b USING (v);
SELECT count(*) FROM h a JOIN h b USING (v);
SELECT count(*) FROM h a JOIN h b USING (w);
RESET enable_mergejoin;
RESET enable_nestloop;
CREATE INDEX h_hash ON h USING hash (v);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM h WHERE v = '[1,0]';
SELECT id FROM h WHERE v = '[1,0]' ORDER BY id;
RESET enable_seqscan;
CREATE TEMP TABLE parts (v vector) PARTITION BY HASH (v);
CREATE TEMP TABLE parts0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TEMP TABLE parts1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT ARRAY[i]::vector FROM generate_series(1, 100) i;
SELECT count(*), count(*) FILTER (WHERE tableoid = 'parts0'::regclass) BETWEEN 20 AND 80 FROM parts;
SELECT v FROM parts WHERE v = '[42]';

-- reading elements
SELECT * FROM pg_temp.each(ARRAY[
	$$('[1,2.5,3]'::vector)[1]$$, $$('[1,2.5,3]'::vector)[2]$$, $$('[1,2.5,3]'::vector)[3]$$, $$('[1,2.5,3]'::vector)[0]$$,
	$$('[1,2.5,3]'::vector)[4]$$, $$('[1,2.5,3]'::vector)[-1]$$, $$('[1,2.5,3]'::vector)[NULL]$$, $$(NULL::vector)[1]$$,
	$$('[1,2.5,3]'::vector)[1.6]$$, $$('[1,2.5,3]'::vector)['2']$$, $$('[1,2.5,3]'::vector)['a']$$, $$('[1,2.5,3]'::vector)[true]$$,
	$$pg_typeof(('[1]'::vector)[1])$$, $$('[1,2]'::vector)[1][1]$$, $$('[1,2]'::vector)[1:2][1]$$, $$('[1,2.5,3]'::vector)[2147483647]$$,
	$$('[1,2.5,0.1]'::halfvec)[3]$$, $$('[1,2.5,3]'::halfvec)[4]$$, $$pg_typeof(('[1]'::halfvec)[1])$$, $$(NULL::halfvec)[1]$$,
	$$('[1]'::halfvec)[1][1]$$]);
SELECT * FROM pg_temp.each(ARRAY[
	$$('[1,2,3,4]'::vector)[2:3]$$, $$('[1,2,3,4]'::vector)[:2]$$, $$('[1,2,3,4]'::vector)[3:]$$, $$('[1,2,3,4]'::vector)[:]$$,
	$$('[1,2,3,4]'::vector)[-5:2]$$, $$('[1,2,3,4]'::vector)[3:99]$$, $$('[1,2,3,4]'::vector)[4:4]$$, $$('[1,2,3,4]'::vector)[3:2]$$,
	$$('[1,2,3,4]'::vector)[5:9]$$, $$('[1,2,3,4]'::vector)[NULL:2]$$, $$('[1,2,3,4]'::vector)[1:NULL]$$, $$(NULL::vector)[1:2]$$,
	$$('[1,2,3,4]'::vector)[-2147483648:2147483647]$$, $$pg_typeof(('[1,2]'::vector)[1:1])$$, $$('[1,2,3,4]'::halfvec)[2:3]$$,
	$$('[1,2,3,4]'::halfvec)[3:2]$$, $$pg_typeof(('[1,2]'::halfvec)[1:1])$$, $$('[1,2,3]'::vector(3))[1:2] <-> '[1,3]'$$,
	$$(('[1,2,3]'::vector(3))[2:3])::vector(3)$$]);
CREATE TEMP TABLE s (id int, v vector(3), w halfvec(3));
INSERT INTO s VALUES (1, '[1,2,3]', '[4,5,6]'), (2, '[7,8,9]', '[1,1,1]'), (3, NULL, NULL);
SELECT id, v[id], v[1:id], w[id], w[id:] FROM s ORDER BY id;
SELECT id FROM s WHERE v[2] > 5;
CREATE TEMP VIEW s_view AS SELECT v[1] AS first, v[2:3] AS rest, v[:2] AS head FROM s;
SELECT replace(pg_get_viewdef('s_view'), 's.', '');
SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 's_view'::regclass ORDER BY attnum;
SELECT * FROM s_view;
CREATE INDEX ON s ((v[1]));
-- values stored out of line
CREATE TEMP TABLE far (v vector);
INSERT INTO far SELECT array_agg(i)::vector FROM generate_series(1, 16000) i;
SELECT v[1], v[16000], v[16001], v[15999:] FROM far;
-- no assignment
UPDATE s SET v[1] = 5;
UPDATE s SET v[1:2] = '[1,2]';
UPDATE s SET w[1] = 5;
INSERT INTO s (id, v[1]) VALUES (4, 1);

-- scale
SELECT * FROM pg_temp.each(ARRAY[
	$$ruvector.scale('[1,-2,0]'::vector, 0.5)$$, $$ruvector.scale('[1,2]'::vector, 0)$$, $$ruvector.scale('[1]'::vector, -1)$$,
	$$ruvector.scale('[0.1]'::vector, 3)$$, $$ruvector.scale('[3e38]'::vector, 2)$$, $$ruvector.scale('[1e-38]'::vector, 1e-10)$$,
	$$ruvector.scale('[1]'::vector, 'NaN')$$, $$ruvector.scale('[0]'::vector, 'Infinity')$$, $$ruvector.scale(NULL::vector, 1)$$,
	$$ruvector.scale('[1]'::vector, NULL)$$, $$ruvector.scale('[1e-38]'::vector, 1e40)$$,
	$$ruvector.scale('[1,-2,0]'::halfvec, 0.5)$$, $$ruvector.scale('[40000]'::halfvec, 2)$$, $$ruvector.scale('[6e-8]'::halfvec, 0.1)$$,
	$$ruvector.scale('[1]'::halfvec, 'Infinity')$$, $$ruvector.scale('[3]'::halfvec, 1e-1)$$]);

-- weighted_avg
SELECT ruvector.weighted_avg(v, w) FROM (VALUES ('[1,2]'::vector, 1.0::float8), ('[4,5]', 2), ('[100,100]', 0)) t(v, w);
SELECT ruvector.weighted_avg(v, w) FROM (VALUES ('[1,2]'::vector, 1.0::float8), (NULL, 2), ('[4,4]', NULL)) t(v, w);
SELECT ruvector.weighted_avg(v, w) FROM (VALUES ('[1,2]'::vector, 0.0::float8), ('[4,4]', 0)) t(v, w);
SELECT ruvector.weighted_avg(v, w) FROM (VALUES (NULL::vector, 1.0::float8)) t(v, w);
SELECT ruvector.weighted_avg(v, 1) FROM (SELECT '[1]'::vector AS v WHERE false) t;
SELECT ruvector.weighted_avg(v, 3) = avg(v) FROM (SELECT ARRAY[i, -i]::vector AS v FROM generate_series(1, 5) i) t;
SELECT * FROM pg_temp.each(ARRAY[
	$$(SELECT ruvector.weighted_avg('[1]'::vector, -1))$$, $$(SELECT ruvector.weighted_avg('[1]'::vector, 'NaN'))$$, $$(SELECT ruvector.weighted_avg('[1]'::vector, 'Infinity'))$$,
	$$(SELECT ruvector.weighted_avg(v, w) FROM (VALUES ('[1,2]'::vector, 1), ('[1]', 1)) t(v, w))$$,
	$$(SELECT ruvector.weighted_avg(v, w) FROM (VALUES ('[1,2]'::vector, 0), ('[1]', 1)) t(v, w))$$,
	$$(SELECT ruvector.weighted_avg(v, w) FROM (VALUES ('[0]'::vector, 1e308), ('[0]', 1e308)) t(v, w))$$,
	$$(SELECT ruvector.weighted_avg(v, w) FROM (VALUES ('[3e38]'::vector, 1e300)) t(v, w))$$,
	$$ruvector.weighted_accum('{0}', '[1,2]', 3)$$, $$ruvector.weighted_accum('{}', '[1,2]', 3)$$,
	$$ruvector.weighted_combine('{0}', '{2,4}')$$, $$ruvector.weighted_combine('{2,4}', '{3,5}')$$, $$ruvector.weighted_combine('{0,0}', '{1,2,3}')$$,
	$$ruvector.weighted_combine('{1e308,0}', '{1e308,0}')$$, $$ruvector.weighted_combine('{1}', '{}')$$,
	$$ruvector.weighted_final('{2,4}')$$, $$ruvector.weighted_final('{0,4}')$$, $$ruvector.weighted_final('{1}')$$, $$ruvector.weighted_final('{}')$$]);
CREATE TABLE beyond_many (v vector, w float8);
INSERT INTO beyond_many SELECT ARRAY[i % 8, i % 2]::vector, i % 2 FROM generate_series(1, 16000) i;
ANALYZE beyond_many;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT ruvector.weighted_avg(v, w) FROM beyond_many;
SELECT ruvector.weighted_avg(v, w) FROM beyond_many;
SELECT ruvector.weighted_avg(v, 0) FROM beyond_many;
DROP TABLE beyond_many;

-- from PostgreSQL 16 on, a text that is no vector can be asked about without an error
CREATE FUNCTION pg_temp.valid(input text, type text, otherwise bool) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	IF current_setting('server_version_num')::int < 160000 THEN
		RETURN otherwise;
	END IF;
	EXECUTE 'SELECT pg_input_is_valid($1, $2)::text' INTO result USING input, type;
	RETURN result;
END $$;
SELECT type, input, pg_temp.valid(input, type, expected) AS is_valid, expected
	FROM unnest(ARRAY['vector', 'halfvec']) AS type,
		(VALUES (1, '[1,2]', true), (2, '', false), (3, '[]', false), (4, '[1', false), (5, '[1]x', false), (6, '[nan]', false),
			(7, '[inf]', false), (8, '[1e39]', false)) AS t(n, input, expected)
	WHERE pg_temp.valid(input, type, expected) <> expected::text;
SELECT pg_temp.valid('[' || repeat('1,', 16000) || '1]', 'vector', false), pg_temp.valid('[1,2]', 'vector(3)', false), pg_temp.valid('[1,2]', 'halfvec(2)', true);

-- halfvec has a weighted average of its own; a wrong number of dimensions is an error on an empty index too
SELECT ruvector.weighted_avg(v::halfvec, w), pg_typeof(ruvector.weighted_avg(v::halfvec, w)) FROM (VALUES ('[1,2]', 1), ('[3,4]', 3)) t(v, w);
CREATE TEMP TABLE empty_index (v vector(3));
CREATE INDEX ON empty_index USING hnsw (v vector_l2_ops);
SET enable_seqscan = off;
SELECT * FROM empty_index ORDER BY v <-> '[1,2]' LIMIT 1;
RESET enable_seqscan;
