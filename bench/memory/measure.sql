-- Time of each function inside the server, and what it finds against the same function without vector indexes (brute force).
-- exact = 1: the truth for the first :truths probes; exact = 0: time and answers for the first :probes.
\set ON_ERROR_STOP 1
\set QUIET 1
SET client_min_messages = warning;
SET jit = off;
CREATE TABLE IF NOT EXISTS answer (task text, exact boolean, probe int, ids text[], ms float8);
CREATE TABLE IF NOT EXISTS processor (task text, ms float8);
-- Processor time of this session so far: on a busy machine the better guide.
CREATE FUNCTION pg_temp.processor_ms() RETURNS float8 LANGUAGE sql AS
	$$ SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float8 / 1e6 $$;
SELECT CASE :exact WHEN 1 THEN 'off' ELSE 'on' END AS indexscan, CASE :exact WHEN 1 THEN :truths ELSE :probes END AS count \gset
SET enable_indexscan = :indexscan;
DELETE FROM answer WHERE exact = (:exact = 1);

CREATE TEMP TABLE task (name text, sampled boolean, call text);
INSERT INTO task VALUES
	('retrieve_relevant', true, 'SELECT array_agg(id::text) FROM ruvector.retrieve_relevant(query => p.v, k => 10)'),
	('retrieve_relevant, tag of 1 %', true, 'SELECT array_agg(id::text) FROM ruvector.retrieve_relevant(query => p.v, k => 10, tags => ARRAY[''tag'' || p.id % 100])'),
	('search_skills', true, 'SELECT array_agg(id::text) FROM ruvector.search_skills(query => p.v, k => 10)'),
	('recall', true, 'SELECT array_agg(memory::text) FROM ruvector.recall(query => p.v, k => 10, exact => is_exact)'),
	('recall, beta 0.8', true, 'SELECT array_agg(memory::text) FROM ruvector.recall(query => p.v, k => 10, beta => 0.8, exact => is_exact)'),
	('query_with_utility', true, 'SELECT array_agg(edge_id::text) FROM ruvector.query_with_utility(query_vector => p.v, k => 10)'),
	('vector_search', true, 'SELECT array_agg(id) FROM ruvector.vector_search(p.v, 10)'),
	('vector_search, 1 % by containment', true, 'SELECT array_agg(id) FROM ruvector.vector_search(p.v, 10, filter => jsonb_build_object(''bucket'', p.id % 100))'),
	('vector_search, 1 % by range', true, 'SELECT array_agg(id) FROM ruvector.vector_search(p.v, 10, filter => ''{"score": {"$lt": 0.01}}'')'),
	('vector_search, 1 % by range, indexed', true, 'SELECT array_agg(id) FROM ruvector.vector_search(p.v, 10, filter => ''{"price": {"$lt": 0.01}}'')'),
	('hybrid_search', true, 'SELECT array_agg(id) FROM ruvector.hybrid_search(p.words, p.v, 10)'),
	('store_episode', false, 'SELECT ARRAY[ruvector.store_episode(p.words, 0.5, true, latency_ms => 100, embedding => CASE round WHEN 1 THEN p.v ELSE p.mixed END)::text]'),
	('update_skill_stats', false, 'SELECT ARRAY[(ruvector.update_skill_stats(1 + p.id * 31, true, 0.5, 10) IS NULL)::text]');
DROP TABLE IF EXISTS task_order;
CREATE TABLE task_order AS SELECT name AS task, sampled, row_number() OVER () AS place FROM task;
DELETE FROM task WHERE :exact = 1 AND NOT sampled;
DELETE FROM processor WHERE :exact = 0;

-- mixed: a direction that is not stored yet. A query's words: three rare ones and a frequent one.
SELECT setseed(0.25);
CREATE TEMP TABLE query AS SELECT p.id, p.v, p.v + b.v AS mixed, format('w%s w%s w%s w%s', 1000 + p.id * 7, 3000 + p.id * 5, 200 + p.id % 300, 20 + p.id % 20) AS words
	FROM probe p JOIN base b USING (id) ORDER BY p.id LIMIT :count;
ANALYZE query;
CREATE TEMP TABLE former AS SELECT t.* FROM ruvector.skill_stats t JOIN query q ON t.skill_id = 1 + q.id * 31;

-- The statement is in a function, as in an application that prepares its statements.
SELECT format($f$
	CREATE OR REPLACE FUNCTION pg_temp.measure(is_exact boolean) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE p record; begun timestamptz; ms float8; spent float8; found text[]; BEGIN
		FOR round IN 1 .. CASE WHEN is_exact THEN 1 ELSE 2 END LOOP -- the first warms up
			spent := pg_temp.processor_ms();
			FOR p IN SELECT * FROM query LOOP
				begun := clock_timestamp();
				found := (%2$s);
				ms := extract(epoch FROM clock_timestamp() - begun) * 1000;
				IF round = 2 OR is_exact THEN INSERT INTO answer VALUES (%1$L, is_exact, p.id, found, ms); END IF;
			END LOOP;
		END LOOP;
		IF NOT is_exact THEN
			INSERT INTO processor SELECT %1$L, (pg_temp.processor_ms() - spent) / count(*) FROM query;
		END IF;
	END $$;
	DO $$ BEGIN PERFORM pg_temp.measure(%3$L); END $$;$f$, name, call, :exact = 1) FROM task \gexec

-- What was written to measure goes again, so that the next measurement finds the same memories.
DELETE FROM ruvector.skill_stats t USING query q WHERE t.skill_id = 1 + q.id * 31;
INSERT INTO ruvector.skill_stats SELECT * FROM former;
DELETE FROM ruvector.reflexion_episodes WHERE id >= 10000000;
VACUUM ruvector.reflexion_episodes, ruvector.recall_keys, ruvector.skill_stats;
