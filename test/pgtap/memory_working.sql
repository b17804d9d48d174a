-- Working memory: turns and their expiry, feedback, context from all memories.
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

SELECT pg_temp.refused($$ SELECT ruvector.find_relevant_turns('s', 'x') $$, '55000', 'nothing before init');
SELECT ruvector.init(3);

-- Turns ------------------------------------------------------------------------------------------------------------

SELECT is(ARRAY[ruvector.add_turn('s', NULL, 'user', 'hello', embedding => '[1,0,0]'), ruvector.add_turn('s', NULL, 'agent', 'hi'),
	ruvector.add_turn('s', 7, 'user', 'the parser fails', embedding => '[0,1,0]'), ruvector.add_turn('s', NULL, 'agent', 'since when?', NULL, '[0,1,0.2]'),
	ruvector.add_turn('t', NULL, 'user', 'bye', embedding => '[1,0.1,0]')], '{1,2,3,4,5}', 'turns');
SELECT results_eq($$ SELECT turn_number, content FROM ruvector.get_session_context('s') $$,
	$$ VALUES (1, 'hello'), (2, 'hi'), (7, 'the parser fails'), (8, 'since when?') $$, 'a session in order; numbers go on');
SELECT is(ARRAY(SELECT turn_number FROM ruvector.get_session_context('s', 2)), '{7,8}', 'its last turns');
SELECT is(ARRAY(SELECT id FROM ruvector.find_relevant_turns('s', k => 2, query => '[0,1,0]')), '{3,4}', 'turns by meaning');
SELECT is(ARRAY(SELECT id FROM ruvector.find_relevant_turns(k => 2, query => '[1,0,0]')), '{1,5}', 'of all sessions');
UPDATE ruvector.session_turns SET expires_at = now() - interval '1 s' WHERE id = 3;
SELECT is(ARRAY(SELECT id FROM ruvector.find_relevant_turns('s', query => '[0,1,0]')), '{4,1}', 'not the expired');
SELECT is(ARRAY(SELECT turn_number FROM ruvector.get_session_context('s')), '{1,2,8}', 'nor in the context');
SELECT is((SELECT count(*) FROM ruvector.session_turns), 5::bigint, 'they are still there');
SELECT is(ruvector.cleanup_expired(), 1::bigint, 'until they are cleaned up');
SELECT is((SELECT count(*) FROM ruvector.session_turns WHERE expires_at IS NULL), 1::bigint, 'ttl NULL never expires');

-- Feedback ---------------------------------------------------------------------------------------------------------

SELECT ruvector.store_episode('fix the parser', 1, true, embedding => '[0,1,0]', actions => '{open(),edit(),test()}', output => 'tests green') FROM generate_series(1, 4);
SELECT ruvector.store_episode('fix the parser', 0, false, embedding => '[0,1,0.1]', actions => '{open(),edit()}', critique => 'skipped tests') FROM generate_series(1, 4);
SELECT ruvector.record_feedback('episode:1', i < 8, 'q' || i) FROM generate_series(0, 9) i;
SELECT ruvector.record_feedback('action:add_tests', false);
SELECT results_eq($$ SELECT memory::text, useful, total, rate, round(ci_low::numeric, 4), round(ci_high::numeric, 4) FROM ruvector.memory_usefulness ORDER BY 1 $$,
	$$ VALUES ('action:add_tests', 0::bigint, 1::bigint, 0::float8, 0.0000, 0.7935), ('episode:1', 8, 10, 0.8, 0.4902, 0.9433) $$, 'usefulness with its interval');

-- Context ----------------------------------------------------------------------------------------------------------

SELECT ruvector.create_skill('fix_and_test', 'edit, then test', embedding => '[0,1,0]', uses => 5, successes => 5);
CREATE TEMP TABLE context AS SELECT ruvector.synthesize_context(query => '[0,1,0]') AS c;
SELECT is(c -> 'total_memories', '8', 'episodes') FROM context;
SELECT is(c -> 'success_rate', '0.5', 'success rate') FROM context;
SELECT is((c ->> 'success_ci_low')::float8, (SELECT low FROM ruvector.wilson_interval(4, 8)), 'with its interval') FROM context;
SELECT is(c #> '{patterns,0}', '{"pattern": ["open", "edit", "test"], "successes": 4, "failures": 0}'::jsonb || jsonb_build_object('p_value', (SELECT p_greater FROM ruvector.fisher_exact(4, 0, 0, 4))),
	'the steps of successes, and how surely') FROM context;
SELECT is(c -> 'failure_terms', '["skipped"]', 'words of failures') FROM context;
SELECT is(c #>> '{skills,0,name}', 'fix_and_test', 'a skill') FROM context;
SELECT is(c #>> '{key_insights,0,critique}', 'skipped tests', 'a critique') FROM context;
SELECT is(c #>> '{recommendations,0}', 'Do open -> edit -> test: 4 of 4 successes and 0 of 4 failures did.', 'a recommendation') FROM context;
SELECT alike(c ->> 'summary', '8 similar episodes, 4 successful, mean reward 0.500. Do open%', 'a summary') FROM context;
SELECT is(ruvector.synthesize_context(query => '[0,1,0]', include_recommendations => false) -> 'recommendations', '[]', 'without recommendations');
SELECT is(length(ruvector.synthesize_context(query => '[0,1,0]', max_summary_length => 20) ->> 'summary'), 20, 'a short summary');

-- Bad input --------------------------------------------------------------------------------------------------------

SELECT throws_ok($$ SELECT ruvector.add_turn('s', 1, 'user', 'again') $$, '23505', NULL, 'a number twice');
SELECT pg_temp.refused($$ SELECT ruvector.add_turn('', 1, 'user', 'x') $$, '22004', 'no session');
SELECT pg_temp.refused($$ SELECT ruvector.add_turn('s', 1, 'user', NULL) $$, '22004', 'no content');
SELECT pg_temp.refused($$ SELECT ruvector.add_turn('s', -1, 'user', 'x') $$, '22023', 'a negative number');
SELECT pg_temp.refused($$ SELECT ruvector.add_turn('s', NULL, 'user', 'x', '-1 h') $$, '22023', 'a negative ttl');
SELECT pg_temp.refused($$ SELECT ruvector.add_turn('s', NULL, 'user', 'x', embedding => '[1]') $$, '22000', 'wrong dimensions');
SELECT pg_temp.refused($$ SELECT ruvector.find_relevant_turns('s') $$, '22004', 'nothing to search');
SELECT pg_temp.refused($$ SELECT ruvector.find_relevant_turns('s', 'text') $$, '55000', 'a text without an embedder');
SELECT pg_temp.refused($$ SELECT ruvector.get_session_context('s', -1) $$, '22023', 'a negative limit');
SELECT pg_temp.refused($$ SELECT ruvector.get_session_context(NULL) $$, '22004', 'session NULL');
SELECT pg_temp.refused($$ SELECT ruvector.record_feedback('episode:99', true) $$, 'P0002', 'feedback on nothing');
SELECT pg_temp.refused($$ SELECT ruvector.record_feedback('episode:x', true) $$, 'P0002', 'feedback on what is no id');
SELECT throws_ok($$ SELECT ruvector.record_feedback('episode', true) $$, '23514', NULL, 'feedback on what is no reference');
SELECT pg_temp.refused($$ SELECT ruvector.record_feedback('episode:1', NULL) $$, '22004', 'feedback NULL');
SELECT pg_temp.refused($$ SELECT ruvector.synthesize_context(query => '[0,1,0]', min_pattern_frequency => 1) $$, '22023', 'one is no pattern');
SELECT pg_temp.refused($$ SELECT ruvector.synthesize_context(query => '[0,1,0]', k => 0) $$, '22023', 'context of nothing');

-- Another namespace.
SELECT ruvector.create_namespace('other');
SELECT ruvector.set_namespace('other');
SELECT is_empty($$ SELECT * FROM ruvector.get_session_context('s') $$, 'another namespace sees no turns');
SELECT is(ruvector.synthesize_context(query => '[0,1,0]') ->> 'summary', 'No similar episode is known.', 'and knows nothing');

SELECT * FROM finish();
ROLLBACK;
