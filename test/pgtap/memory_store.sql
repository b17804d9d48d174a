-- The store of agent memory: init, settings, embedder, guard, namespaces, witness log, expiry, export and import.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();

-- Before init.
SELECT throws_ok($$ SELECT * FROM ruvector.vector_search('[1,2,3]') $$, '55000', NULL, 'no search before init');
SELECT throws_ok($$ SELECT ruvector.vector_insert('[1,2,3]') $$, '55000', NULL, 'no insert before init');
SELECT throws_ok($$ SELECT ruvector.upgrade() $$, '55000', NULL, 'no upgrade before init');
SELECT throws_ok($$ SELECT ruvector.enable_rls() $$, '55000', NULL, 'no policies before init');
SELECT throws_ok($$ SELECT * FROM ruvector.stats() $$, '55000', NULL, 'no stats before init');
SELECT throws_ok($$ SELECT ruvector.init(3, 'hamming') $$, '22023', 'unknown metric "hamming"', 'unknown metric');
SELECT throws_ok($$ SELECT ruvector.init(3, index_method => 'btree') $$, '22023', 'unknown index method "btree"', 'unknown method');
SELECT throws_ok($$ SELECT ruvector.init(0) $$, '22023', NULL, 'no dimensions');
SELECT throws_ok($$ SELECT ruvector.init(3, index_options => '[]') $$, '22023', NULL, 'index options that are no object');
SELECT throws_ok($$ SELECT ruvector.init(3, index_options => '{"n": 3}') $$, '22023', NULL, 'an index option that is none');
SELECT throws_ok($$ SELECT ruvector.init(3, embedder => 'lower(text)') $$, '42P13', NULL, 'a function that is no embedder');
SELECT is(to_regclass('ruvector.store_settings'), NULL, 'failed calls leave nothing');

-- Every metric and no index: the search is that of the operator, similarity grows as distance falls.
CREATE FUNCTION pg_temp.searches(metric text, operator text, method text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	expected text[];
BEGIN
	PERFORM ruvector.init(3, metric, 'm', index_method => method);
	INSERT INTO ruvector.vectors_table (id, embedding) SELECT i, ARRAY[i % 7 - 3, i % 11 - 4, i % 5 + 1]::real[]::vector FROM generate_series(1, 300) i;
	EXECUTE format('SELECT array_agg(round(d::numeric, 5)) FROM (SELECT embedding %s ''[2,1,3]'' AS d FROM ruvector.vectors_table ORDER BY d LIMIT 20) x', operator) INTO expected;
	RETURN NEXT is((SELECT array_agg(round(distance::numeric, 5)::text) FROM ruvector.vector_search('[2,1,3]', 20)), expected, metric || ', ' || method || ': distances');
	RETURN NEXT ok((SELECT bool_and(similarity <= before) FROM (SELECT similarity, lag(similarity) OVER () AS before FROM ruvector.vector_search('[2,1,3]', 20)) x), metric || ', ' || method || ': similarity');
	RETURN NEXT is((SELECT count(*)::int FROM pg_indexes WHERE schemaname = 'ruvector' AND tablename = 'vectors_table' AND indexdef LIKE '%USING hnsw (embedding vector_' || metric || '_ops)%'), (method = 'hnsw')::int, metric || ', ' || method || ': index');
	RETURN NEXT is((SELECT count(*)::int FROM ruvector.vectors_table WHERE embedding_model = 'm'), 300, metric || ', ' || method || ': the model is noted');
END $$;
SAVEPOINT none;
SELECT pg_temp.searches('cosine', '<=>', 'hnsw'); ROLLBACK TO none;
SELECT pg_temp.searches('l2', '<->', 'hnsw'); ROLLBACK TO none;
SELECT pg_temp.searches('ip', '<#>', 'hnsw'); ROLLBACK TO none;
SELECT pg_temp.searches('l1', '<+>', 'hnsw'); ROLLBACK TO none;
SELECT pg_temp.searches('l2', '<->', 'none'); ROLLBACK TO none;

-- init.
SELECT is(ruvector.init(3) - ARRAY['created_at', 'store_id', 'text_search_config'],
	'{"created": true, "dimensions": 3, "metric": "cosine", "embedding_model": "external", "embedder": null, "index_method": "hnsw", "index_options": {"m": 16, "ef_construction": 128}, "schema_version": 1}',
	'init returns the settings');
CREATE TEMP VIEW now AS
	SELECT 'relation' AS kind, oid, ctid AS place FROM pg_class WHERE relnamespace = 'ruvector'::regnamespace
	UNION ALL SELECT 'trigger', oid, ctid FROM pg_trigger WHERE tgname LIKE 'ruvector%'
	UNION ALL SELECT 'settings', 0, ctid FROM ruvector.store_settings
	UNION ALL SELECT 'namespace', 0, ctid FROM ruvector.namespaces;
CREATE TEMP TABLE before AS SELECT * FROM now;
SELECT is(ruvector.init(3)->'created', 'false', 'init again');
SELECT is(ruvector.init()->'dimensions', '3', 'init without arguments');
SELECT is(ruvector.upgrade()->'dimensions', '3', 'upgrade');
SELECT set_eq('SELECT * FROM now', 'SELECT * FROM before', 'init again changes nothing');
SELECT cmp_ok((SELECT count(*) FROM before WHERE kind = 'trigger'), '>', 4::bigint, 'which is not nothing');
SELECT throws_ok($$ SELECT ruvector.init(4) $$, '55000', NULL, 'other dimensions');
SELECT throws_ok($$ SELECT ruvector.init(3, 'l2') $$, '55000', NULL, 'another metric');
SELECT throws_ok($$ SELECT ruvector.init(3, embedding_model => 'm') $$, '55000', NULL, 'another model');
SELECT throws_ok($$ SELECT ruvector.init(3, index_method => 'none') $$, '55000', NULL, 'another method');
SELECT is((SELECT string_agg(c.relname, ',' ORDER BY 1) FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass
	WHERE c.relnamespace = 'ruvector'::regnamespace AND c.relkind = 'r' AND d.deptype = 'e'), NULL, 'the tables do not belong to the extension');
SELECT is((SELECT relowner::regrole::name FROM pg_class WHERE oid = 'ruvector.vectors_table'::regclass), current_user, 'they belong to the caller');
SELECT ok((SELECT pg_get_indexdef('ruvector.vectors_table_embedding_idx'::regclass) LIKE '%USING hnsw (embedding vector_cosine_ops)%'), 'the vector index');
UPDATE ruvector.store_settings SET schema_version = 99;
SELECT throws_ok($$ SELECT ruvector.init() $$, '55000', NULL, 'tables of a newer version');
UPDATE ruvector.store_settings SET schema_version = 1;

CREATE ROLE memory_guest;
SET LOCAL ROLE memory_guest;
SELECT throws_ok($$ SELECT ruvector.init() $$, '42501', NULL, 'init needs CREATE on the schema');
RESET ROLE;

-- Vectors that do not fit.
SELECT throws_ok($$ SELECT ruvector.vector_insert('[1,2]') $$, '22000', NULL, 'insert of other dimensions');
SELECT throws_ok($$ INSERT INTO ruvector.vectors_table (embedding) VALUES ('[1,2,3,4]') $$, '22000', NULL, 'the same past the functions');
SELECT throws_ok($$ SELECT ruvector.vector_insert('[0,0,0]') $$, '22000', NULL, 'a vector of zeros under cosine');
SELECT throws_ok($$ SELECT ruvector.vector_insert('[1,NaN,3]') $$, '22000', NULL, 'NaN');
SELECT throws_ok($$ SELECT ruvector.vector_insert(ARRAY[1, 'Infinity', 2]::real[]::vector) $$, '22000', NULL, 'infinity');
SELECT throws_ok($$ SELECT * FROM ruvector.vector_search('[1,2]') $$, '22000', NULL, 'search with other dimensions');
SELECT throws_ok($$ SELECT * FROM ruvector.vector_search('[0,0,0]') $$, '22000', NULL, 'search with zeros');
SELECT throws_ok($$ SELECT * FROM ruvector.vector_search() $$, '22004', NULL, 'search with nothing');
SELECT throws_ok($$ INSERT INTO ruvector.vectors_table (embedding, embedding_model) VALUES ('[1,2,3]', 'other') $$, '22000', NULL, 'a vector of another model');
SELECT throws_ok($$ INSERT INTO ruvector.vectors_table (embedding, metadata) VALUES ('[1,2,3]', '[]') $$, '23514', NULL, 'metadata that is no object');

-- The embedder.
SELECT throws_ok($$ SELECT ruvector.embed('x') $$, '55000', NULL, 'embed without embedder');
SELECT throws_ok($$ SELECT ruvector.vector_insert(content => 'x') $$, '22004', NULL, 'insert of text without embedder');
SELECT throws_ok($$ SELECT * FROM ruvector.vector_search(query_text => 'x') $$, '55000', NULL, 'search for text without embedder');
CREATE SCHEMA words;
CREATE TABLE words.word (word text, v vector);
INSERT INTO words.word VALUES ('up', '[0,0,1]'), ('right', '[1,0,0]'), ('void', '[0,0,0]'), ('flat', '[1,2]');
-- Names its table without the schema, and tells passages from queries.
CREATE FUNCTION words.embed(content text, kind text) RETURNS vector LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT v + CASE kind WHEN 'query' THEN '[0,1,0]' ELSE '[0,0,0]' END::vector FROM word WHERE word = content);
END $$;
SELECT is(ruvector.init(embedder => 'words.embed(text,text)')->>'embedder', 'words.embed(text,text)', 'init registers an embedder');
SELECT is(ruvector.init()->>'embedder', 'words.embed(text,text)', 'and keeps it');
SELECT is(ruvector.embed('up'), '[0,0,1]', 'a passage');
SELECT is(ruvector.embed('up', 'query'), '[0,1,1]', 'a query');
SELECT is(ruvector.embed(NULL), NULL, 'no text, no vector');
SELECT is(current_setting('search_path'), '"$user", public', 'the search path is back');
SELECT is(ruvector.vector_insert(id => 'up', content => 'up'), 'up', 'text is embedded');
SELECT results_eq($$ SELECT embedding, embedding_model FROM ruvector.vectors_table WHERE id = 'up' $$, $$ VALUES ('[0,0,1]'::vector(3), 'external') $$, 'as a passage');
UPDATE ruvector.vectors_table SET content = 'right' WHERE id = 'up';
SELECT is((SELECT embedding::text FROM ruvector.vectors_table WHERE id = 'up'), '[1,0,0]', 'a changed text is embedded again');
UPDATE ruvector.vectors_table SET metadata = '{"a": 1}', content = 'up', embedding = '[5,5,5]' WHERE id = 'up';
SELECT is((SELECT embedding::text FROM ruvector.vectors_table WHERE id = 'up'), '[5,5,5]', 'unless a vector comes with it');
SELECT is((SELECT id FROM ruvector.vector_search(query_text => 'up')), 'up', 'text finds it');
SELECT throws_ok($$ SELECT ruvector.vector_insert(content => 'nothing') $$, '22004', NULL, 'an embedder that returns NULL');
SELECT throws_ok($$ SELECT ruvector.vector_insert(content => 'flat') $$, '22000', NULL, 'an embedder of other dimensions');
SELECT throws_ok($$ SELECT ruvector.vector_insert(content => 'void') $$, '22000', NULL, 'an embedder that returns zeros');
SELECT throws_ok($$ SELECT ruvector.vector_insert() $$, '22004', NULL, 'nothing to embed');
ALTER FUNCTION words.embed(text, text) RENAME TO embed_gone;
SELECT throws_ok($$ SELECT ruvector.embed('up') $$, '42883', NULL, 'an embedder that is gone');
ALTER FUNCTION words.embed_gone(text, text) RENAME TO embed;
DELETE FROM ruvector.vectors_table;

-- References.
SELECT is(ruvector.ref('episode', 42)::text, 'episode:42', 'a reference by number');
SELECT is(ruvector.ref('action', 'add_tests')::text, 'action:add_tests', 'a reference by name');
SELECT throws_ok($$ SELECT 'nonsense'::ruvector.memory_ref $$, '23514', NULL, 'a reference needs a type');
SELECT throws_ok($$ SELECT 1.1::ruvector.unit_interval $$, '23514', NULL, 'above one');

-- Namespaces.
SELECT is(ruvector.current_namespace(), 'default', 'the default namespace');
SELECT throws_ok($$ SELECT ruvector.set_namespace('nowhere') $$, '42704', 'namespace "nowhere" does not exist', 'unknown namespace');
SELECT throws_ok($$ SELECT ruvector.grant_namespace('nowhere', 'memory_guest') $$, '42704', NULL, 'granting an unknown one');
SELECT throws_ok($$ SELECT ruvector.grant_namespace('default', 'nobody_at_all') $$, '42704', NULL, 'granting to an unknown role');
SELECT throws_ok($$ SELECT ruvector.create_namespace('') $$, '22023', NULL, 'a namespace without name');
SET LOCAL ruvector.namespace = 'nowhere';
SELECT throws_ok($$ SELECT ruvector.vector_insert('[1,2,3]') $$, '42704', NULL, 'insert into an unknown namespace');
SELECT throws_ok($$ SELECT ruvector.witness_append('a', 'b', 'c') $$, '42704', NULL, 'a witness of an unknown namespace');
SET LOCAL ruvector.namespace = 'default';
SELECT ok(ruvector.create_namespace('team', dedicated_index => true), 'a new namespace');
SELECT ok(NOT ruvector.create_namespace('team'), 'which then exists');
SELECT ok(EXISTS (SELECT FROM pg_indexes WHERE schemaname = 'ruvector' AND tablename = 'vectors_table' AND indexdef LIKE '%hnsw%WHERE (namespace = ''team''::text)'), 'with an index of its own');
SELECT ruvector.vector_insert('[1,2,3]', id => 'a', metadata => '{"in": "default"}');
SELECT is(ruvector.set_namespace('team', true), 'team', 'set_namespace');
SELECT ruvector.vector_insert('[1,2,3]', id => 'a', metadata => '{"in": "team"}');
SELECT results_eq($$ SELECT id, metadata->>'in' FROM ruvector.vector_search('[1,2,3]') $$, $$ VALUES ('a', 'team') $$, 'a search stays in its namespace');
SELECT results_eq($$ SELECT metadata->>'in' FROM ruvector.vector_get('a') $$, $$ VALUES ('team') $$, 'so does get');
SELECT is(ruvector.vector_delete('a'), 1::bigint, 'and delete');
SELECT ruvector.set_namespace('default', true);
SELECT results_eq($$ SELECT metadata->>'in' FROM ruvector.vector_get('a') $$, $$ VALUES ('default') $$, 'the other one is still there');
DELETE FROM ruvector.vectors_table;

-- Witness log.
SELECT results_eq($$ SELECT * FROM ruvector.verify_witness_chain() $$, $$ VALUES (true, NULL::bigint, 0::bigint, NULL::bytea) $$, 'an empty log is valid');
SELECT is(ruvector.witness_append('agent', 'act', 'step ' || i, jsonb_build_object('i', i)), i::bigint, 'entry ' || i) FROM generate_series(1, 6) i;
SELECT results_eq($$ SELECT valid, first_bad_seq, checked FROM ruvector.verify_witness_chain() $$, $$ VALUES (true, NULL::bigint, 6::bigint) $$, 'the chain holds');
SET LOCAL TimeZone = 'Asia/Tokyo';
SELECT ok((SELECT valid FROM ruvector.verify_witness_chain(3, 5)), 'a part of it, in another time zone');
-- An independent computation of the last hash.
SELECT is((SELECT encode(sha256(prev_hash || convert_to(format(
		'{"seq": 6, "details": "step 6", "agent_id": "agent", "metadata": {"i": 6}, "namespace": "default", "action_type": "act", "recorded_by": "%s", "recorded_at_us": %s}',
		recorded_by, (extract(epoch FROM recorded_at) * 1000000)::bigint), 'UTF8')), 'hex') FROM ruvector.witness_log WHERE seq = 6),
	(SELECT encode(head_hash, 'hex') FROM ruvector.verify_witness_chain()), 'the hash is SHA-256 of the previous one and the JSON');
SAVEPOINT intact;
UPDATE ruvector.witness_log SET metadata = '{"i": 7}' WHERE seq = 2;
SELECT results_eq($$ SELECT valid, first_bad_seq FROM ruvector.verify_witness_chain() $$, $$ VALUES (false, 2::bigint) $$, 'a changed entry');
ROLLBACK TO intact;
UPDATE ruvector.witness_log w SET details = 'no', hash = ruvector._witness_hash(prev_hash, namespace, seq, agent_id, action_type, 'no', metadata, recorded_by, recorded_at) WHERE seq = 2;
SELECT results_eq($$ SELECT valid, first_bad_seq FROM ruvector.verify_witness_chain() $$, $$ VALUES (false, 3::bigint) $$, 'a changed entry with a new hash');
ROLLBACK TO intact;
DELETE FROM ruvector.witness_log WHERE seq = 4;
SELECT results_eq($$ SELECT valid, first_bad_seq FROM ruvector.verify_witness_chain() $$, $$ VALUES (false, 5::bigint) $$, 'a missing entry');
ROLLBACK TO intact;
DELETE FROM ruvector.witness_log WHERE seq = 1;
SELECT results_eq($$ SELECT valid, first_bad_seq FROM ruvector.verify_witness_chain() $$, $$ VALUES (false, 2::bigint) $$, 'a missing beginning');
ROLLBACK TO intact;

-- Export and import.
SELECT ruvector.vector_insert_batch('[{"id": "p", "vector": [1,2,3], "metadata": {"n": 1}, "content": "up", "expires_at": "2100-01-01"}, {"id": "q", "vector": [3,2,1]}]');
CREATE TEMP TABLE moved AS SELECT jsonb_agg(m) AS m FROM ruvector.export_memories() m;
SELECT is((SELECT jsonb_array_length(m) FROM moved), 2, 'export');
SELECT is_empty($$ SELECT ruvector.export_memories(clock_timestamp() + interval '1 hour') $$, 'export since');
SELECT throws_ok($$ SELECT ruvector.export_memories(memory_types => '{dream}') $$, '22023', NULL, 'export of an unknown type');
SELECT ruvector.set_namespace('team', true);
SELECT throws_ok($$ SELECT ruvector.import_memories('{}') $$, '22023', NULL, 'import of no array');
SELECT throws_ok($$ SELECT ruvector.import_memories('[{"type": "vector", "external_id": "x", "data": {"colour": 1}}]') $$, '42703', NULL, 'import of an unknown column');
SELECT throws_ok($$ SELECT ruvector.import_memories('[]', 'merge') $$, '22023', NULL, 'import with an unknown rule');
SELECT results_eq($$ SELECT i.* FROM moved, ruvector.import_memories(m) i $$, $$ VALUES (2::bigint, 0::bigint, 0::bigint) $$, 'import');
SELECT results_eq($$ SELECT i.* FROM moved, ruvector.import_memories(m) i $$, $$ VALUES (0::bigint, 2::bigint, 2::bigint) $$, 'import again');
SELECT is((SELECT jsonb_agg(m) FROM ruvector.export_memories() m), (SELECT m FROM moved), 'what went out came in');
SELECT throws_ok($$ SELECT i.* FROM moved, ruvector.import_memories(m, 'error') i $$, '23505', NULL, 'import with on_conflict error');
SELECT ruvector.vector_update_metadata('p', '{"n": 2}');
SELECT results_eq($$ SELECT i.* FROM moved, ruvector.import_memories(m) i $$, $$ VALUES (0::bigint, 2::bigint, 2::bigint) $$, 'the older one does not win');
SELECT is((SELECT metadata FROM ruvector.vector_get('p')), '{"n": 2}', 'the newer one stays');
UPDATE moved SET m = (SELECT jsonb_agg(m) FROM ruvector.export_memories() m);
SELECT ruvector.set_namespace('default', true);
SELECT results_eq($$ SELECT i.* FROM moved, ruvector.import_memories(m) i $$, $$ VALUES (1::bigint, 1::bigint, 2::bigint) $$, 'back: the changed one is newer');
SELECT results_eq($$ SELECT i.* FROM moved, ruvector.import_memories(m) i $$, $$ VALUES (0::bigint, 2::bigint, 2::bigint) $$, 'and only once');
SELECT is((SELECT metadata FROM ruvector.vector_get('p')), '{"n": 2}', 'it came home');

-- Expiry, stats.
SELECT ruvector.vector_insert('[1,2,3]', id => 'old', ttl => '-1 second');
SELECT is_empty($$ SELECT * FROM ruvector.vector_get('old') $$, 'an expired vector is not there');
SELECT is((SELECT array_agg(id ORDER BY id) FROM ruvector.vector_search('[1,2,3]')), '{p,q}', 'and not found');
SELECT is(ruvector.cleanup_expired(), 1::bigint, 'cleanup_expired');
SELECT is_empty($$ SELECT FROM ruvector.vectors_table WHERE id = 'old' $$, 'deletes it');
SELECT results_eq($$ SELECT row_count, detail FROM ruvector.stats(true) WHERE relation = 'vectors_table' $$, $$ VALUES (4::bigint, '{"default": 2, "team": 2}'::jsonb) $$, 'stats');
SELECT ok((SELECT total_bytes > index_bytes AND index_bytes > 0 FROM ruvector.stats() WHERE relation = 'vectors_table'), 'bytes');

-- A namespace goes with all that is in it.
CREATE TABLE ruvector.aa_parent (namespace text NOT NULL, id int, PRIMARY KEY (namespace, id));
CREATE TABLE ruvector.child (namespace text NOT NULL, id int, FOREIGN KEY (namespace, id) REFERENCES ruvector.aa_parent);
UPDATE ruvector.vectors_table SET content = 'two words', embedding = '[9,9,9]' WHERE id = 'p';
INSERT INTO ruvector.aa_parent VALUES ('team', 1), ('default', 1);
INSERT INTO ruvector.child VALUES ('team', 1), ('default', 1);
SELECT throws_ok($$ SELECT ruvector.drop_namespace('nowhere') $$, '42704', NULL, 'dropping an unknown namespace');
SELECT is(ruvector.drop_namespace('team'), 6::bigint, 'drop_namespace: two vectors with their keys of recall, parent and child');
SELECT results_eq($$ SELECT relation, detail FROM ruvector.stats(true) WHERE row_count > 0 AND relation IN ('aa_parent', 'child', 'vectors_table', 'text_statistics') $$,
	$$ VALUES ('aa_parent', '{"default": 1}'::jsonb), ('child', '{"default": 1}'), ('text_statistics', '{"default": 1}'), ('vectors_table', '{"default": 2}') $$, 'the others stay');
SELECT is_empty($$ SELECT FROM pg_indexes WHERE schemaname = 'ruvector' AND indexdef LIKE '%WHERE (namespace%' $$, 'its indexes are gone');
SELECT throws_ok($$ SELECT ruvector.set_namespace('team') $$, '42704', NULL, 'it is gone');

SELECT * FROM finish();
ROLLBACK;
