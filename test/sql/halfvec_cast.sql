-- Casts of halfvec. The same statements give the same output in pgvector 0.8.7.
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

-- from arrays
SELECT * FROM pg_temp.each(ARRAY[
	$$ARRAY[1,2,3]::halfvec$$, $$ARRAY[1.5,2,3]::halfvec$$, $$ARRAY[1.5,2,3]::float4[]::halfvec$$, $$ARRAY[1.5,2,3]::float8[]::halfvec$$,
	$$'{1.1,-0}'::float8[]::halfvec$$, $$'[3:4]={1,2}'::int[]::halfvec$$, $$ARRAY[2147483647,-1]::vector$$, $$ARRAY[1e-50::float8]::halfvec$$,
	$$ARRAY[1,2,3]::halfvec(3)$$, $$ARRAY[1,2,3]::halfvec(2)$$, $$array_to_halfvec('{1,2}'::int[], 3, true)$$, $$array_to_halfvec('{1,2}'::float4[], -1, false)$$,
	$$array_to_halfvec('{1,2}'::float8[], 2, false)$$, $$array_to_halfvec('{1,2}'::numeric[], 2, false)$$,
	$$'{}'::int[]::halfvec$$, $$'{}'::numeric[]::halfvec$$, $$'{NULL}'::int[]::halfvec$$, $$'{1,NULL}'::float8[]::halfvec$$, $$'{NULL,1}'::numeric[]::halfvec$$,
	$$'{{1,2},{3,4}}'::int[]::halfvec$$, $$'{{1},{NULL}}'::float4[]::halfvec$$, $$'{NaN}'::float4[]::halfvec$$, $$'{NaN}'::float8[]::halfvec$$,
	$$'{NaN}'::numeric[]::halfvec$$, $$'{Infinity}'::float4[]::halfvec$$, $$'{-Infinity}'::float8[]::halfvec$$, $$'{Infinity}'::numeric[]::halfvec$$,
	$$'{1e300}'::float8[]::halfvec$$, $$'{-1e39}'::numeric[]::halfvec$$, $$'{1,65519,65520}'::int[]::halfvec$$, $$'{65520}'::float4[]::halfvec$$,
	$$'{-65520}'::float8[]::halfvec$$, $$'{70000.5}'::numeric[]::halfvec$$, $$'{NaN,70000}'::float8[]::halfvec$$,
	$$vector_dims(array_fill(1, ARRAY[16000])::halfvec)$$, $$array_fill(1, ARRAY[16001])::halfvec$$, $$ARRAY['a']::halfvec$$, $$'{1}'::bigint[]::halfvec$$]);
-- a bitmap of nulls without nulls
SELECT (ARRAY[1,NULL,3]::int[])[3:3]::halfvec, array_remove(ARRAY[1,NULL]::float8[], NULL)::halfvec;

-- to arrays
SELECT * FROM pg_temp.each(ARRAY[
	$$'[1,2.5,-0]'::halfvec::real[]$$, $$halfvec_to_float4('[1,2]', 5, true)$$, $$array_ndims('[1,2]'::halfvec::real[])$$,
	$$array_lower('[1,2]'::halfvec::real[], 1)$$, $$'[1,2]'::halfvec::float8[]$$, $$('[1,2]'::halfvec::real[])[2]$$, $$'[1,2]'::halfvec::text$$]);
SELECT array_fill(0.5, ARRAY[16000])::halfvec::real[] = array_fill(0.5::real, ARRAY[16000]);

-- to the same type: only the type modifier
SELECT * FROM pg_temp.each(ARRAY[
	$$'[1,2]'::halfvec::halfvec(2)$$, $$'[1,2]'::halfvec::halfvec(3)$$, $$halfvec('[1,2]', 2, true)$$, $$halfvec('[1,2]', -1, false)$$, $$halfvec('[1,2]', 1, true)$$]);

-- between the dense types
SELECT * FROM pg_temp.each(ARRAY[
	$$'[1,2]'::vector::halfvec$$, $$'[0.1,2049,1e-9,-0]'::vector::halfvec$$, $$'[1,2]'::vector::halfvec(2)$$, $$'[1,2]'::vector::halfvec(3)$$,
	$$'[1,65519]'::vector::halfvec$$, $$'[1,65520]'::vector::halfvec$$, $$'[-3e38]'::vector::halfvec$$, $$'[1,2]'::halfvec::vector$$,
	$$'[0.1,65504,6e-8,-0]'::halfvec::vector$$, $$'[1,2]'::halfvec::vector(2)$$, $$'[1,2]'::halfvec::vector(3)$$,
	$$vector_to_halfvec('[1]', 2, true)$$, $$halfvec_to_vector('[1]', 2, true)$$, $$'[70000,1]'::vector::halfvec(3)$$]);

-- what is implicit, what only assigns
CREATE FUNCTION pg_temp.take(halfvec) RETURNS text LANGUAGE sql AS $$ SELECT $1::text $$;
SELECT * FROM pg_temp.each(ARRAY[
	$$pg_temp.take('[1,2]')$$, $$pg_temp.take('[1,2]'::vector)$$, $$pg_temp.take('[1,2]'::halfvec)$$, $$pg_temp.take(ARRAY[1,2])$$,
	$$pg_temp.take(ARRAY[1,2]::real[])$$, $$array_length('[1,2]'::vector, 1)$$, $$array_length('[1,2]'::halfvec, 1)$$,
	$$'[1,2]'::vector <-> '[1,3]'::halfvec$$, $$pg_typeof('[1,2]'::vector + '[1,2]'::halfvec)$$, $$'[1,2]'::vector = '[1,2]'::halfvec$$,
	$$'[1,2]' <-> '[1,3]'::halfvec$$, $$'[1,2]'::halfvec <-> ARRAY[1,3]$$, $$vector_dims('[1]')$$, $$'[1]' <-> '[2]'$$, $$l2_distance('[1]', '[2]')$$]);
CREATE TEMP TABLE assigned (v halfvec(2));
INSERT INTO assigned VALUES (ARRAY[1,2]), (ARRAY[1,2.5]), (ARRAY[1,2]::real[]), (ARRAY[1,2]::float8[]), ('[1,2]'::vector), ('[1,2]'::halfvec);
INSERT INTO assigned VALUES (ARRAY[1,2,3]);
INSERT INTO assigned VALUES ('[1]'::vector);
INSERT INTO assigned VALUES ('[1,2,3]'::halfvec);
SELECT v FROM assigned;
PREPARE find(halfvec) AS SELECT v <-> $1 FROM assigned LIMIT 1;
EXECUTE find('[1,2]');
EXECUTE find(ARRAY[1,2]);
ALTER TABLE assigned ALTER v TYPE halfvec(3);
ALTER TABLE assigned ALTER v TYPE vector(2);
ALTER TABLE assigned ALTER v TYPE real[];
SELECT v FROM assigned LIMIT 1;
