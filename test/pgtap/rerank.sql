-- What a search of coded vectors ends with: exact codes that need no look-up, vectors out of line in every way there is.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();
SELECT setseed(0.5);
SET LOCAL ivfflat.probes = 8;

-- The distances of the 20 nearest of each query, in the order in which they come.
CREATE FUNCTION pg_temp.nearest(tab regclass, operator text, plan OUT text, distances OUT float8[]) LANGUAGE plpgsql AS $$
DECLARE
	statement constant text := format('SELECT array_agg(ARRAY(SELECT t.v %1$s q.v FROM %2$s t ORDER BY t.v %1$s q.v LIMIT 20) ORDER BY q.id) FROM queries q', operator, tab);
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP plan := concat(plan, line); END LOOP;
	EXECUTE statement INTO distances;
END $$;

-- The index `own` against a scan of the table. A search that expands the whole graph and has exact codes finds everything (wanted = 1).
-- Others return a row when the next is farther by three standard errors: one of about 700 is nearer all the same and is left out.
CREATE FUNCTION pg_temp.same(what text, tab regclass, operator text, wanted numeric) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	by_scan float8[];
	by_index float8[];
	plan text;
	iterative text;
BEGIN
	SET LOCAL enable_seqscan = on;
	SET LOCAL enable_indexscan = off;
	by_scan := distances FROM pg_temp.nearest(tab, operator);
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_indexscan = on;
	FOREACH iterative IN ARRAY CASE WHEN what LIKE '%ivfflat%' THEN ARRAY['off'] ELSE ARRAY['strict_order', 'off'] END LOOP
		PERFORM set_config('hnsw.iterative_scan', iterative, true);
		SELECT * INTO plan, by_index FROM pg_temp.nearest(tab, operator);
		RETURN NEXT alike(plan, '%Index Scan using own%', format('%s, %s: the index is taken', what, iterative));
		IF wanted = 1 THEN
			RETURN NEXT is(by_index, by_scan, format('%s, %s: the same in the same order', what, iterative));
			CONTINUE;
		END IF;
		RETURN NEXT is(count(*), 0::bigint, format('%s, %s: nearest first', what, iterative))
			FROM generate_series(1, array_length(by_index, 1)) q, generate_series(2, 20) r WHERE by_index[q][r] < by_index[q][r - 1];
		RETURN NEXT cmp_ok(avg((by_index[q][r] <= by_scan[q][20])::int), '>=', wanted, format('%s, %s: recall', what, iterative))
			FROM generate_series(1, array_length(by_index, 1)) q, generate_series(1, 20) r;
	END LOOP;
END $$;

-- The distances that a search says it has computed are those of the rows, and no row comes twice.
CREATE FUNCTION pg_temp.true_distances(what text, tab regclass, operator text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE format($q$ SELECT concat(20 * (SELECT count(*) FROM queries) - count(DISTINCT (b.query, b.tid)), ' missing, ', count(*) FILTER (WHERE abs(b.distance - (t.v %1$s q.v)) > 1e-5 * abs(b.distance)), ' wrong')
		FROM ruvector.batch_search('own', (SELECT array_agg(v ORDER BY id) FROM queries), 20) b JOIN %2$s t ON t.ctid = b.tid JOIN queries q ON q.id = b.query $q$,
		operator, tab) INTO answer;
	RETURN is(answer, '0 missing, 0 wrong', what || ': distances');
END $$;

CREATE FUNCTION pg_temp.pixels(n int) RETURNS vector LANGUAGE sql VOLATILE AS
	$$ SELECT array_agg(floor(random() * 256) + 0 * n ORDER BY d)::vector FROM generate_series(1, 24) d $$;

-- Whole numbers up to 255: the codes are exact, and a row that was deleted or changed is not in the answer all the same.
CREATE TABLE queries AS SELECT i AS id, pg_temp.pixels(i) AS v FROM generate_series(1, 10) i;
CREATE FUNCTION pg_temp.pixel_codes(method text, metric text, operator text, options text, wanted numeric) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	what constant text := format('pixels, %s %s %s', method, metric, options);
BEGIN
	CREATE TABLE pixels AS SELECT i AS id, pg_temp.pixels(i)::vector(24) AS v FROM generate_series(1, 800) i;
	IF wanted < 1 THEN -- two rows near each query that are not whole
		INSERT INTO pixels SELECT 2000 + i, v + array_fill(i / 4.0, ARRAY[24])::vector FROM queries, generate_series(1, 2) i;
	END IF;
	EXECUTE format('CREATE INDEX own ON pixels USING %s (v vector_%s_int8_ops) WITH (%s)', method, metric, options);
	DELETE FROM pixels WHERE id % 10 = 1;
	UPDATE pixels SET v = pg_temp.pixels(id) WHERE id % 10 = 2;
	RETURN QUERY SELECT pg_temp.same(what, 'pixels', operator, wanted);
	IF method = 'hnsw' THEN
		RETURN NEXT pg_temp.true_distances(what, 'pixels', operator);
	END IF;
	DROP TABLE pixels;
END $$;
SET LOCAL hnsw.ef_search = 1000; -- more than there are vertices
SELECT pg_temp.pixel_codes(m, x, o, w, 1) FROM (VALUES ('l2', '<->'), ('ip', '<#>')) a(x, o),
	(VALUES ('hnsw', 'layout = fast'), ('hnsw', 'layout = compact'), ('ivfflat', 'lists = 8')) b(m, w);
-- Some rows that are not whole among them, and queries that are not: those are looked up.
SELECT pg_temp.pixel_codes('hnsw', 'l2', '<->', 'layout = fast', 0.98);
UPDATE queries SET v = v + array_fill(0.4, ARRAY[24])::vector;
SELECT pg_temp.pixel_codes('hnsw', 'l2', '<->', 'layout = compact', 0.98);
SELECT pg_temp.pixel_codes('ivfflat', 'l2', '<->', 'lists = 8', 0.98);

-- Out of line as they are, compressed there, compressed in the row, and in the row; a quarter of the rows of each.
CREATE TABLE wide (id int, v vector(1024));
CREATE FUNCTION pg_temp.sparse(n int) RETURNS vector LANGUAGE sql VOLATILE AS $$
	SELECT array_agg(CASE WHEN d % 8 = 0 THEN random() + 0 * n WHEN n % 4 = 0 THEN random() / 1e3 ELSE 0 END ORDER BY d)::vector FROM generate_series(1, 1024) d $$;
INSERT INTO wide SELECT i, pg_temp.sparse(i) FROM generate_series(4, 800, 4) i; -- does not compress
ALTER TABLE wide ALTER COLUMN v SET STORAGE EXTERNAL;
INSERT INTO wide SELECT i, pg_temp.sparse(i) FROM generate_series(1, 800, 4) i;
ALTER TABLE wide ALTER COLUMN v SET STORAGE EXTENDED;
INSERT INTO wide SELECT i, pg_temp.sparse(i) FROM generate_series(2, 800, 4) i;
ALTER TABLE wide ALTER COLUMN v SET STORAGE MAIN;
INSERT INTO wide SELECT i, pg_temp.sparse(i) FROM generate_series(3, 800, 4) i;
SELECT ok(count(*) FILTER (WHERE pg_column_size(v) > 4000) BETWEEN 390 AND 410 AND count(*) FILTER (WHERE pg_column_size(v) < 2500) BETWEEN 390 AND 410,
	'half of the vectors are compressed') FROM wide;
SELECT ok(pg_relation_size(reltoastrelid) > 390 * 4096, 'and half are out of line') FROM pg_class WHERE oid = 'wide'::regclass;
TRUNCATE queries; -- more of them: with ten, as a rule, none meets a row that is nearer than it can be
INSERT INTO queries SELECT i, pg_temp.sparse(i) FROM generate_series(1, 100) i;
CREATE FUNCTION pg_temp.out_of_line(method text, codec text, options text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	what constant text := format('out of line, %s %s %s', method, codec, options);
BEGIN
	EXECUTE format('CREATE INDEX own ON wide USING %s (v vector_l2_%s_ops) WITH (%s)', method, codec, options);
	RETURN QUERY SELECT pg_temp.same(what, 'wide', '<->', 0.98);
	IF method = 'hnsw' THEN
		RETURN NEXT pg_temp.true_distances(what, 'wide', '<->');
	END IF;
	DROP INDEX own;
END $$;
SELECT pg_temp.out_of_line('hnsw', 'int8', 'layout = fast');
SELECT pg_temp.out_of_line('hnsw', 'binary', 'layout = compact');
SELECT pg_temp.out_of_line('ivfflat', 'int8', 'lists = 4');
SELECT pg_temp.out_of_line('ivfflat', 'binary', 'lists = 4, oversampling = 20');
SELECT * FROM finish();
ROLLBACK;
