-- Functions and operators of vector. The same statements give the same output in pgvector 0.8.7.
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
	$$l2_distance('[0,0]'::vector, '[3,4]')$$, $$l2_distance('[0,0]'::vector, '[0,1]')$$, $$'[0,0]'::vector <-> '[3,4]'$$,
	$$inner_product('[1,2]'::vector, '[3,4]')$$, $$'[1,2]'::vector <#> '[3,4]'$$, $$'[1,2]'::vector <#> '[0,0]'$$,
	$$cosine_distance('[1,2]'::vector, '[2,4]')$$, $$cosine_distance('[1,0]'::vector, '[0,2]')$$,
	$$cosine_distance('[1,1]'::vector, '[-1,-1]')$$, $$'[1,1]'::vector <=> '[1,1]'$$,
	$$cosine_distance('[1,2]'::vector, '[0,0]')$$, $$cosine_distance('[0,0]'::vector, '[0,0]')$$,
	$$l1_distance('[0,0]'::vector, '[3,4]')$$, $$'[1,-2]'::vector <+> '[-1,2]'$$,
	$$vector_l2_squared_distance('[0,0]', '[3,4]')$$, $$vector_negative_inner_product('[1,2]', '[3,4]')$$,
	$$vector_spherical_distance('[1,0]', '[0,1]')$$, $$vector_spherical_distance('[1,0]', '[-1,0]')$$,
	$$vector_spherical_distance('[1,0]', '[1,0]')$$, $$vector_spherical_distance('[1,2]', '[3,4]')$$,
	$$vector_spherical_distance('[-3,0]', '[2,1]')$$]);
-- every length up to two blocks, against arithmetic on arrays; small integers are exact in any order
SELECT count(*) FILTER (WHERE a <-> b <> sqrt(l2)), count(*) FILTER (WHERE a <#> b <> -ip), count(*) FILTER (WHERE a <+> b <> l1),
	count(*) FILTER (WHERE abs((a <=> b) - (1 - ip / sqrt(aa * bb))) > 1e-12), count(*)
FROM (SELECT n, array_agg(x ORDER BY i)::vector a, array_agg(y ORDER BY i)::vector b, sum((x - y) ^ 2)::float8 l2, sum(x * y)::float8 ip,
		sum(abs(x - y))::float8 l1, sum(x * x)::float8 aa, sum(y * y)::float8 bb
	FROM generate_series(1, 530) n, LATERAL (SELECT i, (i * 7 + n) % 11 - 5 x, (i * 5 + n) % 13 - 7 y FROM generate_series(1, n) i) e
	GROUP BY n) t WHERE aa > 0 AND bb > 0;
-- different dimensions
SELECT * FROM pg_temp.each(ARRAY[
	$$l2_distance('[1,2]'::vector, '[3]')$$, $$inner_product('[1,2]'::vector, '[3]')$$, $$cosine_distance('[1,2]'::vector, '[3]')$$,
	$$l1_distance('[1,2]'::vector, '[3]')$$, $$vector_l2_squared_distance('[1,2]', '[3]')$$,
	$$vector_negative_inner_product('[1,2]', '[3]')$$, $$vector_spherical_distance('[1,2]', '[3]')$$,
	$$'[1,2]'::vector + '[3]'$$, $$'[1,2]'::vector - '[3]'$$, $$'[1,2]'::vector * '[3]'$$, $$'[1]'::vector <-> '[1,2,3]'$$]);
-- NULL
SELECT '[1]'::vector <-> NULL, NULL <#> '[1]'::vector, '[1]'::vector + NULL, '[1]'::vector = NULL, vector_norm(NULL::vector);

-- dimensions, norm, normalise
SELECT * FROM pg_temp.each(ARRAY[
	$$vector_dims('[1,2,3]'::vector)$$, $$vector_norm('[3,4]'::vector)$$, $$vector_norm('[0,1]'::vector)$$, $$vector_norm('[0,0]'::vector)$$,
	$$vector_norm('[2]'::vector)$$, $$vector_norm('[1,1,1,1,1,1,1,1,1]'::vector)$$,
	$$l2_normalize('[3,4]'::vector)$$, $$l2_normalize('[3,0]'::vector)$$, $$l2_normalize('[0,0.1]'::vector)$$, $$l2_normalize('[0,0]'::vector)$$,
	$$l2_normalize('[-0]'::vector)$$, $$l2_normalize('[3e38]'::vector)$$, $$l2_normalize('[1e-38]'::vector)$$,
	$$l2_normalize('[3e38,1e-38]'::vector)$$]);
-- parts
SELECT * FROM pg_temp.each(ARRAY[
	$$subvector('[1,2,3,4,5]'::vector, 1, 3)$$, $$subvector('[1,2,3,4,5]'::vector, 3, 2)$$, $$subvector('[1,2,3,4,5]'::vector, -1, 3)$$,
	$$subvector('[1,2,3,4,5]'::vector, 3, 9)$$, $$subvector('[1,2,3,4,5]'::vector, 1, 0)$$, $$subvector('[1,2,3,4,5]'::vector, 3, -1)$$,
	$$subvector('[1,2,3,4,5]'::vector, -1, 2)$$, $$subvector('[1,2,3,4,5]'::vector, 5, 1)$$, $$subvector('[1,2,3,4,5]'::vector, 6, 1)$$,
	$$subvector('[1,2,3,4,5]'::vector, 2147483647, 10)$$, $$subvector('[1,2,3,4,5]'::vector, 3, 2147483647)$$,
	$$subvector('[1,2,3,4,5]'::vector, -2147483644, 2147483647)$$, $$subvector('[1,2,3,4,5]'::vector, -2147483648, 2147483647)$$,
	$$binary_quantize('[1,0,-1]'::vector)$$, $$binary_quantize('[0,0.1,-0.2,-0.3,0.4,0.5,0.6,-0.7,0.8,-0.9,1]'::vector)$$,
	$$binary_quantize('[-0]'::vector)$$]);
SELECT b, pg_typeof(b), length(b) FROM (SELECT binary_quantize(array_agg(CASE WHEN i % 3 = 0 THEN i ELSE -i END)::vector) b
	FROM generate_series(1, 33) i) t;

-- arithmetic
SELECT * FROM pg_temp.each(ARRAY[
	$$'[1,2,3]'::vector + '[4,5,6]'$$, $$'[1,2,3]'::vector - '[4,5,6]'$$, $$'[1,2,3]'::vector * '[4,5,-6]'$$,
	$$'[3e38]'::vector + '[3e38]'$$, $$'[-3e38]'::vector - '[3e38]'$$, $$'[3e38]'::vector - '[3e38]'$$,
	$$'[3e38]'::vector * '[2]'$$, $$'[1e-38]'::vector * '[1e-38]'$$, $$'[1e-38]'::vector * '[0]'$$, $$'[0]'::vector * '[-1e-38]'$$,
	$$'[1e-38]'::vector * '[1]'$$, $$'[1e-38,3e38]'::vector * '[1e-38,3e38]'$$, $$'[3e38,1e-38]'::vector * '[3e38,1e-38]'$$,
	$$'[1,2]'::vector || '[3]'$$, $$'[1]'::vector || '[2]' || '[3,4]'$$,
	$$array_fill(1, ARRAY[16000])::vector || '[1]'::vector$$, $$vector_dims(array_fill(1, ARRAY[15999])::vector || '[1]'::vector)$$]);
SELECT count(*), count(*) FILTER (WHERE a + b <> s OR a - b <> d OR a * b <> p)
FROM (SELECT n, array_agg(x ORDER BY i)::vector a, array_agg(y ORDER BY i)::vector b, array_agg(x + y ORDER BY i)::vector s,
		array_agg(x - y ORDER BY i)::vector d, array_agg(x * y ORDER BY i)::vector p
	FROM generate_series(1, 530, 3) n, LATERAL (SELECT i, (i * 7 + n) % 11 - 5 x, (i * 5 + n) % 13 - 7 y FROM generate_series(1, n) i) e
	GROUP BY n) t;

-- comparison: elements first, then dimensions
SELECT a, b, a < b, a <= b, a = b, a <> b, a >= b, a > b, vector_cmp(a, b)
	FROM (VALUES (1, '[1,2,3]'::vector, '[1,2,3]'::vector), (2, '[1,2,3]', '[1,2]'), (3, '[1,2]', '[1,2,3]'), (4, '[1,2]', '[2,3,4]'),
		(5, '[2,3]', '[1,2,3]'), (6, '[1,2]', '[1,3]'), (7, '[0]', '[-0]'), (8, '[-1]', '[-2]')) t(n, a, b) ORDER BY n;
SELECT vector_lt('[1]', '[2]'), vector_le('[1]', '[2]'), vector_eq('[1]', '[2]'), vector_ne('[1]', '[2]'), vector_ge('[1]', '[2]'), vector_gt('[1]', '[2]');
CREATE TEMP TABLE ordered (v vector);
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
CREATE TEMP TABLE distinct_ones (v vector UNIQUE);
INSERT INTO distinct_ones VALUES ('[1]'), ('[1,2]');
INSERT INTO distinct_ones VALUES ('[1]');
-- merge join
SET enable_hashjoin = off;
SET enable_nestloop = off;
SELECT a.v, count(*) FROM ordered a JOIN ordered b USING (v) GROUP BY a.v ORDER BY a.v;
RESET enable_hashjoin;
RESET enable_nestloop;

-- the range of single precision in sums
SELECT * FROM pg_temp.each(ARRAY[
	$$l2_distance('[3e38]'::vector, '[-3e38]')$$, $$l1_distance('[3e38]'::vector, '[-3e38]')$$, $$'[3e38]'::vector <#> '[3e38]'$$,
	$$vector_norm('[3e37,4e37]')::real$$, $$vector_norm('[3e-38,4e-38]')::real$$, $$cosine_distance('[1e38]'::vector, '[1e38]')$$,
	$$cosine_distance('[1e-38]'::vector, '[1e-38]')$$, $$'[1e-40]'::vector - '[1e-45]'$$, $$l2_normalize('[3e37,4e37]'::vector)$$]);
