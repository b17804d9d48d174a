-- Recall measured and promised: ruvector.calibrate, ruvector.calibration, ruvector.target_recall.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();

-- Points around centers, and points of the same kind that are not in the table. A poor graph, so that effort matters.
SELECT setseed(0.23);
CREATE TEMP TABLE center AS SELECT c, d, (random() - 0.5) * 3 AS x FROM generate_series(1, 30) c, generate_series(1, 24) d;
CREATE TEMP TABLE point AS
	SELECT i AS id, (SELECT array_agg(x + random() - 0.5 + random() - 0.5 + i * 0 ORDER BY d) FROM center WHERE c = 1 + i % 30)::vector(24) AS v
	FROM generate_series(1, 4400) i;
CREATE TABLE data AS SELECT * FROM point WHERE id > 400;
CREATE TABLE held_out AS SELECT * FROM point WHERE id <= 400;
INSERT INTO data VALUES (0, NULL);
INSERT INTO data SELECT id + 10000, v FROM data WHERE id % 200 = 0; -- duplicates

CREATE TEMP TABLE truth AS SELECT q.id, max(n.d) AS d FROM held_out q,
	LATERAL (SELECT data.v <-> q.v AS d FROM data ORDER BY d LIMIT 10) n GROUP BY q.id;
CREATE INDEX data_v ON data USING hnsw (v vector_l2_ops) WITH (m = 3, ef_construction = 6);
ANALYZE data;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_sort = off;
-- Recall of 10 of each query that was held out; a row as near as the tenth counts.
CREATE FUNCTION pg_temp.recalls() RETURNS SETOF float8 LANGUAGE sql AS $$
	SELECT count(*) FILTER (WHERE n.d <= t.d + 1e-6) / 10.0 FROM held_out q JOIN truth t USING (id),
		LATERAL (SELECT data.v <-> q.v AS d FROM data ORDER BY data.v <-> q.v LIMIT 10) n GROUP BY q.id $$;

SELECT is_empty($$SELECT * FROM ruvector.calibration('data_v')$$, 'an index is not calibrated at first');
SET LOCAL ruvector.target_recall = 0.99;
SET LOCAL hnsw.ef_search = 10;
CREATE TEMP TABLE before AS SELECT avg(r) AS recall FROM pg_temp.recalls() r;
SELECT cmp_ok(recall, '<', 0.9::float8, 'one that is not calibrated is searched with hnsw.ef_search') FROM before;

CREATE TEMP TABLE ladder AS SELECT * FROM ruvector.calibrate('data_v', sample => 400);
SELECT bag_eq('SELECT ef_search, recall, adjusted_recall FROM ladder',
	$$SELECT ef_search, recall, adjusted_recall FROM ruvector.calibration('data_v')$$, 'the ladder is stored');
SELECT results_eq($$SELECT DISTINCT k, queries, sampled, calibrated_at BETWEEN now() AND clock_timestamp() FROM ruvector.calibration('data_v')$$,
	'VALUES (10, 400, true, true)', '... with what it was measured with');
SELECT is_empty('SELECT * FROM (SELECT recall - lag(recall) OVER (ORDER BY ef_search) AS step FROM ladder) x WHERE step < 0',
	'recall does not decrease with ef_search');
SELECT results_eq('SELECT count(*), min(ef_search), max(ef_search) FROM ladder', 'VALUES (14::bigint, 10, 1000)', 'the ladder goes from 10 to 1000');
SELECT is_empty('SELECT * FROM ladder WHERE abs(adjusted_recall - (1 - (400 * (1 - recall) + 1) / 401)) > 1e-12', 'the adjustment is that of conformal risk control');
SELECT results_eq('SELECT ef_search FROM ladder WHERE chosen', 'SELECT min(ef_search) FROM ladder WHERE adjusted_recall >= 0.95',
	'the least effort that promises the target is chosen');
SELECT cmp_ok(min(recall), '<', 0.9::float8, 'the data tell efforts apart') FROM ladder;
SELECT cmp_ok(max(recall), '>=', 0.99::float8, 'the greatest effort finds nearly all') FROM ladder;

CREATE FUNCTION pg_temp.promise_holds(target float8) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	mean float8; error float8; plan_ef int; mean_of_ef float8;
BEGIN
	PERFORM set_config('ruvector.target_recall', target::text, true);
	SELECT avg(r), stddev_samp(r) / sqrt(count(*)) INTO mean, error FROM pg_temp.recalls() r;
	RETURN NEXT cmp_ok(mean, '>=', target - 3 * error, format('recall of queries held out: %s for a target of %s', round(mean::numeric, 3), target));
	-- As much as with the effort of the ladder, set by hand.
	SELECT min(ef_search) INTO plan_ef FROM ladder WHERE adjusted_recall >= target;
	PERFORM set_config('ruvector.target_recall', '0', true);
	PERFORM set_config('hnsw.ef_search', plan_ef::text, true);
	SELECT avg(r) INTO mean_of_ef FROM pg_temp.recalls() r;
	RETURN NEXT is(mean, mean_of_ef, format('... that is ef_search = %s', plan_ef));
	PERFORM set_config('hnsw.ef_search', '10', true);
END $$;
SELECT pg_temp.promise_holds(0.9);
SELECT pg_temp.promise_holds(0.95);
SELECT pg_temp.promise_holds(0.99);
SELECT is(avg(r), (SELECT recall FROM before), 'without a target hnsw.ef_search counts') FROM pg_temp.recalls() r;

-- Beyond what can be promised: a warning, and the largest effort.
SET LOCAL client_min_messages = error;
SELECT results_eq($$SELECT ef_search FROM ruvector.calibrate('data_v', target_recall => 0.999, sample => 100) WHERE chosen$$, 'VALUES (1000)',
	'a target out of reach gives the largest effort');
RESET client_min_messages;
SELECT results_eq($$SELECT DISTINCT queries FROM ruvector.calibration('data_v')$$, 'VALUES (100)', 'the last calibration counts');

-- Queries of one's own, which are no rows.
SELECT results_eq($$SELECT count(*) FROM ruvector.calibrate('data_v', (SELECT array_agg(v) FROM held_out), 20, 0.9)$$, 'VALUES (12::bigint)',
	'the ladder begins at k');
SELECT results_eq($$SELECT DISTINCT k, queries, sampled FROM ruvector.calibration('data_v')$$, 'VALUES (20, 400, false)', 'given queries are told apart');
SELECT cmp_ok(abs(c.recall - m.recall), '<', 0.001::float8, 'its recall is what queries get')
	FROM ruvector.calibrate('data_v', (SELECT array_agg(v) FROM held_out), 10, 0.9) c, before m WHERE c.ef_search = 10;
SELECT is_empty($$SELECT * FROM ruvector.index_check('data_v')$$, 'a calibrated index is sound');

-- Other kinds of indexes: partial, on an expression, of codes, of another type; with few rows.
CREATE INDEX data_part ON data USING hnsw (v vector_cosine_ops) WHERE id % 3 = 0;
SELECT is(max(recall), 1::float8, 'a partial index') FROM ruvector.calibrate('data_part', 5, 0.9, 100);
CREATE INDEX data_half ON data USING hnsw ((v::halfvec(24)) halfvec_l2_ops);
SELECT is(max(recall), 1::float8, 'an index on an expression') FROM ruvector.calibrate('data_half', 5, 0.9, 100);
CREATE INDEX data_int8 ON data USING hnsw (v vector_l2_int8_ops);
SELECT cmp_ok(max(recall), '>=', 0.99::float8, 'an index of codes') FROM ruvector.calibrate('data_int8', 10, 0.9, 100);
CREATE INDEX data_bits ON data USING hnsw ((binary_quantize(v)::bit(24)) bit_hamming_ops);
SELECT cmp_ok(max(recall), '>=', 0.99::float8, 'an index of bits, where many rows are equally near') FROM ruvector.calibrate('data_bits', 10, 0.9, 100);
CREATE TABLE few AS SELECT * FROM data WHERE id BETWEEN 401 AND 404;
CREATE INDEX few_v ON few USING hnsw (v vector_l2_ops);
SELECT is(min(recall), 1::float8, 'fewer rows than k') FROM ruvector.calibrate('few_v', 10, 0.1);
REINDEX INDEX data_v;
SELECT is_empty($$SELECT * FROM ruvector.calibration('data_v')$$, 'REINDEX forgets');

-- Bad input.
SELECT throws_ok($$SELECT ruvector.calibrate('data_v', 0)$$, '22023', 'k must be between 1 and 500', 'k too small');
SELECT throws_ok($$SELECT ruvector.calibrate('data_v', 501)$$, '22023', NULL, 'k too large');
SELECT throws_ok(format($$SELECT ruvector.calibrate('data_v', 10, %s)$$, t), '22023', 'target_recall must be greater than 0 and less than 1', 'target_recall ' || t)
	FROM unnest('{0,1,-0.5}'::text[] || '{''NaN''}'::text[]) t;
SELECT throws_ok($$SELECT ruvector.calibrate('data_v', sample => 0)$$, '22023', 'sample must be between 1 and 10000', 'sample too small');
SELECT throws_ok($$SELECT ruvector.calibrate('data_v', '{}'::vector[])$$, '22023', 'the number of queries must be between 1 and 10000', 'no queries');
SELECT throws_ok($$SELECT ruvector.calibrate('data_v', ARRAY[NULL]::vector[])$$, '22004', 'queries must not be null', 'a NULL query');
SELECT throws_ok($$SELECT ruvector.calibrate('data_v', '{"[1,2]"}'::vector[])$$, '22000', 'expected 24 dimensions, not 2', 'a query of other dimensions');
SELECT throws_ok($$SELECT ruvector.calibrate('data_v', '{"[1,2]"}'::halfvec[])$$, '42804', 'queries of type halfvec do not fit an index of vector', 'queries of another type');
CREATE TABLE empty (v vector(3));
CREATE INDEX empty_v ON empty USING hnsw (v vector_l2_ops);
SELECT throws_ok($$SELECT ruvector.calibrate('empty_v')$$, '55000', 'index "empty_v" has too few rows to be calibrated', 'no rows');
CREATE INDEX data_ivfflat ON data USING ivfflat (v vector_l2_ops) WITH (lists = 2);
SELECT throws_ok($$SELECT ruvector.calibrate('data_ivfflat')$$, '42809', NULL, 'another access method');
SELECT throws_ok('SET ruvector.target_recall = 1.5', '22023', NULL, 'target_recall is at most 1');
CREATE ROLE nobody_special;
GRANT SELECT ON data TO nobody_special;
SET LOCAL ROLE nobody_special;
SELECT throws_ok($$SELECT ruvector.calibrate('data_v')$$, '42501', 'must be owner of index data_v', 'not the owner');
SELECT throws_ok($$SELECT ruvector.calibration('data_v')$$, '42501', NULL, 'not the owner: what is stored');
RESET ROLE;
SET LOCAL transaction_read_only = on;
SELECT throws_ok($$SELECT ruvector.calibrate('data_v')$$, '25006', NULL, 'a transaction that only reads');

SELECT finish();
ROLLBACK;
