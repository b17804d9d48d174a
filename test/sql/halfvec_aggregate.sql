-- Aggregates of halfvec. The same statements give the same output in pgvector 0.8.7.
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

CREATE TEMP TABLE t (g int, v halfvec);
INSERT INTO t VALUES (1, '[1,2,3]'), (1, '[3,5,7]'), (2, '[1,1,1]'), (2, NULL), (3, NULL);
SELECT avg(v), sum(v), count(v) FROM t;
SELECT g, avg(v), sum(v) FROM t GROUP BY g ORDER BY g;
SELECT avg(v), sum(v) FROM t WHERE false;
SELECT g, avg(v) OVER (ORDER BY g), sum(v) OVER (ORDER BY g) FROM t WHERE v IS NOT NULL ORDER BY 1, 2;
-- the rows are as they were
SELECT * FROM t ORDER BY g, v;
-- errors
SELECT * FROM pg_temp.each(ARRAY[
	$$(SELECT avg(v) FROM (VALUES ('[1,2]'::halfvec), ('[1]')) s(v))$$, $$(SELECT sum(v) FROM (VALUES ('[1,2]'::halfvec), ('[1]')) s(v))$$,
	$$(SELECT sum(v) FROM (VALUES ('[65504]'::halfvec), ('[65504]')) s(v))$$, $$(SELECT avg(v) FROM (VALUES ('[65504]'::halfvec), ('[65504]')) s(v))$$,
	$$avg('[1,2]')$$]);

-- the functions behind them
SELECT * FROM pg_temp.each(ARRAY[
	$$halfvec_accum('{0}', '[1,2]')$$, $$halfvec_accum('{1,1,2}', '[3,5]')$$, $$halfvec_accum('{5}', '[1]')$$, $$halfvec_accum('{1,2}', '[1,2]')$$,
	$$halfvec_accum('{}', '[1]')$$, $$halfvec_accum('{1,NULL}', '[1]')$$, $$halfvec_accum('{{1,2}}', '[1]')$$, $$halfvec_accum('{1,Infinity}', '[1]')$$,
	$$halfvec_accum('[0:1]={1,2}', '[1]')$$,
	$$halfvec_combine('{0}', '{0}')$$, $$halfvec_combine('{0}', '{2,1,1}')$$, $$halfvec_combine('{2,1,1}', '{0}')$$, $$halfvec_combine('{1,2}', '{3,4}')$$,
	$$halfvec_combine('{0,2}', '{1,4}')$$, $$halfvec_combine('{3}', '{1,4}')$$, $$halfvec_combine('{1,2}', '{1,2,3}')$$, $$halfvec_combine('{0,2}', '{0,2,3}')$$,
	$$halfvec_combine('{1,1e308}', '{1,1e308}')$$, $$halfvec_combine('{0}', '{1,Infinity}')$$, $$halfvec_combine('{}', '{1,2}')$$,
	$$halfvec_combine('{1,2}', '{}')$$, $$halfvec_combine('{1,2}', '{1,NULL}')$$,
	$$halfvec_avg('{0}')$$, $$halfvec_avg('{0,1}')$$, $$halfvec_avg('{2,4,7}')$$, $$halfvec_avg('{1}')$$, $$halfvec_avg('{}')$$, $$halfvec_avg('{1,NULL}')$$,
	$$halfvec_avg('{{1,2}}')$$, $$halfvec_avg('{1,NaN}')$$, $$halfvec_avg('{1,Infinity}')$$, $$halfvec_avg('{1,1e39}')$$, $$halfvec_avg('{1,70000}')$$,
	$$halfvec_avg('{-1,3}')$$, $$halfvec_avg(array_fill(1.0::float8, ARRAY[16002]))$$]);

-- many rows, in groups, in parallel
CREATE TABLE halfvec_many (g int, v halfvec(3));
INSERT INTO halfvec_many SELECT i % 4, ARRAY[i % 8, i % 16 - 8, -(i % 4)]::halfvec FROM generate_series(1, 16000) i;
ANALYZE halfvec_many;
SELECT g, avg(v), count(v) FROM halfvec_many GROUP BY g ORDER BY g;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT avg(v), sum(v - v) FROM halfvec_many;
SELECT avg(v), sum(v - v) FROM halfvec_many;
DROP TABLE halfvec_many;
