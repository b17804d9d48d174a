-- Causal memory: hyperedges and their pooling, validity in time, walks against a plain search, experiments, discovery.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();
SET client_min_messages = warning;
SELECT setseed(0.3);
SELECT ruvector.init(8) IS NOT NULL AS ready \gset

-- Edges.
SELECT ruvector.add_causal_edge('{action:add_tests}', '{outcome:fewer_bugs}', .3) AS e1 \gset
SELECT is(uplift, .3::float8, 'an edge by names') FROM ruvector.causal_edges WHERE id = :e1;
SELECT results_eq($$SELECT role, node::text FROM ruvector.causal_edge_nodes ORDER BY 1$$,
	$$VALUES ('cause', 'action:add_tests'), ('effect', 'outcome:fewer_bugs')$$, 'its nodes are kept beside it');
SELECT ruvector.store_episode('fix the login', .2, false, embedding => '[1,0,0,0,0,0,0,0]') AS ep1 \gset
SELECT ruvector.store_episode('write tests', .9, true, embedding => '[0,1,0,0,0,0,0,0]') AS ep2 \gset
SELECT ruvector.add_causal_edge(:ep1, 'episode', :ep2, 'episode', uplift => .4) AS e2 \gset
SELECT is(causes::text, format('{episode:%s}', :ep1), 'AgentDB''s form') FROM ruvector.causal_edges WHERE id = :e2;

-- Pooling: (0.24, 0.05) and (0.32, 0.1) by inverse variance: 0.256, 0.04472, Q = 400 * 100 / 500 * 0.08^2 = 0.512.
SELECT ruvector.add_causal_edge('{action:b,action:a}', '{outcome:x}', .24, uplift_se => .05, sample_size => 40) AS e3 \gset
SELECT is(ruvector.add_causal_edge('{action:a,action:b,action:a}', '{outcome:x}', .32, uplift_se => .1, sample_size => 10), :e3::bigint,
	'the same causes in another order are the same edge');
SELECT is(round(uplift::numeric, 6)::text || ' ' || round(uplift_se::numeric, 6) || ' ' || round(cochran_q::numeric, 6) || ' ' || sample_size || ' ' || observations,
	'0.256000 0.044721 0.512000 50 2', 'merged by inverse variance, with Cochran''s Q') FROM ruvector.causal_edges WHERE id = :e3;
SELECT is((SELECT round(effect::numeric, 9) FROM ruvector.pool_effects('{.24,.32}', '{.05,.1}')), (SELECT round(uplift::numeric, 9) FROM ruvector.causal_edges WHERE id = :e3),
	'as pool_effects does');
SELECT ruvector.add_causal_edge('{action:golden}', '{outcome:x}', .24375, uplift_se => .0536086) AS e4 \gset
SELECT is(round(confidence::numeric, 6), .999997, 'confidence by the posterior of the sign') FROM ruvector.causal_edges WHERE id = :e4;
SELECT is(round(ci_low::numeric, 4)::text, '0.1387', 'interval') FROM ruvector.causal_edges WHERE id = :e4;
SELECT throws_ok($$SELECT ruvector.add_causal_edge('{action:golden}', '{outcome:x}', .1, on_conflict => 'error')$$, '23505');

-- Bad input.
SELECT throws_ok($$SELECT ruvector.add_causal_edge('{episode:99999}', '{outcome:x}')$$, '23503', 'there is no memory episode:99999 in namespace default');
SELECT throws_ok($$SELECT ruvector.add_causal_edge('{episode:zz}', '{outcome:x}')$$, '23503');
SELECT throws_ok($$SELECT ruvector.add_causal_edge('{nocolon}', '{outcome:x}')$$, '23514', NULL, 'a reference has a type');
SELECT throws_ok($$SELECT ruvector.add_causal_edge('{}', '{outcome:x}')$$, '22023');
SELECT throws_ok($$SELECT ruvector.add_causal_edge(NULL, '{outcome:x}')$$, '22004');
SELECT throws_ok($$SELECT ruvector.add_causal_edge('{outcome:x}', '{outcome:x}')$$, '22023', 'outcome:x is both a cause and an effect');
SELECT throws_ok($$SELECT ruvector.add_causal_edge('{action:n}', '{outcome:x}', 'NaN')$$, '22023', 'uplift must be a finite number, not NaN');
SELECT throws_ok($$SELECT ruvector.add_causal_edge('{action:n}', '{outcome:x}', .1, uplift_se => -1)$$, '22023');
SELECT throws_ok($$SELECT ruvector.add_causal_edge('{action:n}', '{outcome:x}', .1, 1.5)$$, '22023');
SELECT throws_ok($$SELECT * FROM ruvector.khop('{action:a}', -1)$$, '22023');
SELECT throws_ok($$SELECT * FROM ruvector.query_causal_effects(direction => 'sideways')$$, '22023');

-- Queries.
SELECT results_eq($$SELECT uplift FROM ruvector.query_causal_effects('action:add_tests', min_uplift => .1, direction => 'positive')$$, ARRAY[.3::float8]);
SELECT is_empty($$SELECT * FROM ruvector.query_causal_effects('action:add_tests', direction => 'negative')$$);
SELECT results_eq($$SELECT DISTINCT round(uplift::numeric, 3) FROM ruvector.query_causal_effects(outcome => 'outcome:x') WHERE 'action:a' = ANY (causes)$$, ARRAY[.256]);

-- Validity in time: what held then, what holds now.
SELECT ruvector.add_causal_edge('{action:old}', '{outcome:y}', .5, .9, valid => '[2020-01-01,)') AS e5 \gset
SELECT ruvector.add_causal_edge('{action:old}', '{outcome:y}', -.2, .9, valid => '[2022-01-01,)', on_conflict => 'replace') AS e6 \gset
SELECT results_eq($$SELECT uplift FROM ruvector.query_causal_effects('action:old')$$, ARRAY[-.2::float8], 'now');
SELECT results_eq($$SELECT uplift FROM ruvector.query_causal_effects('action:old', as_of => '2021-01-01')$$, ARRAY[.5::float8], 'then');
SELECT is_empty($$SELECT * FROM ruvector.query_causal_effects('action:old', as_of => '2019-01-01')$$, 'before');
SELECT ok(ruvector.delete_causal_edge(:e6, '2023-01-01'), 'ended');
SELECT is_empty($$SELECT * FROM ruvector.query_causal_effects('action:old')$$);
SELECT results_eq($$SELECT node::text FROM ruvector.khop('{action:old}', 1, as_of => '2022-06-01', direction => 'out') WHERE hop = 1$$, ARRAY['outcome:y']);
SELECT is_empty($$SELECT node FROM ruvector.khop('{action:old}', 1) WHERE hop = 1$$);
SELECT ok(ruvector.delete_causal_edge(:e5) AND NOT ruvector.delete_causal_edge(:e5), 'deleted once');

-- Chains (golden: .5 * .3 = .15, se .039, confidence .72).
SELECT ruvector.add_causal_edge('{step:a}', '{step:b}', .5, .9, uplift_se => .1);
SELECT ruvector.add_causal_edge('{step:b}', '{step:c}', .3, .8, uplift_se => .05);
SELECT results_eq($$SELECT depth, round(total_uplift::numeric, 6), round(path_effect::numeric, 6), round(path_effect_se::numeric, 3), round(confidence::numeric, 6)
	FROM ruvector.get_causal_chain('step:a', 'step:c')$$, $$VALUES (2, .8, .15, .039, .72)$$, 'the chain, its sum, product, error, confidence');
SELECT is_empty($$SELECT * FROM ruvector.get_causal_chain('step:c', 'step:a')$$, 'not backwards');
SELECT is_empty($$SELECT * FROM ruvector.get_causal_chain('step:a', 'step:c', 1)$$, 'not deeper than asked');
SELECT ruvector.add_causal_edge('{step:c}', '{step:a}', .3, .8); -- a cycle
SELECT is(count(*), 1::bigint, 'a cycle does no harm') FROM ruvector.get_causal_chain('step:a', 'step:c', 10);
-- d needs both b and z: any cause is enough for 'any'; for 'all' only if z can be reached.
SELECT ruvector.add_causal_edge('{step:b,step:z}', '{step:d}', .2, .9, uplift_se => .02);
SELECT is(count(*), 1::bigint, 'any') FROM ruvector.get_causal_chain('step:a', 'step:d');
SELECT is_empty($$SELECT * FROM ruvector.get_causal_chain('step:a', 'step:d', semantics => 'all')$$, 'all: z is missing');
SELECT ruvector.add_causal_edge('{step:a}', '{step:z}', .4, 1, uplift_se => .01);
SELECT results_eq($$SELECT cardinality(edge_ids), round(path_effect::numeric, 6), round(confidence::numeric, 6) FROM ruvector.get_causal_chain('step:a', 'step:d', semantics => 'all')$$,
	$$VALUES (3, .04, .81)$$, 'all: three edges');

-- The walk against a plain search of a random hypergraph, in all directions.
CREATE TEMP TABLE h AS SELECT e, array_agg(DISTINCT 'n:' || floor(random() * 150)::int) FILTER (WHERE s <= 2) AS c,
	array_agg(DISTINCT 'n:' || floor(150 * random())::int) FILTER (WHERE s > 2) AS f FROM generate_series(1, 130) e, generate_series(1, 4) s GROUP BY e;
DELETE FROM h WHERE c && f;
CREATE TEMP TABLE made AS SELECT ruvector.add_causal_edge(c::ruvector.memory_ref[], f::ruvector.memory_ref[], random(), .3 + .7 * random()) AS id FROM h;
CREATE FUNCTION pg_temp.plain_khop(seed text, depth int, dir text) RETURNS TABLE (node text, hop int) LANGUAGE sql AS $$
	WITH RECURSIVE w(node, hop) AS (
		SELECT seed, 0
		UNION
		SELECT t, hop + 1 FROM w JOIN ruvector.causal_edges e ON e.confidence >= .5
			AND w.node = ANY (CASE dir WHEN 'out' THEN e.causes::text[] WHEN 'in' THEN e.effects::text[] ELSE e.causes::text[] || e.effects::text[] END),
			unnest(CASE dir WHEN 'out' THEN e.effects::text[] WHEN 'in' THEN e.causes::text[] ELSE e.causes::text[] || e.effects::text[] END) t
		WHERE hop < depth)
	SELECT node, min(hop) FROM w GROUP BY node $$;
SELECT is_empty(format($$(SELECT node::text, hop FROM ruvector.khop('{%1$s}', %2$s, 100000, NULL, .5, '%3$s') EXCEPT ALL SELECT * FROM pg_temp.plain_khop('%1$s', %2$s, '%3$s'))
	UNION ALL (SELECT * FROM pg_temp.plain_khop('%1$s', %2$s, '%3$s') EXCEPT ALL SELECT node::text, hop FROM ruvector.khop('{%1$s}', %2$s, 100000, NULL, .5, '%3$s'))$$, seed, depth, dir),
	format('khop %s %s %s is a plain breadth-first search', seed, depth, dir))
FROM unnest('{n:1,n:77,n:140}'::text[]) seed, unnest('{1,3}'::int[]) depth, unnest('{any,out,in}'::text[]) dir;
SELECT is((SELECT count(*) FROM ruvector.khop('{n:1}', 5, 20)), 20::bigint, 'no more nodes than asked for');
SELECT ok((SELECT count(*) > 20 FROM pg_temp.plain_khop('n:1', 5, 'any')), '(there are more)');

-- Experiments. Golden: MEMORY of Welch's test and the sequential test.
SELECT ruvector.create_experiment('tests first', 'tests first help', 'action:test_first', alpha => .05) AS x1 \gset
SELECT ruvector.record_observation(:x1, NULL, true, v) FROM unnest('{.9,.8,.7,.95,.85,.6,.75,.9}'::float8[]) v;
SELECT ruvector.record_observation(:x1, NULL, false, v) FROM unnest('{.5,.6,.7,.4,.55,.65,.6,.5}'::float8[]) v;
CREATE TEMP TABLE r AS SELECT * FROM ruvector.calculate_uplift(:x1);
SELECT is(format('%s %s %s %s %s', round(uplift::numeric, 5), round(se::numeric, 7), round(df::numeric, 5), round(statistic::numeric, 6), round(p_value::numeric, 9)),
	'0.24375 0.0536086 13.42067 4.546844 0.000506616', 'Welch') FROM r;
SELECT is(format('%s %s', round(cs_low::numeric, 6), round(cs_high::numeric, 6)), '0.069303 0.418197', 'confidence sequence') FROM r;
SELECT ok(decided AND round(always_valid_p::numeric, 9) = .000341965, 'always-valid p of the one look') FROM r;
SELECT ok(prob_positive > .9999) FROM r;
SELECT results_eq(format('SELECT uplift IS NULL, p_value IS NULL, decided FROM ruvector.calculate_uplift(%s)', ruvector.create_experiment('empty', 'none', 'action:none')),
	$$VALUES (true, true, false)$$, 'without data: NULLs, not zeros');
SELECT is(n_treatment, 8::bigint, 'completed') FROM ruvector.calculate_uplift(:x1, complete => true);
SELECT ok(method = 'experiment' AND round(uplift::numeric, 5) = .24375, 'an edge') FROM ruvector.query_causal_effects('action:test_first');
SELECT throws_ok(format('SELECT ruvector.record_observation(%s, NULL, true, 1)', :x1), '55000', NULL, 'a completed experiment takes nothing more');
SELECT throws_ok($$SELECT ruvector.assign_treatment(987654, 'u')$$, 'P0002');
SELECT throws_ok($$SELECT ruvector.create_experiment('x', 'x', 'action:x', allocation => 1)$$, '22023');
-- Assignment: the same again, near the allocation, logged.
SELECT ruvector.create_experiment('assigned', 'h', 'action:assigned', allocation => .3) AS x2 \gset
CREATE TEMP TABLE arms AS SELECT i, ruvector.assign_treatment(:x2, 'unit' || i) AS t FROM generate_series(1, 2000) i;
SELECT ok(avg(t::int) BETWEEN .26 AND .34, 'near the allocation (sd .01)') FROM arms;
SELECT is_empty(format($$SELECT i FROM arms WHERE t <> ruvector.assign_treatment(%s, 'unit' || i)$$, :x2), 'deterministic');
SELECT is((SELECT count(*) FROM ruvector.causal_assignments WHERE propensity = .3), 2000::bigint, 'logged with its probability');
SELECT throws_ok(format('SELECT ruvector.record_observation(%s, NULL, %L, 1, unit_key => %L)', :x2, (SELECT NOT t FROM arms WHERE i = 1), 'unit1'), '22023', NULL, 'the other arm is refused');
SELECT lives_ok(format('SELECT ruvector.record_observation(%s, NULL, NULL, 1, unit_key => %L)', :x2, 'unit1'), 'the arm is known');

-- Discovery. Hard tasks are more often reviewed and end worse; a review helps by 0.3. 'chat' is noise. Difficulty is known beforehand.
CREATE TEMP TABLE world AS SELECT i, random() AS hard, random() AS u1, random() AS u2, random() + random() + random() - 1.5 AS noise FROM generate_series(1, 400) i;
INSERT INTO ruvector.reflexion_episodes (session_id, ts, task, reward, success, actions, metadata, embedding)
	SELECT 's' || i, timestamptz '2024-01-01' + i * interval '1 day', 'ship', .5 - .6 * hard + .3 * (u1 < .2 + .6 * hard)::int + .1 * noise, true,
		ARRAY['build'] || CASE WHEN u1 < .2 + .6 * hard THEN '{review}'::text[] ELSE '{}' END || CASE WHEN u2 < .5 THEN '{chat}'::text[] ELSE '{}' END,
		jsonb_build_object('hard', hard), ARRAY[hard, 1, .2, 0, 0, 0, 0, .1]::vector FROM world;
SELECT (SELECT count(*) FROM ruvector.causal_edges) AS edges \gset
CREATE TEMP TABLE dry AS SELECT * FROM ruvector.discover_causal_edges(treatment => 'action', covariates => '{metadata:hard}', dry_run => true);
SELECT is((SELECT count(*) FROM ruvector.causal_edges), :edges::bigint, 'a dry run writes nothing');
SELECT results_eq('SELECT cause::text, effect::text FROM dry', $$VALUES ('action:review', 'outcome:reward')$$, 'the planted effect is found, and the noise is not');
SELECT ok(abs(uplift - .3) < 3 * uplift_se AND uplift_se < .03 AND ci, 'at its size, where the naive difference is far off')
	FROM (SELECT *, abs(naive_uplift - .3) > 3 * uplift_se AS ci FROM dry) d;
SELECT is((SELECT count(*) FROM ruvector.discover_causal_edges(treatment => 'action', covariates => '{metadata:hard}') WHERE inserted), 1::bigint, 'written');
SELECT is((SELECT count(*) FROM ruvector.discover_causal_edges(treatment => 'action', covariates => '{metadata:hard}') WHERE inserted), 0::bigint, 'once');
SELECT is((SELECT sample_size FROM ruvector.query_causal_effects('action:review')), 402::bigint, 'the same episodes again are no new evidence');
SELECT ok(abs(causal_gain - .3) < 3 * se AND n_treated + n_control = 402, 'calculate_causal_gain') FROM ruvector.calculate_causal_gain('action:review', covariates => '{metadata:hard}');
SELECT throws_ok($$SELECT * FROM ruvector.calculate_causal_gain('outcome:reward')$$, '0A000');
-- The confounder is told where it was not adjusted for.
SELECT ruvector.add_causal_edge('{action:review}', '{outcome:reward}', .1, context => 'naive', metadata => '{"covariates": ["position"]}') AS naive \gset
SELECT ok(correlation_with_treatment > .25 AND correlation_with_outcome < -.3 AND p_treatment < .001 AND abs(adjusted_uplift - .3) < .05 AND e_value > 1,
	'detect_confounders') FROM ruvector.detect_confounders(:naive, .25) WHERE confounder = 'metadata:hard';
SELECT is((SELECT count(*) FROM ruvector.detect_confounders(:naive, .25)), 1::bigint, 'and nothing else');
SELECT throws_ok('SELECT * FROM ruvector.detect_confounders(987654)', 'P0002');
-- Tasks before tasks: plan before deploy, in the same session.
INSERT INTO ruvector.reflexion_episodes (session_id, ts, task, reward, embedding)
	SELECT 't' || i, timestamptz '2024-01-01' + i * interval '1 day', 'plan', .5, '[1,1,0,0,0,0,0,0]'::vector FROM world WHERE u2 < .5
	UNION ALL SELECT 't' || i, timestamptz '2024-01-01 00:20' + i * interval '1 day', 'deploy', .4 + .2 * (u2 < .5)::int + .1 * noise, '[1,0,1,0,0,0,0,0]' FROM world;
SELECT results_eq($$SELECT cause::text, effect::text FROM ruvector.discover_causal_edges(dry_run => true)$$, $$VALUES ('task:plan', 'task:deploy')$$, 'task before task');
SELECT is_empty($$SELECT * FROM ruvector.discover_causal_edges(max_gap => '10 minutes', dry_run => true)$$, 'not beyond the gap');
-- Shuffled treatment: 12 actions at random in 20 worlds; a share of at most fdr of the worlds has any edge (all are false).
CREATE FUNCTION pg_temp.false_worlds(worlds int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE w int; bad bigint := 0;
BEGIN
	FOR w IN 1 .. worlds LOOP
		PERFORM ruvector.create_namespace('null' || w), set_config('ruvector.namespace', 'null' || w, true);
		INSERT INTO ruvector.reflexion_episodes (session_id, task, reward, actions, embedding)
			SELECT 's' || i, 'ship', random(), ARRAY(SELECT 'a' || a FROM generate_series(1, 12) a WHERE random() < .4 AND i > 0), '[1,0,0,0,0,0,0,0]'
			FROM generate_series(1, 120) i;
		bad := bad + (EXISTS (SELECT FROM ruvector.discover_causal_edges(treatment => 'action', uplift_threshold => 0, covariates => '{position}', fdr => .1)))::int;
	END LOOP;
	PERFORM set_config('ruvector.namespace', 'default', true);
	RETURN bad;
END $$;
SELECT cmp_ok(pg_temp.false_worlds(20), '<=', 5::bigint, 'noise: false edges in about a tenth of the worlds (5 of 20: p = 0.04)');
-- The learner.
SELECT (SELECT count(*) FROM ruvector.causal_edges) + (SELECT count(*) FROM ruvector.learner_runs) + (SELECT count(*) FROM ruvector.skills_library) AS n \gset
SELECT ok((ruvector.run_learner('{"covariates": ["metadata:hard"]}', dry_run => true) ->> 'edges_discovered_action')::int >= 1);
SELECT is((SELECT count(*) FROM ruvector.causal_edges) + (SELECT count(*) FROM ruvector.learner_runs) + (SELECT count(*) FROM ruvector.skills_library), :n::bigint,
	'a dry run of the learner writes nothing');
SELECT is(ruvector.run_learner('{"covariates": ["metadata:hard"], "treatments": ["task"]}') ->> 'edges_inserted_task', '1');
SELECT is((SELECT count(*) FROM ruvector.learner_runs), 1::bigint);
SELECT throws_ok($$SELECT ruvector.run_learner('{"nonsense": 1}')$$, '22023');
-- Pruning: what is unsure or names what is gone; never what is pinned.
SELECT ruvector.add_causal_edge('{action:weak}', '{outcome:x}', .01, .2, method => 'imported') AS weak \gset
SELECT ruvector.add_causal_edge('{action:weak2}', '{outcome:x}', .01, .2, method => 'imported', pinned => true) AS kept \gset
DELETE FROM ruvector.reflexion_episodes WHERE id = :ep1;
SELECT ok(count(*) FILTER (WHERE p = :weak) = 1 AND count(*) FILTER (WHERE p = :kept) = 0 AND count(*) FILTER (WHERE p = :e2) = 1, 'pruned')
	FROM ruvector.prune_causal_edges() p;
SELECT throws_ok('SELECT ruvector.prune_causal_edges(max_age => ''-1 day'')', '22023');

-- Retrieval through the hypergraph.
SELECT ruvector.describe_node('tool:linter', 'checks style', '[0,0,0,0,0,0,1,0]');
SELECT ruvector.add_causal_edge('{tool:linter}', '{outcome:clean}', .2, .9, embedding => '[0,0,0,0,0,1,0,0]') AS lint \gset
SELECT results_eq($$SELECT memory::text, via FROM ruvector.hyper_retrieve(query => '[0,0,0,0,0,0,1,0]', k => 1, min_similarity => .5) ORDER BY rank$$,
	format($$VALUES ('tool:linter', 'meaning'), ('edge:%s', 'tool:linter')$$, :lint), 'node, then its edge');
SELECT results_eq($$SELECT memory::text, via FROM ruvector.hyper_retrieve(query => '[0,0,0,0,0,1,0,0]', k => 1, min_similarity => .5) ORDER BY rank$$,
	format($$VALUES ('edge:%1$s', 'meaning'), ('outcome:clean', 'edge:%1$s'), ('tool:linter', 'edge:%1$s')$$, :lint), 'edge, then its nodes');
SELECT is((SELECT count(*) FROM ruvector.hyper_retrieve(query => '[0,0,0,0,0,1,0,0]', k => 1, min_similarity => .5, budget => 8)), 1::bigint, 'the budget');
SELECT results_eq($$SELECT edge_id FROM ruvector.query_with_utility(query_vector => '[0,0,0,0,0,1,0,0]', k => 1)$$, format('VALUES (%s::bigint)', :lint), 'query_with_utility');
SELECT * FROM finish();
ROLLBACK;
