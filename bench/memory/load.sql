-- Memories from the tables base and probe: episodes, skills with a record, causal edges, vectors, keys of recall. One row of base is
-- one memory of each kind. Loaded without triggers, the indexes made afterwards, as a restored dump would be.
\set ON_ERROR_STOP 1
\set QUIET 1
SET client_min_messages = warning;
SET session_replication_role = replica;
SELECT setseed(0.5);
CREATE TABLE made AS SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index i
	JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'ruvector'::regnamespace AND c.relam = (SELECT oid FROM pg_am WHERE amname = 'hnsw');
SELECT format('DROP INDEX %s', name) FROM made \gexec

-- Words as frequent as words are (Zipf), a fifth of the memories with a known gain, latencies up to 1.2 s.
CREATE FUNCTION words(n int) RETURNS text LANGUAGE sql VOLATILE AS
	$$ SELECT string_agg('w' || exp(random() * ln(20000))::int, ' ') FROM generate_series(1, n) $$;
CREATE TABLE trait AS SELECT id, words(15) AS content, CASE WHEN random() < 0.2 THEN random() * 1.4 - 0.5 ELSE 0 END AS uplift,
	floor(random() * 1200) AS latency_ms, random() AS score, floor(random() * 200)::int AS uses, random() AS share FROM base;

INSERT INTO ruvector.vectors_table (id, embedding, embedding_model, metadata, content)
	SELECT b.id, b.v, 'external', jsonb_build_object('bucket', b.id % 100, 'score', t.score, 'price', t.score), t.content FROM base b JOIN trait t USING (id);
INSERT INTO ruvector.reflexion_episodes (id, task, reward, success, latency_ms, tags, metadata, embedding, embedding_model)
	SELECT b.id, t.content, t.score, t.share > 0.5, t.latency_ms, ARRAY['tag' || b.id % 100], jsonb_build_object('bucket', b.id % 100), b.v, 'external'
	FROM base b JOIN trait t USING (id);
INSERT INTO ruvector.skills_library (id, name, description, embedding, embedding_model)
	SELECT b.id, 'skill ' || b.id, t.content, b.v, 'external' FROM base b JOIN trait t USING (id);
INSERT INTO ruvector.skill_stats (skill_id, uses, successes, reward_n, reward_mean)
	SELECT id, uses, floor(uses * share), uses, share FROM trait WHERE uses > 0;
INSERT INTO ruvector.causal_edges (id, causes, effects, uplift, confidence, latency_ms, embedding, embedding_model)
	SELECT b.id, ARRAY['action:' || b.id]::ruvector.memory_ref[], ARRAY['outcome:' || b.id]::ruvector.memory_ref[], t.uplift, 0.9, t.latency_ms, b.v, 'external'
	FROM base b JOIN trait t USING (id);
INSERT INTO ruvector.recall_keys (memory, memory_type, uplift, latency_ms, key)
	SELECT 'episode:' || b.id, 'episode', t.uplift, t.latency_ms, ruvector.utility_key(b.v, t.uplift, t.latency_ms) FROM base b JOIN trait t USING (id);
SELECT setval(pg_get_serial_sequence(format('ruvector.%s', t), 'id'), 10000000) FROM unnest('{reflexion_episodes,skills_library,causal_edges}'::text[]) t \g /dev/null
SELECT ruvector.refresh_text_statistics(t) FROM unnest('{ruvector.vectors_table,ruvector.reflexion_episodes}'::regclass[]) t \g /dev/null

SELECT definition FROM made \gexec
-- Of two numbers that are the same, one has an index.
CREATE INDEX ON ruvector.vectors_table (namespace, (metadata -> 'price'));

VACUUM ANALYZE;
