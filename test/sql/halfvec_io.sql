-- Text, binary and type modifier of halfvec. The same statements give the same output in pgvector 0.8.7.
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
CREATE FUNCTION pg_temp.read(input text) RETURNS text LANGUAGE sql AS
	$$ SELECT pg_temp.attempt(quote_literal(input) || '::halfvec') $$;

-- text that is accepted
SELECT input, pg_temp.read(input) FROM unnest(ARRAY[
	'[1,2,3]', '[-1,2.5,+3]', ' [ 1 , 2 ] ', '[.5,1.,1e2,1E+2,2e-2]', '[0x1p3,0X1.8P1]', '[-0,0]',
	'[0.1,100000,123456789e-4,1e-5]']) WITH ORDINALITY AS t(input, n) ORDER BY n;
-- space, tab, newline, vertical tab, form feed, carriage return
SELECT pg_temp.read(c || '[' || c || '1' || c || ',' || c || '2' || c || ']' || c)
	FROM (SELECT chr(i) FROM unnest(ARRAY[32, 9, 10, 11, 12, 13]) i) s(c);
SELECT pg_temp.read('[1,' || chr(160) || '2]') LIKE '22P02|%' AS no_break_space;

-- syntax errors
SELECT input, pg_temp.read(input) FROM unnest(ARRAY[
	'', ' ', '1,2', '{1}', 'a[1]', '[', '[ ', '[1', '[1,', '[1,]', '[,1]', '[1,,2]', '[1 2]', '[a]', '[1a]', '[1.2.3]',
	'[1e]', '[1e+]', '[.]', '[+]', '[--1]', '[+-1]', '[- 1]', '[0x]', '[1;2]', '[1)',
	'[1]]', '[1]a', '[1],', '[1][2]', '[[1]]']) WITH ORDINALITY AS t(input, n) ORDER BY n;
-- no dimensions: the rest is not looked at
SELECT input, pg_temp.read(input) FROM unnest(ARRAY['[]', '[ ]', '[]x']) WITH ORDINALITY AS t(input, n) ORDER BY n;
-- not a number, infinite: found before later errors
SELECT input, pg_temp.read(input) FROM unnest(ARRAY[
	'[nan]', '[NaN,x', '[-nan]', '[nan(1)]', '[nan(]', '[inf]', '[-Inf]', '[infinity]', '[-INFINITY]x', '[infinit]'])
	WITH ORDINALITY AS t(input, n) ORDER BY n;
-- the range of half precision: what rounds to infinity is an error, too small is zero; ties to even
SELECT input, pg_temp.read(input) FROM unnest(ARRAY[
	'[65504,65519,65519.99]', '[65520]', '[-65520.5]', '[70000]x', '[1e39]', '[1e400]', '[0x1p16]',
	'[2049,2051,-2049,-2051]', '[1e-7,6e-8,5.9604645e-8,2.9802322e-8,2.9802326e-8,1e-8,-1e-8,1e-60]',
	'[6.1035156e-5,6.097555e-5]'])
	WITH ORDINALITY AS t(input, n) ORDER BY n;
-- every finite half reads back as itself: 63488 bit patterns
SELECT count(*), count(*) FILTER (WHERE v::text::halfvec = v AND halfvec_send(v::text::halfvec) = halfvec_send(v))
	FROM (SELECT array_agg(sign * CASE WHEN e = 0 THEN m * 2.0 ^ -24 ELSE (1024 + m) * 2.0 ^ (e - 25) END)::halfvec AS v
		FROM generate_series(0, 30) e, generate_series(0, 1023) m, (VALUES (1.0::float8), (-1.0)) s(sign) GROUP BY e, sign) t;

-- limits
SELECT pg_temp.read('[' || repeat('1,', 15999) || '1]') = '[' || repeat('1,', 15999) || '1]' AS dimensions_16000;
SELECT pg_temp.read('[' || repeat('1,', 16000) || '1]');
SELECT pg_temp.read('[' || repeat('1,', 16000));
SELECT pg_temp.read('[' || repeat('1,', 15999));

-- type modifiers
SELECT expression, pg_temp.attempt(expression) FROM unnest(ARRAY[
	$$'[1,2,3]'::halfvec(3)$$, $$'[1,2,3]'::halfvec(2)$$, $$'[1]'::halfvec(16000)$$, $$'[1]'::halfvec(0)$$, $$'[1]'::halfvec(-1)$$,
	$$'[1]'::halfvec(16001)$$, $$'[1]'::halfvec(1,1)$$, $$'[1]'::halfvec('a')$$, $$'[1]'::halfvec('1')$$])
	WITH ORDINALITY AS t(expression, n) ORDER BY n;
CREATE TEMP TABLE typed (v halfvec(2));
SELECT format_type(atttypid, atttypmod), attstorage FROM pg_attribute WHERE attrelid = 'typed'::regclass AND attname = 'v';
INSERT INTO typed VALUES ('[1,2]');
INSERT INTO typed VALUES ('[1,2,3]');
INSERT INTO typed VALUES (NULL);
SELECT v FROM typed;

-- extra_float_digits has no say
SET extra_float_digits = -10;
SELECT '[0.1234567,3]'::halfvec;
RESET extra_float_digits;

-- binary: int16 dimensions, int16 zero, elements
SELECT halfvec_send('[1,-2.5]'), halfvec_send(('[' || repeat('0,', 255) || '1]')::halfvec) = decode('01000000' || repeat('0', 255 * 2 * 2) || '3c00', 'hex');
CREATE TEMP TABLE binary_in (v halfvec);
CREATE FUNCTION pg_temp.receive(value text, target text DEFAULT 'binary_in') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	-- one row of one column in the format of COPY (FORMAT binary)
	file bytea = decode('5047434f50590aff0d0a00' || '00000000' || '00000000' || '0001', 'hex')
		|| int4send(length(value) / 2) || decode(value, 'hex') || decode('ffff', 'hex');
	path text = current_setting('data_directory') || '/ruvector_binary_test';
	handle int;
	state text; message text; result text;
BEGIN
	handle = lo_from_bytea(0, file);
	PERFORM lo_export(handle, path);
	PERFORM lo_unlink(handle);
	EXECUTE format('TRUNCATE %I', target);
	EXECUTE format('COPY %I FROM %L (FORMAT binary)', target, path);
	EXECUTE format('SELECT v::text FROM %I', target) INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
	RETURN state || '|' || message;
END $$;
SELECT pg_temp.receive(encode(halfvec_send('[1,-2.5,0.1]'), 'hex'));
SELECT pg_temp.receive('00010000' || '8000'), pg_temp.receive('00010000' || '0001');
-- wrong dimensions, unused, NaN, infinity, type modifier, too short, too long
SELECT pg_temp.receive('00000000');
SELECT pg_temp.receive('ffff0000');
SELECT pg_temp.receive('3e810000');
SELECT pg_temp.receive('00010001' || '3c00');
SELECT pg_temp.receive('0001ffff' || '3c00');
SELECT pg_temp.receive('00010000' || '7e00');
SELECT pg_temp.receive('00010000' || '7c00');
SELECT pg_temp.receive('00010000' || 'fc00');
SELECT pg_temp.receive('00010000' || '3c00', 'typed');
SELECT pg_temp.receive('00020000' || '3c00');
SELECT pg_temp.receive('00010000' || '3c00' || '3c00');
SELECT pg_temp.receive('00');

-- values out of line, in text and binary
CREATE TEMP TABLE large (n int, v halfvec);
INSERT INTO large SELECT n, array_agg((i + n) % 1024)::halfvec FROM generate_series(1, 16000) i, generate_series(1, 3) n GROUP BY n;
SELECT n, vector_dims(v), md5(v::text) = md5((SELECT '[' || string_agg(((i + n) % 1024)::text, ',' ORDER BY i) || ']'
	FROM generate_series(1, 16000) i)) FROM large ORDER BY n;
