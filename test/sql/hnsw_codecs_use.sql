-- Indexes of codes in the hands of the executor: HOT updates, builds of every kind, scans at once, rescans, cursors, policies,
-- rows that change while a cursor is open, errors in the middle of a re-ranking.
SET enable_seqscan = off;
CREATE TABLE u (id int PRIMARY KEY, note text, v vector(24)) WITH (fillfactor = 60);
INSERT INTO u SELECT i, 'a', (SELECT array_agg(((i * 7919 + d * 104729) % 1009) + 300 * ((i * d) % 5) ORDER BY d) FROM generate_series(1, 24) d)::vector FROM generate_series(1, 3000) i;
ANALYZE u;
CREATE VIEW q AS SELECT id, v FROM u WHERE id % 100 = 1;
-- how many of the ten nearest of 30 queries an index finds
CREATE FUNCTION found() RETURNS text LANGUAGE plpgsql SET enable_seqscan = off SET enable_sort = off SET hnsw.ef_search = 200 AS $$
DECLARE n bigint;
BEGIN
	SELECT sum((SELECT count(*) FROM (SELECT u.v <-> q.v AS d FROM u ORDER BY u.v <-> q.v LIMIT 10) s WHERE d <= e.last)) INTO n
	FROM q, LATERAL (SELECT max(d) AS last FROM (SELECT (u.v <-> q.v) + 0 AS d FROM u ORDER BY 1 LIMIT 10) x) e;
	RETURN CASE WHEN n >= 294 THEN 'found' ELSE n::text END;
END $$;

-- builds with workers and without, in memory and out of it, and concurrently: each finds the same
SET min_parallel_table_scan_size = 0;
SET client_min_messages = warning;
DO $$
DECLARE
	c text; l text; m text; bad int; r text := '';
BEGIN
	FOREACH c IN ARRAY ARRAY['int8', 'pq', 'binary'] LOOP
		FOREACH l IN ARRAY ARRAY['fast', 'compact'] LOOP
			FOREACH m IN ARRAY ARRAY['parallel', 'serial 1MB', 'parallel 1MB'] LOOP
				PERFORM set_config('max_parallel_maintenance_workers', CASE WHEN m LIKE 'parallel%' THEN '2' ELSE '0' END, true),
					set_config('maintenance_work_mem', CASE WHEN m LIKE '%1MB' THEN '1MB' ELSE '64MB' END, true);
				EXECUTE format('CREATE INDEX i ON u USING hnsw (v vector_l2_%s_ops) WITH (layout = %s)', c, l);
				SELECT count(*) INTO bad FROM ruvector.index_check('i', true);
				r := found();
				RAISE WARNING '% % %: %, % problems', c, l, m, r, bad;
				DROP INDEX i;
			END LOOP;
		END LOOP;
	END LOOP;
END $$;
RESET client_min_messages;
CREATE INDEX CONCURRENTLY ci ON u USING hnsw (v vector_l2_int8_ops);
CREATE INDEX CONCURRENTLY cp ON u USING hnsw (v vector_l2_pq_ops) WITH (layout = compact);
CREATE INDEX CONCURRENTLY cb ON u USING hnsw (v vector_l2_binary_ops);
REINDEX TABLE CONCURRENTLY u;
SELECT i, c.* FROM unnest(ARRAY['ci', 'cp', 'cb']) i, LATERAL ruvector.index_check(i::regclass, true) c;
DROP INDEX cp, cb;

-- an update that leaves the vector alone does no work in the index
SELECT tids AS before FROM ruvector.index_stats('ci');
BEGIN;
UPDATE u SET note = 'b' WHERE id % 50 = 0;
SELECT pg_stat_get_xact_tuples_updated('u'::regclass) AS updated, pg_stat_get_xact_tuples_hot_updated('u'::regclass) AS hot;
COMMIT;
SELECT tids AS after FROM ruvector.index_stats('ci');
SELECT id, note FROM u ORDER BY v <-> (SELECT v FROM q WHERE id = 1) LIMIT 1;
SELECT note FROM u ORDER BY v <-> (SELECT v FROM u WHERE id = 50) LIMIT 1;

-- two scans of one index at once, and one that is begun again for each row
SELECT count(*) FROM (SELECT id FROM u ORDER BY v <-> (SELECT v FROM q WHERE id = 101) LIMIT 10) a JOIN (SELECT id FROM u ORDER BY v <-> (SELECT v FROM q WHERE id = 101) LIMIT 10) b USING (id);
SELECT found();
SELECT count(*) FROM q, LATERAL (SELECT id FROM u ORDER BY u.v <-> q.v LIMIT 5) s;

-- cursors: forward, not back; held; two that take turns
BEGIN;
DECLARE a CURSOR FOR SELECT id FROM u ORDER BY v <-> (SELECT v FROM q WHERE id = 1) LIMIT 30;
DECLARE b NO SCROLL CURSOR FOR SELECT id FROM u ORDER BY v <-> (SELECT v FROM q WHERE id = 201) LIMIT 30;
FETCH 1 FROM a;
FETCH 1 FROM b;
MOVE 10 IN a;
MOVE 10 IN b;
SAVEPOINT s;
FETCH BACKWARD 1 FROM b;
ROLLBACK TO s;
DECLARE h CURSOR WITH HOLD FOR SELECT id FROM u ORDER BY v <-> (SELECT v FROM q WHERE id = 301) LIMIT 3;
COMMIT;
FETCH 1 FROM h;
CLOSE h;
-- rows change under an open cursor: it sees what its snapshot sees, once each, in order
BEGIN;
DECLARE c CURSOR FOR SELECT id, note, v <-> (SELECT v FROM q WHERE id = 1) AS d FROM u ORDER BY v <-> (SELECT v FROM q WHERE id = 1) LIMIT 60;
FETCH 1 FROM c;
UPDATE u SET note = 'c';
UPDATE u SET note = 'd' WHERE id % 2 = 0;
DELETE FROM u WHERE id % 3 = 0;
CREATE TEMP TABLE seen (n serial, id int, note text, d float8);
CREATE FUNCTION pg_temp.drain(c refcursor) RETURNS void LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
	LOOP
		FETCH c INTO r;
		EXIT WHEN NOT FOUND;
		INSERT INTO seen (id, note, d) VALUES (r.id, r.note, r.d);
	END LOOP;
END $$;
SELECT pg_temp.drain('c');
SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE note IN ('a', 'b')) AS old, count(*) FILTER (WHERE d < before) AS disorder FROM (SELECT *, lag(d) OVER (ORDER BY n) AS before FROM seen) s;
ROLLBACK;

-- a policy hides rows; those that it lets through come in exact order
CREATE ROLE reader_of_codes;
GRANT SELECT ON u, q TO reader_of_codes;
ALTER TABLE u ENABLE ROW LEVEL SECURITY;
CREATE POLICY twentieth ON u TO reader_of_codes USING (id % 20 = 1);
SET ROLE reader_of_codes;
SELECT count(*), bool_and(id % 20 = 1) AS allowed, count(*) FILTER (WHERE d < before) AS disorder FROM (
	SELECT id, d, lag(d) OVER () AS before FROM (SELECT id, v <-> (SELECT v FROM q WHERE id = 1) AS d FROM u ORDER BY v <-> (SELECT v FROM q WHERE id = 1) LIMIT 20) s) t;
RESET ROLE;
ALTER TABLE u DISABLE ROW LEVEL SECURITY;
DROP POLICY twentieth ON u;

-- an expression that raises an error in the middle of a re-ranking leaves nothing pinned: the log would say so, here as WARNING
CREATE FUNCTION touchy(v vector) RETURNS vector(24) IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('codes.touchy', true) = 'yes' AND public.inner_product(v, v)::int % 7 = 0 THEN
		RAISE EXCEPTION 'do not touch';
	END IF;
	RETURN v;
END $$;
DROP INDEX ci;
CREATE INDEX te ON u USING hnsw ((touchy(v)::vector(24)) vector_l2_binary_ops);
SELECT count(*) FROM (SELECT id FROM u ORDER BY touchy(v)::vector(24) <-> (SELECT v FROM q WHERE id = 1) LIMIT 20) s;
SET codes.touchy = 'yes';
SELECT count(*) FROM (SELECT id FROM u ORDER BY touchy(v)::vector(24) <-> (SELECT v FROM q WHERE id = 1) LIMIT 20) s;
DO $$
BEGIN
	FOR i IN 1 .. 20 LOOP
		BEGIN
			PERFORM id FROM u ORDER BY touchy(v)::vector(24) <-> (SELECT v FROM q WHERE id = 1) LIMIT 20;
			RAISE NOTICE 'no error';
		EXCEPTION WHEN raise_exception THEN NULL;
		END;
	END LOOP;
END $$;
RESET codes.touchy;
SELECT count(*) FROM (SELECT id FROM u ORDER BY touchy(v)::vector(24) <-> (SELECT v FROM q WHERE id = 1) LIMIT 20) s;
SELECT name, count(*) FROM pg_backend_memory_contexts WHERE name LIKE 'hnsw%' GROUP BY name ORDER BY name; -- those that are kept, once
DROP VIEW q;
DROP FUNCTION found;
DROP TABLE u;
DROP FUNCTION touchy;
DROP ROLE reader_of_codes;
