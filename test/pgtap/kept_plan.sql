-- ruvector._run keeps the plans of its statements: they follow what changes, and there may be more of them than are kept.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();

CREATE TABLE item (id int PRIMARY KEY, v int);
INSERT INTO item SELECT i, i * i FROM generate_series(1, 100) i;

SELECT is(ruvector._run(NULL::int, 'SELECT v FROM public.item WHERE id = $1', 7), 49, 'a value');
SELECT is(ruvector._run(NULL::int, 'SELECT v FROM public.item WHERE id = $1', 8), 64, 'another argument');
SELECT is(ruvector._run(NULL::int, 'SELECT v FROM public.item WHERE id = $1', 8::bigint), 64, 'an argument of another type');
SELECT is(ruvector._run(NULL::int, 'SELECT v FROM public.item WHERE id = $1', NULL::int), NULL, 'no row');
SELECT is(ruvector._run(NULL::int[], 'SELECT array_agg(id ORDER BY id) FROM public.item WHERE v < $1', 17), '{1,2,3,4}', 'an array');
SELECT is(ruvector._run(NULL::item, 'SELECT i FROM public.item i WHERE id = $1', 3)::text, '(3,9)', 'a row');

UPDATE item SET v = 0 WHERE id = 7;
SELECT is(ruvector._run(NULL::int, 'SELECT v FROM public.item WHERE id = $1', 7), 0, 'what this transaction has written');
ALTER TABLE item DROP CONSTRAINT item_pkey;
ALTER TABLE item ADD COLUMN w int DEFAULT 5;
SELECT is(ruvector._run(NULL::int, 'SELECT v FROM public.item WHERE id = $1', 9), 81, 'without the index of the plan');
ALTER TABLE item ALTER COLUMN v TYPE bigint;
SELECT throws_like($$SELECT ruvector._run(NULL::int, 'SELECT v FROM public.item WHERE id = $1', 9)$$, '%', 'the type of the result changed');
SELECT is(ruvector._run(NULL::bigint, 'SELECT v FROM public.item WHERE id = $1', 9), 81::bigint, 'the type of the result as it is now');

SELECT is(sum(ruvector._run(NULL::int, format('SELECT %s + $1', i % 40), 1))::int, (SELECT sum(i % 40 + 1)::int FROM generate_series(1, 400) i),
	'more statements than are kept') FROM generate_series(1, 400) i;
SELECT throws_ok($$SELECT ruvector._run(NULL::int, 'SELECT 1 / $1', 0)$$, '22012', NULL, 'an error inside');
SELECT is(ruvector._run(NULL::int, 'SELECT 1 / $1', 1), 1, 'and again');
SELECT throws_ok($$SELECT ruvector._run(NULL::int, 'SELECT 1 FROM public.item WHERE id < $1', 3)$$, 'XX000', NULL, 'more than one row');
SELECT throws_ok($$SELECT ruvector._run(NULL::int, 'DELETE FROM public.item WHERE id = $1', 3)$$, '0A000', NULL, 'a statement that writes');

-- A statement that runs others takes no plan from under itself.
CREATE FUNCTION pg_temp.inner_statements(n int) RETURNS int LANGUAGE sql AS
	$$ SELECT sum(ruvector._run(NULL::int, format('SELECT %s + $1', i), n))::int FROM generate_series(1, 100) i $$;
SELECT is(ruvector._run(NULL::int, 'SELECT sum(pg_temp.inner_statements(i + $1))::int FROM generate_series(1, 3) i', 1),
	(SELECT sum(i + j + 1)::int FROM generate_series(1, 100) i, generate_series(1, 3) j), 'statements inside of statements');
SELECT throws_ok($$SELECT ruvector._run(NULL::int, 'SELECT pg_temp.inner_statements(i / $1) FROM generate_series(1, 3) i', 0)$$, '22012', NULL, 'an error in between');
SELECT is(ruvector._run(NULL::int, 'SELECT v::int FROM public.item WHERE id = $1', 9), 81, 'and on');

SELECT * FROM finish();
ROLLBACK;
