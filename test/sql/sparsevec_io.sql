-- Text, binary and type modifier of sparsevec. The same statements give the same output in pgvector 0.8.7.
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
	$$ SELECT pg_temp.attempt(quote_literal(input) || '::sparsevec') $$;

-- text that is accepted
SELECT format('%-34s %s', replace(replace(t, E'\n', '\n'), E'\t', '\t'), pg_temp.read(t)) FROM unnest(ARRAY[
	'{1:1.5,3:2}/5', '{}/5', '{ }/5', '{  } / 5 ', ' {1:1}/1', '  { 1 : 1 , 2 : 2 } / 3  ', '{1 :1}/1', '{1: 1}/1', '{1:1 }/1',
	'{1:1 ,2:2}/2', '{1:1, 2:2}/2', '{1:1} /1', '{1:1}/ 1', '{1:1}/1 ', E'{\n1:\n1\n}\n/\n1\n', E'{\t1\t:\t1\t}\t/\t1\t',
	E'{1:1\x0b,\x0c2:2\r}/2',
	'{2:1,1:2}/2', '{3:3,1:1,2:2}/3', '{1:0}/1', '{1:-0}/1', '{1:0,2:1}/2', '{1:1,2:0,1:0}/2', '{1:0,1:0}/1',
	'{-5:0}/5', '{10:0}/5', '{2147483648:0}/5', '{+1:1}/1', '{1:1}/+1', '{01:1}/01', '{010:1}/20',
	'{1:+1}/1', '{1:.5}/1', '{1:5.}/1', '{1:1e1}/1', '{1:1E1}/1', '{1:-1e-1}/1', '{1:0x1p3}/1', '{1:0x10}/1',
	'{1:3.14159265358979}/1', '{1:0.1,2:0.2}/2', '{1:1e-7,2:1e20,3:1234567}/3', '{1:16777217}/1', '{1:1e38}/1',
	'{1:3.4028235e38}/1', '{1:-3.4028235e38}/1', '{1:1e-45}/1', '{1:1.17549435e-38}/1', '{1:1.1754942e-38}/1',
	'{}/1000000000', '{1000000000:1}/1000000000'
]) WITH ORDINALITY AS x(t, n) ORDER BY n;

-- text that is not
SELECT format('%-34s %s', t, pg_temp.read(t)) FROM unnest(ARRAY[
	'', ' ', '{', '}', '[', '/1', '[1,2,3]', '1:1}/1', 'a{1:1}/1', '{{1:1}}/1',
	'{,}/2', '{,1:1}/2', '{1:1,}/2', '{1:1,,2:2}/2', '{1:1;2:2}/2', '{1:1 2}/2', '{1:1 2:2}/2', '{1:1:2}/2',
	'{1}/1', '{1:}/1', '{1:,2:1}/2', '{:1}/1', '{:}/1', '{a:1}/1', '{1:a}/1', '{1:1a}/1', '{1a:1}/1', '{1:"1"}/1',
	'{0x1:1}/1', '{1.5:1}/2', '{1e0:1}/2', '{- 1:1}/2', '{1 1:1}/2', '{1:--1}/1', '{1:-}/1', '{1:1e}/1', '{1:1e+}/1', '{1:1.2.3}/1', '{1:- 1}/1',
	'{1', '{1:', '{1:1', '{1:1,', '{1:1}', '{1:1}1', '{1:1} 1', '{1:1}x/1', '{1:1}}/1', '{1:1}/', '{1:1}/ ', '{1:1}/a', '{1:1}//1', '{}', '{}/',
	'{1:1}/1a', '{1:1}/1 a', '{1:1}/1/', '{1:1}/1}', '{1:1}/1,', '{1:1}/1 {', '{1:1}/1.5', '{1:1}/1e1', '{1:1}/0x1', '{1:1}/9999999999}'
]) WITH ORDINALITY AS x(t, n) ORDER BY n;

-- values out of range
SELECT format('%-34s %s', t, pg_temp.read(t)) FROM unnest(ARRAY[
	'{1:NaN}/1', '{1:nan}/1', '{1:NaN(1)}/1', '{1:-nan}/1', '{1:Infinity}/1', '{1:-Infinity}/1', '{1:inf}/1', '{1:infi}/1', '{1:nan', '{1:inf}/',
	'{1:1e400}/1', '{1:-1e400}/1', '{1:1e39}/1', '{1:3.4028236e38}/1', '{1:4e38}/1', '{1:-4e38}/1', '{1:1e-46}/1', '{1:-1e-46}/1', '{1:1e-400}/1',
	'{1:1e400x}/1', '{1:1e400 }/1', '{1:1e39', '{1: 1e39}/1', '{1:1,2:1e400}/2', '{9:1e400}/2'
]) WITH ORDINALITY AS x(t, n) ORDER BY n;

-- dimensions and indices
SELECT format('%-34s %s', t, pg_temp.read(t)) FROM unnest(ARRAY[
	'{}/0', '{}/-1', '{1:1}/0', '{5:1}/-1', '{}/-9223372036854775809', '{}/1000000001', '{1:1}/1000000001', '{}/2147483647', '{}/2147483648', '{1:1}/4294967297',
	'{}/9223372036854775808', '{}/99999999999999999999999',
	'{0:1}/1', '{-1:1}/1', '{2:1}/1', '{1:1,2:2}/1', '{1:1,2:2,3:3}/2', '{1000000001:1}/1000000000',
	'{2147483647:1}/5', '{2147483648:1}/5', '{4294967297:1}/5', '{-2147483648:1}/5', '{-2147483649:1}/5', '{9223372036854775807:1}/5',
	'{9223372036854775808:1}/5', '{-9223372036854775808:1}/5', '{99999999999999999999:1}/5', '{5:1,2147483648:1}/5',
	'{1:1,1:1}/2', '{1:1,1:1}/1', '{2:1,1:1,2:3}/2'
]) WITH ORDINALITY AS x(t, n) ORDER BY n;

-- number of elements
CREATE FUNCTION pg_temp.many(n int, value text, dim int) RETURNS text LANGUAGE sql AS
	$$ SELECT '{' || string_agg(i || ':' || value, ',') || '}/' || dim FROM generate_series(1, n) i $$;
SELECT l2_norm(pg_temp.many(16000, '1', 16000)::sparsevec);
SELECT pg_temp.read(pg_temp.many(16001, '1', 16001));
SELECT pg_temp.read(pg_temp.many(16001, '0', 16001));
SELECT pg_temp.read(repeat(',', 16000));
SELECT pg_temp.read(repeat(',', 15999)) = '22P02|' || left('invalid input syntax for type sparsevec: "' || repeat(',', 15999), 100) || '|Vector contents must start with "{".';
SELECT pg_temp.read('{1:1}/1' || repeat(',', 16000));


-- type modifier
SELECT t || ' => ' || pg_temp.attempt(t) FROM unnest(ARRAY[
	$$'{1:1}/3'::sparsevec(3)$$, $$'{1:1}/3'::sparsevec(2)$$, $$'{1:1}/3'::sparsevec(4)$$, $$'{1:1}/3'::sparsevec(1000000000)$$, $$'{5:1}/3'::sparsevec(4)$$,
	$$'{1:1}/3'::sparsevec(0)$$, $$'{1:1}/3'::sparsevec(-1)$$, $$'{1:1}/3'::sparsevec(1000000001)$$, $$'{1:1}/3'::sparsevec(3,3)$$, $$'{1:1}/3'::sparsevec('a')$$,
	$$'{1:1}/3'::sparsevec()$$, $$'{1:1}/3'::sparsevec(2147483648)$$,
	$$sparsevec_typmod_in('{3}')$$, $$sparsevec_typmod_in('{}')$$, $$sparsevec_typmod_in('{1,2}')$$, $$sparsevec_typmod_in('{0}')$$, $$sparsevec_typmod_in('{NULL}')$$,
	$$sparsevec('{1:1}/3', 3, true)$$, $$sparsevec('{1:1}/3', 4, true)$$, $$sparsevec('{1:1}/3', -1, false)$$, $$sparsevec(NULL, 3, false)$$, $$format_type('sparsevec'::regtype, 3)$$,
	$$sparsevec_in('{1:1}/3', 0, -1)$$, $$sparsevec_in('{1:1}/3', 0, 3)$$, $$sparsevec_in('{1:1}/3', 0, 4)$$, $$sparsevec_in('{9:1}/3', 0, 4)$$, $$sparsevec_in('{9:1}/0', 0, 4)$$
]) WITH ORDINALITY AS x(t, n) ORDER BY n;
CREATE TEMP TABLE typed (v sparsevec(3));
INSERT INTO typed VALUES ('{1:1}/3'), ('{}/3'), (NULL);
INSERT INTO typed VALUES ('{1:1}/4');
COPY typed FROM stdin;
{2:2}/3
\.
COPY typed FROM stdin;
{2:2}/4
\.
SELECT * FROM typed;
SELECT attname, format_type(atttypid, atttypmod), attstorage, attalign FROM pg_attribute WHERE attrelid = 'typed'::regclass AND attnum = 1;
SELECT typlen, typbyval, typtype, typcategory, typispreferred, typdelim, typalign, typstorage FROM pg_type WHERE typname = 'sparsevec';

-- binary output
SELECT v::text, sparsevec_send(v) FROM unnest(ARRAY['{1:1.5,3:-2}/5', '{}/1', '{1000000000:1e-45}/1000000000']::sparsevec[]) v;

-- binary input: through a file, since no SQL expression can call the function
CREATE FUNCTION pg_temp.receive(payload bytea, target text DEFAULT 'sparsevec') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	path text := current_setting('data_directory') || '/sparsevec_io_test.bin';
	result text; state text; message text; detail text; object oid;
BEGIN
	object := lo_from_bytea(0, '\x5047434f50590aff0d0a00'::bytea || '\x00000000000000000001'::bytea || int4send(length(payload)) || payload || '\xffff'::bytea);
	PERFORM lo_export(object, path);
	PERFORM lo_unlink(object);
	EXECUTE format('CREATE TEMP TABLE received (v %s)', target);
	EXECUTE format('COPY received FROM %L (FORMAT binary)', path);
	SELECT v::text INTO result FROM received;
	DROP TABLE received;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws('|', state, left(message, 100), nullif(detail, ''));
END $$;
CREATE FUNCTION pg_temp.wire(dim int, nnz int, unused int, indices int[], vals real[]) RETURNS bytea LANGUAGE sql AS $$
	SELECT int4send(dim) || int4send(nnz) || int4send(unused)
		|| coalesce((SELECT string_agg(int4send(i), '' ORDER BY n) FROM unnest(indices) WITH ORDINALITY AS x(i, n)), '')
		|| coalesce((SELECT string_agg(float4send(f), '' ORDER BY n) FROM unnest(vals) WITH ORDINALITY AS x(f, n)), '')
$$;
SELECT what || ': ' || pg_temp.receive(wire, target) FROM (VALUES
	(1, 'good', 'sparsevec', pg_temp.wire(5, 2, 0, '{0,2}', '{1.5,-2}')),
	(2, 'empty', 'sparsevec', pg_temp.wire(1, 0, 0, '{}', '{}')),
	(3, 'largest', 'sparsevec', pg_temp.wire(1000000000, 1, 0, '{999999999}', '{1e-45}')),
	(4, 'typmod', 'sparsevec(5)', pg_temp.wire(5, 0, 0, '{}', '{}')),
	(5, 'other typmod', 'sparsevec(4)', pg_temp.wire(5, 0, 0, '{}', '{}')),
	(6, 'dim 0', 'sparsevec', pg_temp.wire(0, 0, 0, '{}', '{}')),
	(7, 'dim -1', 'sparsevec', pg_temp.wire(-1, 0, 0, '{}', '{}')),
	(8, 'dim too large', 'sparsevec', pg_temp.wire(1000000001, 0, 0, '{}', '{}')),
	(9, 'nnz -1', 'sparsevec', pg_temp.wire(5, -1, 0, '{}', '{}')),
	(10, 'nnz too large', 'sparsevec', pg_temp.wire(20000, 16001, 0, '{}', '{}')),
	(11, 'nnz over dim', 'sparsevec', pg_temp.wire(1, 2, 0, '{0,1}', '{1,1}')),
	(12, 'unused', 'sparsevec', pg_temp.wire(5, 1, 1, '{0}', '{1}')),
	(13, 'unused negative', 'sparsevec', pg_temp.wire(5, 1, -1, '{0}', '{1}')),
	(14, 'index -1', 'sparsevec', pg_temp.wire(5, 1, 0, '{-1}', '{1}')),
	(15, 'index = dim', 'sparsevec', pg_temp.wire(5, 1, 0, '{5}', '{1}')),
	(16, 'not ascending', 'sparsevec', pg_temp.wire(5, 2, 0, '{2,0}', '{1,1}')),
	(17, 'duplicate', 'sparsevec', pg_temp.wire(5, 2, 0, '{2,2}', '{1,1}')),
	(18, 'NaN', 'sparsevec', pg_temp.wire(5, 1, 0, '{0}', '{NaN}')),
	(19, 'infinity', 'sparsevec', pg_temp.wire(5, 1, 0, '{0}', '{-Infinity}')),
	(20, 'zero', 'sparsevec', pg_temp.wire(5, 1, 0, '{0}', '{0}')),
	(21, 'negative zero', 'sparsevec', pg_temp.wire(5, 1, 0, '{0}', '{-0}')),
	(22, 'nothing', 'sparsevec', ''),
	(23, 'short header', 'sparsevec', '\x0000000500000001'),
	(24, 'short indices', 'sparsevec', pg_temp.wire(5, 2, 0, '{0}', '{}')),
	(25, 'short values', 'sparsevec', pg_temp.wire(5, 2, 0, '{0,1}', '{1}')),
	(26, 'too long', 'sparsevec', pg_temp.wire(5, 1, 0, '{0,1}', '{1,1}')),
	(27, 'one byte too long', 'sparsevec', pg_temp.wire(5, 1, 0, '{0}', '{1}') || '\x00'),
	(28, 'first fault: dim and nnz', 'sparsevec', pg_temp.wire(0, -1, 1, '{}', '{}')),
	(29, 'first fault: nnz and typmod', 'sparsevec(4)', pg_temp.wire(5, -1, 1, '{}', '{}')),
	(30, 'first fault: typmod and unused', 'sparsevec(4)', pg_temp.wire(5, 1, 1, '{0}', '{1}')),
	(31, 'first fault: index and value', 'sparsevec', pg_temp.wire(5, 1, 0, '{5}', '{NaN}')),
	(32, 'first fault: index and length', 'sparsevec', pg_temp.wire(5, 2, 0, '{5}', '{}')),
	(33, 'first fault: nnz and unused', 'sparsevec', pg_temp.wire(5, 6, 1, '{}', '{}')),
	(34, 'first fault: zero and NaN', 'sparsevec', pg_temp.wire(5, 2, 0, '{0,1}', '{0,NaN}')),
	(35, 'first fault: NaN and zero', 'sparsevec', pg_temp.wire(5, 2, 0, '{0,1}', '{NaN,0}'))
) x(n, what, target, wire) ORDER BY n;
SELECT pg_temp.receive(sparsevec_send(pg_temp.many(16000, '2', 16000)::sparsevec)) = pg_temp.many(16000, '2', 16000);

-- stored out of line and toasted values are read back
CREATE TEMP TABLE long (v sparsevec);
INSERT INTO long SELECT pg_temp.many(n, '1.5', 16000)::sparsevec FROM unnest(ARRAY[1, 100, 1000, 16000]) n;
SELECT l1_distance(v, '{}/16000'), pg_column_size(v), length(v::text) FROM long ORDER BY 1;
