-- Scans pin the pages of the rows they return by where these were: what moves, shrinks or replaces the table between two scans
-- of a session must not show. Autocommit, for VACUUM.
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
SET hnsw.ef_search = 1000; -- everything is found
SELECT setseed(0.5);
SELECT plan(14);

CREATE TABLE pages_of (id int PRIMARY KEY, v vector(4), w int, filler text);
INSERT INTO pages_of SELECT i, ARRAY[random(), random(), random(), random()]::vector, 0, repeat('x', 300) FROM generate_series(1, 900) i;
CREATE INDEX pages_of_plain ON pages_of USING hnsw (v vector_l2_ops);

-- The ids and w of the 15 nearest of 12 points, by the index and by a scan of the table.
CREATE FUNCTION pg_temp.nearest(by_index boolean) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('enable_seqscan', (NOT by_index)::text, true), set_config('enable_indexscan', by_index::text, true);
	RETURN (SELECT string_agg(n.found, ' ' ORDER BY q) FROM generate_series(0, 11) q,
		LATERAL (SELECT string_agg(t.id || ':' || t.w, ',' ORDER BY t.d, t.id) AS found FROM
			(SELECT id, w, v <-> ARRAY[q / 11.0, 0.5, 0.2, 1 - q / 11.0]::vector AS d FROM pages_of
				ORDER BY v <-> ARRAY[q / 11.0, 0.5, 0.2, 1 - q / 11.0]::vector LIMIT 15) t) n);
END $$;
CREATE FUNCTION pg_temp.same(what text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT is(pg_temp.nearest(true), pg_temp.nearest(false), what)
$$;

SELECT * FROM pg_temp.same('the first scan, which knows no page');
SELECT * FROM pg_temp.same('the second, which does');
SELECT isnt(pg_temp.nearest(true), NULL, 'there are rows');
UPDATE pages_of SET w = id WHERE id % 3 = 0;
SELECT * FROM pg_temp.same('rows that have moved');
DELETE FROM pages_of WHERE id > 200;
SELECT * FROM pg_temp.same('dead rows');
VACUUM pages_of;
SELECT * FROM pg_temp.same('a table that has been truncated at its end');
INSERT INTO pages_of SELECT i, ARRAY[random(), random(), random(), random()]::vector, -i, repeat('y', 300) FROM generate_series(1001, 1700) i;
SELECT * FROM pg_temp.same('and has grown again');
VACUUM FULL pages_of;
SELECT * FROM pg_temp.same('a table in another file');
TRUNCATE pages_of;
SELECT is(pg_temp.nearest(true), NULL, 'an empty table');
INSERT INTO pages_of SELECT i, ARRAY[random(), random(), random(), random()]::vector, i, repeat('z', 300) FROM generate_series(1, 900) i;
SELECT * FROM pg_temp.same('other rows');
DROP INDEX pages_of_plain;
CREATE INDEX pages_of_codes ON pages_of USING hnsw (v vector_l2_int8_ops);
SELECT * FROM pg_temp.same('rows read for their distances');
DELETE FROM pages_of WHERE id % 2 = 0;
VACUUM FULL pages_of;
SELECT * FROM pg_temp.same('the same of a table in another file');
BEGIN;
DECLARE nearest NO SCROLL CURSOR FOR SELECT id FROM pages_of ORDER BY v <-> '[0.5,0.5,0.5,0.5]' LIMIT 40;
MOVE 20 IN nearest;
SELECT * FROM pg_temp.same('a scan while another holds a page');
CLOSE nearest;
COMMIT;
CREATE TEMP TABLE aside (v vector(4));
INSERT INTO aside SELECT v FROM pages_of;
CREATE INDEX ON aside USING hnsw (v vector_l2_ops);
SET enable_seqscan = off;
SELECT is((SELECT count(*) FROM (SELECT FROM aside ORDER BY v <-> '[0.5,0.5,0.5,0.5]' LIMIT 100) x), 100::bigint, 'a temporary table');
DROP TABLE pages_of;
SELECT * FROM finish();
