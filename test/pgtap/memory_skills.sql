-- Skills: records, search, links and plans, consolidation, reasoning patterns.
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

SELECT pg_temp.refused($$ SELECT ruvector.search_skills('x') $$, '55000', 'no search before init');
SELECT ruvector.init(3);

-- Records ----------------------------------------------------------------------------------------------------------

SELECT is(ruvector.create_skill('parse', 'reads input', embedding => '[1,0,0]'), 1::bigint, 'a skill');
SELECT is(ruvector.create_skill('test', embedding => '[1,0.2,0]', uses => 10, successes => 8, avg_reward => 0.7, avg_latency_ms => 20, category => 'check'), 2::bigint, 'one with a record');
SELECT is(ARRAY(SELECT ruvector.create_skill_batch('[{"name": "lint", "embedding": [0, 1, 0], "uses": 4, "successRate": 0.25, "avgReward": 0.1},
	{"name": "build", "embedding": [0, 1, 0.2], "metadata": {"lang": "c"}}]')), '{3,4}', 'a batch');
SELECT results_eq($$ SELECT id, uses, successes, success_rate, posterior_mean, avg_reward, avg_latency_ms FROM ruvector.skills ORDER BY id $$,
	$$ VALUES (1::bigint, 0::bigint, 0::bigint, 0::float8, 0.5::float8, 0::float8, NULL::float8), (2, 10, 8, 0.8, 0.75, 0.7, 20), (3, 4, 1, 0.25, 1 / 3.0, 0.1, NULL), (4, 0, 0, 0, 0.5, 0, NULL) $$,
	'records in the view');
SELECT is(ruvector.create_skill('parse', 'reads everything', on_conflict => 'update'), 1::bigint, 'update by name');
SELECT is(ruvector.create_skill('parse', 'nothing', on_conflict => 'ignore'), 1::bigint, 'or leave');
SELECT is((SELECT description FROM ruvector.skills WHERE id = 1), 'reads everything', 'the description');
SELECT throws_ok($$ SELECT ruvector.create_skill('parse', embedding => '[1,0,0]') $$, '23505', NULL, 'a name twice');

SELECT count(ruvector.update_skill_stats(1, i <= 3, i, i * 10)) FROM generate_series(1, 5) i;
SELECT results_eq($$ SELECT uses, successes, avg_reward, round(reward_sd::numeric, 9), avg_latency_ms FROM ruvector.skills WHERE id = 1 $$,
	$$ SELECT 5::bigint, 3::bigint, 3::float8, round(stddev_samp(i), 9), 30::float8 FROM generate_series(1, 5) i $$, 'mean and deviation of the rewards');
SELECT lives_ok($$ SELECT ruvector.update_skill_stats(2, false) $$, 'a use without reward');
SELECT results_eq($$ SELECT uses, avg_reward FROM ruvector.skills WHERE id = 2 $$, $$ VALUES (11::bigint, 0.7::float8) $$, 'leaves the mean reward alone');
INSERT INTO ruvector.reflexion_episodes (task, embedding) VALUES ('x', '[1,0,0]');
SELECT ruvector.update_skill_stats(4, true, 1, episode_id => 1) FROM generate_series(1, 3);
SELECT is((SELECT uses FROM ruvector.skills WHERE id = 4), 1::bigint, 'an episode counts once');

-- Search -----------------------------------------------------------------------------------------------------------

SELECT is(ARRAY(SELECT name FROM ruvector.search_skills(query => '[1,0,0]', weights => '{"similarity": 1}', min_success_rate => 0)), '{parse,test,lint,build}', 'by similarity alone');
SELECT is(ARRAY(SELECT name FROM ruvector.search_skills(query => '[1,0,0]', weights => '{"success": 1}', min_success_rate => 0, k => 2)), '{test,build}', 'by the posterior alone');
SELECT is((SELECT round(score::numeric, 6) FROM ruvector.search_skills(query => '[1,0.2,0]') WHERE id = 2),
	round(0.4 * 1 + 0.3 * 9 / 13.0 + 0.1 * 11 / 1000.0 + 0.2 * 0.7, 6), 'the default weights');
SELECT is(ARRAY(SELECT name FROM ruvector.search_skills(query => '[0,1,0]') ORDER BY name), '{build,parse,test}', 'a low success rate is left out');
SELECT is(ARRAY(SELECT id FROM ruvector.search_skills(query => '[1,0,0]', category => 'check')), '{2}', 'category');
SELECT is(ARRAY(SELECT id FROM ruvector.search_skills(query => '[1,0,0]', filter => '{"lang": "c"}')), '{4}', 'filter');
SELECT ruvector.create_skill('untried', embedding => '[0,0,1]');
SELECT is(ARRAY(SELECT name FROM ruvector.search_skills(query => '[0,0,1]', k => 1)), '{untried}', 'untried skills are found');
SELECT ok(NOT EXISTS (SELECT FROM ruvector.search_skills(query => '[0,0,1]', include_untried => false) WHERE name = 'untried'), 'unless not wanted');
SELECT is((SELECT success_ci_low FROM ruvector.search_skills(query => '[1,0.2,0]') WHERE id = 2), (SELECT low FROM ruvector.wilson_interval(8, 11)), 'the Wilson bound');
SELECT setseed(0.5);
-- Thompson draws of one skill are a sample of its posterior, Beta(9, 4): mean 9/13, deviation 0.123.
SELECT ok(abs(avg(score) - 9 / 13.0) < 0.03 AND abs(stddev(score) - sqrt(9 * 4 / (169 * 14.0))) < 0.03, 'exploring draws from the posterior')
FROM generate_series(1, 400) i, LATERAL ruvector.search_skills(query => '[1,0.2,0]', k => 5 + 0 * i, category => 'check', explore => true, weights => '{"success": 1}');

-- Links and plans --------------------------------------------------------------------------------------------------

SELECT ok(bool_and(ruvector.link_skills(p, c, 'prerequisite') > 0), 'links') FROM (VALUES (2, 1), (1, 3), (2, 3), (3, 4)) l(p, c);
SELECT ruvector.link_skills(2, 6, 'alternative'), ruvector.link_skills(6, 2, 'alternative');
SELECT results_eq($$ SELECT step, relationship, id FROM ruvector.get_skill_plan(2) $$,
	$$ VALUES (1, 'prerequisite', 4::bigint), (2, 'prerequisite', 3), (3, 'prerequisite', 1), (4, 'skill', 2), (NULL, 'alternative', 6) $$, 'prerequisites before what needs them, though there is a shorter way');
SELECT is(ruvector.link_skills(2, 1, 'prerequisite', 0.5), (SELECT id FROM ruvector.skill_links WHERE parent_skill_id = 2 AND child_skill_id = 1), 'linking again');
SELECT is((SELECT weight FROM ruvector.skill_links WHERE parent_skill_id = 2 AND child_skill_id = 1), 0.5::float8, 'changes the weight');
SELECT pg_temp.refused($$ SELECT ruvector.link_skills(4, 2, 'prerequisite') $$, '23514', 'a cycle');
SELECT pg_temp.refused($$ INSERT INTO ruvector.skill_links (parent_skill_id, child_skill_id, relationship) VALUES (1, 2, 'prerequisite') $$, '23514', 'a cycle by INSERT');
SELECT pg_temp.refused($$ SELECT ruvector.link_skills(4, 4, 'prerequisite') $$, '23514', 'a link to itself');
SELECT lives_ok($$ SELECT ruvector.link_skills(4, 2, 'refinement') $$, 'another relationship has its own order');
-- A ladder of diamonds has 2^20 paths.
SELECT count(ruvector.create_skill('ladder ' || i, embedding => '[1,1,1]')) FROM generate_series(0, 60) i;
SELECT count(ruvector.link_skills(p.id, c.id, 'prerequisite')) FROM generate_series(0, 19) s, (VALUES (0, 1), (0, 2), (1, 3), (2, 3)) e(a, b),
	LATERAL (SELECT id FROM ruvector.skills WHERE name = 'ladder ' || s * 3 + a) p, LATERAL (SELECT id FROM ruvector.skills WHERE name = 'ladder ' || s * 3 + b) c;
SELECT is((SELECT count(*) FROM ruvector.get_skill_plan((SELECT id FROM ruvector.skills WHERE name = 'ladder 0'), 100)), 61::bigint, 'many paths, few skills');
DELETE FROM ruvector.skills_library WHERE name LIKE 'ladder%';

SELECT is(ARRAY(SELECT name FROM ruvector.prune_skills(max_age => NULL, dry_run => true)), '{lint,build,untried}', 'what pruning would take');
SELECT is_empty($$ SELECT * FROM ruvector.prune_skills() $$, 'young ones stay');
SELECT is(ARRAY(SELECT name FROM ruvector.prune_skills(0, 0.4, max_age => NULL)), '{lint,untried}', 'pruned');
SELECT is(ARRAY(SELECT id FROM ruvector.get_skill_plan(2)), '{1,2}', 'links go with them');

-- Consolidation of action sequences --------------------------------------------------------------------------------

DELETE FROM ruvector.skills_library;
DELETE FROM ruvector.reflexion_episodes;
CREATE FUNCTION pg_temp.log_in(who text, ok boolean DEFAULT true) RETURNS bigint LANGUAGE sql AS $$
	SELECT ruvector.store_episode('log in ' || who, ok::int, ok, embedding => '[1,0,0.1]',
		actions => ARRAY['authenticate(user=' || who || ', realm=main)', 'validate(token=t' || who || ')', 'fetch(' || who || ', token=t' || who || ')'],
		observations => ARRAY['token=t' || who, 'ok', 'data']) $$;
SELECT pg_temp.log_in('ann'), pg_temp.log_in('bob');
SELECT is_empty($$ SELECT * FROM ruvector.auto_consolidate() $$, 'two successes make no skill');
SELECT pg_temp.log_in('cyd');
SELECT results_eq($$ SELECT change, action_pattern, support, failures FROM ruvector.auto_consolidate(dry_run => true) $$,
	$$ VALUES ('created', '{authenticate,validate,fetch}'::text[], 3::bigint, 0::bigint) $$, 'three do: a dry run');
SELECT is_empty($$ SELECT * FROM ruvector.skills $$, 'makes nothing');
SELECT is((SELECT count(*) FROM ruvector.auto_consolidate()), 1::bigint, 'one skill');
SELECT results_eq($$ SELECT name, steps, parameters, uses, successes FROM ruvector.skills $$,
	$$ VALUES ('authenticate_validate_fetch', '[
		{"action": "authenticate", "arguments": {"user": {"parameter": "user"}, "realm": {"value": "main"}}},
		{"action": "validate", "arguments": {"token": {"step": 1, "output": "token"}}},
		{"action": "fetch", "arguments": {"1": {"parameter": "user"}, "token": {"step": 1, "output": "token"}}}]'::jsonb,
		'{"user": {"type": "string", "examples": ["ann", "bob", "cyd"]}}'::jsonb, 3::bigint, 3::bigint) $$,
	'with a parameter, a constant, and a value from an earlier step');
CREATE TEMP TABLE before AS SELECT to_jsonb(s) AS row FROM ruvector.skills s;
SELECT is(ARRAY(SELECT change FROM ruvector.auto_consolidate()), '{unchanged}', 'again');
SELECT results_eq($$ SELECT to_jsonb(s) FROM ruvector.skills s $$, $$ SELECT row FROM before $$, 'changes nothing');
SELECT pg_temp.log_in('dan', false);
SELECT is(ARRAY(SELECT change FROM ruvector.auto_consolidate()), '{updated}', 'a failure counts');
SELECT results_eq($$ SELECT uses, successes FROM ruvector.skills $$, $$ VALUES (4::bigint, 3::bigint) $$, 'once, against it');

-- Contrast: 12 failures do a-b too, no failure does c-d; both are in 8 successes.
SELECT count(ruvector.store_episode('t' || i, 0, i <= 8, embedding => '[0,1,0]',
	actions => CASE WHEN i <= 8 THEN '{a(),b(),c(),d()}'::text[] WHEN i <= 20 THEN '{a(),b(),e()}' ELSE '{e()}' END)) FROM generate_series(1, 20) i;
SELECT results_eq($$ SELECT action_pattern, support, failures, testable.low FROM ruvector.auto_consolidate(), LATERAL (SELECT q_value <= 0.1 AS low) testable WHERE action_pattern[1] <> 'authenticate' $$,
	$$ VALUES ('{a,b,c,d}'::text[], 8::bigint, 0::bigint, true) $$, 'the sequence that sets successes apart, closed');
SELECT count(ruvector.store_episode('u' || i, 0, i <= 5, embedding => '[0,1,0]', actions => '{x(),y()}')) FROM generate_series(1, 10) i;
SELECT is_empty($$ SELECT * FROM ruvector.auto_consolidate() WHERE action_pattern[1] = 'x' AND odds_ratio < 1 $$, 'what failures do as often is no skill');

-- A wider template is the same skill.
DELETE FROM ruvector.skills_library;
DELETE FROM ruvector.reflexion_episodes;
SELECT count(ruvector.store_episode('go', 1, true, embedding => '[0,1,0]', actions => ARRAY['go to the desk', 'take the pen'])) FROM generate_series(1, 3) i;
SELECT is(ARRAY(SELECT skill_name FROM ruvector.auto_consolidate()), '{go_take}', 'a skill from texts');
SELECT ruvector.store_episode('go', 1, true, embedding => '[0,1,0]', actions => ARRAY['go to the shelf', 'take the cup']);
SELECT results_eq($$ SELECT change, action_pattern FROM ruvector.auto_consolidate() $$, $$ VALUES ('updated', '{"go to the <*>","take the <*>"}'::text[]) $$, 'whose template grows wider');
SELECT results_eq($$ SELECT uses, parameters -> 'go_1' -> 'examples' FROM ruvector.skills $$, $$ VALUES (4::bigint, '["desk", "shelf"]'::jsonb) $$, 'it stays one skill, with parameters');

-- As it happens.
DELETE FROM ruvector.skills_library;
DELETE FROM ruvector.reflexion_episodes;
SELECT pg_temp.log_in('ann'), pg_temp.log_in('bob');
SET LOCAL ruvector.auto_consolidate = on;
SELECT pg_temp.log_in('cyd');
SELECT results_eq($$ SELECT name, uses FROM ruvector.skills $$, $$ VALUES ('authenticate_validate_fetch', 3::bigint) $$, 'the third success makes the skill');
SELECT pg_temp.log_in('eve');
SELECT is((SELECT uses FROM ruvector.skills), 4::bigint, 'the fourth counts');
SET LOCAL ruvector.auto_consolidate = off;
SELECT pg_temp.log_in('fay');
SELECT is((SELECT uses FROM ruvector.skills), 4::bigint, 'off');
SELECT is(ARRAY(SELECT change FROM ruvector.auto_consolidate()), '{updated}', 'and caught up');

-- Consolidation of tasks -------------------------------------------------------------------------------------------

DELETE FROM ruvector.skills_library;
DELETE FROM ruvector.reflexion_episodes;
INSERT INTO ruvector.reflexion_episodes (task, reward, success, embedding, actions, output)
SELECT task, reward, success, v::vector, actions, output FROM (VALUES
	('reset a password', 0.9, true, '[1,0,0]', '{find(),reset()}'::text[], 'mail sent'), ('reset a password', 0.8, true, '[1,0,0]', '{find(),reset()}', 'mail sent'),
	('Reset a password ', 0.9, true, '[1,0,0]', '{find(),reset()}', 'mail sent'), ('reset a password', 0, false, '[1,0,0]', '{find()}', 'user unknown'),
	('password forgotten', 0.9, true, '[1,0.1,0]', '{find(),reset()}', 'mail sent'),
	('delete a user', 0.9, true, '[1,0.1,0.05]', '{find(),delete()}', 'gone'),
	('bake bread', 0.9, true, '[0,0,1]', '{}', ''), ('bake bread', 0.9, true, '[0,0,1]', '{}', ''), ('bake bread', 0.1, true, '[0,0,1]', '{}', ''),
	('juggle', 0.9, true, '[0,1,0]', '{}', ''), ('juggle', 0.9, true, '[0,1,0]', '{}', ''), ('juggle', 0.9, true, '[0,1,0]', '{}', ''),
	('juggle', 0, false, '[0,1,0]', '{}', ''), ('juggle', 0, false, '[0,1,0]', '{}', ''), ('juggle', 0, false, '[0,1,0]', '{}', ''), ('juggle', 0, false, '[0,1,0]', '{}', '')) v(task, reward, success, v, actions, output);
SELECT results_eq($$ SELECT change, skill_name, attempts, successes, success_ci_low, (SELECT array_agg(t ORDER BY t COLLATE "C") FROM unnest(tasks) t), action_pattern FROM ruvector.consolidate_episodes_into_skills() $$,
	$$ SELECT 'created', 'reset a password', 5::bigint, 4::bigint, (SELECT low FROM ruvector.wilson_interval(4, 5)), '{Reset a password,password forgotten,reset a password}'::text[], '{find,reset}'::text[] $$,
	'a paraphrase merges, another action does not; low rewards and many failures do not qualify');
CREATE TEMP TABLE before_tasks AS SELECT to_jsonb(s) AS row FROM ruvector.skills s;
SELECT is(ARRAY(SELECT change FROM ruvector.consolidate_episodes_into_skills()), '{unchanged}', 'again');
SELECT results_eq($$ SELECT to_jsonb(s) FROM ruvector.skills s $$, $$ SELECT row FROM before_tasks $$, 'changes nothing');
INSERT INTO ruvector.reflexion_episodes (task, reward, success, embedding, actions) VALUES ('no password', 0, false, '[1,0.05,0]', '{find(),reset()}');
SELECT is(ARRAY(SELECT change FROM ruvector.consolidate_episodes_into_skills()), '{updated}', 'a later paraphrase joins');
SELECT results_eq($$ SELECT uses, successes FROM ruvector.skills $$, $$ VALUES (6::bigint, 4::bigint) $$, 'and its failure lowers the rate');
SELECT is((SELECT count(*) FROM ruvector.consolidate_episodes_into_skills(dry_run => true, min_success_rate => 0.4)), 2::bigint, 'a lower bar lets another in');
SELECT is((SELECT count(*) FROM ruvector.skills), 1::bigint, 'in a dry run not really');

-- Reasoning patterns -----------------------------------------------------------------------------------------------

SELECT is(ruvector.store_pattern('review', 'read the tests first', 0.8, embedding => '[1,0,0]', tags => '{code}'), 1::bigint, 'a pattern');
SELECT is(ARRAY(SELECT ruvector.store_pattern_batch('[{"taskType": "review", "approach": "run it", "successRate": 0.5, "uses": 4, "avgReward": 0.6, "embedding": [1, 0.3, 0]},
	{"task_type": "debug", "approach": "bisect", "embedding": [0, 1, 0]}]')), '{2,3}', 'a batch');
SELECT results_eq($$ SELECT id, uses, success_rate, avg_reward FROM ruvector.search_patterns(query => '[1,0,0]') $$,
	$$ VALUES (1::bigint, 0::bigint, 0.8::float8, 0::float8), (2, 4, 0.5, 0.6), (3, 0, 0, 0) $$, 'nearest first, with their record');
SELECT is(ARRAY(SELECT id FROM ruvector.search_patterns(query => '[1,0,0]', min_success_rate => 0.6)), '{1}', 'success rate');
SELECT is(ARRAY(SELECT id FROM ruvector.search_patterns(query => '[1,0,0]', task_type => 'debug')), '{3}', 'type');
SELECT is(ARRAY(SELECT id FROM ruvector.search_patterns(query => '[1,0,0]', tags => '{code}')), '{1}', 'tags');
SELECT is(ARRAY(SELECT id FROM ruvector.search_patterns(query => '[1,0,0]', threshold => 0.9)), '{1,2}', 'threshold');
SELECT ruvector.update_pattern_stats(1, true, 0.4), ruvector.update_pattern_stats(1, false, 0.2);
SELECT results_eq($$ SELECT uses, success_rate, round(avg_reward::numeric, 6) FROM ruvector.get_pattern(1) $$, $$ VALUES (2::bigint, 0.5::float8, 0.300000) $$, 'real uses replace the seed');
SELECT results_eq($$ SELECT total_patterns, round(avg_success_rate::numeric, 4), avg_uses, recent_patterns, high_performing_patterns, top_task_types FROM ruvector.get_pattern_stats(0.5) $$,
	$$ VALUES (3::bigint, 0.3333, 2::float8, 3::bigint, 2::bigint, '[{"task_type": "review", "count": 2}, {"task_type": "debug", "count": 1}]'::jsonb) $$, 'statistics');
SELECT is(ARRAY[ruvector.delete_pattern(1), ruvector.delete_pattern(1)], '{t,f}', 'delete');
SELECT is_empty($$ SELECT * FROM ruvector.get_pattern(1) $$, 'gone');

-- Bad input --------------------------------------------------------------------------------------------------------

SELECT pg_temp.refused($$ SELECT ruvector.create_skill(NULL) $$, '22004', 'no name');
SELECT pg_temp.refused($$ SELECT ruvector.create_skill('z', embedding => '[1,2]') $$, '22000', 'wrong dimensions');
SELECT pg_temp.refused($$ SELECT ruvector.create_skill('z') $$, '22004', 'no embedding and no embedder');
SELECT pg_temp.refused($$ SELECT ruvector.create_skill('z', uses => 1, successes => 2) $$, '22023', 'more successes than uses');
SELECT pg_temp.refused($$ SELECT ruvector.create_skill('z', uses => -1) $$, '22023', 'negative uses');
SELECT pg_temp.refused($$ SELECT ruvector.create_skill('z', on_conflict => 'merge') $$, '22023', 'unknown on_conflict');
SELECT throws_ok($$ SELECT ruvector.create_skill('z', created_from_episode => -1, embedding => '[1,0,0]') $$, '23503', NULL, 'an unknown episode');
SELECT pg_temp.refused($$ SELECT ruvector.create_skill_batch('[{"title": "x"}]') $$, '22023', 'an unknown field');
SELECT pg_temp.refused($$ SELECT ruvector.update_skill_stats(-1, true) $$, 'P0002', 'an unknown skill');
SELECT pg_temp.refused($$ SELECT ruvector.update_skill_stats(NULL, true) $$, 'P0002', 'a skill NULL');
SELECT pg_temp.refused($$ SELECT ruvector.update_skill_stats((SELECT id FROM ruvector.skills), true, episode_id => -1) $$, 'P0002', 'an unknown episode');
SELECT pg_temp.refused($$ SELECT ruvector.update_skill_stats(1, NULL) $$, '22004', 'success NULL');
SELECT pg_temp.refused($$ SELECT ruvector.update_skill_stats(1, true, 'NaN') $$, '22023', 'reward NaN');
SELECT pg_temp.refused($$ SELECT ruvector.update_skill_stats(1, true, 1, -5) $$, '22023', 'negative latency');
SELECT pg_temp.refused($$ SELECT ruvector.search_skills(query => '[1,0,0]', k => -1) $$, '22023', 'negative k');
SELECT pg_temp.refused($$ SELECT ruvector.search_skills(query => '[1,0,0]', weights => '{"sim": 1}') $$, '22023', 'an unknown weight');
SELECT pg_temp.refused($$ SELECT ruvector.search_skills(query => '[1,0,0]', weights => '{"uses": "x"}') $$, '22023', 'a weight that is no number');
SELECT pg_temp.refused($$ SELECT ruvector.search_skills(query => '[1,0,0]', min_success_rate => 2) $$, '22023', 'a rate of 2');
SELECT pg_temp.refused($$ SELECT ruvector.search_skills('a text') $$, '55000', 'a text without an embedder');
SELECT pg_temp.refused($$ SELECT ruvector.link_skills(-1, 1, 'prerequisite') $$, 'P0002', 'a link from nowhere');
SELECT pg_temp.refused($$ SELECT ruvector.link_skills(1, NULL, 'prerequisite') $$, 'P0002', 'a link to NULL');
SELECT pg_temp.refused($$ SELECT ruvector.link_skills(1, 2, 'friend') $$, '22023', 'an unknown relationship');
SELECT pg_temp.refused($$ SELECT ruvector.get_skill_plan(-1) $$, 'P0002', 'a plan for nothing');
SELECT pg_temp.refused($$ SELECT ruvector.get_skill_plan(1, 0) $$, '22023', 'depth 0');
SELECT pg_temp.refused($$ SELECT ruvector.prune_skills(max_age => '-1 day') $$, '22023', 'a negative age');
SELECT pg_temp.refused($$ SELECT ruvector.auto_consolidate(1) $$, '22023', 'one success is no pattern');
SELECT pg_temp.refused($$ SELECT ruvector.auto_consolidate(fdr => 0) $$, '22023', 'no false discovery at all');
SELECT pg_temp.refused($$ SELECT ruvector.auto_consolidate(max_gap => -2) $$, '22023', 'gap -2');
SELECT pg_temp.refused($$ SELECT ruvector.consolidate_episodes_into_skills(time_window => '-1 day') $$, '22023', 'a negative window');
SELECT pg_temp.refused($$ SELECT ruvector.consolidate_episodes_into_skills(similarity_threshold => 2) $$, '22023', 'a cosine of 2');
SELECT pg_temp.refused($$ SELECT ruvector.store_pattern('x', NULL) $$, '22004', 'no approach');
SELECT pg_temp.refused($$ SELECT ruvector.store_pattern('x', 'y', 2) $$, '22023', 'a success rate of 2');
SELECT pg_temp.refused($$ SELECT ruvector.update_pattern_stats(-1, true) $$, 'P0002', 'an unknown pattern');
SELECT pg_temp.refused($$ SELECT ruvector.search_patterns() $$, '22004', 'nothing to search');

-- A tenant works with its own skills only -----------------------------------------------------------------------------

SELECT ruvector.enable_rls();
CREATE ROLE ruvector_test_tenant;
SELECT ruvector.create_namespace('tenant', 'ruvector_test_tenant');
SELECT count(*) AS own_skills FROM ruvector.skills \gset
SET LOCAL ROLE ruvector_test_tenant;
SELECT is((SELECT count(*) FROM ruvector.skills), 0::bigint, 'skills of others are not seen');
SELECT is_empty($$ SELECT * FROM ruvector.search_skills(query => '[1,0,0]') $$, 'nor found, whatever the namespace is set to');
SELECT throws_ok($$ SELECT ruvector.create_skill('intruder', embedding => '[1,0,0]') $$, '42501', NULL, 'nor written beside');
SELECT ruvector.set_namespace('tenant', true);
SET LOCAL ruvector.auto_consolidate = on;
SELECT count(pg_temp.log_in(u)) FROM unnest(ARRAY['ann', 'bob', 'cyd']) u;
SELECT is(ARRAY(SELECT name FROM ruvector.search_skills(query => '[1,0,0]')), '{authenticate_validate_fetch}', 'own episodes become own skills');
SELECT lives_ok($$ SELECT ruvector.update_skill_stats((SELECT id FROM ruvector.skills), false, 0), ruvector.link_skills(ruvector.create_skill('other', embedding => '[0,1,0]'),
	(SELECT id FROM ruvector.skills WHERE auto_generated), 'prerequisite') $$, 'which are used and linked');
SELECT is((SELECT count(*) FROM ruvector.episodes), 3::bigint, 'episodes in the view');
SELECT lives_ok($$ SELECT ruvector.record_feedback('skill:' || min(id), true), ruvector.add_turn('s', NULL, 'user', 'x') FROM ruvector.skills $$, 'feedback and turns');
SELECT is((SELECT count(*) FROM ruvector.memory_usefulness), 1::bigint, 'usefulness');
RESET ROLE;
SELECT is((SELECT count(*) FROM ruvector.skills WHERE namespace <> 'tenant'), :own_skills::bigint, 'others kept theirs');
SELECT throws_ok($$ INSERT INTO ruvector.skill_episodes (namespace, skill_id, episode_id)
	SELECT 'tenant', (SELECT min(id) FROM ruvector.skills WHERE namespace = 'tenant'), (SELECT min(id) FROM ruvector.episodes WHERE namespace = 'default') $$,
	'23503', NULL, 'no reference crosses namespaces, not even the owner''s');

SELECT * FROM finish();
ROLLBACK;
