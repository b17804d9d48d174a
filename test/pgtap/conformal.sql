-- Conformal retrieval: sets that contain the right answer with the promised probability, on generated data.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();
SELECT ruvector.init(8, index_options => '{"m": 8, "ef_construction": 40}') IS NOT NULL AS made;
SELECT setseed(0.25);

-- Every query is a document with noise; that document is the right answer. Group b is harder.
CREATE TABLE docs (id bigint PRIMARY KEY, body vector(8));
INSERT INTO docs SELECT i, (SELECT array_agg(random() + random() - 1 + 0 * (i + g))::real[] FROM generate_series(1, 8) g)::vector FROM generate_series(1, 2000) i;
CREATE INDEX ON docs USING hnsw (body vector_l2_ops);
CREATE TABLE queries AS
	SELECT n, CASE WHEN n % 2 = 0 THEN 'a' ELSE 'b' END AS group_key, ARRAY[d.id::text] AS relevant,
		d.body + (SELECT array_agg((random() + random() - 1) * CASE WHEN n % 2 = 0 THEN 0.25 ELSE 0.6 END + 0 * (n + g))::real[] FROM generate_series(1, 8) g)::vector AS query
	FROM generate_series(1, 900) n JOIN docs d ON d.id = 1 + (n * 37) % 2000;
CREATE VIEW held_out AS SELECT query, relevant, group_key FROM queries WHERE n <= 400;
ANALYZE docs;

SELECT is(n, 400::bigint, 'calibrate_retrieval: queries') FROM ruvector.calibrate_retrieval('docs', 'held_out', 'docs', embedding_column => 'body', metric => 'l2');
-- The scores are those of the plain definition.
SELECT is(s.rank, (SELECT count(*) + 1 FROM docs WHERE body <-> q.query < s.distance)::float8, 'rank of the right answer')
FROM ruvector.conformal_scores s JOIN LATERAL (SELECT * FROM queries WHERE n <= 400 AND s.distance = (SELECT body <-> query FROM docs WHERE id::text = relevant[1])) q ON true
WHERE s.calibration = 'docs' ORDER BY s.id LIMIT 3;
SELECT is(threshold, (SELECT gap FROM ruvector.conformal_scores WHERE calibration = 'docs' ORDER BY gap OFFSET ceil(401 * 0.9)::int - 1 LIMIT 1), 'the threshold is the ceil((n + 1)(1 - alpha))-th score')
FROM ruvector.conformal_threshold('docs', 0.1);
SELECT is(threshold, 'Infinity'::float8, 'too few scores: infinite') FROM ruvector.conformal_threshold('docs', 0.001);
SELECT cmp_ok(k, '>', 1::bigint, 'k neighbours contain the answer') FROM ruvector.conformal_threshold('docs', 0.1);

-- Coverage of 500 new queries; binomial and calibration error together have a deviation of about 0.02.
CREATE TEMP TABLE outcome AS
	SELECT score, exact, q.group_key, bool_or(r.id = q.relevant[1]) AS hit, max(r.set_size) AS size, bool_and(r.attainable) AS attainable
	FROM queries q, (VALUES ('gap', false), ('gap', true), ('distance', false), ('rank', false)) v(score, exact),
		LATERAL ruvector.conformal_search(q.query, 0.1, 'docs', max_k => 2000, score => v.score, exact => v.exact) r
	WHERE q.n > 400 AND (NOT exact OR q.n <= 600) GROUP BY q.n, q.group_key, score, exact;
SELECT cmp_ok(count(*) FILTER (WHERE hit) / CASE WHEN exact THEN 200.0 ELSE 500.0 END, '>=', 0.85, format('coverage with %s%s: %s, median set %s', score, CASE WHEN exact THEN ', exact' ELSE '' END,
	round(count(*) FILTER (WHERE hit) / CASE WHEN exact THEN 200.0 ELSE 500.0 END, 3), percentile_disc(0.5) WITHIN GROUP (ORDER BY size))) FROM outcome GROUP BY score, exact;
SELECT ok(bool_and(attainable), 'sets are complete') FROM outcome;
-- Groups: the pooled promise holds on average only, that of a group in it.
SELECT cmp_ok(avg((SELECT bool_or(r.id = q.relevant[1])::int FROM ruvector.conformal_search(q.query, 0.2, 'docs', group_key => 'b') r)), '>=', 0.73, 'coverage in the harder group')
FROM queries q WHERE q.n > 400 AND q.group_key = 'b';
SELECT ok(a.threshold < b.threshold, 'the easier group needs less') FROM ruvector.conformal_threshold('docs', 0.1, 'a') a, ruvector.conformal_threshold('docs', 0.1, 'b') b;

-- The promise is a mean over calibrations: 400 divisions of the 900 queries into 99 that calibrate and 801 that are new. The
-- mean is at least 1 - alpha; with scores without ties it is also at most 1 - alpha + 1/(n + 1). Three deviations of that mean
-- are allowed for.
CREATE VIEW all_queries AS SELECT query, relevant FROM queries;
SELECT n AS scored FROM ruvector.calibrate_retrieval('all', 'all_queries', 'docs', embedding_column => 'body', metric => 'l2');
CREATE TEMP TABLE pool AS SELECT row_number() OVER () AS q, distance, gap, rank FROM ruvector.conformal_scores WHERE calibration = 'all';
CREATE TEMP TABLE divided AS SELECT d, q, row_number() OVER (PARTITION BY d ORDER BY random()) <= 99 AS calibrates FROM generate_series(1, 400) d, pool;
INSERT INTO ruvector.conformal_calibrations (name, relation, id_column, embedding_column, metric)
	SELECT 'd' || d, 'docs', 'id', 'body', 'l2' FROM generate_series(1, 400) d;
INSERT INTO ruvector.conformal_scores (calibration, distance, gap, rank) SELECT 'd' || d, distance, gap, rank FROM divided JOIN pool USING (q) WHERE calibrates;
CREATE TEMP TABLE coverage AS
	SELECT score, alpha, d, avg((CASE score WHEN 'distance' THEN p.distance WHEN 'gap' THEN p.gap ELSE p.rank END <= t.threshold)::int) AS share
	FROM (VALUES ('distance', 0.1::float8), ('gap', 0.25), ('rank', 0.25)) v(score, alpha), generate_series(1, 400) d,
		LATERAL ruvector.conformal_threshold('d' || d, v.alpha, score => v.score) t, LATERAL (SELECT pool.* FROM divided JOIN pool USING (q) WHERE divided.d = d.d AND NOT calibrates) p
	GROUP BY score, alpha, d;
SELECT ok(avg(share) >= 1 - alpha - 3 * stddev(share) / 20 AND (score <> 'distance' OR avg(share) <= 1.01 - alpha + 3 * stddev(share) / 20),
	format('mean coverage of 400 calibrations by %s: %s of %s', score, round(avg(share), 4), 1 - alpha)) FROM coverage GROUP BY score, alpha;

-- What cannot be attained is said.
SELECT is(bool_or(attainable), false, 'max_k is too small') FROM ruvector.conformal_search((SELECT query FROM queries WHERE n = 401), 0.05, 'docs', max_k => 1, score => 'rank');
SELECT is(bool_or(attainable), false, 'too few scores for alpha') FROM ruvector.conformal_search((SELECT query FROM queries WHERE n = 401), 0.001, 'docs', max_k => 5);
SELECT is(count(*), 5::bigint, 'and then max_k rows come') FROM ruvector.conformal_search((SELECT query FROM queries WHERE n = 401), 0.001, 'docs', max_k => 5);
CREATE TEMP TABLE absent AS SELECT query, '{-1}'::text[] AS relevant FROM queries WHERE n <= 20;
SELECT results_eq($$ SELECT n, missing FROM ruvector.calibrate_retrieval('absent', 'absent', 'docs', embedding_column => 'body', metric => 'l2') $$, 'VALUES (20::bigint, 20::bigint)', 'answers that are not there');
SELECT is(k, NULL, 'no k contains them') FROM ruvector.conformal_threshold('absent', 0.2);

-- The store's own table.
INSERT INTO ruvector.vectors_table (id, embedding) SELECT id::text, body FROM docs;
SELECT cmp_ok(median_rank, '<=', 5::float8, 'vectors_table is the default') FROM ruvector.calibrate_retrieval('default', 'held_out');
SELECT ok(count(*) > 0, 'and searched') FROM ruvector.conformal_search((SELECT query FROM queries WHERE n = 500));

SELECT throws_ok($$ SELECT * FROM ruvector.conformal_search('[1,2,3,4,5,6,7,8]', 0.1, 'nothing') $$, '42704', NULL, 'unknown calibration');
SELECT throws_ok($$ SELECT * FROM ruvector.conformal_search('[1,2,3,4,5,6,7,8]', 1.5, 'docs') $$, '22023', NULL, 'alpha out of range');
SELECT throws_ok($$ SELECT * FROM ruvector.conformal_search('[1,2,3,4,5,6,7,8]', 0.1, 'docs', score => 'x') $$, '22023', NULL, 'unknown score');
SELECT throws_ok($$ SELECT ruvector.calibrate_retrieval('x', 'held_out', 'docs') $$, '42703', NULL, 'a column that is not there');
SELECT throws_ok($$ SELECT ruvector.calibrate_retrieval('x', 'held_out', 'docs', embedding_column => 'body', metric => 'x') $$, '22023', NULL, 'unknown metric');
SELECT * FROM finish();
ROLLBACK;
