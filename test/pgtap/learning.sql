-- Learning through SQL: the reference chain with all nine algorithms, bandits, golden values, determinism, intervals,
-- off-policy evaluation, errors that change nothing.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();
SELECT ruvector.init(8) IS NOT NULL AS made;
SELECT setseed(0.5);

-- The reference chain: left goes to s0, right on; right in s3 earns 1 and ends. A simulator, nothing of its solution.
CREATE FUNCTION pg_temp.play(session bigint, episodes int, explore boolean DEFAULT true) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	at int; here text; act text; p float8; steps jsonb := '[]'; total float8 := 0; over boolean; n int;
BEGIN
	FOR e IN 1..episodes LOOP
		at := 0;
		FOR n IN 1..20 LOOP
			here := 's' || at;
			SELECT action, behaviour_prob INTO act, p FROM ruvector.predict(session, here, explore => play.explore, max_alternatives => 0, log_prediction => explore,
				trajectory_id => 'e' || e);
			at := CASE act WHEN 'left' THEN 0 ELSE at + 1 END;
			over := at = 4;
			total := total + over::int;
			steps := steps || jsonb_build_object('state', here, 'action', act, 'reward', over::int, 'next_state', CASE WHEN NOT over THEN 's' || at END,
				'terminated', over, 'truncated', NOT over AND n = 20, 'behaviour_prob', p, 'trajectory_id', 'e' || e);
			EXIT WHEN over;
		END LOOP;
	END LOOP;
	IF explore THEN
		PERFORM ruvector.add_experiences(session, steps);
	END IF;
	RETURN total / episodes;
END $$;
-- 80 episodes of the uniform policy.
CREATE FUNCTION pg_temp.uniform_log(episodes int) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	at int; before int; act text; steps jsonb := '[]';
BEGIN
	FOR e IN 1..episodes LOOP
		at := 0;
		WHILE at < 4 LOOP
			before := at;
			act := CASE WHEN random() < 0.5 THEN 'left' ELSE 'right' END;
			at := CASE act WHEN 'left' THEN 0 ELSE at + 1 END;
			steps := steps || jsonb_build_object('state', 's' || before, 'action', act, 'reward', (at = 4)::int, 'nextState', CASE WHEN at < 4 THEN 's' || at END,
				'done', at = 4, 'behaviourProb', 0.5, 'trajectoryId', 'e' || e);
		END LOOP;
	END LOOP;
	RETURN steps;
END $$;
CREATE TEMP TABLE log AS SELECT pg_temp.uniform_log(80) AS steps;

CREATE FUNCTION pg_temp.chain(algorithm text, config jsonb DEFAULT '{}') RETURNS bigint LANGUAGE sql AS
	$$ SELECT ruvector.start_session('tester', algorithm, CASE WHEN algorithm <> 'decision-transformer' THEN '{"discount_factor": 0.9}' ELSE '{}' END::jsonb || '{"seed": 7}' || config, '{left,right}') $$;
-- The greedy action in s0..s3.
CREATE FUNCTION pg_temp.greedy(session bigint) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(p.action, ' ' ORDER BY n) FROM generate_series(0, 3) n,
		LATERAL ruvector.predict(session, 's' || n, explore => false, max_alternatives => 0, log_prediction => false) p $$;
-- The greatest difference from golden action values.
CREATE FUNCTION pg_temp.q_error(session bigint, l float8, r float8[]) RETURNS float8 LANGUAGE sql AS $$
	SELECT max(abs(q.q - CASE q.action WHEN 'left' THEN l ELSE r[1 + right(q.state, 1)::int] END)) FROM ruvector.learning_q_values q WHERE q.session_id = session $$;

-- Golden action values (MEMORY-API 6.11), from logged experience.
SELECT pg_temp.chain('q-learning', '{"epochs": 3000}') AS q, pg_temp.chain('model-based') AS mb, pg_temp.chain('sarsa', '{"epochs": 200}') AS sa, pg_temp.chain('mcts') AS mc \gset
SELECT ruvector.add_experiences(s, steps) > 500 AS added FROM log, unnest(ARRAY[:q, :mb, :sa, :mc]::bigint[]) s;
SELECT count(*) AS trained FROM unnest(ARRAY[:q, :mb, :sa, :mc]::bigint[]) s, LATERAL ruvector.train(s) t;
SELECT cmp_ok(pg_temp.q_error(:q, 0.6561, '{0.729,0.81,0.9,1}'), '<', 1e-3::float8, 'q-learning: Q*');
SELECT cmp_ok(pg_temp.q_error(:mb, 0.6561, '{0.729,0.81,0.9,1}'), '<', 1e-5::float8, 'model-based: Q*');
SELECT cmp_ok(pg_temp.q_error(:sa, 0.190, '{0.233,0.327,0.536,1}'), '<', 0.12::float8, 'sarsa: values of the uniform policy that it saw');
SELECT is(pg_temp.greedy(s), 'right right right right', 'greedy: ' || name) FROM (VALUES (:q, 'q-learning'), (:mb, 'model-based'), (:mc, 'mcts'), (:sa, 'sarsa')) v(s, name);
SELECT ok(pg_temp.play(:q, 3, false) = 1, 'the greedy policy reaches the end');

-- Networks over states that are text.
SELECT pg_temp.chain('dqn', '{"gradient_steps": 1500, "hidden_size": 32, "learning_rate": 0.003}') AS dqn,
	pg_temp.chain('decision-transformer', '{"gradient_steps": 300, "context_length": 4, "embedding_size": 16}') AS dt \gset
SELECT ruvector.add_experiences(s, steps) > 500 AS added FROM log, unnest(ARRAY[:dqn, :dt]::bigint[]) s;
SELECT count(*) AS trained FROM unnest(ARRAY[:dqn, :dt]::bigint[]) s, LATERAL ruvector.train(s) t;
SELECT is(pg_temp.greedy(:dqn), 'right right right right', 'greedy: dqn');
SELECT cmp_ok((SELECT max(abs(p.q_value - CASE p.action WHEN 'left' THEN 0.6561 ELSE ('{0.729,0.81,0.9,1}'::float8[])[n + 1] END))
	FROM generate_series(0, 3) n, LATERAL ruvector.predict(:dqn, 's' || n, log_prediction => false) p), '<', 0.1::float8, 'dqn: Q*');
SELECT ok((SELECT final_loss < initial_loss FROM ruvector.train(:dt)), 'decision transformer: the loss falls');

CREATE FUNCTION pg_temp.on_policy(session bigint, rounds int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..rounds LOOP
		PERFORM pg_temp.play(session, 10);
		PERFORM ruvector.train(session);
	END LOOP;
END $$;
SELECT pg_temp.chain('policy-gradient', '{"hidden_size": 16, "learning_rate": 0.02}') AS pg, pg_temp.chain('actor-critic', '{"hidden_size": 16, "learning_rate": 0.02}') AS ac,
	pg_temp.chain('ppo', '{"hidden_size": 16, "learning_rate": 0.02}') AS ppo \gset
SELECT pg_temp.on_policy(s, 12) FROM unnest(ARRAY[:pg, :ac, :ppo]::bigint[]) s;
SELECT is(pg_temp.greedy(s), 'right right right right', 'greedy: ' || name) FROM (VALUES (:pg, 'policy-gradient'), (:ac, 'actor-critic'), (:ppo, 'ppo')) v(s, name);

-- Bandits: after 100 feedbacks and a training, good is chosen. Negative rewards are no floor.
CREATE FUNCTION pg_temp.bandit(algorithm text, shift float8) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	session bigint := ruvector.start_session('tester', algorithm, CASE algorithm WHEN 'policy-gradient' THEN '{"learning_rate": 0.03, "epochs": 60}' WHEN 'actor-critic' THEN '{"learning_rate": 0.03, "epochs": 60}'
		WHEN 'ppo' THEN '{"learning_rate": 0.03, "epochs": 20}' ELSE '{}' END::jsonb, '{good,bad}');
	p record;
BEGIN
	FOR i IN 1..100 LOOP
		SELECT * INTO p FROM ruvector.predict(session, 'x', max_alternatives => 0);
		PERFORM ruvector.submit_feedback(session, reward => shift + (p.action = 'good')::int + 0.1 * random(), prediction_id => p.prediction_id, trajectory_id => 't' || i);
	END LOOP;
	PERFORM ruvector.train(session);
	RETURN (SELECT q.confidence FROM ruvector.predict(session, 'x', explore => algorithm NOT IN ('q-learning', 'sarsa', 'dqn', 'model-based', 'mcts')) q WHERE q.action = 'good');
END $$;
SELECT cmp_ok(pg_temp.bandit(a, shift), '>', 0.95::float8, format('bandit: %s, rewards from %s', a, shift))
FROM unnest('{q-learning,sarsa,model-based,mcts,dqn,policy-gradient,actor-critic,ppo}'::text[]) a, unnest('{0,-2}'::float8[]) shift;
SELECT cmp_ok((SELECT min(q) FROM ruvector.learning_q_values), '<', -1::float8, 'values are not cut at 0');

-- Two runs with one seed give one policy.
SELECT pg_temp.chain(a, c) AS s, a INTO TEMP twins FROM (VALUES ('dqn', '{"gradient_steps": 50}'::jsonb), ('ppo', '{}'), ('q-learning', '{}'), ('decision-transformer', '{"gradient_steps": 20}')) v(a, c), generate_series(1, 2);
SELECT count(ruvector.add_experiences(s, steps)) AS added FROM twins, log;
SELECT count(*) AS trained FROM twins, LATERAL ruvector.train(s);
SELECT is(count(DISTINCT weights), 1::bigint, 'determinism: ' || a) FROM twins JOIN ruvector.learning_policies ON session_id = s AND version = 1 GROUP BY a;
SELECT results_eq(format('SELECT action, explored FROM ruvector.predict(%s, ''s0'')', min(s)), format('SELECT action, explored FROM ruvector.predict(%s, ''s0'')', max(s)), 'determinism: prediction')
FROM twins WHERE a = 'ppo';

-- Intervals: nominal 90 % of 2,000 simulated feedbacks, and after a drift.
CREATE FUNCTION pg_temp.simulate(session bigint, n int, drift float8) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	p record;
BEGIN
	FOR i IN 1..n LOOP
		SELECT * INTO p FROM ruvector.predict(session, 'x', max_alternatives => 0);
		PERFORM ruvector.submit_feedback(session, prediction_id => p.prediction_id,
			reward => drift + CASE p.action WHEN 'a' THEN 1 ELSE 0 END + (random() + random() + random() - 1.5) * CASE p.action WHEN 'a' THEN 1 ELSE 3 END);
	END LOOP;
END $$;
SELECT ruvector.start_session('tester', 'q-learning', '{"learning_rate": 0.05, "exploration_rate": 0.5}', '{a,b}') AS c \gset
SELECT is(calibrated, false, 'no interval before there are outcomes') FROM ruvector.predict(:c, 'x', log_prediction => false) WHERE is_selected;
SELECT pg_temp.simulate(:c, 2000, 0);
SELECT ok(interval_coverage BETWEEN 0.87 AND 0.93, format('intervals cover %s of 0.9', round(interval_coverage::numeric, 3))) FROM ruvector.learning_overview WHERE session_id = :c;
SELECT ok(calibrated AND lower < q_value AND upper > q_value, 'a calibrated interval') FROM ruvector.predict(:c, 'x', log_prediction => false) WHERE is_selected;
SELECT max(id) AS before FROM ruvector.learning_experiences WHERE session_id = :c \gset
SELECT pg_temp.simulate(:c, 1000, 5);
SELECT ok(avg(covered::int) BETWEEN 0.87 AND 0.93, format('after a drift %s of 0.9', round(avg(covered::int), 3))) FROM ruvector.learning_experiences WHERE session_id = :c AND id > :before;
SELECT cmp_ok(count(*), '<=', 1100::bigint, 'old scores are removed') FROM ruvector.learning_calibration WHERE session_id = :c;

-- Off-policy: 200 logs of a known bandit; the value of the greedy policy is 0.7. Its 95 % interval contains that.
SELECT setseed(0.125);
SELECT ruvector.start_session('tester', 'q-learning', '{}', '{a,b}') AS target \gset
SELECT count(ruvector.submit_feedback(:target, 'x', a, r)) AS n FROM (VALUES ('a', 0.7::float8), ('b', 0.4)) v(a, r), generate_series(1, 10);
CREATE TEMP TABLE logs AS SELECT ruvector.start_session('tester', 'q-learning', '{}', '{a,b}') AS log FROM generate_series(1, 200);
INSERT INTO ruvector.learning_experiences (session_id, trajectory_id, state, action, reward, terminated, behaviour_prob)
	SELECT log, 't' || i, 'x', a, (random() < CASE a WHEN 'a' THEN 0.7 ELSE 0.4 END)::int, true, CASE a WHEN 'a' THEN 0.3 ELSE 0.7 END
	FROM (SELECT log, i, CASE WHEN random() < 0.3 THEN 'a' ELSE 'b' END AS a FROM logs, generate_series(1, 300) i OFFSET 0) x;
SELECT cmp_ok(avg((0.7 BETWEEN e.ci_low AND e.ci_high)::int), '>=', 0.93, format('off-policy intervals of 200 logs: %s, %s', m, round(avg((0.7 BETWEEN e.ci_low AND e.ci_high)::int), 3)))
FROM unnest('{ips,snips,dr}'::text[]) m, logs, LATERAL ruvector.evaluate_policy(:target, m, log_session => log) e GROUP BY m;

-- Other calls.
SELECT results_eq($$ SELECT ruvector.calculate_reward(s, reward_function => f)::numeric(9, 6) FROM unnest('{standard,sparse,dense,shaped}'::text[]) WITH ORDINALITY u(f, n), unnest('{t,f}'::boolean[]) s ORDER BY n, s DESC $$,
	$$ VALUES (0.9::numeric(9, 6)), (0.3), (1), (0), (1), (0.75), (1), (0) $$, 'golden rewards');
SELECT is(ruvector.calculate_reward(true, reward_function => 'dense', clip => false)::numeric(9, 6), 1.75::numeric(9, 6), 'a reward that is not clipped');
SELECT ruvector.start_session('tester', 'q-learning', '{}', '{left,right}') AS heir \gset
SELECT is(transferred, 8::bigint, 'values are transferred') FROM ruvector.transfer_learning(:q, :heir) WHERE kind = 'q_values';
SELECT is(pg_temp.greedy(:heir), 'right right right right', 'and used');
-- By similarity: the target has met a state that the source has not; only like states count, the nearer more.
SELECT ruvector.start_session('tester', 'q-learning', '{}', '{a,b}', 2) AS from_vec, ruvector.start_session('tester', 'sarsa', '{}', '{a,b}', 2) AS to_equal,
	ruvector.start_session('tester', 'sarsa', '{}', '{a,b}', 2) AS to_similar \gset
SELECT count(ruvector.submit_feedback(:from_vec, NULL, 'a', r, state_vec => v::vector)) AS n
FROM (VALUES ('[1,0.3]', 1::float8), ('[1,-0.7]', 5), ('[-1,0]', -100)) x(v, r), generate_series(1, 40) i;
SELECT count(ruvector.submit_feedback(s, NULL, 'b', 0, state_vec => '[1,0]')) AS met FROM unnest(ARRAY[:to_equal, :to_similar]::bigint[]) s;
SELECT is(transferred, 3::bigint, 'transfer: equal states alone') FROM ruvector.transfer_learning(:from_vec, :to_equal, 'policy') WHERE kind = 'q_values';
SELECT is_empty(format('SELECT FROM ruvector.learning_q_values WHERE session_id = %s AND state = %L AND action = %L', :to_equal, '1,0', 'a'), 'give nothing for another state');
SELECT is(transferred, 4::bigint, 'transfer: and a similar one') FROM ruvector.transfer_learning(:from_vec, :to_similar, 'policy', min_similarity => 0.7) WHERE kind = 'q_values';
SELECT ok(abs(t.q - (n.q * k.near + f.q * k.far) / (k.near + k.far)) < 1e-6 AND t.visits = 20, format('with the mean of its neighbours: %s of %s and %s', round(t.q::numeric, 3), round(n.q::numeric, 3), round(f.q::numeric, 3)))
FROM (SELECT exp(-2 * ((1 - 1 / sqrt(1.09)) / 0.3) ^ 2) AS near, exp(-2 * ((1 - 1 / sqrt(1.49)) / 0.3) ^ 2) AS far) k,
	ruvector.learning_q_values t, ruvector.learning_q_values n, ruvector.learning_q_values f
WHERE t.session_id = :to_similar AND t.state = '1,0' AND t.action = 'a' AND n.session_id = :from_vec AND n.state = '1,0.3' AND f.session_id = :from_vec AND f.state = '1,-0.7';
SELECT throws_ok(format('SELECT ruvector.transfer_learning(%s, %s, min_similarity => 0.5)', :q, :heir), '22023', NULL, 'texts are equal or not');
SELECT is((SELECT action FROM ruvector.explain_action(:q, 's3') LIMIT 1), 'right', 'explain_action: the greedy action first');
SELECT cmp_ok((SELECT value_estimate FROM ruvector.explain_action(:q, 's3', k => 50) WHERE action = 'right'), '=', 1::float8, 'with its rewards');
SELECT ruvector.start_session('tester', 'dqn', '{"gradient_steps": 5, "hidden_size": 8}', state_dim => 8, action_dim => 3) AS vec \gset
SELECT count(ruvector.add_experience(:vec, ARRAY[i, 1, 0, 0, 0, 0, 0, 0]::real[], '{0,1,0}', i, ARRAY[i, 1, 0, 0, 0, 0, 0, 0]::real[], true)) AS n FROM generate_series(1, 20) i;
SELECT is((SELECT (evidence -> 0 ->> 'reward')::float8 FROM ruvector.explain_action(:vec, state_vec => '[5,1,0,0,0,0,0,0]', k => 3) WHERE action = '1'), 5::float8, 'explain_action: the nearest state');
SELECT ruvector.add_causal_edge('{action:right}', '{outcome:out}', .4, uplift_se => .05) AS edge, ruvector.add_causal_edge('{action:other}', '{outcome:out}', .9) AS unrelated \gset
SELECT results_eq(format('SELECT action, causal_effects #>> ''{0,edge_id}'', (causal_effects #>> ''{0,uplift}'')::numeric(3, 2), jsonb_array_length(causal_effects) FROM ruvector.explain_action(%s, ''s3'')', :q),
	format('VALUES (''right'', %L, 0.40, 1), (''left'', NULL, NULL, 0)', :edge), 'explain_action: what causal memory knows of each action');
SELECT is(count(causal_effects), 0::bigint, 'unless it is not asked') FROM ruvector.explain_action(:q, 's3', include_causal => false);
SELECT is(cardinality(action), 3, 'predict_with_confidence') FROM ruvector.predict_with_confidence(:vec, '{1,1,0,0,0,0,0,0}');
SELECT ok(ruvector.record_experience(:q, 'tool', 'left', 'fine', 0.5, true, '{"a": 1}', NULL, 12) > 0, 'record_experience');
SELECT is((SELECT count FROM ruvector.get_metrics(:vec) WHERE section = 'overall'), 20::bigint, 'get_metrics');
SELECT ok((SELECT max(block) FROM ruvector.learning_curve WHERE session_id = :c) = 29, 'learning_curve: blocks of 100');
SELECT is((SELECT experiences FROM ruvector.compact_experience(:c, 500)), 2500::bigint, 'compact_experience');
SELECT ok((SELECT finished_early FROM ruvector.train(:dqn, max_ms => 0.001)), 'max_ms ends a training early');

-- Errors change nothing.
SELECT ruvector.start_session('tester', 'q-learning', '{}', '{left,right}') AS ended, ruvector.start_session('tester', 'ppo', '{}', '{a,b}', 4) AS empty \gset
SELECT ruvector.end_session(:ended);
CREATE FUNCTION pg_temp.totals() RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(' ', (SELECT count(*) FROM ruvector.learning_sessions), (SELECT count(*) FROM ruvector.learning_experiences),
	(SELECT sum(experiences) FROM ruvector.learning_progress), (SELECT count(*) FROM ruvector.learning_policies), (SELECT sum(q) FROM ruvector.learning_q_values)) $$;
SELECT pg_temp.totals() AS totals \gset
SELECT throws_ok('SELECT * FROM ruvector.predict(999999, ''x'')', '42704', NULL, 'unknown session');
SELECT throws_ok(format('SELECT * FROM ruvector.predict(%s, ''x'')', :ended), '55000', NULL, 'ended session: predict');
SELECT throws_ok(format('SELECT ruvector.submit_feedback(%s, ''x'', ''left'', 1)', :ended), '55000', NULL, 'ended session: feedback');
SELECT throws_ok(format('SELECT * FROM ruvector.train(%s)', :ended), '55000', NULL, 'ended session: train');
SELECT throws_ok($$ SELECT ruvector.start_session('u', 'q-learning', '{}', '{}') $$, '22023', 'a session needs actions', 'no actions');
SELECT throws_ok($$ SELECT ruvector.start_session('u', 'q-learning', '{}', '{a,a}') $$, '22023', NULL, 'an action twice');
SELECT throws_ok($$ SELECT ruvector.start_session('u', 'q-lerning', '{}', '{a}') $$, '22023', NULL, 'unknown algorithm');
SELECT throws_ok($$ SELECT ruvector.start_session('u', 'ppo', '{"clip": 0.2}', '{a}') $$, '22023', 'unknown hyper-parameter "clip" for ppo', 'unknown hyper-parameter');
SELECT throws_ok($$ SELECT ruvector.start_session('u', 'ppo', '{"learning_rate": -1}', '{a}') $$, '22023', NULL, 'absurd learning rate');
SELECT throws_ok($$ SELECT ruvector.start_session('u', 'ppo', '{"hidden_size": 1e9}', '{a}') $$, '22023', NULL, 'absurd size');
SELECT throws_ok($$ SELECT ruvector.start_session('u', 'ppo', '{"epochs": "many"}', '{a}') $$, '22023', NULL, 'a word for a number');
SELECT throws_ok(format('SELECT * FROM ruvector.predict(%s, state_vec => ''[1,2,3]'')', :empty), '22000', 'expected a state of 4 dimensions, not 3', 'size of a state');
SELECT throws_ok(format('SELECT * FROM ruvector.predict(%s, ''x'')', :empty), '22023', NULL, 'text for a vector');
SELECT throws_ok(format('SELECT ruvector.submit_feedback(%s, ''s0'', ''left'', ''NaN'')', :q), '22023', NULL, 'NaN reward');
SELECT throws_ok(format('SELECT ruvector.submit_feedback(%s, ''s0'', ''left'', ''Infinity'')', :q), '22023', NULL, 'infinite reward');
SELECT throws_ok(format('SELECT ruvector.submit_feedback(%s, ''s0'', ''up'', 1)', :q), '22023', 'action "up" is not declared', 'undeclared action');
SELECT throws_ok(format('SELECT ruvector.add_experiences(%s, ''[{"state":"s0","action":"left","reward":1},{"state":"s0","action":"up","reward":1}]'')', :mb), '22023', NULL, 'undeclared action in a batch');
SELECT throws_ok(format('SELECT * FROM ruvector.train(%s)', :empty), 'P0002', NULL, 'training without data');
SELECT throws_ok(format('SELECT * FROM ruvector.train(%s, learning_rate => 7)', :q), '22023', NULL, 'absurd learning rate of a training');
SELECT throws_ok(format('SELECT * FROM ruvector.train(%s, batch_size => 7)', :q), '22023', NULL, 'a hyper-parameter that the algorithm has not');
SELECT throws_ok(format('SELECT ruvector.submit_feedback(%s, reward => 1, prediction_id => 1)', :vec), '42704', NULL, 'prediction of another session');
SELECT is(pg_temp.totals(), :'totals', 'nothing was changed');

-- Another tenant sees, uses and changes nothing of it.
CREATE ROLE learner_a;
CREATE ROLE learner_b;
SELECT ruvector.create_namespace('la', 'learner_a'), ruvector.create_namespace('lb', 'learner_b');
SELECT ruvector.enable_rls();
SET LOCAL ROLE learner_a;
SET LOCAL ruvector.namespace = 'la';
SELECT ruvector.start_session('u', 'q-learning', '{"seed": 1}', '{left,right}') AS own \gset
SELECT prediction_id AS asked FROM ruvector.predict(:own, 's', max_alternatives => 0) \gset
SELECT ok(ruvector.submit_feedback(:own, reward => 1, prediction_id => :asked) > 0, 'a tenant learns');
SELECT is((SELECT policy_version FROM ruvector.train(:own)), 1, 'and trains');
SELECT is(array_agg(session_id), ARRAY[:own]::bigint[], 'it sees its session alone') FROM ruvector.learning_overview;
SET LOCAL ROLE learner_b;
SELECT is(concat_ws(' ', (SELECT count(*) FROM ruvector.learning_sessions), (SELECT count(*) FROM ruvector.learning_progress), (SELECT count(*) FROM ruvector.learning_policies),
	(SELECT count(*) FROM ruvector.learning_predictions), (SELECT count(*) FROM ruvector.learning_experiences), (SELECT count(*) FROM ruvector.learning_q_values),
	(SELECT count(*) FROM ruvector.learning_calibration), (SELECT count(*) FROM ruvector.learning_overview), (SELECT count(*) FROM ruvector.learning_curve)), '0 0 0 0 0 0 0 0 0',
	'another sees no row of it, although it pretends to be in the namespace');
SELECT throws_ok(format(call, :own), '42704', NULL, 'nor can it be used: ' || call) FROM unnest(ARRAY['SELECT * FROM ruvector.predict(%s, ''s'')', 'SELECT ruvector.submit_feedback(%s, ''s'', ''left'', 1)',
	'SELECT ruvector.add_experiences(%s, ''[]'')', 'SELECT * FROM ruvector.train(%s)', 'SELECT * FROM ruvector.explain_action(%s, ''s'')', 'SELECT * FROM ruvector.evaluate_policy(%s)',
	'SELECT ruvector.end_session(%s)', 'SELECT * FROM ruvector.transfer_learning(%1$s, %1$s)', 'SELECT * FROM ruvector.compact_experience(%s)', 'SELECT * FROM ruvector.get_metrics(%s)']) call;
SELECT throws_ok(format('INSERT INTO ruvector.learning_experiences (namespace, session_id, state, action, reward, terminated) VALUES (''la'', %s, ''s'', ''left'', -9, true)', :own), '42501', NULL, 'nor written into');
SELECT lives_ok(format('UPDATE ruvector.learning_q_values SET q = -9 WHERE session_id = %s', :own), 'an update finds nothing');
RESET ROLE;
SELECT ok(min(q) > 0, 'and changes nothing') FROM ruvector.learning_q_values WHERE namespace = 'la';
SELECT * FROM finish();
ROLLBACK;
