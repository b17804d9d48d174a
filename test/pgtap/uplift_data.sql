-- estimate_uplift on data whose answer is known, where they are: RUVECTOR_TEST_DATA names a folder with
-- causal/lalonde/{nsw_dw,nsw_cps}.csv (LaLonde 1986, Dehejia & Wahba 1999) and causal/ihdp/ihdp_npci_{1..10}.csv (Hill 2011).
\set ON_ERROR_STOP 1
\set data `echo "$RUVECTOR_TEST_DATA"`
\set have `test -r "$RUVECTOR_TEST_DATA/causal/lalonde/nsw_cps.csv" && test -r "$RUVECTOR_TEST_DATA/causal/ihdp/ihdp_npci_10.csv" && echo 1 || echo 0`
BEGIN;
SELECT no_plan();
\if :have

-- A job training programme: a randomised experiment, and its treated men beside men of a survey who are little like them.
CREATE TEMP TABLE person (data_id text, treat float8, age float8, educ float8, black float8, hisp float8, marr float8, nodegree float8,
	re74 float8, re75 float8, re78 float8, jobless74 float8 GENERATED ALWAYS AS ((re74 = 0)::int) STORED,
	jobless75 float8 GENERATED ALWAYS AS ((re75 = 0)::int) STORED, age2 float8 GENERATED ALWAYS AS (age * age) STORED,
	educ2 float8 GENERATED ALWAYS AS (educ * educ) STORED);
\set file :data/causal/lalonde/nsw_dw.csv
COPY person (data_id, treat, age, educ, black, hisp, marr, nodegree, re74, re75, re78) FROM :'file' (FORMAT csv, HEADER);
\set file :data/causal/lalonde/nsw_cps.csv
COPY person (data_id, treat, age, educ, black, hisp, marr, nodegree, re74, re75, re78) FROM :'file' (FORMAT csv, HEADER);
CREATE TEMP VIEW experiment AS SELECT * FROM person WHERE data_id NOT LIKE 'CPS%';
CREATE TEMP VIEW observed AS SELECT * FROM person WHERE data_id LIKE 'CPS%' OR treat = 1;

CREATE TEMP TABLE lalonde AS
	SELECT 'experiment' AS sample, * FROM ruvector.estimate_uplift('experiment', 'treat', 're78', '{age,educ,black,hisp,marr,nodegree,re74,re75}')
	UNION ALL SELECT 'observed', * FROM ruvector.estimate_uplift('observed', 'treat', 're78',
		'{age,educ,black,hisp,marr,nodegree,re74,re75,jobless74,jobless75,age2,educ2}', estimand => 'att');
SELECT diag(format('LaLonde, %s: naive %s, estimate %s (%s to %s), ess %s', sample, round(naive), round(ate), round(ci_low), round(ci_high), round(ess)))
	FROM lalonde;
SELECT is(round(naive::numeric, 2), 1794.34, 'LaLonde: the experiment''s difference of means') FROM lalonde WHERE sample = 'experiment';
SELECT ok(ate BETWEEN 1500 AND 1900 AND ci_low > 0, 'LaLonde: the experiment, adjusted') FROM lalonde WHERE sample = 'experiment';
SELECT is(round(naive::numeric, 2), -8497.52, 'LaLonde: the naive difference from the survey has the wrong sign') FROM lalonde WHERE sample = 'observed';
SELECT cmp_ok(abs(ate - 1794.34), '<', 0.1::float8 * (1794.34 + 8497.52), 'LaLonde: nine tenths of the gap are closed')
	FROM lalonde WHERE sample = 'observed';
SELECT ok(ci_low < 1794.34 AND 1794.34 < ci_high, 'LaLonde: the interval holds the experiment''s result') FROM lalonde WHERE sample = 'observed';
SELECT ok((SELECT max(abs(d)) FROM unnest(smd_before) d) > 2 AND (SELECT max(abs(d)) FROM unnest(smd_after) d) < 0.1,
	'LaLonde: all covariates are balanced') FROM lalonde WHERE sample = 'observed';

-- Home visits to infants: simulated outcomes on real covariates, so the true effect is known.
CREATE TEMP TABLE ihdp (replication int, treatment float8, y_factual float8, y_cfactual float8, mu0 float8, mu1 float8,
	x1 float8, x2 float8, x3 float8, x4 float8, x5 float8, x6 float8, x7 float8, x8 float8, x9 float8, x10 float8, x11 float8, x12 float8,
	x13 float8, x14 float8, x15 float8, x16 float8, x17 float8, x18 float8, x19 float8, x20 float8, x21 float8, x22 float8, x23 float8,
	x24 float8, x25 float8);
DO $$
BEGIN
	FOR i IN 1..10 LOOP
		EXECUTE format('CREATE TEMP TABLE ihdp_%s () INHERITS (ihdp)', i);
		EXECUTE format('ALTER TABLE ihdp_%s ALTER replication SET DEFAULT %1$s', i);
	END LOOP;
END
$$;
SELECT format('COPY ihdp_%s (treatment, y_factual, y_cfactual, mu0, mu1, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15, x16, '
	'x17, x18, x19, x20, x21, x22, x23, x24, x25) FROM %L (FORMAT csv, HEADER)', i, :'data' || format('/causal/ihdp/ihdp_npci_%s.csv', i))
	FROM generate_series(1, 10) i
\gexec
CREATE TEMP TABLE hill AS SELECT i AS replication, (SELECT avg(mu1 - mu0) FROM ihdp WHERE replication = i) AS truth, e.*
	FROM generate_series(1, 10) i, ruvector.estimate_uplift(format('ihdp_%s', i)::regclass, 'treatment', 'y_factual',
		ARRAY(SELECT ('x' || j)::name FROM generate_series(1, 25) j)) e;
SELECT diag(format('IHDP, 10 replications: RMSE %s, naive %s, covered %s', round(sqrt(avg((ate - truth) ^ 2))::numeric, 3),
	round(sqrt(avg((naive - truth) ^ 2))::numeric, 3), count(*) FILTER (WHERE truth BETWEEN ci_low AND ci_high))) FROM hill;
SELECT is(count(*) FILTER (WHERE n = 747), 10::bigint, 'IHDP: 747 infants') FROM hill;
SELECT cmp_ok(sqrt(avg((ate - truth) ^ 2)), '<', 0.5::float8 * sqrt(avg((naive - truth) ^ 2)), 'IHDP: less than half of the naive error') FROM hill;
SELECT cmp_ok(count(*) FILTER (WHERE truth BETWEEN ci_low AND ci_high), '>=', 8::bigint, 'IHDP: intervals hold the true effect') FROM hill;

\else
SELECT skip('RUVECTOR_TEST_DATA names no folder with the data of LaLonde and Hill', 1);
\endif
SELECT * FROM finish();
ROLLBACK;
