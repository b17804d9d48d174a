-- Functions, operators, order and btree of sparsevec. The same statements give the same output in pgvector 0.8.7.
\pset null '(null)'
\pset format unaligned
\pset tuples_only on
CREATE FUNCTION pg_temp.attempt(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text; state text; message text; detail text;
BEGIN
	EXECUTE 'SELECT (' || expression || ')::text' INTO result;
	RETURN coalesce(result, '(null)');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws('|', state, message, nullif(detail, ''));
END $$;

-- every distance of every pair, by function and by operator
SELECT a || ' ' || b, l2_distance(a::sparsevec, b::sparsevec), sparsevec_l2_squared_distance(a::sparsevec, b::sparsevec), inner_product(a::sparsevec, b::sparsevec),
	sparsevec_negative_inner_product(a::sparsevec, b::sparsevec), cosine_distance(a::sparsevec, b::sparsevec), l1_distance(a::sparsevec, b::sparsevec),
	(a::sparsevec <-> b::sparsevec) = l2_distance(a::sparsevec, b::sparsevec), (a::sparsevec <#> b::sparsevec) = sparsevec_negative_inner_product(a::sparsevec, b::sparsevec),
	(a::sparsevec <=> b::sparsevec) = cosine_distance(a::sparsevec, b::sparsevec), (a::sparsevec <+> b::sparsevec) = l1_distance(a::sparsevec, b::sparsevec)
FROM (VALUES (1, '{}/2', '{}/2'), (2, '{}/2', '{1:3,2:4}/2'), (3, '{2:1}/2', '{}/2'), (4, '{1:1,2:2}/2', '{1:2,2:4}/2'), (5, '{1:1,2:1}/2', '{1:-1,2:-1}/2'),
	(6, '{1:1}/2', '{2:2}/2'), (7, '{1:1,2:2}/2', '{2:4}/2'), (8, '{1:1,3:2,5:3}/6', '{2:3,3:-4,6:1}/6'), (9, '{1:1}/1', '{1:1}/1'),
	(10, '{1:3e38}/1', '{1:-3e38}/1'), (11, '{1:1e-38}/1', '{1:1e-38}/1'), (12, '{1000000000:2}/1000000000', '{1:1,1000000000:3}/1000000000'), (13, '{1:1e20}/1', '{1:1e20}/1')) x(n, a, b) ORDER BY n;
SELECT t || ' => ' || pg_temp.attempt(t) FROM unnest(ARRAY[
	$$l2_distance('{}/1'::sparsevec, '{}/2')$$, $$inner_product('{}/1'::sparsevec, '{}/2')$$, $$cosine_distance('{}/1'::sparsevec, '{}/2')$$, $$l1_distance('{}/1'::sparsevec, '{}/2')$$,
	$$sparsevec_l2_squared_distance('{}/1'::sparsevec, '{}/2')$$, $$sparsevec_negative_inner_product('{}/1'::sparsevec, '{}/2')$$,
	$$l2_distance('{}/1'::sparsevec, NULL)$$, $$'{}/1'::sparsevec <-> '{1:1}/1'$$, $$'{1:1}/1'::sparsevec <+> '[1]'$$, $$'[1,2]'::vector <-> '{1:1}/2'::sparsevec$$, $$'[1,2]'::halfvec <-> '{1:1}/2'::sparsevec$$,
	$$'{1:1}/2'::sparsevec <-> '[1,2]'::vector::sparsevec$$
]) WITH ORDINALITY AS x(t, n) ORDER BY n;

-- norm and normalization
SELECT t || ' => ' || pg_temp.attempt(t) FROM unnest(ARRAY[
	$$l2_norm('{1:3,2:4}/2'::sparsevec)$$, $$l2_norm('{2:1}/2'::sparsevec)$$, $$l2_norm('{}/2'::sparsevec)$$, $$l2_norm('{1:3e37,2:4e37}/2'::sparsevec)$$, $$l2_norm('{1:2}/1'::sparsevec)$$, $$l2_norm('{1:-1,2:1e-20}/2'::sparsevec)$$,
	$$l2_normalize('{1:3,2:4}/2'::sparsevec)$$, $$l2_normalize('{1:3}/2'::sparsevec)$$, $$l2_normalize('{2:0.1}/2'::sparsevec)$$, $$l2_normalize('{}/2'::sparsevec)$$, $$l2_normalize('{1:3e38}/1'::sparsevec)$$,
	$$l2_normalize('{1:3e38,2:1e-37}/2'::sparsevec)$$, $$l2_normalize('{1:3e38,2:1e-37,3:-3e38,5:1e-45}/6'::sparsevec)$$, $$l2_normalize('{1:2e37,2:3e37,3:1e-37}/3'::sparsevec)$$, $$l2_normalize('{1:1e-45}/1'::sparsevec)$$,
	$$l2_norm(NULL::sparsevec)$$, $$l2_normalize(NULL::sparsevec)$$, $$vector_dims('{}/3'::sparsevec)$$, $$vector_norm('{}/3'::sparsevec)$$
]) WITH ORDINALITY AS x(t, n) ORDER BY n;

-- comparison: as if the vectors were dense, then the number of dimensions
SELECT a || ' ' || b, a::sparsevec < b::sparsevec, a::sparsevec <= b::sparsevec, a::sparsevec = b::sparsevec, a::sparsevec <> b::sparsevec, a::sparsevec >= b::sparsevec, a::sparsevec > b::sparsevec,
	sparsevec_cmp(a::sparsevec, b::sparsevec), sparsevec_cmp(b::sparsevec, a::sparsevec)
FROM (VALUES (1, '{1:1,2:2,3:3}/3', '{1:1,2:2,3:3}/3'), (2, '{1:1,2:2,3:3}/3', '{1:1,2:2}/2'), (3, '{1:1,2:2,3:3}/3', '{1:1,2:2}/3'), (4, '{1:1,2:2}/2', '{1:1,2:2}/3'), (5, '{1:1,2:2}/2', '{2:3,3:4}/3'),
	(6, '{1:1,2:2}/2', '{1:2}/2'), (7, '{}/1', '{}/1'), (8, '{}/1', '{}/2'), (9, '{1:-1}/2', '{}/2'), (10, '{1:-1}/2', '{}/1'), (11, '{2:-1}/2', '{}/1'), (12, '{2:1}/2', '{}/1'), (13, '{2:1}/2', '{1:1}/2'),
	(14, '{1:1}/2', '{2:1}/2'), (15, '{1:-1}/2', '{2:1}/2'), (16, '{1:-1}/2', '{2:-1}/2'), (17, '{1:1,3:-1}/3', '{1:1,2:1}/3'), (18, '{1:1,3:-1}/3', '{1:1}/3'), (19, '{1:1,3:-1}/3', '{1:1}/2'), (20, '{1:1,3:-1}/3', '{1:1,4:-5}/4'),
	(21, '{1:1,4:5}/4', '{1:1}/2'), (22, '{1:1,4:-5}/4', '{1:1}/2'), (23, '{3:1}/3', '{2:-1}/2'), (24, '{3:1}/3', '{2:1}/2')) x(n, a, b) ORDER BY n;
SELECT pg_temp.attempt($$sparsevec_lt(NULL, '{}/1')$$), pg_temp.attempt($$sparsevec_cmp('{}/1', NULL)$$);

-- btree, order, distinct, merge
CREATE TEMP TABLE t (v sparsevec(3));
INSERT INTO t VALUES ('{}/3'), ('{1:1,2:2,3:3}/3'), ('{1:1,2:1,3:1}/3'), (NULL), ('{1:-1}/3'), ('{1:1,2:2,3:3}/3');
CREATE INDEX ON t (v);
SET enable_seqscan = off;
SELECT * FROM t WHERE v = '{1:1,2:2,3:3}/3';
SELECT * FROM t ORDER BY v;
SELECT * FROM t WHERE v < '{}/3';
SELECT * FROM t WHERE v >= '{1:1,2:1,3:1}/3' ORDER BY v DESC;
RESET enable_seqscan;
SELECT DISTINCT v FROM t ORDER BY v NULLS FIRST;
SELECT count(*) FROM t a JOIN t b USING (v);
SELECT count(*), v FROM t GROUP BY v ORDER BY 2;
CREATE UNIQUE INDEX u ON t (v);
CREATE TEMP TABLE big (v sparsevec);
INSERT INTO big SELECT ('{' || string_agg(i || ':1', ',') || '}/1000')::sparsevec FROM generate_series(1, 1000) i;
CREATE INDEX ON big (v);

-- parameters of unknown type resolve as they do in pgvector
SELECT t || ' => ' || pg_temp.attempt(t) FROM unnest(ARRAY[
	$$sum('1')$$, $$avg('1')$$, $$sum('[1,2]')$$, $$avg('{1:1}/1')$$, $$sum(NULL)$$, $$avg(NULL)$$, $$pg_typeof(sum(NULL))$$, $$pg_typeof(avg(NULL))$$, $$l2_distance('[1]', '[1]')$$, $$l2_norm('{1:1}/1')$$,
	$$'{1:1}/1' <-> '{1:1}/1'$$, $$'{1:1}/1' = '{1:1}/1'$$, $$inner_product('[1]', '[1]'::sparsevec)$$, $$pg_typeof(l2_normalize('[1]'))$$, $$pg_typeof(vector_dims('[1]'))$$
]) WITH ORDINALITY AS x(t, n) ORDER BY n;
PREPARE p AS SELECT sum($1);
PREPARE q AS SELECT avg($1);
