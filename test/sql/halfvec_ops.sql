-- Functions and operators of halfvec. The same statements give the same output in pgvector 0.8.7.
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

-- distances, as functions and as operators
SELECT * FROM pg_temp.each(ARRAY[
	$$l2_distance('[0,0]'::halfvec, '[3,4]')$$, $$l2_distance('[0,0]'::halfvec, '[0,1]')$$, $$'[0,0]'::halfvec <-> '[3,4]'$$,
	$$inner_product('[1,2]'::halfvec, '[3,4]')$$, $$'[1,2]'::halfvec <#> '[3,4]'$$, $$'[1,2]'::halfvec <#> '[0,0]'$$,
	$$cosine_distance('[1,2]'::halfvec, '[2,4]')$$, $$cosine_distance('[1,0]'::halfvec, '[0,2]')$$,
	$$cosine_distance('[1,1]'::halfvec, '[-1,-1]')$$, $$'[1,1]'::halfvec <=> '[1,1]'$$,
	$$cosine_distance('[1,2]'::halfvec, '[0,0]')$$, $$cosine_distance('[0,0]'::halfvec, '[0,0]')$$,
	$$l1_distance('[0,0]'::halfvec, '[3,4]')$$, $$'[1,-2]'::halfvec <+> '[-1,2]'$$,
	$$halfvec_l2_squared_distance('[0,0]', '[3,4]')$$, $$halfvec_negative_inner_product('[1,2]', '[3,4]')$$,
	$$halfvec_spherical_distance('[1,0]', '[0,1]')$$, $$halfvec_spherical_distance('[1,0]', '[-1,0]')$$,
	$$halfvec_spherical_distance('[1,0]', '[1,0]')$$, $$halfvec_spherical_distance('[1,2]', '[3,4]')$$,
	$$halfvec_spherical_distance('[-3,0]', '[2,1]')$$]);
-- every length up to two blocks, against arithmetic on arrays; small integers are exact in any order
SELECT count(*) FILTER (WHERE a <-> b <> sqrt(l2)), count(*) FILTER (WHERE a <#> b <> -ip), count(*) FILTER (WHERE a <+> b <> l1),
	count(*) FILTER (WHERE abs((a <=> b) - (1 - ip / sqrt(aa * bb))) > 1e-12), count(*)
FROM (SELECT n, array_agg(x ORDER BY i)::halfvec a, array_agg(y ORDER BY i)::halfvec b, sum((x - y) ^ 2)::float8 l2, sum(x * y)::float8 ip,
		sum(abs(x - y))::float8 l1, sum(x * x)::float8 aa, sum(y * y)::float8 bb
	FROM generate_series(1, 530) n, LATERAL (SELECT i, (i * 7 + n) % 11 - 5 x, (i * 5 + n) % 13 - 7 y FROM generate_series(1, n) i) e
	GROUP BY n) t WHERE aa > 0 AND bb > 0;
-- different dimensions
SELECT * FROM pg_temp.each(ARRAY[
	$$l2_distance('[1,2]'::halfvec, '[3]')$$, $$inner_product('[1,2]'::halfvec, '[3]')$$, $$cosine_distance('[1,2]'::halfvec, '[3]')$$,
	$$l1_distance('[1,2]'::halfvec, '[3]')$$, $$halfvec_l2_squared_distance('[1,2]', '[3]')$$,
	$$halfvec_negative_inner_product('[1,2]', '[3]')$$, $$halfvec_spherical_distance('[1,2]', '[3]')$$,
	$$'[1,2]'::halfvec + '[3]'$$, $$'[1,2]'::halfvec - '[3]'$$, $$'[1,2]'::halfvec * '[3]'$$, $$'[1]'::halfvec <-> '[1,2,3]'$$]);
-- NULL
SELECT '[1]'::halfvec <-> NULL, NULL <#> '[1]'::halfvec, '[1]'::halfvec + NULL, '[1]'::halfvec = NULL, l2_norm(NULL::halfvec);

-- dimensions, norm, normalise
SELECT * FROM pg_temp.each(ARRAY[
	$$vector_dims('[1,2,3]'::halfvec)$$, $$l2_norm('[3,4]'::halfvec)$$, $$l2_norm('[0,1]'::halfvec)$$, $$l2_norm('[0,0]'::halfvec)$$,
	$$l2_norm('[2]'::halfvec)$$, $$l2_norm('[1,1,1,1,1,1,1,1,1]'::halfvec)$$,
	$$l2_normalize('[3,4]'::halfvec)$$, $$l2_normalize('[3,0]'::halfvec)$$, $$l2_normalize('[0,0.1]'::halfvec)$$, $$l2_normalize('[0,0]'::halfvec)$$,
	$$l2_normalize('[-0]'::halfvec)$$, $$l2_normalize('[65504]'::halfvec)$$, $$l2_normalize('[6e-8]'::halfvec)$$,
	$$l2_normalize('[65504,6e-8]'::halfvec)$$]);
-- parts
SELECT * FROM pg_temp.each(ARRAY[
	$$subvector('[1,2,3,4,5]'::halfvec, 1, 3)$$, $$subvector('[1,2,3,4,5]'::halfvec, 3, 2)$$, $$subvector('[1,2,3,4,5]'::halfvec, -1, 3)$$,
	$$subvector('[1,2,3,4,5]'::halfvec, 3, 9)$$, $$subvector('[1,2,3,4,5]'::halfvec, 1, 0)$$, $$subvector('[1,2,3,4,5]'::halfvec, 3, -1)$$,
	$$subvector('[1,2,3,4,5]'::halfvec, -1, 2)$$, $$subvector('[1,2,3,4,5]'::halfvec, 5, 1)$$, $$subvector('[1,2,3,4,5]'::halfvec, 6, 1)$$,
	$$subvector('[1,2,3,4,5]'::halfvec, 2147483647, 10)$$, $$subvector('[1,2,3,4,5]'::halfvec, 3, 2147483647)$$,
	$$subvector('[1,2,3,4,5]'::halfvec, -2147483644, 2147483647)$$, $$subvector('[1,2,3,4,5]'::halfvec, -2147483648, 2147483647)$$,
	$$binary_quantize('[1,0,-1]'::halfvec)$$, $$binary_quantize('[0,0.1,-0.2,-0.3,0.4,0.5,0.6,-0.7,0.8,-0.9,1]'::halfvec)$$,
	$$binary_quantize('[-0]'::halfvec)$$]);
SELECT b, pg_typeof(b), length(b) FROM (SELECT binary_quantize(array_agg(CASE WHEN i % 3 = 0 THEN i ELSE -i END)::halfvec) b
	FROM generate_series(1, 33) i) t;

-- arithmetic
SELECT * FROM pg_temp.each(ARRAY[
	$$'[1,2,3]'::halfvec + '[4,5,6]'$$, $$'[1,2,3]'::halfvec - '[4,5,6]'$$, $$'[1,2,3]'::halfvec * '[4,5,-6]'$$,
	$$'[65504]'::halfvec + '[65504]'$$, $$'[-65504]'::halfvec - '[65504]'$$, $$'[65504]'::halfvec - '[65504]'$$,
	$$'[65504]'::halfvec * '[2]'$$, $$'[6e-8]'::halfvec * '[6e-8]'$$, $$'[6e-8]'::halfvec * '[0]'$$, $$'[0]'::halfvec * '[-6e-8]'$$,
	$$'[6e-8]'::halfvec * '[1]'$$, $$'[6e-8,65504]'::halfvec * '[6e-8,65504]'$$, $$'[65504,6e-8]'::halfvec * '[65504,6e-8]'$$,
	$$'[1,2]'::halfvec || '[3]'$$, $$'[1]'::halfvec || '[2]' || '[3,4]'$$,
	$$array_fill(1, ARRAY[16000])::halfvec || '[1]'::halfvec$$, $$vector_dims(array_fill(1, ARRAY[15999])::halfvec || '[1]'::halfvec)$$]);
SELECT count(*), count(*) FILTER (WHERE a + b <> s OR a - b <> d OR a * b <> p)
FROM (SELECT n, array_agg(x ORDER BY i)::halfvec a, array_agg(y ORDER BY i)::halfvec b, array_agg(x + y ORDER BY i)::halfvec s,
		array_agg(x - y ORDER BY i)::halfvec d, array_agg(x * y ORDER BY i)::halfvec p
	FROM generate_series(1, 530, 3) n, LATERAL (SELECT i, (i * 7 + n) % 11 - 5 x, (i * 5 + n) % 13 - 7 y FROM generate_series(1, n) i) e
	GROUP BY n) t;

-- comparison: elements first, then dimensions
SELECT a, b, a < b, a <= b, a = b, a <> b, a >= b, a > b, halfvec_cmp(a, b)
	FROM (VALUES (1, '[1,2,3]'::halfvec, '[1,2,3]'::halfvec), (2, '[1,2,3]', '[1,2]'), (3, '[1,2]', '[1,2,3]'), (4, '[1,2]', '[2,3,4]'),
		(5, '[2,3]', '[1,2,3]'), (6, '[1,2]', '[1,3]'), (7, '[0]', '[-0]'), (8, '[-1]', '[-2]')) t(n, a, b) ORDER BY n;
SELECT halfvec_lt('[1]', '[2]'), halfvec_le('[1]', '[2]'), halfvec_eq('[1]', '[2]'), halfvec_ne('[1]', '[2]'), halfvec_ge('[1]', '[2]'), halfvec_gt('[1]', '[2]');
CREATE TEMP TABLE ordered (v halfvec);
INSERT INTO ordered VALUES ('[1,2]'), ('[1]'), ('[1,2,3]'), (NULL), ('[0,9]'), ('[1,2]'), ('[-5]');
SELECT v FROM ordered ORDER BY v;
SELECT v FROM ordered ORDER BY v DESC;
SELECT count(DISTINCT v) FROM ordered;
CREATE INDEX ON ordered (v);
SET enable_seqscan = off;
SELECT v FROM ordered WHERE v = '[1,2]';
SELECT v FROM ordered WHERE v > '[1,2]' ORDER BY v;
EXPLAIN (COSTS OFF) SELECT v FROM ordered WHERE v >= '[1,2]' ORDER BY v;
RESET enable_seqscan;
CREATE TEMP TABLE distinct_ones (v halfvec UNIQUE);
INSERT INTO distinct_ones VALUES ('[1]'), ('[1,2]');
INSERT INTO distinct_ones VALUES ('[1]');
-- merge join
SET enable_hashjoin = off;
SET enable_nestloop = off;
SELECT a.v, count(*) FROM ordered a JOIN ordered b USING (v) GROUP BY a.v ORDER BY a.v;
RESET enable_hashjoin;
RESET enable_nestloop;

-- results are rounded to nearest even; sums are in single precision
SELECT * FROM pg_temp.each(ARRAY[
	$$'[2048]'::halfvec + '[1]'$$, $$'[2050]'::halfvec + '[1]'$$, $$'[65504]'::halfvec + '[15]'$$, $$'[65504]'::halfvec + '[16]'$$,
	$$'[0.1]'::halfvec * '[0.1]'$$, $$'[2e-4]'::halfvec * '[2e-4]'$$, $$'[1e-4]'::halfvec * '[1e-4]'$$,
	$$l2_distance('[65504]'::halfvec, '[-65504]')$$, $$inner_product('[65504]'::halfvec, '[65504]')$$,
	$$l2_normalize('[1,1]'::halfvec)$$, $$l2_norm('[65504,65504]'::halfvec)::real$$]);
SELECT md5(string_agg((a + b)::text || (a - b)::text || (a * b)::text || l2_normalize(a)::text, '' ORDER BY i))
	FROM (SELECT i, ARRAY[sin(i), cos(i), i % 97]::halfvec a, ARRAY[i * 0.01, cos(i * 3), 1]::halfvec b FROM generate_series(1, 3000) i) t;
