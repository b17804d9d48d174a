-- Casts of sparsevec. The same statements give the same output in pgvector 0.8.7.
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

SELECT t || ' => ' || pg_temp.attempt(t) FROM unnest(ARRAY[
	-- vector
	$$'[0,1.5,0,3.5,0]'::vector::sparsevec$$, $$'[0,-0]'::vector::sparsevec$$, $$'[1e-45,3e38]'::vector::sparsevec$$, $$'[0,1.5,0]'::vector::sparsevec(3)$$, $$'[0,1.5,0]'::vector::sparsevec(4)$$,
	$$NULL::vector::sparsevec$$, $$'{2:1.5,4:3.5}/5'::sparsevec::vector$$, $$'{}/3'::sparsevec::vector$$, $$'{2:1.5,4:3.5}/5'::sparsevec::vector(5)$$, $$'{2:1.5,4:3.5}/5'::sparsevec::vector(4)$$,
	$$'{}/16000'::sparsevec::vector = array_fill(0, ARRAY[16000])::vector$$, $$'{}/16001'::sparsevec::vector$$, $$'{}/16001'::sparsevec::vector(3)$$, $$vector_to_sparsevec('[1,0]', 2, true)$$, $$vector_to_sparsevec('[1,0]', 3, true)$$,
	$$sparsevec_to_vector('{1:1}/2', 2, true)$$, $$sparsevec_to_vector('{1:1}/2', 3, true)$$, $$sparsevec_to_vector('{1:1}/20000', 3, true)$$,
	-- halfvec
	$$'[0,1.5,0,3.5,0]'::halfvec::sparsevec$$, $$'[0,-0]'::halfvec::sparsevec$$, $$'[6e-8,65504]'::halfvec::sparsevec$$, $$'[0,1.5,0]'::halfvec::sparsevec(3)$$, $$'[0,1.5,0]'::halfvec::sparsevec(4)$$,
	$$'{2:1.5,4:3.5}/5'::sparsevec::halfvec$$, $$'{}/3'::sparsevec::halfvec$$, $$'{2:1.5,4:3.5}/5'::sparsevec::halfvec(5)$$, $$'{2:1.5,4:3.5}/5'::sparsevec::halfvec(4)$$, $$'{}/16001'::sparsevec::halfvec$$,
	$$'{1:65504}/1'::sparsevec::halfvec$$, $$'{1:65519}/1'::sparsevec::halfvec$$, $$'{1:65520}/1'::sparsevec::halfvec$$, $$'{1:-65520}/1'::sparsevec::halfvec$$, $$'{1:1e38}/1'::sparsevec::halfvec$$, $$'{1:1e-8}/1'::sparsevec::halfvec$$, $$'{1:3e-8}/1'::sparsevec::halfvec$$,
	$$'{1:-1e-30}/1'::sparsevec::halfvec$$, $$'{1:0.1,2:2049,3:2051}/3'::sparsevec::halfvec$$, $$halfvec_to_sparsevec('[1,0]', 3, true)$$, $$sparsevec_to_halfvec('{1:1}/2', 3, true)$$,
	-- arrays
	$$ARRAY[1,0,2]::sparsevec$$, $$ARRAY[1.5,0,2]::real[]::sparsevec$$, $$ARRAY[1.5,0,2]::float8[]::sparsevec$$, $$ARRAY[1.5,0,2]::numeric[]::sparsevec$$, $$ARRAY[-0.0,0]::float8[]::sparsevec$$, $$ARRAY[1,2]::sparsevec(2)$$, $$ARRAY[1,2]::sparsevec(3)$$,
	$$ARRAY[]::int[]::sparsevec$$, $$'{}'::real[]::sparsevec$$, $$ARRAY[[1,2],[3,4]]::sparsevec$$, $$ARRAY[[1,2]]::real[]::sparsevec$$, $$ARRAY[1,NULL]::sparsevec$$, $$ARRAY[0,NULL]::numeric[]::sparsevec$$, $$ARRAY[[1,NULL]]::int[]::sparsevec$$,
	$$'[5:7]={1,0,2}'::int[]::sparsevec$$, $$ARRAY['NaN']::real[]::sparsevec$$, $$ARRAY['Infinity']::real[]::sparsevec$$, $$ARRAY['-Infinity']::float8[]::sparsevec$$, $$ARRAY['NaN']::numeric[]::sparsevec$$, $$ARRAY['Infinity']::numeric[]::sparsevec$$,
	$$ARRAY[1e39]::float8[]::sparsevec$$, $$ARRAY[-1e39]::float8[]::sparsevec$$, $$ARRAY[1e39]::numeric[]::sparsevec$$, $$ARRAY[1e50::numeric]::sparsevec$$, $$ARRAY[1e-46]::float8[]::sparsevec$$, $$ARRAY[1e-45]::float8[]::sparsevec$$, $$ARRAY[1,1e-50]::float8[]::sparsevec$$, $$ARRAY[1e-50]::numeric[]::sparsevec$$,
	$$ARRAY[1e-46]::numeric[]::sparsevec$$, $$ARRAY[16777217]::sparsevec$$, $$ARRAY[2147483647,-2147483648]::sparsevec$$, $$ARRAY[3.14159265358979]::float8[]::sparsevec$$, $$ARRAY[0.1]::numeric[]::sparsevec$$, $$array_to_sparsevec(ARRAY[1,2], 3, true)$$,
	$$l2_norm(array_fill(1, ARRAY[16000])::sparsevec)$$, $$l2_norm(array_fill(1, ARRAY[16001])::sparsevec)$$, $$array_fill(0, ARRAY[16001])::sparsevec$$, $$array_fill(0, ARRAY[1000000])::real[]::sparsevec$$, $$array_fill(0, ARRAY[20000])::sparsevec(16)$$, $$array_fill(1, ARRAY[20000])::sparsevec(16)$$,
	$$ARRAY[1]::bigint[]::sparsevec$$, $$ARRAY['1']::text[]::sparsevec$$, $$'{1,2}'::sparsevec$$, $$'{1:1}/1'::sparsevec::real[]$$, $$'{1:1}/1'::sparsevec::int[]$$, $$'{1:1,3:2}/3'::sparsevec::vector::real[]$$, $$ARRAY[NULL]::int[]::sparsevec$$, $$NULL::int[]::sparsevec$$
]) WITH ORDINALITY AS x(t, n) ORDER BY n;

-- contexts
CREATE TEMP TABLE target (s sparsevec(3), v vector(3), h halfvec(3));
INSERT INTO target (s) VALUES ('[1,0,2]'::vector), ('[1,0,2]'::halfvec), (ARRAY[1,0,2]), (ARRAY[1,0,2]::real[]), (ARRAY[1,0,2]::float8[]), (ARRAY[1,0,2]::numeric[]);
INSERT INTO target (v) VALUES ('{1:1,3:2}/3'::sparsevec);
INSERT INTO target (h) VALUES ('{1:1,3:2}/3'::sparsevec);
INSERT INTO target (s) VALUES ('[1,0]'::vector);
INSERT INTO target (v) VALUES ('{1:1}/2'::sparsevec);
SELECT * FROM target;
SELECT sparsevec_cmp('[1,0,2]'::vector, '[1,0,2]'::halfvec);
SELECT vector_dims('{1:1}/2'::sparsevec);
SELECT vector_add('[1,0]', '{1:1}/2'::sparsevec);
SELECT unnest(ARRAY['[1,2]'::vector, '{1:1}/2'::sparsevec]);
SELECT '[1,2]'::vector UNION ALL SELECT '{1:1}/2'::sparsevec;
SELECT CASE WHEN true THEN '[1,0]'::halfvec ELSE '{1:1}/2'::sparsevec END;
