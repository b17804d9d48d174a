-- estimate_uplift over a table. The estimator is tested in test/unit/aipw_test.cpp.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();

-- Hard tasks get the treatment more often and succeed less. Deterministic noise.
CREATE FUNCTION pg_temp.noise(i int, salt int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
	$$SELECT (hashtextextended(i::text, salt) & 1048575) / 1048576.0::float8$$;
CREATE TEMP TABLE run AS
	SELECT i AS id, d AS difficulty, pg_temp.noise(i, 2) < 1 / (1 + exp(-4 * (d - 0.5))) AS reviewed, i % 3 = 0 AS weekend, i % 40 AS agent,
		0.0::numeric AS reward FROM (SELECT i, pg_temp.noise(i, 1) AS d FROM generate_series(1, 1000) i) x;
UPDATE run SET reward = (1 - 1.2 * difficulty + 0.3 * reviewed::int + 0.2 * (pg_temp.noise(id, 3) - 0.5))::numeric;
ALTER TABLE run ADD COLUMN reviewed_number int GENERATED ALWAYS AS (reviewed::int) STORED, ADD COLUMN note text DEFAULT 'x',
	ADD COLUMN "odd ""name" float8 DEFAULT 1;
CREATE TEMP TABLE result AS SELECT * FROM ruvector.estimate_uplift('run', 'reviewed', 'reward', '{difficulty,weekend}');

SELECT is((n, n_treated)::text, (SELECT (count(*), count(*) FILTER (WHERE reviewed))::text FROM run), 'counts') FROM result;
SELECT cmp_ok(abs(ate - 0.3), '<', 0.03::float8, 'the effect is found') FROM result;
SELECT cmp_ok(naive, '<', 0.03::float8, 'where the naive difference shows none') FROM result;
SELECT ok(ci_low < 0.3 AND 0.3 < ci_high AND ci_low > 0 AND p_value < 1e-10, 'interval and p-value') FROM result;
SELECT ok(ess BETWEEN 500 AND 1000 AND min_propensity BETWEEN 0.05 AND 0.25 AND max_propensity BETWEEN 0.75 AND 0.95, 'overlap') FROM result;
SELECT ok(smd_before[1] > 0.8 AND abs(smd_after[1]) < 0.1 AND abs(smd_after[2]) < 0.1 AND cardinality(smd_after) = 2, 'balance') FROM result;
SELECT cmp_ok(e_value, '>', 2::float8, 'E-value') FROM result;

-- What must not matter, and what must.
SELECT results_eq($$SELECT * FROM ruvector.estimate_uplift('run', 'reviewed_number', 'reward', '{difficulty,weekend}')$$, 'SELECT * FROM result',
	'a treatment of 0 and 1 is the same as a boolean one');
CREATE TEMP TABLE shuffled AS SELECT * FROM run ORDER BY pg_temp.noise(id, 4);
SELECT results_eq($$SELECT * FROM ruvector.estimate_uplift('shuffled', 'reviewed', 'reward', '{difficulty,weekend}')$$, 'SELECT * FROM result',
	'the order of the rows does not matter');
SELECT isnt((SELECT ate FROM ruvector.estimate_uplift('run', 'reviewed', 'reward', '{difficulty,weekend}', seed => 1)), (SELECT ate FROM result),
	'another seed deals other folds');
SELECT results_eq($$SELECT a.* FROM (SELECT array_agg(reviewed ORDER BY reviewed, reward, difficulty, weekend) AS t,
		array_agg(reward::float8 ORDER BY reviewed, reward, difficulty, weekend) AS y,
		array_agg(ARRAY[difficulty, weekend::int] ORDER BY reviewed, reward, difficulty, weekend) AS x FROM run) r, ruvector._aipw(t, y, x, 2) a$$,
	'SELECT * FROM result', 'the form over arrays');
SELECT isnt(se, (SELECT se FROM result), 'clusters change the standard error')
	FROM ruvector.estimate_uplift('run', 'reviewed', 'reward', '{difficulty,weekend}', 'agent');
SELECT cmp_ok(abs(ate - 0.3), '<', 0.03::float8, 'the effect on the treated')
	FROM ruvector.estimate_uplift('run', 'reviewed', 'reward', '{difficulty,weekend}', estimand => 'att');
SELECT ok(abs(ate - naive) < 0.01 AND smd_before = '{}', 'without covariates: the naive difference')
	FROM ruvector.estimate_uplift('run', 'reviewed', 'reward', '{}');
SELECT is(smd_after, '{NULL}'::float8[], 'a constant column has no difference; names are quoted')
	FROM ruvector.estimate_uplift('run', 'reviewed', 'reward', ARRAY['odd "name']);
CREATE TEMP VIEW run_with_nulls AS SELECT id, CASE WHEN id % 10 <> 0 THEN reviewed END AS reviewed, CASE WHEN id % 10 <> 1 THEN reward END AS reward,
	CASE WHEN id % 10 <> 2 THEN difficulty END AS difficulty, CASE WHEN id % 10 <> 3 THEN agent END AS agent FROM run;
SELECT is(n, 600::bigint, 'rows with nulls are left out; a view will do')
	FROM ruvector.estimate_uplift('run_with_nulls', 'reviewed', 'reward', '{difficulty}', 'agent');

-- Errors.
SELECT throws_ok($$SELECT ruvector.estimate_uplift('run', 'reviewed', 'rewards', '{difficulty}')$$, '42703', NULL, 'a column that is not there');
SELECT throws_ok($$SELECT ruvector.estimate_uplift('run', 'reviewed', 'reward', '{difficulty}', 'team')$$, '42703', NULL, 'a cluster that is not there');
SELECT throws_ok($$SELECT ruvector.estimate_uplift('run', 'reviewed', 'reward', '{note}')$$, '42804',
	'column "note" is of type text, and numbers or booleans are needed', 'a column of text');
SELECT throws_ok($$SELECT ruvector.estimate_uplift('run', 'agent', 'reward', '{difficulty}')$$, '22023', NULL, 'a treatment that is neither 0 nor 1');
SELECT throws_ok($$SELECT ruvector.estimate_uplift('run', 'reviewed', 'reward', '{difficulty}', estimand => 'atu')$$, '22023', NULL, 'an unknown estimand');
SELECT throws_ok($$SELECT ruvector.estimate_uplift('run', 'reviewed', 'reward', NULL)$$, '22004', NULL, 'no covariates at all are an empty array, not NULL');
CREATE TEMP TABLE few AS SELECT * FROM run LIMIT 15;
SELECT throws_like($$SELECT ruvector.estimate_uplift('few', 'reviewed', 'reward', '{difficulty}')$$, 'too few %treated units: %', 'too few units');
TRUNCATE few;
SELECT throws_like($$SELECT ruvector.estimate_uplift('few', 'reviewed', 'reward', '{difficulty}')$$, 'too few %treated units: 0%', 'no units');
SELECT throws_ok($$SELECT ruvector._aipw('{t,f}', '{1}', '{1,2}', 1)$$, '2202E', NULL, 'arrays of different lengths');
SELECT throws_ok($$SELECT ruvector._aipw('{t,f}', '{1,NaN}', '{1,2}', 1)$$, '22023', NULL, 'NaN');
SELECT throws_ok($$SELECT ruvector._aipw('{t,f}', '{1,2}', '{1,2}', -1)$$, '22023', NULL, 'a negative number of columns');

SELECT * FROM finish();
ROLLBACK;
