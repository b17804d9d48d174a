-- The statistics in SQL: reference values, NULLs, errors. The mathematics is tested in test/unit/stats_test.cpp.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();

CREATE FUNCTION pg_temp.r(x float8, digits int DEFAULT 6) RETURNS numeric LANGUAGE sql IMMUTABLE
	AS 'SELECT round(x::numeric, digits)';

SELECT is(pg_temp.r(ruvector.normal_quantile(0.975)), 1.959964, 'normal quantile');
SELECT is(pg_temp.r(ruvector.normal_cdf(-1.959963984540054)), 0.025000, 'normal distribution function');
SELECT is(pg_temp.r(ruvector.student_quantile(0.975, 4)), 2.776445, 'Student quantile');
SELECT is(pg_temp.r(ruvector.beta_quantile(0.025, 9, 3)), 0.482244, 'beta quantile');
SELECT is(ruvector.normal_quantile(NULL), NULL, 'NULL gives NULL');
SELECT throws_ok($$SELECT ruvector.normal_quantile(1.5)$$, '22023', 'probability must be between 0 and 1', 'a probability outside 0 to 1');

-- Success counts.
SELECT is((SELECT (pg_temp.r(low, 4), pg_temp.r(high, 4))::text FROM ruvector.wilson_interval(3, 3)), '(0.4385,1.0000)', 'Wilson 3/3');
SELECT is((SELECT (pg_temp.r(low, 4), pg_temp.r(high, 4))::text FROM ruvector.wilson_interval(8, 10)), '(0.4902,0.9433)', 'Wilson 8/10');
SELECT is((SELECT (pg_temp.r(low, 4), pg_temp.r(high, 4))::text FROM ruvector.wilson_interval(0, 5)), '(0.0000,0.4345)', 'Wilson 0/5');
SELECT is((ruvector.wilson_interval(0, 0)).high, 1::float8, 'without trials anything is possible');
SELECT throws_ok($$SELECT ruvector.wilson_interval(4, 3)$$, '22023', 'successes must be between 0 and trials', 'more successes than trials');
SELECT throws_ok($$SELECT ruvector.wilson_interval(2, 3, 95)$$, '22023', 'confidence_level must be between 0 and 1, exclusive', 'a level in per cent');
SELECT is((SELECT (pg_temp.r(difference, 4), pg_temp.r(low, 4), pg_temp.r(high, 4))::text FROM ruvector.newcombe_interval(56, 70, 48, 80)),
	'(0.2000,0.0524,0.3339)', 'Newcombe');
SELECT is(pg_temp.r(ruvector.beta_superiority(1 + 8, 1 + 2, 1 + 5, 1 + 5), 5), 0.90867, 'P(p1 > p0) of 8/10 and 5/10');
SELECT is((SELECT (odds_ratio, pg_temp.r(p_value), pg_temp.r(p_greater), pg_temp.r(p_less))::text FROM ruvector.fisher_exact(12, 5, 2, 9)),
	'(10.8,0.018307,0.009153,0.999330)', 'Fisher''s exact test');
SELECT is((ruvector.fisher_exact(0, 0, 3, 4)).odds_ratio, NULL, 'an odds ratio of 0/0 is NULL');
SELECT is((SELECT (pg_temp.r(g2), pg_temp.r(p_value))::text FROM ruvector.log_likelihood_ratio(10, 20, 30, 15)), '(8.161371,0.004279)', 'G2');

-- Differences of means.
CREATE TEMP TABLE arm (treated boolean, y float8);
INSERT INTO arm SELECT true, unnest('{.9,.8,.7,.95,.85,.6,.75,.9}'::float8[]);
INSERT INTO arm SELECT false, unnest('{.5,.6,.7,.4,.55,.65,.6,.5}'::float8[]);

SELECT is((SELECT (pg_temp.r(uplift), pg_temp.r(se, 7), pg_temp.r(df, 5), pg_temp.r(t), pg_temp.r(p_value, 9), pg_temp.r(ci_low, 7), pg_temp.r(ci_high, 7))::text
	FROM ruvector.welch_test('{.9,.8,.7,.95,.85,.6,.75,.9}', '{.5,.6,.7,.4,.55,.65,.6,.5}')),
	'(0.243750,0.0536086,13.42067,4.546844,0.000506616,0.1283036,0.3591964)', 'Welch''s test');
CREATE TEMP VIEW moments AS SELECT
	count(*) FILTER (WHERE treated) AS n1, avg(y) FILTER (WHERE treated) AS m1, var_samp(y) FILTER (WHERE treated) AS v1,
	count(*) FILTER (WHERE NOT treated) AS n0, avg(y) FILTER (WHERE NOT treated) AS m0, var_samp(y) FILTER (WHERE NOT treated) AS v0
	FROM arm;
SELECT is((SELECT (pg_temp.r(w.p_value, 9), pg_temp.r(w.ci_low, 7))::text FROM moments, ruvector.welch_test(n1, m1, v1, n0, m0, v0) w),
	'(0.000506616,0.1283036)', 'Welch''s test from aggregates');
SELECT is((SELECT (pg_temp.r(likelihood_ratio, 4), pg_temp.r(always_valid_p, 9), pg_temp.r(cs_low), pg_temp.r(cs_high), decided)::text
	FROM moments, ruvector.sequential_test(n1, m1, v1, n0, m0, v0)), '(2924.2763,0.000341965,0.069303,0.418197,t)', 'sequential test from aggregates');
SELECT is((SELECT (pg_temp.r(always_valid_p, 9), decided)::text FROM ruvector.welch_test('{.9,.8,.7,.95,.85,.6,.75,.9}', '{.5,.6,.7,.4,.55,.65,.6,.5}') w,
	ruvector.sequential_test(w.uplift, w.se)), '(0.000341965,t)', 'sequential test from an estimate');
SELECT is((SELECT w::text FROM ruvector.welch_test('{1}', '{1,2}') w), '(,,,,,,)', 'one value in an arm: NULLs');
SELECT is((SELECT w::text FROM ruvector.welch_test('{}', '{1,2}') w), '(,,,,,,)', 'an empty arm: NULLs');
SELECT is((SELECT w::text FROM ruvector.welch_test('{1,1,1}', '{0,0}') w), '(1,0,,,,,)', 'constant arms: no inference');
SELECT is((SELECT w::text FROM ruvector.welch_test(0, NULL, NULL, 5, 1, 2) w), '(,,,,,,)', 'a group without rows: NULLs');
SELECT is((SELECT s::text FROM ruvector.sequential_test(1, 4, NULL, 5, 1, 2) s), '(,,,,,,f)', 'a group of one row: undecided');
SELECT throws_ok($$SELECT ruvector.welch_test('{1,NULL}', '{1,2}')$$, '22004', 'treatment must not contain nulls', 'a null in an arm');
SELECT throws_ok($$SELECT ruvector.welch_test('{1,2}', '{1,NaN}')$$, '22023', 'control must not contain NaN or infinity', 'NaN in an arm');
SELECT throws_ok($$SELECT ruvector.sequential_test(1, 0.1, 0)$$, '22023', 'prior_sd must be positive', 'a prior without width');

SELECT is((SELECT (pg_temp.r(mean, 5), pg_temp.r(sd), pg_temp.r(confidence))::text FROM ruvector.edge_confidence(.24375, .0536086)),
	'(0.24098,0.053303,0.999997)', 'confidence of an edge');
SELECT is((ruvector.edge_confidence(1, 0)).confidence, NULL, 'a standard error of 0 is no evidence');
SELECT is((SELECT (n, pg_temp.r(effect), pg_temp.r(se), pg_temp.r(q), pg_temp.r(i2))::text FROM ruvector.pool_effects('{.1,.3,.35}', '{.05,.1,.2}')),
	'(3,0.150000,0.043644,4.250000,0.529412)', 'inverse-variance pooling');
SELECT throws_ok($$SELECT ruvector.pool_effects('{1,2}', '{1}')$$, '2202E', NULL, 'effects without their standard error');
SELECT throws_ok($$SELECT ruvector.pool_effects('{1}', '{0}')$$, '22023', NULL, 'a standard error of 0 cannot be pooled');
SELECT is(ruvector.benjamini_hochberg('{0.01,NULL,0.5,0.02}'), '{0.03,NULL,0.5,0.03}'::float8[], 'Benjamini-Hochberg keeps the order and nulls');
SELECT is(ruvector.benjamini_hochberg('{}'), '{}'::float8[], 'Benjamini-Hochberg of no tests');
SELECT throws_ok($$SELECT ruvector.benjamini_hochberg('{0.1,2}')$$, '22023', NULL, 'a p-value above 1');
SELECT is(pg_temp.r(ruvector.e_value(1, 2)), 2.529142, 'E-value');
SELECT is(ruvector.e_value(0), 1::float8, 'E-value of no effect');
SELECT is(pg_temp.r(ruvector.correlation_p_value(0.5, 20)), 0.023522, 'p-value of a correlation');
SELECT is(ruvector.correlation_p_value(0.5, 3), NULL, 'a correlation of 3 pairs has no p-value');

-- Conformal quantile.
SELECT is(ruvector.conformal_quantile(array_agg(i / 10.0), 0.1), 1.8::float8, 'conformal quantile, n = 19') FROM generate_series(1, 19) i;
SELECT is(ruvector.conformal_quantile(array_agg(i / 10.0), 0.1), 'Infinity'::float8, 'conformal quantile, n = 8') FROM generate_series(1, 8) i;
SELECT throws_ok($$SELECT ruvector.conformal_quantile('{1,NULL}', 0.1)$$, '22004', 'scores must not contain nulls', 'a null score');
SELECT throws_ok($$SELECT ruvector.conformal_quantile('{1}', 1)$$, '22023', NULL, 'alpha of 1');

SELECT * FROM finish();
ROLLBACK;
