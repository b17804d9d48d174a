-- ivfflat on codes: what it finds, in exact order, for every operator class; changes, options, odd data.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();

SELECT setseed(0.37);
CREATE TEMP TABLE center AS SELECT c, d, (random() - 0.5) * 6 + 1 AS x FROM generate_series(1, 16) c, generate_series(1, 32) d;
-- No table is updated: after a HOT update a new index is not for this transaction.
CREATE TEMP TABLE source AS SELECT i AS id, (SELECT array_agg(x + random() + random() - 1 + i * 0 ORDER BY d) FROM center WHERE c = 1 + i % 16)::vector(32) AS v
	FROM generate_series(1, 1000) i;
INSERT INTO source SELECT id + 1000, v FROM source WHERE id % 50 = 0; -- duplicates
INSERT INTO source VALUES (5000, NULL), (5001, array_fill(0, ARRAY[32])::vector);
CREATE TABLE data AS SELECT id, v::vector(32) AS v, v::halfvec(32) AS h FROM source;
CREATE TABLE query AS SELECT q, v::vector(32) AS v, v::halfvec(32) AS h FROM
	(SELECT id AS q, v + (SELECT array_agg(random() - 0.5)::vector(32) FROM generate_series(1, 32) WHERE id > 0) AS v FROM source WHERE id % 40 = 3) s;
ANALYZE data, query;

-- Recall of 10 and disorder of 30, against an exact scan, as text: "recall disorder rows".
CREATE FUNCTION pg_temp.answers(col text, op text, probes int) RETURNS TABLE (recall float8, disorder bigint, rows bigint, plan text) LANGUAGE plpgsql AS $$
DECLARE
	nearest text := format('SELECT q.q, n.* FROM query q, LATERAL (SELECT s.*, row_number() OVER () AS o FROM
		(SELECT t.id, t.%1$s %2$s q.%1$s AS d FROM data t ORDER BY t.%1$s %2$s q.%1$s LIMIT 30) s) n', col, op);
	line text;
BEGIN
	SET LOCAL enable_indexscan = off;
	EXECUTE 'CREATE TEMP TABLE exact AS ' || nearest;
	SET LOCAL enable_indexscan = on;
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_sort = off;
	PERFORM set_config('ivfflat.probes', probes::text, true);
	plan := '';
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || nearest LOOP plan := plan || line; END LOOP;
	EXECUTE 'CREATE TEMP TABLE found AS ' || nearest;
	RESET enable_seqscan;
	RESET enable_sort;
	SELECT avg((f.d <= e.d + 1e-5 * (1 + abs(e.d)))::int) INTO recall
		FROM (SELECT q, d FROM found WHERE o <= 10) f JOIN (SELECT q, max(d) AS d FROM exact WHERE o <= 10 GROUP BY q) e USING (q);
	SELECT count(*) INTO disorder FROM (SELECT d - lag(d) OVER (PARTITION BY q ORDER BY o) AS step FROM found) x WHERE step < -1e-6;
	SELECT count(*) INTO rows FROM (SELECT DISTINCT q, id FROM found) x;
	DROP TABLE exact, found;
	RETURN NEXT;
END $$;

CREATE FUNCTION pg_temp.class_holds(type text, metric text, codec text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	class text := format('%s_%s_%s_ops', type, metric, codec);
	col text := CASE type WHEN 'vector' THEN 'v' ELSE 'h' END;
	op text := CASE metric WHEN 'l2' THEN '<->' WHEN 'ip' THEN '<#>' ELSE '<=>' END;
	a record;
	size_plain bigint;
BEGIN
	EXECUTE format('CREATE INDEX own ON data USING ivfflat (%s %s_%s_ops) WITH (lists = 16)', col, type, metric);
	size_plain := pg_relation_size('own');
	DROP INDEX own;
	EXECUTE format('CREATE INDEX own ON data USING ivfflat (%s %s) WITH (lists = 16)', col, class);
	RETURN NEXT cmp_ok(pg_relation_size('own'), '<', size_plain, class || ': smaller than the plain class');
	SELECT * INTO a FROM pg_temp.answers(col, op, 16);
	RETURN NEXT alike(a.plan, '%Index Scan using own on data%', class || ': the index is used');
	RETURN NEXT cmp_ok(a.recall, '>=', CASE codec WHEN 'int8' THEN 0.995 ELSE 0.96 END::float8, class || ': recall in all lists');
	RETURN NEXT is(a.disorder, 0::bigint, class || ': in exact order');
	RETURN NEXT is(a.rows, 30 * (SELECT count(*) FROM query), class || ': 30 different rows of each query');
	SELECT * INTO a FROM pg_temp.answers(col, op, 3);
	RETURN NEXT cmp_ok(a.recall, '>=', 0.8::float8, class || ': recall in three lists');
	RETURN NEXT is(a.disorder, 0::bigint, class || ': in exact order in three lists');

	-- Half of the rows go, as many come.
	DELETE FROM data WHERE id % 2 = 0;
	INSERT INTO data SELECT id + 10000, v, h FROM data WHERE id < 2000;
	SELECT * INTO a FROM pg_temp.answers(col, op, 16);
	RETURN NEXT cmp_ok(a.recall, '>=', CASE codec WHEN 'int8' THEN 0.995 ELSE 0.96 END::float8, class || ': recall after changes');
	RETURN NEXT is(a.disorder, 0::bigint, class || ': in exact order after changes');

	RETURN NEXT is((SELECT string_agg(format('%s, %s: %s', c.block, c.slot, c.problem), '; ') FROM ruvector.index_check('own', true) c), NULL, class || ': the index is sound');

	-- By the codes alone.
	ALTER INDEX own SET (rerank = off);
	SELECT * INTO a FROM pg_temp.answers(col, op, 16);
	RETURN NEXT cmp_ok(a.recall, '>=', CASE codec WHEN 'int8' THEN 0.95 ELSE 0.4 END::float8, class || ': recall by codes alone');
	IF codec <> 'int8' THEN
		RETURN NEXT cmp_ok(a.disorder, '>', 0::bigint, class || ': in the order of the codes');
	END IF;
	DROP INDEX own;
	DELETE FROM data WHERE id > 10000;
	INSERT INTO data SELECT k.id, k.v, k.h FROM kept k WHERE NOT EXISTS (SELECT FROM data d WHERE d.id = k.id);
END $$;
CREATE TEMP TABLE kept AS SELECT * FROM data;
SELECT pg_temp.class_holds(type, metric, codec) FROM unnest(ARRAY['vector', 'halfvec']) type, unnest(ARRAY['l2', 'ip', 'cosine']) metric, unnest(ARRAY['int8', 'pq', 'binary']) codec;

-- With iterative scans every row comes, once.
CREATE INDEX own ON data USING ivfflat (v vector_l2_binary_ops) WITH (lists = 16);
SET LOCAL enable_seqscan = off;
SET LOCAL enable_sort = off;
SET LOCAL ivfflat.iterative_scan = relaxed_order;
SELECT is((SELECT format('%s %s', count(*), count(DISTINCT id)) FROM (SELECT id FROM data ORDER BY v <-> (SELECT v FROM query LIMIT 1) LIMIT 100000) s),
	(SELECT format('%s %s', count(v), count(v)) FROM data), 'an iterative scan gives every row once');
SELECT is((SELECT count(*) FROM (SELECT id FROM data WHERE id % 100 = 7 ORDER BY v <-> (SELECT v FROM query LIMIT 1) LIMIT 10) s), 10::bigint, 'a filter is served');
SET LOCAL work_mem = '64kB';
SELECT is((SELECT count(DISTINCT id) FROM (SELECT id FROM data ORDER BY v <-> (SELECT v FROM query LIMIT 1) LIMIT 100000) s), (SELECT count(v) FROM data), 'in little memory');
RESET work_mem;
SET LOCAL ivfflat.iterative_scan = off;
SET LOCAL ivfflat.probes = 16;
SELECT is((SELECT count(*) FROM (SELECT id FROM data ORDER BY v <-> NULL::vector LIMIT 10) s), 10::bigint, 'a NULL query');
SELECT is((SELECT sum((SELECT count(*) FROM (SELECT 1 FROM data d ORDER BY d.v <-> q.v LIMIT 5) s)) FROM query q), 5 * (SELECT count(*)::numeric FROM query), 'a scan that is restarted');
DROP INDEX own;

-- Options
SELECT throws_ok($$CREATE INDEX own ON data USING ivfflat (v vector_l2_pq_ops) WITH (oversampling = 0.5)$$, '22023', NULL, 'oversampling');
SELECT throws_ok($$CREATE INDEX own ON data USING ivfflat (v vector_l2_pq_ops) WITH (pq_subspaces = -1)$$, '22023', NULL, 'pq_subspaces');
SELECT throws_ok($$CREATE INDEX own ON data USING ivfflat (v vector_l2_pq_ops) WITH (layout = compact)$$, '22023', NULL, 'an option of hnsw');
CREATE INDEX few ON data USING ivfflat (v vector_l2_pq_ops) WITH (lists = 16, pq_subspaces = 4);
CREATE INDEX many ON data USING ivfflat (v vector_l2_pq_ops) WITH (lists = 16, pq_subspaces = 1000);
SELECT cmp_ok(pg_relation_size('few'), '<', pg_relation_size('many'), 'subspaces take space; not more than dimensions');
DROP INDEX few;
SET LOCAL ivfflat.probes = 16;
SELECT cmp_ok(recall, '>=', 0.99::float8, 'a subspace for each dimension') FROM pg_temp.answers('v', '<->', 16);
DROP INDEX many;
SELECT throws_ok($$CREATE INDEX own ON data USING ivfflat ((v::vector(1)) vector_cosine_binary_ops)$$, '54000', NULL, 'one dimension has no angles');
SELECT throws_ok($$CREATE TABLE wide (v vector(2001)); CREATE INDEX ON wide USING ivfflat (v vector_l2_binary_ops)$$, '54000', 'column cannot have more than 2000 dimensions for ivfflat index', 'vector: 2000 dimensions');

-- As wide as it may be, and narrow; an index on an expression; few rows; no rows.
CREATE TABLE wide AS SELECT i AS id, (SELECT array_agg(sin(i * d) ORDER BY d) FROM generate_series(1, 4000) d)::halfvec(4000) AS h FROM generate_series(1, 30) i;
CREATE FUNCTION pg_temp.nearest_of_wide(class text, expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r text;
BEGIN
	EXECUTE format('CREATE INDEX own ON wide USING ivfflat ((%s) %s) WITH (lists = 2)', expression, class);
	SET LOCAL enable_seqscan = off;
	SET LOCAL ivfflat.probes = 2;
	EXECUTE format('SELECT string_agg(q.id::text, '','' ORDER BY q.id) FROM (SELECT id, %1$s AS w FROM wide) q
		WHERE q.id = (SELECT id FROM wide ORDER BY %1$s <-> q.w LIMIT 1)', expression) INTO r;
	DROP INDEX own;
	RETURN r;
END $$;
SET LOCAL client_min_messages = warning;
SELECT is(pg_temp.nearest_of_wide(format('%s_l2_%s_ops', t, c), format('subvector(h, 1, %2$s)::%1$s(%2$s)', t, d)), (SELECT string_agg(i::text, ',') FROM generate_series(1, 30) i), format('%s(%s), %s', t, d, c))
	FROM (VALUES ('halfvec', 4000), ('vector', 2000), ('vector', 769), ('halfvec', 3)) x(t, d), unnest(ARRAY['int8', 'pq', 'binary']) c;
CREATE TABLE empty (id int, v vector(8));
CREATE INDEX ON empty USING ivfflat (v vector_ip_pq_ops) WITH (lists = 3);
SET LOCAL ivfflat.probes = 3;
SELECT is_empty($$SELECT id FROM empty ORDER BY v <#> '[1,2,3,4,5,6,7,8]' LIMIT 1$$, 'empty');
INSERT INTO empty SELECT i, ARRAY[i, i % 7, i % 5, 1, 2, 3, 4, 5]::vector FROM generate_series(1, 300) i;
SELECT is((SELECT id FROM empty ORDER BY v <#> '[1,0,0,0,0,0,0,0]' LIMIT 1), 300, 'filled after the index was made');

-- Far from the origin, and lengths that differ fourfold.
CREATE FUNCTION pg_temp.change(tab text, change text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE changed AS SELECT * FROM %1$s; DROP TABLE %1$s; CREATE TABLE %1$s AS SELECT %2$s, (%3$s)::vector(32) AS v FROM changed; DROP TABLE changed; ANALYZE %1$s',
		tab, CASE tab WHEN 'data' THEN 'id' ELSE 'q' END, change);
END $$;
SELECT pg_temp.change(tab, 'v + array_fill(1000, ARRAY[32])::vector') FROM unnest(ARRAY['data', 'query']) tab;
CREATE INDEX own ON data USING ivfflat (v vector_l2_binary_ops) WITH (lists = 16);
SELECT cmp_ok(recall, '>=', 0.96::float8, 'binary, far from the origin') FROM pg_temp.answers('v', '<->', 16);
DROP INDEX own;
CREATE INDEX own ON data USING ivfflat (v vector_l2_pq_ops) WITH (lists = 16);
SELECT cmp_ok(recall, '>=', 0.96::float8, 'pq, far from the origin') FROM pg_temp.answers('v', '<->', 16);
DROP INDEX own;
SELECT pg_temp.change('data', '(v - array_fill(1000, ARRAY[32])::vector) * array_fill(1 + id % 4, ARRAY[32])::vector'),
	pg_temp.change('query', 'v - array_fill(1000, ARRAY[32])::vector');
CREATE INDEX own ON data USING ivfflat (v vector_ip_binary_ops) WITH (lists = 16);
SELECT cmp_ok(recall, '>=', 0.9::float8, 'inner product, lengths that differ') FROM pg_temp.answers('v', '<#>', 16);
DROP INDEX own;

-- Elements near the largest float overflow to infinity and harm nothing.
INSERT INTO data SELECT 6000 + i, array_fill(1e37 * i, ARRAY[32])::vector FROM generate_series(1, 9) i;
CREATE INDEX own ON data USING ivfflat (v vector_l2_pq_ops) WITH (lists = 4);
SELECT is(count(*), 10::bigint, 'rows that are not finite in the sum of squares') FROM (SELECT id FROM data ORDER BY v <-> (SELECT v FROM data WHERE id = 1) LIMIT 10) s;
SELECT * FROM finish();
ROLLBACK;
