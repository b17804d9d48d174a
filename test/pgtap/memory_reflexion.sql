-- Reflexion: actions and sequence mining in SQL, episodes, retrieval, statistics, summaries.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();

-- The statement fails with this SQLSTATE and a HINT.
CREATE FUNCTION pg_temp.refused(statement text, state text, what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	got text;
	hint text;
BEGIN
	BEGIN
		EXECUTE statement;
		RETURN fail(what || ': no error');
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS got = RETURNED_SQLSTATE, hint = PG_EXCEPTION_HINT;
	END;
	RETURN is(got || CASE WHEN hint = '' THEN ' without hint' ELSE '' END, state, what);
END $$;

-- Mining -----------------------------------------------------------------------------------------------------------

SELECT results_eq($$ SELECT pattern, support, found_in FROM ruvector.mine_sequences(
		ARRAY[1,1,1, 2,2,2,2, 3,3,3, 4], ARRAY['a','b','c', 'x','a','b','c', 'a','b','d', 'a']) $$,
	$$ VALUES ('{a,b}'::text[], 3::bigint, '{1,2,3}'::bigint[]) $$, 'contiguous sequences of three');
SELECT results_eq($$ SELECT pattern, support FROM ruvector.mine_sequences(
		ARRAY[1,1,1, 2,2,2,2, 3,3,3], ARRAY['a','b','c', 'a','x','b','c', 'a','b','c'], max_gap => 1) $$,
	$$ VALUES ('{a,b,c}'::text[], 3::bigint) $$, 'a gap of one step; what is part of it is not closed');
SELECT results_eq($$ SELECT pattern FROM ruvector.mine_sequences(
		ARRAY[1,1, 2,2], ARRAY['a','b', 'a','b'], 2, closed => false, min_length => 1) ORDER BY 1 $$,
	$$ VALUES ('{a}'::text[]), ('{a,b}'), ('{b}') $$, 'not only closed ones');
SELECT is_empty($$ SELECT * FROM ruvector.mine_sequences('{}', '{}') $$, 'nothing in nothing');
SELECT pg_temp.refused($$ SELECT ruvector.mine_sequences('{1,2}', '{a}') $$, '2202E', 'arrays of different lengths');
SELECT throws_ok($$ SELECT ruvector.mine_sequences('{1,2}', '{a,NULL}') $$, '22004', NULL, 'an item that is NULL');
SELECT pg_temp.refused($$ SELECT ruvector.mine_sequences('{1}', '{a}', 0) $$, '22023', 'support 0');
SELECT pg_temp.refused($$ SELECT ruvector.mine_sequences('{1}', '{a}', max_gap => -2) $$, '22023', 'gap -2');
SELECT pg_temp.refused($$ SELECT ruvector.mine_sequences('{1}', '{a}', min_length => 3, max_length => 2) $$, '22023', 'lengths');
SELECT throws_ok($$ SELECT ruvector.mine_sequences(ARRAY(SELECT 1 + i / 20 FROM generate_series(0, 59) i), ARRAY(SELECT (i % 20)::text FROM generate_series(0, 59) i),
		max_gap => -1, max_patterns => 1000) $$, '54000', NULL, 'too many patterns');
SELECT is(ruvector.action_keys(ARRAY['go to desk 1', 'go to shelf 2', 'Search[x y]', 'f(1)', '{"tool": "sql", "args": {"q": "1"}}', NULL]),
	'{"go to <*> <*>","go to <*> <*>",Search,f,sql,""}', 'keys of actions');
SELECT is(ruvector.action_names(ARRAY['go to desk 1', 'f(1)', 'f(2)']), '{f,go}', 'names of actions');

-- Before init.
SELECT pg_temp.refused($$ SELECT ruvector.retrieve_relevant('x') $$, '55000', 'no retrieval before init');

-- Episodes ---------------------------------------------------------------------------------------------------------

SELECT ruvector.init(3);
SELECT is(ruvector.store_episode('Fix the parser', 0.2, false, 's1', critique => 'I forgot the tests', latency_ms => 10, tokens_used => 7, tags => '{c,parser}',
	metadata => '{"lang": "c"}', embedding => '[1,0,0]', agent_id => 'ann', actions => '{open(a),edit(b)}', observations => '{ok,ok}'), 1::bigint, 'the first episode');
SELECT is(ARRAY(SELECT ruvector.store_episode_batch('[
	{"task": "fix the parser ", "reward": 0.9, "success": true, "sessionId": "s1", "latencyMs": 30, "output": "added tests first", "embedding": [1, 0.1, 0], "tags": ["c"], "actions": ["open(a)", "edit(b)", "test()"]},
	{"task": "fix the parser", "reward": 1, "success": true, "session_id": "s2", "output": "tests first", "embedding": [1, 0.2, 0], "actions": ["open(c)", "edit(b)", "test()"], "externalId": "e3"},
	{"task": "write a poem", "reward": 0.5, "success": true, "embedding": [0, 0, 1]}]')), '{2,3,4}', 'a batch, ids in order');
SELECT is((SELECT action_names FROM ruvector.reflexion_episodes WHERE id = 2), '{edit,open,test}', 'names of the actions are stored');
SELECT is((SELECT count(*) FROM ruvector.episodes), 4::bigint, 'the view episodes');
SELECT ok((SELECT reloptions @> '{security_invoker=true}' FROM pg_class WHERE oid = 'ruvector.episodes'::regclass), 'is one of the invoker');

SELECT is(ARRAY(SELECT id FROM ruvector.retrieve_relevant(query => '[1,0,0]', k => 3)), '{1,2,3}', 'nearest first');
SELECT is(ARRAY(SELECT round(similarity::numeric, 3) FROM ruvector.retrieve_relevant(query => '[1,0,0]', k => 2)), '{1.000,0.995}', 'cosine similarity');
SELECT is(ARRAY(SELECT id FROM ruvector.retrieve_relevant(query => '[1,0,0]', only_failures => true)), '{1}', 'failures');
SELECT is(ARRAY(SELECT id FROM ruvector.retrieve_relevant(query => '[1,0,0]', only_successes => true)), '{2,3,4}', 'successes');
SELECT is(ARRAY(SELECT id FROM ruvector.retrieve_relevant(query => '[1,0,0]', min_reward => 0.9)), '{2,3}', 'reward');
SELECT is(ARRAY(SELECT id FROM ruvector.retrieve_relevant(query => '[1,0,0]', session_id => 's1')), '{1,2}', 'session');
SELECT is(ARRAY(SELECT id FROM ruvector.retrieve_relevant(query => '[1,0,0]', agent_id => 'ann')), '{1}', 'agent');
SELECT is(ARRAY(SELECT id FROM ruvector.retrieve_relevant(query => '[1,0,0]', tags => '{parser,c}')), '{1}', 'all tags');
SELECT is(ARRAY(SELECT id FROM ruvector.retrieve_relevant(query => '[1,0,0]', filter => '{"lang": {"$ne": "c"}}', k => 2)), '{2,3}', 'filter on metadata');
SELECT is(ARRAY(SELECT id FROM ruvector.retrieve_relevant(query => '[1,0,0]', filter => '{"lang": "c''%s"}')), '{}', 'quotes and percent signs in values');
UPDATE ruvector.reflexion_episodes SET ts = now() - interval '10 days' WHERE id = 1;
SELECT is(ARRAY(SELECT id FROM ruvector.retrieve_relevant(query => '[1,0,0]', time_window => '7 days')), '{2,3,4}', 'age');
SELECT is(ARRAY(SELECT id FROM ruvector.retrieve_relevant(query => '[1,0,0]', half_life => '1 day', k => 3)), '{2,3,1}', 'half-life lowers old ones');
SELECT is(round((SELECT score FROM ruvector.retrieve_relevant(query => '[1,0,0]', half_life => '10 days') WHERE id = 1)::numeric, 3), 0.500, 'by half');
SELECT is((SELECT id FROM ruvector.retrieve_relevant('poem', query => '[1,0.1,0]', hybrid => true, k => 1)), 4::bigint, 'hybrid: the one that has the word');
SELECT ok((SELECT score > (SELECT score FROM ruvector.retrieve_relevant('write a poem', query => '[1,0.1,0]', hybrid => true) WHERE id = 3)
	FROM ruvector.retrieve_relevant('write a poem', query => '[1,0.1,0]', hybrid => true) WHERE id = 4), 'hybrid: words lift the poem');
SELECT is(ARRAY(SELECT id FROM ruvector.retrieve_relevant(query => '[1,0.1,0]', mmr_lambda => 1, k => 2)), ARRAY(SELECT id FROM ruvector.retrieve_relevant(query => '[1,0.1,0]', k => 2)), 'MMR with lambda 1 is similarity');
SELECT ok(4 = ANY (ARRAY(SELECT id FROM ruvector.retrieve_relevant(query => '[1,0.1,0]', mmr_lambda => 0.3, k => 2))), 'MMR with a small lambda takes what is different');
SELECT is(ARRAY(SELECT id FROM ruvector.get_recent_episodes(max_rows => 2)), '{4,3}', 'newest first');
SELECT is(ARRAY(SELECT id FROM ruvector.get_recent_episodes('s1')), '{2,1}', 'newest of a session');

-- A rare condition among many rows still gives k rows, in the right order.
INSERT INTO ruvector.reflexion_episodes (task, success, embedding, metadata, tags)
	SELECT 'bulk ' || i, true, ARRAY[sin(i), cos(i), sin(i * 7)]::vector, jsonb_build_object('n', i % 100), ARRAY['t' || i % 100] FROM generate_series(1, 3000) i;
SELECT is(ARRAY(SELECT id FROM ruvector.retrieve_relevant(query => '[0.3,0.2,-1]', k => 10, filter => '{"n": 7}')),
	ARRAY(SELECT id FROM ruvector.reflexion_episodes WHERE metadata @> '{"n": 7}' ORDER BY embedding <=> '[0.3,0.2,-1]', id LIMIT 10), '1 % by filter: the ten nearest');
SELECT is((SELECT count(*) FROM ruvector.retrieve_relevant(query => '[0.3,0.2,-1]', k => 30, tags => '{t7}')), 30::bigint, '1 % by tag: all of them');
DELETE FROM ruvector.reflexion_episodes WHERE task LIKE 'bulk%';

-- Statistics -------------------------------------------------------------------------------------------------------

SELECT results_eq($$ SELECT total_attempts, round(success_rate::numeric, 4), round(success_ci_low::numeric, 4), round(success_ci_high::numeric, 4), round(avg_reward::numeric, 4),
		avg_latency, improvement_trend IS NOT NULL, trend_p_value FROM ruvector.get_task_stats('FIX the parser') $$,
	$$ VALUES (3::bigint, 0.6667, 0.2077, 0.9385, 0.7000, 20::float8, true, NULL::float8) $$, 'statistics of a task; a test needs two of either');
UPDATE ruvector.reflexion_episodes SET ts = now() - interval '10 days' WHERE id = 2;
INSERT INTO ruvector.reflexion_episodes (task, reward, embedding) VALUES ('fix the parser', 0.8, '[1,0,0]');
SELECT is((SELECT round(improvement_trend::numeric, 4) FROM ruvector.get_task_stats('fix the parser')), round((0.9 - 0.55) / 0.55, 4), 'trend');
SELECT is((SELECT trend_p_value FROM ruvector.get_task_stats('fix the parser')), (SELECT p_value FROM ruvector.welch_test('{1,0.8}'::float8[], '{0.2,0.9}'::float8[])), 'with its p-value');
SELECT results_eq($$ SELECT total_attempts, success_rate FROM ruvector.get_task_stats('unknown') $$, $$ VALUES (0::bigint, NULL::float8) $$, 'an unknown task');

-- Critiques --------------------------------------------------------------------------------------------------------

SELECT lives_ok($$ SELECT ruvector.add_critique(1, 'I forgot the tests again') $$, 'a critique');
SELECT is((SELECT critique FROM ruvector.get_critiques(query => '[1,0,0]')), 'I forgot the tests again', 'is found');
SELECT ruvector.store_episode_batch((SELECT jsonb_agg(jsonb_build_object('task', 'cook soup', 'success', i > 8, 'reward', 0.8, 'embedding', ARRAY[0, 1, i * 0.001],
		'critique', CASE WHEN i <= 8 THEN 'the kitchen burned, attempt ' || i || CASE WHEN i <= 4 THEN ' because of oil' ELSE '' END END,
		'output', CASE WHEN i > 8 THEN 'stirred slowly' END, 'actions', CASE WHEN i > 8 THEN '["boil()", "stir()", "serve()"]' ELSE '["boil()", "leave()"]' END::jsonb))
	FROM generate_series(1, 16) i));
INSERT INTO ruvector.reflexion_episodes (task, critique, embedding) SELECT 'sort ' || i, 'the list was empty, attempt ' || i, '[1,0,0.3]' FROM generate_series(1, 30) i;
SELECT alike(ruvector.get_critique_summary(query => '[0,1,0]', k => 2), '8 similar failed attempts have a critique%', 'the neighbourhood');
SELECT matches(ruvector.get_critique_summary(query => '[0,1,0]', k => 2), 'Distinctive words: [^\n]*kitchen \(in 8 of 8, else 0 of 31\)', 'what sets it apart');
SELECT doesnt_match(ruvector.get_critique_summary(query => '[0,1,0]', k => 2), 'Distinctive words: [^\n]*attempt', 'a word of all critiques does not');
SELECT is((SELECT count(*) FROM regexp_matches(ruvector.get_critique_summary(query => '[0,1,0]', k => 2), '^\d\. the kitchen', 'gn')), 2::bigint, 'and k typical ones');
SELECT matches(ruvector.get_success_strategies(query => '[0,1,0]'), 'boil -> stir -> serve \(in 8 of 8, and in 0 of \d+ failures\)', 'steps of successes');
SELECT matches(ruvector.get_success_strategies(query => '[0,1,0]'), 'stirred \(8 : 0\)', 'words of successes');
SELECT is(ruvector.get_success_strategies(query => '[0,1,0]', min_reward => 2), 'No similar task has succeeded with that reward.', 'nothing to tell');

-- Deleting ---------------------------------------------------------------------------------------------------------

SELECT is(ARRAY(SELECT id FROM ruvector.prune_episodes(0.5, '7 days', 0, dry_run => true)), '{1}', 'a dry run');
SELECT ok(EXISTS (SELECT FROM ruvector.reflexion_episodes WHERE id = 1), 'deletes nothing');
SELECT is_empty($$ SELECT id FROM ruvector.prune_episodes(0.5, '7 days', 4) $$, 'the best of each task stay');
SELECT is(ARRAY(SELECT id FROM ruvector.prune_episodes(0.5, '7 days', 3)), '{1}', 'the worst old one goes');
SELECT ok(NOT EXISTS (SELECT FROM ruvector.reflexion_episodes WHERE id = 1), 'is gone');
SELECT is(ARRAY[ruvector.delete_episode(2), ruvector.delete_episode(2)], '{t,f}', 'delete');

-- An embedder.
SELECT pg_temp.refused($$ SELECT ruvector.regenerate_embeddings('ruvector.reflexion_episodes') $$, '55000', 'no embedder to embed anew with');
CREATE FUNCTION ruvector.test_embed(content text, kind text) RETURNS vector LANGUAGE sql IMMUTABLE SET search_path = public, pg_catalog AS
	$$ SELECT ARRAY[length(content), length(replace(content, 'a', '')), 1]::float8[]::vector $$;
SELECT ruvector.init(embedder => 'ruvector.test_embed(text,text)');
SELECT is(ruvector.store_episode('aaaa') > 0, true, 'embedded by the embedder');
SELECT is((SELECT task FROM ruvector.retrieve_relevant('aaaa', 1)), 'aaaa', 'and found by text');
SELECT is(ruvector.regenerate_embeddings('ruvector.reflexion_episodes'), (SELECT count(*) FROM ruvector.reflexion_episodes), 'all embedded anew');
SELECT is((SELECT embedding FROM ruvector.reflexion_episodes WHERE id = 3), ruvector.embed('fix the parser'), 'by the embedder');

-- Bad input.
SELECT pg_temp.refused($$ SELECT ruvector.store_episode(NULL, 1, true) $$, '22004', 'no task');
SELECT pg_temp.refused($$ SELECT ruvector.store_episode(' ', 1, true) $$, '22004', 'a blank task');
SELECT pg_temp.refused($$ SELECT ruvector.store_episode('x', 'NaN', true) $$, '22023', 'reward NaN');
SELECT pg_temp.refused($$ SELECT ruvector.store_episode('x', NULL, true) $$, '22023', 'reward NULL');
SELECT pg_temp.refused($$ SELECT ruvector.store_episode('x', 1, NULL) $$, '22004', 'success NULL');
SELECT pg_temp.refused($$ SELECT ruvector.store_episode('x', 1, true, latency_ms => -1) $$, '22023', 'negative latency');
SELECT pg_temp.refused($$ SELECT ruvector.store_episode('x', 1, true, embedding => '[1,2]') $$, '22000', 'wrong dimensions');
SELECT pg_temp.refused($$ SELECT ruvector.store_episode('x', 1, true, embedding => '[0,0,0]') $$, '22000', 'no direction');
SELECT throws_ok($$ SELECT ruvector.store_episode('x', 1, true, embedding => '[NaN,0,0]') $$, '22000', NULL, 'NaN in a vector');
SELECT throws_ok($$ SELECT ruvector.store_episode('x', 1, true, external_id => 'e3') $$, '23505', NULL, 'an external id twice');
SELECT throws_ok($$ INSERT INTO ruvector.reflexion_episodes (task, reward, embedding) VALUES ('x', 'NaN', '[1,0,0]') $$, '23514', NULL, 'the table refuses NaN too');
SELECT pg_temp.refused($$ SELECT ruvector.store_episode_batch('{"task": "x"}') $$, '22023', 'a batch that is no array');
SELECT pg_temp.refused($$ SELECT ruvector.store_episode_batch('[1]') $$, '22023', 'a batch of no objects');
SELECT pg_temp.refused($$ SELECT ruvector.store_episode_batch('[{"title": "x"}]') $$, '22023', 'an unknown field');
SELECT pg_temp.refused($$ SELECT ruvector.add_critique(-1, 'x') $$, 'P0002', 'a critique of nothing');
SELECT pg_temp.refused($$ SELECT ruvector.retrieve_relevant() $$, '22004', 'nothing to search');
SELECT pg_temp.refused($$ SELECT ruvector.retrieve_relevant('x', 0) $$, '22023', 'k 0');
SELECT pg_temp.refused($$ SELECT ruvector.retrieve_relevant('x', NULL) $$, '22023', 'k NULL');
SELECT pg_temp.refused($$ SELECT ruvector.retrieve_relevant('x', time_window => '-1 day') $$, '22023', 'a negative age');
SELECT pg_temp.refused($$ SELECT ruvector.retrieve_relevant('x', half_life => '0') $$, '22023', 'half-life 0');
SELECT pg_temp.refused($$ SELECT ruvector.retrieve_relevant('x', only_failures => true, only_successes => true) $$, '22023', 'failures and successes only');
SELECT pg_temp.refused($$ SELECT ruvector.retrieve_relevant('x', mmr_lambda => 2) $$, '22023', 'lambda 2');
SELECT pg_temp.refused($$ SELECT ruvector.retrieve_relevant(query => '[1,0,0]', hybrid => true) $$, '22004', 'hybrid without a text');
SELECT pg_temp.refused($$ SELECT ruvector.retrieve_relevant('x', query => '[1,0]') $$, '22000', 'a query of wrong dimensions');
SELECT throws_ok($$ SELECT ruvector.retrieve_relevant('x', filter => '{"a": {"$foo": 1}}') $$, '22023', NULL, 'an unknown operator');
SELECT pg_temp.refused($$ SELECT ruvector.get_recent_episodes(max_rows => -1) $$, '22023', 'a negative limit');
SELECT pg_temp.refused($$ SELECT ruvector.get_task_stats(NULL) $$, '22004', 'statistics of no task');
SELECT pg_temp.refused($$ SELECT ruvector.get_task_stats('x', confidence_level => 1) $$, '22023', 'confidence 1');
SELECT pg_temp.refused($$ SELECT ruvector.get_critiques('x', -1) $$, '22023', 'a negative number of critiques');
SELECT pg_temp.refused($$ SELECT ruvector.prune_episodes(NULL, NULL) $$, '22023', 'prune everything');
SELECT pg_temp.refused($$ SELECT ruvector.prune_episodes(max_age => '-1 day') $$, '22023', 'prune the future');
SELECT pg_temp.refused($$ SELECT ruvector.prune_episodes(keep_min_per_task => -1) $$, '22023', 'keep less than nothing');
SELECT pg_temp.refused($$ SELECT ruvector.regenerate_embeddings('pg_class') $$, '42809', 'embed pg_class');

-- Another namespace sees nothing of it.
SELECT ruvector.create_namespace('other');
SELECT ruvector.set_namespace('other');
SELECT is_empty($$ SELECT * FROM ruvector.retrieve_relevant('x') $$, 'another namespace retrieves nothing');
SELECT is_empty($$ SELECT * FROM ruvector.get_recent_episodes() $$, 'has no episodes');
SELECT is(ruvector.delete_episode(3), false, 'deletes nothing');

SELECT * FROM finish();
ROLLBACK;
