-- Properties of the access method hnsw on random data, for every operator class; who may use and inspect an index; the hash
-- operator classes.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();

SELECT setseed(0.42);
CREATE TEMP TABLE center AS SELECT c, d, (random() - 0.5) * 4 AS x FROM generate_series(1, 12) c, generate_series(1, 24) d;
-- Points around centers; some of them twice, and a NULL.
CREATE TABLE data AS
	SELECT i, (SELECT array_agg(x + random() - 0.5 + i * 0 ORDER BY d) FROM center WHERE c = 1 + i % 12)::vector AS v FROM generate_series(1, 900) i;
INSERT INTO data SELECT i + 900, v FROM data WHERE i <= 20;
INSERT INTO data VALUES (1000, NULL);
CREATE TABLE vectors AS SELECT i AS id, v::vector(24) AS v FROM data;
CREATE TABLE halfvecs AS SELECT i AS id, v::halfvec(24) AS v FROM data;
CREATE TABLE bits AS SELECT i AS id, (binary_quantize(v)::bit(24)::text || binary_quantize(v - vector_of)::text)::bit(48) AS v
	FROM data, (SELECT avg(v) AS vector_of FROM data) a;
CREATE TABLE sparsevecs AS SELECT i AS id,
	(SELECT array_agg(CASE WHEN (i + d) % 3 = 0 THEN 0 ELSE x END ORDER BY d) FROM unnest(v::real[]) WITH ORDINALITY u(x, d))::vector(24)::sparsevec(24) AS v FROM data;
ANALYZE vectors, halfvecs, bits, sparsevecs;

-- Everything that holds for an index of a class.
CREATE FUNCTION pg_temp.index_holds(tab regclass, class text, op text, own_nearest boolean) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	-- an index scan returns the nearest 30 of each query with their distances
	nearest text := format('SELECT q.id AS q, n.id, n.d, n.o FROM (SELECT * FROM %1$s WHERE v IS NOT NULL AND id %% 37 = 1) q,
		LATERAL (SELECT s.*, row_number() OVER () AS o FROM (SELECT t.id, t.v %2$s q.v AS d FROM %1$s t ORDER BY t.v %2$s q.v LIMIT 30) s) n', tab, op);
	plan text := '';
	line text;
	bad bigint;
	share float8;
	rows_with_v bigint;
	s record;
BEGIN
	EXECUTE format('CREATE INDEX own ON %s USING hnsw (v %s)', tab, class);
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_sort = off;
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || nearest LOOP plan := plan || line; END LOOP;
	RETURN NEXT alike(plan, '%Index Scan using own on%', class || ': the index is used');
	EXECUTE 'CREATE TEMP TABLE found ON COMMIT DROP AS ' || nearest;
	DROP INDEX own;
	RESET enable_seqscan;
	RESET enable_sort;
	EXECUTE 'CREATE TEMP TABLE exact ON COMMIT DROP AS ' || nearest;

	-- An index of halfvec by cosine holds unit vectors in half precision.
	SELECT count(*) INTO bad FROM (SELECT d - lag(d) OVER (PARTITION BY q ORDER BY o) AS step FROM found) x
		WHERE step < CASE class WHEN 'halfvec_cosine_ops' THEN -2e-3 ELSE -1e-6 END;
	RETURN NEXT is(bad, 0::bigint, class || ': distances do not decrease');
	SELECT count(*) INTO bad FROM (SELECT 1 FROM found GROUP BY q, id HAVING count(*) > 1) x;
	RETURN NEXT is(bad, 0::bigint, class || ': no row twice');
	RETURN NEXT is((SELECT count(*) FROM found), (SELECT count(*) FROM exact), class || ': as many rows as the LIMIT asks for');
	SELECT avg((f.d <= e.d + 1e-5 * (1 + abs(e.d)))::int) INTO share
		FROM (SELECT q, o, d FROM found WHERE o <= 10) f JOIN (SELECT q, max(d) AS d FROM exact WHERE o <= 10 GROUP BY q) e USING (q);
	RETURN NEXT cmp_ok(share, '>=', 0.95::float8, class || ': recall of 10');
	SELECT count(*) INTO bad FROM found f WHERE o = 1 AND d > (SELECT min(d) FROM exact e WHERE e.q = f.q) + 1e-5;
	RETURN NEXT cmp_ok(bad, '<=', 1::bigint, class || ': the nearest is the nearest');
	DROP TABLE found, exact;

	EXECUTE format('CREATE INDEX own ON %s USING hnsw (v %s) WITH (m = 8, ef_construction = 80)', tab, class);
	IF own_nearest THEN
		SET LOCAL enable_seqscan = off;
		SET LOCAL enable_sort = off;
		EXECUTE format('SELECT count(*) FROM %1$s a WHERE v IS NOT NULL AND (SELECT b.v FROM %1$s b ORDER BY b.v %2$s a.v LIMIT 1) %2$s a.v > 1e-5', tab, op) INTO bad;
		RESET enable_seqscan;
		RESET enable_sort;
		RETURN NEXT cmp_ok(bad, '<=', 9::bigint, class || ': rows are found by their own vectors');
	END IF;

	EXECUTE format('SELECT count(*) FROM %s WHERE v IS NOT NULL', tab) INTO rows_with_v;
	SELECT * INTO s FROM ruvector.index_stats('own');
	RETURN NEXT is(s.tids, rows_with_v, class || ': every row is counted');
	RETURN NEXT is(s.vertices + s.duplicates, s.tids, class || ': vertices and duplicates are the rows');
	RETURN NEXT ok(s.m = 8 AND s.ef_construction = 80, class || ': its options');
	RETURN NEXT ok(s.levels = cardinality(s.vertices_by_level) AND s.entry_level = s.levels - 1, class || ': its levels');
	RETURN NEXT is(s.vertices_by_level[1], s.vertices, class || ': all vertices are in level 0');
	RETURN NEXT ok((SELECT bool_and(n <= before OR before IS NULL) FROM (SELECT n, lag(n) OVER (ORDER BY l) AS before FROM unnest(s.vertices_by_level) WITH ORDINALITY u(n, l)) x),
		class || ': a level has no more vertices than the one below');
	RETURN NEXT ok(s.dead = 0 AND s.unreachable = 0, class || ': none is dead or out of reach');
	RETURN NEXT ok(s.avg_degree > 0 AND s.avg_degree <= s.degree, class || ': the degree has a bound');
	RETURN NEXT is(s.bytes, pg_relation_size('own'), class || ': its size');
	RETURN NEXT ok(s.pages * current_setting('block_size')::int = s.bytes AND s.slot_pages + s.chunk_pages < s.pages, class || ': its pages');
	RETURN NEXT ok(s.slots_per_page * s.slot_bytes < 8192 AND s.slots_per_page * s.slot_pages >= s.vertices, class || ': its slots');
	RETURN NEXT is_empty('SELECT * FROM ruvector.index_check(''own'', true)', class || ': index_check accepts it');

	-- the rest by inserts
	EXECUTE format('CREATE TABLE again (LIKE %s)', tab);
	EXECUTE format('CREATE INDEX again_v ON again USING hnsw (v %s)', class);
	EXECUTE format('INSERT INTO again SELECT * FROM %s', tab);
	SELECT * INTO s FROM ruvector.index_stats('again_v');
	RETURN NEXT is(s.tids, rows_with_v, class || ': every row is counted, inserted');
	RETURN NEXT is(s.vertices + s.duplicates, s.tids, class || ': vertices and duplicates are the rows, inserted');
	RETURN NEXT is(s.unreachable, 0::bigint, class || ': none is out of reach, inserted');
	RETURN NEXT is_empty('SELECT * FROM ruvector.index_check(''again_v'', true)', class || ': index_check accepts it, inserted');
	DROP TABLE again;
	DROP INDEX own;
END $$;

SELECT pg_temp.index_holds('vectors', 'vector_l2_ops', '<->', true);
SELECT pg_temp.index_holds('vectors', 'vector_ip_ops', '<#>', false);
SELECT pg_temp.index_holds('vectors', 'vector_cosine_ops', '<=>', true);
SELECT pg_temp.index_holds('vectors', 'vector_l1_ops', '<+>', true);
SELECT pg_temp.index_holds('halfvecs', 'halfvec_l2_ops', '<->', true);
SELECT pg_temp.index_holds('halfvecs', 'halfvec_ip_ops', '<#>', false);
SELECT pg_temp.index_holds('halfvecs', 'halfvec_cosine_ops', '<=>', false);
SELECT pg_temp.index_holds('halfvecs', 'halfvec_l1_ops', '<+>', true);
SELECT pg_temp.index_holds('bits', 'bit_hamming_ops', '<~>', true);
SELECT pg_temp.index_holds('bits', 'bit_jaccard_ops', '<%>', true);
SELECT pg_temp.index_holds('sparsevecs', 'sparsevec_l2_ops', '<->', true);
SELECT pg_temp.index_holds('sparsevecs', 'sparsevec_ip_ops', '<#>', false);
SELECT pg_temp.index_holds('sparsevecs', 'sparsevec_cosine_ops', '<=>', true);
SELECT pg_temp.index_holds('sparsevecs', 'sparsevec_l1_ops', '<+>', true);

-- Whoever owns a table needs no superuser, and nobody else inspects its index.
CREATE ROLE ruvector_test_owner;
CREATE ROLE ruvector_test_reader;
CREATE SCHEMA owned AUTHORIZATION ruvector_test_owner;
GRANT SELECT ON vectors TO ruvector_test_owner;
SET LOCAL ROLE ruvector_test_owner;
SELECT lives_ok('CREATE TABLE owned.t (id int PRIMARY KEY, v vector(24))', 'an ordinary user makes a table');
SELECT lives_ok('INSERT INTO owned.t SELECT * FROM public.vectors', 'fills it');
SELECT lives_ok('CREATE INDEX t_v ON owned.t USING hnsw (v vector_l2_ops)', 'makes an index');
SELECT lives_ok('INSERT INTO owned.t SELECT id + 2000, v FROM public.vectors WHERE id <= 10', 'inserts into it');
SELECT lives_ok('SET LOCAL hnsw.ef_search = 100', 'sets its setting');
SET LOCAL enable_seqscan = off;
SELECT is((SELECT count(*) FROM (SELECT id FROM owned.t ORDER BY v <-> (SELECT v FROM owned.t WHERE id = 1) LIMIT 5) s), 5::bigint, 'searches');
SELECT is((SELECT tids FROM ruvector.index_stats('owned.t_v')), 930::bigint, 'sees its counts');
SELECT is_empty($$SELECT * FROM ruvector.index_check('owned.t_v', true)$$, 'checks it');
SELECT lives_ok('REINDEX INDEX owned.t_v', 'builds it again');
GRANT USAGE ON SCHEMA owned TO ruvector_test_reader;
GRANT SELECT ON owned.t TO ruvector_test_reader;
SET LOCAL ROLE ruvector_test_reader;
SELECT is((SELECT count(*) FROM (SELECT id FROM owned.t ORDER BY v <-> (SELECT v FROM owned.t WHERE id = 1) LIMIT 5) s), 5::bigint, 'a reader searches');
SELECT throws_ok($$SELECT * FROM ruvector.index_stats('owned.t_v')$$, '42501', 'must be owner of index t_v', 'but does not see the counts');
SELECT throws_ok($$SELECT * FROM ruvector.index_check('owned.t_v')$$, '42501', 'must be owner of index t_v', 'and does not lock by checking');
RESET ROLE;

-- A function in the index runs with its owner's rights when somebody else checks the index.
CREATE FUNCTION owned.whoami(vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF current_user <> 'ruvector_test_owner' THEN RAISE 'run as %', current_user; END IF;
	RETURN $1;
END $$;
ALTER FUNCTION owned.whoami OWNER TO ruvector_test_owner;
SET LOCAL ROLE ruvector_test_owner;
CREATE INDEX t_who ON owned.t USING hnsw ((owned.whoami(v)::vector(24)) vector_l2_ops);
RESET ROLE;
SELECT is_empty($$SELECT * FROM ruvector.index_check('owned.t_who', true)$$, 'index_check by a superuser runs the index''s functions as its owner');
-- Row security hides rows from a reader also through the index.
ALTER TABLE owned.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON owned.t TO ruvector_test_reader USING (id % 10 = 0);
DROP INDEX owned.t_who;
SET LOCAL ROLE ruvector_test_reader;
SELECT is((SELECT count(*) || ' ' || bool_and(id % 10 = 0) FROM (SELECT id FROM owned.t ORDER BY v <-> (SELECT v FROM owned.t WHERE id = 10) LIMIT 20) s), '20 true', 'row security');
RESET ROLE;
RESET enable_seqscan;

-- Hash operator classes: groups, joins, partitions, as the btree classes have them.
CREATE FUNCTION pg_temp.hashes(tab regclass) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	groups text := format('SELECT count(*) AS n FROM %s GROUP BY v', tab);
	joined text := format('SELECT count(*) FROM %1$s a JOIN %1$s b ON a.v = b.v', tab);
	plan text := '';
	line text;
	hashed bigint[];
	sorted bigint[];
BEGIN
	SET LOCAL enable_sort = off;
	SET LOCAL enable_mergejoin = off;
	SET LOCAL enable_nestloop = off;
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || groups LOOP plan := plan || line; END LOOP;
	RETURN NEXT alike(plan, '%HashAggregate%', tab || ': groups by hash');
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || joined LOOP plan := plan || line; END LOOP;
	RETURN NEXT alike(plan, '%Hash Join%', tab || ': joins by hash');
	EXECUTE format('SELECT ARRAY[(SELECT count(*) FROM (%1$s) g), (SELECT sum(n * n) FROM (%1$s) g), (%2$s)]', groups, joined) INTO hashed;
	RESET enable_sort;
	RESET enable_mergejoin;
	RESET enable_nestloop;
	SET LOCAL enable_hashagg = off;
	SET LOCAL enable_hashjoin = off;
	EXECUTE format('SELECT ARRAY[(SELECT count(*) FROM (%1$s) g), (SELECT sum(n * n) FROM (%1$s) g), (%2$s)]', groups, joined) INTO sorted;
	RESET enable_hashagg;
	RESET enable_hashjoin;
	RETURN NEXT is(hashed, sorted, tab || ': the same groups and pairs as by order');
	RETURN NEXT is(hashed[3], hashed[2] - 1, tab || ': pairs are the squares of the groups, without NULL');
END $$;
SELECT pg_temp.hashes('vectors');
SELECT pg_temp.hashes('halfvecs');
SELECT pg_temp.hashes('sparsevecs');

SELECT * FROM finish();
ROLLBACK;
