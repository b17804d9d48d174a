-- Recall by utility: the key and the query, equality with brute force, the upkeep of the keys; certificates.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();
SET client_min_messages = warning;
SELECT setseed(0.6);
SELECT ruvector.init(16, index_options => '{"m": 16, "ef_construction": 64}') IS NOT NULL AS ready \gset

-- Key and query.
SELECT is(ruvector.utility_key('[3,4]', .5, 250)::text, '[0.6,0.8,0.35,-0.175,1.3589978]', 'the key: direction, 0.7 uplift, 0.7 latency, sphere');
SELECT is(ruvector.utility_key('[3,4]', 7, 1e9)::text, '[0.6,0.8,0.7,-0.7,1.0099505]', 'clamped');
SELECT is(ruvector.utility_key('[3,4]', NULL, NULL)::text, '[0.6,0.8,0,-0,1.4142135]', 'not known: 0');
SELECT is(ruvector.utility_key('[0,0]', .5, 1), NULL, 'zeros have no direction');
SELECT is(ruvector.utility_query('[0,2]', .7, .2, .1)::text, '[0,0.7,0.2857143,0.14285715,0]', 'the query, whose weights make up for the scale');
SELECT ok(abs(- (ruvector.utility_key('[3,4]', .5, 250) <#> ruvector.utility_query('[0,2]', .7, .2, .1)) - ruvector.utility(.8, .5, 250)) < 1e-6,
	'their inner product is U');
SELECT throws_ok($$SELECT ruvector.utility_key('[1]', 'NaN', 0)$$, '22000', 'uplift must not be NaN');
SELECT throws_ok($$SELECT ruvector.utility_key('[1]', 0, 'NaN')$$, '22000');
SELECT throws_ok($$SELECT ruvector.utility_key('[1]', 0, 0, 0)$$, '22023');
SELECT throws_ok($$SELECT ruvector.utility_query('[1]', -1)$$, '22023', 'alpha must be a finite number of at least 0, not -1');
SELECT throws_ok($$SELECT ruvector.utility_query('[1]', 'NaN')$$, '22023');
SELECT throws_ok($$SELECT ruvector.utility_query('[1]', 0, 0, 0)$$, '22023');
SELECT throws_ok($$SELECT ruvector.utility_query('[0]')$$, '22000');

-- 5,000 memories of four types around 40 centers; an old exact match; a fifth has edges.
CREATE TEMP TABLE center AS SELECT c, d, random() - .5 AS x FROM generate_series(1, 40) c, generate_series(1, 16) d;
CREATE TEMP TABLE item AS SELECT i, (SELECT array_agg(x + .35 * (random() - .5 + 0 * i) ORDER BY d) FROM center WHERE c = 1 + i % 40)::vector(16) AS e,
	floor(random() * 1200) AS ms FROM generate_series(1, 5000) i;
-- Loading is faster without indexes, and the memories' own are not needed here.
SELECT pg_get_indexdef('ruvector.recall_keys_key_idx'::regclass) AS make_index \gset
DROP INDEX ruvector.recall_keys_key_idx, ruvector.reflexion_episodes_embedding_idx, ruvector.skills_library_embedding_idx,
	ruvector.reasoning_patterns_embedding_idx, ruvector.vectors_table_embedding_idx;
INSERT INTO ruvector.reflexion_episodes (task, critique, embedding, latency_ms, ts) SELECT 'task ' || i, 'critique ' || i, e, ms, now() - i * interval '1 minute' FROM item WHERE i <= 2000;
INSERT INTO ruvector.skills_library (name, description, embedding) SELECT 'skill' || i, 'does ' || i, e FROM item WHERE i BETWEEN 2001 AND 3000;
INSERT INTO ruvector.reasoning_patterns (task_type, approach, embedding) SELECT 'type ' || i, 'approach ' || i, e FROM item WHERE i BETWEEN 3001 AND 4000;
INSERT INTO ruvector.vectors_table (id, content, embedding) SELECT 'v' || i, 'content ' || i, e FROM item WHERE i > 4000;
SELECT is(count(*), 5000::bigint, 'every memory has its key') FROM ruvector.recall_keys;
ANALYZE ruvector.recall_keys;
SELECT count(ruvector.add_causal_edge(ARRAY[memory], '{outcome:reward}', random() * 2 - .7, confidence => .4 + .6 * random(),
	uplift_se => CASE WHEN random() < .5 THEN .1 END)) FROM (SELECT * FROM ruvector.recall_keys WHERE random() < .2) m;
SELECT count(ruvector.add_causal_edge(ARRAY['task:task ' || i, 'x:y']::ruvector.memory_ref[], '{outcome:reward}', .9, .9)) FROM generate_series(1, 30) i;

:make_index;
ANALYZE;

-- Brute force, from the memories and the edges themselves.
CREATE TEMP TABLE truth AS
	WITH m AS (
		SELECT 'episode:' || id AS ref, 'task:' || task AS alias, embedding, latency_ms, 'episode' AS type FROM ruvector.reflexion_episodes
		UNION ALL SELECT 'skill:' || id, 'action:' || name, embedding, NULL, 'skill' FROM ruvector.skills_library
		UNION ALL SELECT 'pattern:' || id, 'task:' || task_type, embedding, NULL, 'pattern' FROM ruvector.reasoning_patterns
		UNION ALL SELECT 'vector:' || id, NULL, embedding, NULL, 'vector' FROM ruvector.vectors_table),
	e AS (SELECT c, e.* FROM ruvector.causal_edges e, unnest(causes) c WHERE confidence >= .6),
	u AS (SELECT ref, CASE WHEN bool_and(coalesce(uplift_se > 0, false)) THEN sum(uplift / uplift_se ^ 2) / sum(1 / uplift_se ^ 2)
			ELSE sum(uplift * confidence) / sum(confidence) END AS uplift
		FROM m JOIN e ON e.c IN (m.ref, m.alias) GROUP BY ref)
	SELECT m.*, coalesce(u.uplift, 0) AS uplift FROM m LEFT JOIN u USING (ref);
CREATE FUNCTION pg_temp.brute(q vector, k int, a float8, b float8, g float8, types text[] DEFAULT '{episode,skill,pattern,vector}')
	RETURNS TABLE (ref text, u float8) LANGUAGE sql AS $$
	SELECT ref, a * (1 - (embedding <=> q)) + b * least(greatest(uplift, -1), 1) - g * least(coalesce(latency_ms, 0) / 1000, 1) AS u
	FROM truth WHERE type = ANY (types) ORDER BY u DESC LIMIT k $$;
CREATE TEMP TABLE probe AS SELECT i AS id, e AS q FROM item WHERE i % 250 = 7;
CREATE TEMP TABLE weight AS SELECT * FROM (VALUES (.7, .2, .1), (1, 0, 0), (.2, .8, 0), (.4, .1, .5)) w(a, b, g);
-- Equal up to rounding of the scores at the k-th place.
CREATE TEMP TABLE compared AS SELECT p.id, w.*, e.exact, f.share FROM probe p, weight w, (VALUES (true), (false)) e(exact),
	LATERAL (SELECT count(*) FILTER (WHERE r.utility_score >= (SELECT min(u) FROM pg_temp.brute(p.q, 10, a, b, g)) - 1e-5) / 10.0 AS share
		FROM ruvector.recall(query => p.q, k => 10, alpha => w.a, beta => w.b, gamma => w.g, exact => e.exact) r) f;
SELECT is(min(share), 1.0, 'exact recall is the brute-force top 10 by U, for all weights') FROM compared WHERE exact;
SELECT cmp_ok(avg(share), '>=', .99, 'recall from the index with the default weights') FROM compared WHERE NOT exact AND a = .7;
SELECT cmp_ok(avg(share), '>=', .97, 'recall from the index, all weights') FROM compared WHERE NOT exact;
SELECT is_empty($$SELECT r.memory FROM probe p, ruvector.recall(query => p.q, k => 10, exact => true) r JOIN truth t ON t.ref = r.memory
	WHERE abs(r.utility_score - (.7 * (1 - (t.embedding <=> p.q)) + .2 * least(greatest(t.uplift, -1), 1) - .1 * least(coalesce(t.latency_ms, 0) / 1000, 1))) > 1e-5
		OR abs(r.utility_score - (r.similarity_part + r.uplift_part + r.latency_part)) > 1e-9 OR abs(r.uplift - t.uplift) > 1e-9$$, 'scores are U and the sum of their parts');
SELECT isnt((SELECT array_agg(memory ORDER BY rank) FROM ruvector.recall(query => q, alpha => 1, beta => 0, gamma => 0)),
	(SELECT array_agg(memory ORDER BY rank) FROM ruvector.recall(query => q, alpha => 1, beta => 1, gamma => 0)), 'beta changes the order') FROM probe LIMIT 1;
SELECT isnt((SELECT array_agg(memory ORDER BY rank) FROM ruvector.recall(query => q, alpha => 1, beta => 0, gamma => 0)),
	(SELECT array_agg(memory ORDER BY rank) FROM ruvector.recall(query => q, alpha => 1, beta => 0, gamma => 1)), 'gamma changes the order') FROM probe LIMIT 1;
SELECT isnt((SELECT array_agg(memory ORDER BY rank) FROM ruvector.recall(query => q, alpha => 1, beta => .5, gamma => .5)),
	(SELECT array_agg(memory ORDER BY rank) FROM ruvector.recall(query => q, alpha => .1, beta => .5, gamma => .5)), 'alpha changes the order') FROM probe LIMIT 1;
SELECT is(count(*), 10::bigint, 'a type alone') FROM probe p, LATERAL ruvector.recall(query => p.q, k => 10, memory_types => '{skill}') r WHERE p.id = 7 AND r.memory_type = 'skill';
SELECT ok(bool_and(content = 'does' OR content LIKE '%' || substr(memory::text, 9) || '%'), 'content') FROM probe p, ruvector.recall(query => p.q, k => 3, memory_types => '{vector}') r;

-- Any other monotone utility: by the threshold rule, equal to reading all.
CREATE FUNCTION pg_temp.product(s float8, u float8, l float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT exp(2 * s) * (2 + u) - sqrt(l) / 100 $$;
SELECT cmp_ok(avg(share), '>=', .99, 'another utility, by the threshold rule') FROM probe p, LATERAL (
	SELECT count(*) / 10.0 AS share FROM ruvector.recall(query => p.q, k => 10, utility => 'pg_temp.product(float8,float8,float8)') r
	WHERE r.utility_score >= (SELECT min(u) FROM (SELECT pg_temp.product(1 - (embedding <=> p.q), uplift, coalesce(latency_ms, 0)) AS u FROM truth ORDER BY 1 DESC LIMIT 10) t) - 1e-4) f;
SELECT is((SELECT array_agg(memory ORDER BY rank) FROM ruvector.recall(query => q, k => 10, exact => true, utility => 'pg_temp.product(float8,float8,float8)')),
	(SELECT array_agg(ref ORDER BY o) FROM (SELECT ref::ruvector.memory_ref, row_number() OVER (ORDER BY pg_temp.product(1 - (embedding <=> q), uplift, coalesce(latency_ms, 0)) DESC) AS o FROM truth) t WHERE o <= 10),
	'and exactly') FROM probe WHERE id = 257;
SELECT throws_ok($$SELECT * FROM ruvector.recall(query => '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]', utility => 'sin(float8)')$$, '22023');

-- Bad input.
SELECT throws_ok($$SELECT * FROM ruvector.recall(query => '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]', k => 0)$$, '22023');
SELECT throws_ok($$SELECT * FROM ruvector.recall(query => '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]', beta => -.1)$$, '22023');
SELECT throws_ok($$SELECT * FROM ruvector.recall(query => '[1,2]')$$, '22000');
SELECT throws_ok($$SELECT * FROM ruvector.recall()$$, '22004');
SELECT throws_ok($$SELECT * FROM ruvector.recall('a text and no embedder')$$, '55000');

-- The keys follow their memories and edges.
INSERT INTO ruvector.vectors_table (id, content, embedding) VALUES ('own', 'mine', '[9,0,0,0,0,0,0,0,0,0,0,0,0,0,0,-9]');
CREATE FUNCTION pg_temp.first() RETURNS text LANGUAGE sql AS
	$$ SELECT memory || ' ' || round(uplift::numeric, 3) || ' ' || cardinality(edge_ids) FROM ruvector.recall(query => '[9,0,0,0,0,0,0,0,0,0,0,0,0,0,0,-9]', k => 1) $$;
SELECT is(pg_temp.first(), 'vector:own 0.000 0', 'new');
SELECT ruvector.add_causal_edge('{vector:own}', '{outcome:reward}', .4, .9, uplift_se => .1) AS own_edge \gset
SELECT is(pg_temp.first(), 'vector:own 0.400 1', 'an edge counts');
SELECT ruvector.add_causal_edge('{vector:own}', '{outcome:other}', .8, .5) AS unsure \gset
SELECT is(pg_temp.first(), 'vector:own 0.400 1', 'an unsure one does not');
SELECT ruvector.configure_recall(.4, 0) > 0 AS ok \gset
SELECT is(pg_temp.first(), 'vector:own 0.543 2', 'until it is said to: weighted by confidence');
SELECT ruvector.configure_recall(.6, 2) > 0 AS ok \gset
SELECT is(pg_temp.first(), 'vector:own 0.200 1', 'a pessimist takes two standard errors off');
SELECT ruvector.configure_recall() > 0 AS ok \gset
SELECT ruvector.delete_causal_edge(:own_edge);
SELECT is(pg_temp.first(), 'vector:own 0.000 0', 'gone with the edge');
SELECT ruvector.add_causal_edge('{vector:own}', '{outcome:late}', .4, .9, valid => tstzrange(now() + interval '1 hour', NULL));
SELECT is(pg_temp.first(), 'vector:own 0.000 0', 'not yet in force');
UPDATE ruvector.vectors_table SET embedding = '[-9,0,0,0,0,0,0,0,0,0,0,0,0,0,0,9]' WHERE id = 'own';
SELECT isnt(split_part(pg_temp.first(), ' ', 1), 'vector:own', 'an updated vector is not found at its old place');
DELETE FROM ruvector.vectors_table WHERE id = 'own';
SELECT is((SELECT count(*) FROM ruvector.recall_keys WHERE memory = 'vector:own'), 0::bigint, 'gone with the memory');
SELECT throws_ok($$SELECT ruvector.configure_recall(pessimism => -1)$$, '22023');
SELECT is(ruvector.refresh_recall(), 0::bigint, 'nothing to refresh: triggers kept all');
SELECT ok(total_memories = 5000 AND memories_with_uplift > 300 AND total_certificates = 0, 'recall_stats') FROM ruvector.recall_stats();
-- An exact match older than 10,000 newer rows.
SELECT ruvector.create_namespace('old');
SET ruvector.namespace = old;
DROP INDEX ruvector.recall_keys_key_idx;
INSERT INTO ruvector.vectors_table (id, embedding) VALUES ('needle', '[1,2,3,4,5,6,7,8,8,7,6,5,4,3,2,1]');
INSERT INTO ruvector.vectors_table (id, embedding) SELECT 'h' || n || '_' || i, e + ('[' || .01 * n || repeat(',.02', 15) || ']')::vector FROM generate_series(1, 2) n, item;
:make_index;
ANALYZE ruvector.recall_keys;
SELECT is(memory::text, 'vector:needle', 'an exact match older than 10,000 newer rows') FROM ruvector.recall(query => '[1,2,3,4,5,6,7,8,8,7,6,5,4,3,2,1]', k => 1);
SET ruvector.namespace = default;
SELECT is_empty($$SELECT * FROM ruvector.recall(query => '[1,2,3,4,5,6,7,8,8,7,6,5,4,3,2,1]', k => 20) WHERE memory = 'vector:needle'$$, 'in its own namespace only');

-- Certificates.
SELECT ruvector.store_episode('rotate the api keys', .9, true, critique => 'tests first', embedding => '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]') AS a \gset
SELECT ruvector.store_episode('deploy the service', .4, false, critique => 'keys were missing', embedding => '[1,.1,0,0,0,0,0,0,0,0,0,0,0,0,0,0]') AS b \gset
INSERT INTO ruvector.skills_library (name, description, embedding) VALUES ('keyring', 'stores secrets', '[1,.2,0,0,0,0,0,0,0,0,0,0,0,0,0,0]') RETURNING id AS c \gset
INSERT INTO ruvector.skill_episodes (skill_id, episode_id) VALUES (:c, :a);
SELECT id AS cert, merkle_root AS root FROM ruvector.create_certificate('q1', 'how to deploy with rotated keys',
	ARRAY['episode:' || :a, 'episode:' || :b, 'skill:' || :c]::ruvector.memory_ref[], '{.9,.8,.7}', '{keys,deploy,moon}') \gset
SELECT ok(minimal_why::text = format('{episode:%s}', :b) AND redundancy_ratio = 3 AND round(completeness_score::numeric, 4) = .6667 AND uncovered = '{moon}',
	'the smallest set that covers the requirements, and what is left') FROM ruvector.recall_certificates WHERE id = :'cert';
SELECT results_eq(format('SELECT valid, issues FROM ruvector.verify_certificate(%L)', :'cert'), $$VALUES (true, '{}'::text[])$$, 'valid');
SELECT ok(ruvector.merkle_verify(leaf_hash, leaf_index, tree_size, audit_path, merkle_root) AND merkle_root = :'root'
	AND sha256(convert_to(content, 'UTF8')) = leaf_hash, 'the proof of each memory')
	FROM unnest(ARRAY['episode:' || :a, 'episode:' || :b, 'skill:' || :c]) m, ruvector.certificate_proof(:'cert', m);
SELECT results_eq(format('SELECT reason, necessity_score > 0, covers FROM ruvector.get_justification(%L, %L)', :'cert', 'episode:' || :b),
	$$VALUES ('keyword_match', true, '{deploy,keys}'::text[])$$, 'justification');
SELECT results_eq(format('SELECT reason, necessity_score, covers FROM ruvector.get_justification(%L, %L)', :'cert', 'skill:' || :c),
	$$VALUES ('semantic_match', 0::float8, '{}'::text[])$$);
SELECT results_eq(format('SELECT source::text, relation FROM ruvector.get_provenance_lineage(ruvector.content_hash(%L))', 'skill:' || :c),
	format($$VALUES ('skill:%s', 'self'), ('episode:%s', 'derived_from')$$, :c, :a), 'lineage of a skill');
SELECT is(count(*), 8::bigint, 'trace_provenance') FROM ruvector.trace_provenance(:'cert');
SELECT ok((ruvector.audit_certificate(:'cert') -> 'verification' ->> 'valid')::boolean, 'audit_certificate');
-- Tampering with any content column is seen, and undone by undoing it.
CREATE FUNCTION pg_temp.tampered(rel text, id bigint, col text, expr text, cert bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE before boolean; after record;
BEGIN
	EXECUTE format('UPDATE ruvector.%I SET %I = %s WHERE id = %s', rel, col, expr, id);
	SELECT * INTO after FROM ruvector.verify_certificate(cert);
	RAISE EXCEPTION '%', CASE WHEN NOT after.valid AND cardinality(after.changed) = 1 AND cardinality(after.missing) = 0 THEN 'seen' ELSE 'missed ' || col END;
EXCEPTION WHEN raise_exception THEN RETURN SQLERRM;
END $$;
SELECT is(pg_temp.tampered('reflexion_episodes', :b, col, expr, :'cert'), 'seen', 'tampering with ' || col) FROM (VALUES
	('agent_id', '''x'''), ('session_id', '''x'''), ('ts', 'ts + interval ''1 microsecond'''), ('task', '''x'''), ('input', ''''''), ('output', '''x'''), ('critique', 'NULL'),
	('actions', '''{x}'''), ('observations', '''{x}'''), ('reward', 'reward + 1e-9'), ('success', 'NOT success'), ('latency_ms', '0'), ('tokens_used', '1'),
	('tags', '''{x}'''), ('metadata', '''{"a":1}''')) t(col, expr);
SELECT is(pg_temp.tampered('skills_library', :c, col, expr, :'cert'), 'seen', 'tampering with a skill''s ' || col) FROM (VALUES
	('name', '''x'''), ('description', 'NULL'), ('category', '''x'''), ('code', '''x'''), ('signature', '''{}'''), ('parameters', '''{"x":1}'''), ('examples', '''{x}'''),
	('steps', '''[1]'''), ('action_pattern', '''{x}'''), ('metadata', '''{"a":1}''')) t(col, expr);
SELECT ok((SELECT valid FROM ruvector.verify_certificate(:'cert')), 'valid again');
UPDATE ruvector.reflexion_episodes SET critique = 'keys were there' WHERE id = :b;
SELECT results_eq(format('SELECT valid, changed::text FROM ruvector.verify_certificate(%L)', :'cert'), format($$VALUES (false, '{episode:%s}')$$, :b));
SELECT id AS cert2 FROM ruvector.create_certificate('q2', 'deploy', ARRAY['episode:' || :b]::ruvector.memory_ref[], '{.8}') \gset
SELECT ok((SELECT valid FROM ruvector.verify_certificate(:'cert2')), 'a legitimate edit, a new certificate');
SELECT ok(relation = 'replaced', 'what it replaced') FROM ruvector.get_provenance_lineage(ruvector.content_hash(('episode:' || :b)::ruvector.memory_ref)) WHERE depth = 1;
SET LOCAL timezone = 'Asia/Tokyo';
SET LOCAL extra_float_digits = 0;
SELECT ok((SELECT valid FROM ruvector.verify_certificate(:'cert2')), 'whatever the session''s settings');
-- Tampering with the certificate itself, and with the chain.
CREATE FUNCTION pg_temp.forged(change text, cert bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE after record;
BEGIN
	EXECUTE format('UPDATE ruvector.recall_certificates SET %s WHERE id = %L', change, cert);
	SELECT * INTO after FROM ruvector.verify_certificate(cert);
	RAISE EXCEPTION '%', after.valid;
EXCEPTION WHEN raise_exception THEN RETURN SQLERRM;
END $$;
SELECT is(pg_temp.forged(c, :'cert2'), 'f', 'forged: ' || c) FROM unnest(ARRAY['query_text = ''x''', 'params = ''{"k": 9}''', 'completeness_score = .5', 'access_level = ''public''',
	'source_hashes = ARRAY[sha256(''x'')]', 'merkle_root = sha256(''x'')', 'chain_hash = sha256(''x'')', 'issued_by = ''x''', 'prev_id = NULL', 'created_at = now() + interval ''1 s''']) c;
DELETE FROM ruvector.recall_certificates WHERE id = :'cert';
SELECT ok(NOT valid AND issues[1] LIKE '%before it is gone%', 'a certificate taken out of the chain') FROM ruvector.verify_certificate(:'cert2');
DELETE FROM ruvector.reflexion_episodes WHERE id = :b;
SELECT ok(cardinality(missing) = 1, 'missing') FROM ruvector.verify_certificate(:'cert2');
SELECT throws_ok($$SELECT * FROM ruvector.verify_certificate('\x00')$$, 'P0002');
SELECT throws_ok($$SELECT ruvector.create_certificate('q', 't', '{episode:987654}', '{1}')$$, '23503');
SELECT throws_ok($$SELECT ruvector.create_certificate('q', 't', '{action:x}', '{1}', access_level => 'secret')$$, '22023');
SELECT ok((SELECT redundancy_ratio IS NULL AND completeness_score = 1 FROM ruvector.create_certificate('q', 't', '{}', '{}', '{}')), 'nothing recalled: no ratio');
-- recall issues one.
CREATE TEMP TABLE recalled AS SELECT * FROM ruvector.recall('rotate keys', 3, 'q9', query => '[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]', issue_certificate => true);
SELECT ok(count(*) = 3 AND count(DISTINCT certificate_id) = 1 AND bool_or(memory = 'episode:' || :a), 'recall with a certificate') FROM recalled;
SELECT ok(v.valid AND c.chunks = (SELECT array_agg(memory ORDER BY rank) FROM recalled) AND c.params ->> 'k' = '3', 'of what it returned')
	FROM ruvector.recall_certificates c, ruvector.verify_certificate(c.id) v WHERE c.query_id = 'q9';
SELECT * FROM finish();
ROLLBACK;
