-- Vectors: the filter language against an independent evaluation, search, batches, full text, hybrid search, diversity.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();
SET LOCAL default_text_search_config = 'english';
SELECT ruvector.init(8) IS NOT NULL AS done;

-- Filters: each rule ---------------------------------------------------------------------------------------------------
SELECT is(ruvector.filter_match('{"a": 1, "b": "text", "t": ["p", "q", 3], "n": {"m": {"k": 2.5}}, "z": null, "y": true, "e": []}', filter), expected, filter::text)
FROM (VALUES
	('{}'::jsonb, true), (NULL, true),
	('{"a": 1}', true), ('{"a": 1.0}', true), ('{"a": "1"}', false), ('{"a": true}', false), ('{"y": true}', true), ('{"a": 1, "b": "no"}', false),
	('{"t": ["p", "q", 3]}', true), ('{"t": ["q", "p", 3]}', false), ('{"t": "p"}', false), ('{"e": []}', true),
	('{"n": {"$eq": {"m": {"k": 2.50}}}}', true), ('{"n.m": {"$eq": {"k": 2.5}}}', true), ('{"n.m.k": 2.5}', true), ('{"n.x.k": 2.5}', false), ('{"a.b": 1}', false),
	('{"z": null}', true), ('{"missing": null}', false), ('{"z": {"$exists": true}}', true),
	('{"a": {"$ne": 2}}', true), ('{"a": {"$ne": 1}}', false), ('{"a": {"$ne": "1"}}', true), ('{"missing": {"$ne": 1}}', true),
	('{"a": {"$gt": 0}}', true), ('{"a": {"$gt": 1}}', false), ('{"a": {"$gte": 1}}', true), ('{"a": {"$lt": 1}}', false), ('{"a": {"$lte": 1}}', true), ('{"a": {"$gt": 0, "$lt": 0.5}}', false),
	('{"a": {"$gt": "0"}}', false), ('{"a": {"$lt": "2"}}', false), ('{"b": {"$gt": "tex"}}', true), ('{"b": {"$lt": "texts"}}', true), ('{"b": {"$gt": "Z"}}', true), ('{"y": {"$gt": false}}', true), ('{"missing": {"$gt": 0}}', false), ('{"missing": {"$lte": 0}}', false),
	('{"a": {"$in": [2, 1]}}', true), ('{"a": {"$in": []}}', false), ('{"t": {"$in": [["p", "q", 3]]}}', true), ('{"missing": {"$in": [null]}}', false),
	('{"a": {"$nin": [2, 1]}}', false), ('{"a": {"$nin": [2]}}', true), ('{"missing": {"$nin": [1]}}', true),
	('{"t": {"$contains": "p"}}', true), ('{"t": {"$contains": 3}}', true), ('{"t": {"$contains": ["q", "p"]}}', true), ('{"t": {"$contains": ["q", "x"]}}', false),
	('{"b": {"$contains": "ex"}}', true), ('{"b": {"$contains": "xe"}}', false), ('{"n": {"$contains": {"m": {"k": 2.5}}}}', true), ('{"n": {"$contains": "m"}}', false), ('{"a": {"$contains": 1}}', false), ('{"missing": {"$contains": 1}}', false),
	('{"a": {"$exists": true}}', true), ('{"a": {"$exists": false}}', false), ('{"missing": {"$exists": false}}', true), ('{"n.m.x": {"$exists": true}}', false),
	('{"b": {"$regex": "^tex.$"}}', true), ('{"b": {"$regex": "^TEX"}}', false), ('{"b": {"$regex": "(?i)^TEX"}}', true), ('{"a": {"$regex": "1"}}', false), ('{"missing": {"$regex": ""}}', false),
	('{"$and": [{"a": 1}, {"b": "text"}]}', true), ('{"$and": [{"a": 1}, {"b": "x"}]}', false), ('{"$or": [{"a": 2}, {"b": "text"}]}', true), ('{"$or": [{"a": 2}, {"b": "x"}], "a": 1}', false),
	('{"$not": {"a": 1}}', false), ('{"$not": {"missing": 1}}', true), ('{"a": {"$not": {"$gt": 1}}}', true), ('{"missing": {"$not": {"$gt": 1}}}', true), ('{"a": {"$not": {"$gt": 0, "$lt": 2}}}', false),
	('{"$or": [{"$and": [{"a": {"$gt": 0}}, {"$not": {"y": false}}]}, {"q": 1}]}', true)) f(filter, expected);
SELECT ok(ruvector.filter_match(NULL, '{"a": {"$exists": false}}'), 'no item has no keys');
SELECT ok(NOT ruvector.filter_match('[{"a": 1}]', '{"a": 1}'), 'an array has no keys');
SELECT throws_ok(format('SELECT ruvector.filter_match(''{}'', %L)', filter), '22023', message, filter)
FROM (VALUES
	('{"a": {"$foo": 1}}', 'unknown filter operator "$foo"'), ('{"$xor": []}', 'unknown filter operator "$xor"'), ('{"a": {"gt": 1}}', 'unknown filter operator "gt"'),
	('{"a": {}}', 'filter: "a" has an empty condition; to compare with an object use $eq'), ('{"a": {"$in": 1}}', 'filter: "$in" needs an array'),
	('{"a": {"$nin": {"b": 1}}}', 'filter: "$nin" needs an array'), ('{"a": {"$exists": 1}}', 'filter: "$exists" needs true or false'),
	('{"a": {"$regex": 1}}', 'filter: "$regex" needs a string'), ('{"a": {"$gt": null}}', 'filter: "$gt" needs a number, a string or a boolean'),
	('{"a": {"$lt": [1]}}', 'filter: "$lt" needs a number, a string or a boolean'), ('{"$or": []}', 'filter: "$or" needs an array of filters'),
	('{"$and": [1]}', 'filter: "$and" needs an array of filters'), ('{"$not": 1}', 'filter: "$not" needs a filter'), ('[]', 'filter: not a JSON object'), ('1', 'filter: not a JSON object')) f(filter, message);
SELECT throws_ok($$ SELECT ruvector.filter_match('{"a": "x"}', '{"a": {"$regex": "("}}') $$, '2201B', NULL, 'a broken regular expression');
SELECT throws_ok($$ SELECT * FROM ruvector.vector_search('[1,0,0,0,0,0,0,0]', filter => '{"a": {"$foo": 1}}') $$, '22023', NULL, 'an unknown operator in a search of an empty store');
SELECT throws_ok($$ SELECT ruvector.vector_delete(filter => '{"a": {"$foo": 1}}') $$, '22023', NULL, 'and in delete');
-- Keys and values are data.
SELECT ok(ruvector.filter_match($${"a'; DROP TABLE x; --": "' OR '1'='1"}$$, $${"a'; DROP TABLE x; --": "' OR '1'='1"}$$), 'quotes in keys and values');

-- What _filter_containment says is implied: no row that matches is lost by it.
CREATE TEMP TABLE item AS SELECT jsonb_strip_nulls(jsonb_build_object('a', i % 5, 'b', CASE i % 4 WHEN 0 THEN to_jsonb('x'::text) WHEN 1 THEN '[1, "x"]' WHEN 2 THEN '{"c": 1}' END, 'n', jsonb_build_object('m', i % 3))) AS item
	FROM generate_series(1, 200) i;
SELECT is_empty(format('SELECT FROM item WHERE ruvector.filter_match(item, %1$L) AND NOT (SELECT coalesce(bool_and(item @> c), true) FROM unnest(ruvector._filter_containment(%1$L)) c)', filter), filter || ' implies ' || ruvector._filter_containment(filter::jsonb)::text)
FROM (VALUES ('{"a": 1}'), ('{"n.m": 2, "a": 3}'), ('{"b": {"$contains": "x"}}'), ('{"b": {"$contains": [1]}}'), ('{"b": {"$contains": {"c": 1}}}'), ('{"b": [1, "x"]}'), ('{"$or": [{"a": 1}, {"a": 2}]}'),
	('{"$and": [{"a": 1}, {"n.m": 1}]}'), ('{"$not": {"a": 1}}'), ('{"a": {"$ne": 1}}'), ('{"a": {"$not": {"$eq": 1}}}'), ('{"a": {"$in": [1]}}')) f(filter);
SELECT is(ruvector._filter_containment('{"a": {"$gt": 1}, "$or": [{"b": 1}], "$not": {"c": 1}}'), '{}', 'nothing is implied by these');

-- Insert, get, update, delete -------------------------------------------------------------------------------------------
SELECT matches(ruvector.vector_insert('[1,0,0,0,0,0,0,0]'), '^[0-9a-f-]{36}$', 'an id is made');
SELECT is(ruvector.vector_insert('[1,1,0,0,0,0,0,0]', '{"k": 1}', 'one', 'first'), 'one', 'an id is kept');
SELECT throws_ok($$ SELECT ruvector.vector_insert('[1,1,0,0,0,0,0,0]', id => 'one') $$, '23505', 'vector "one" already exists', 'twice');
SELECT is(ruvector.vector_insert('[0,1,0,0,0,0,0,0]', id => 'one', on_conflict => 'skip'), NULL, 'skip');
SELECT is((SELECT content FROM ruvector.vector_get('one')), 'first', 'leaves it');
SELECT is(ruvector.vector_insert('[0,0,1,0,0,0,0,0]', '{"k": 2}', id => 'one', on_conflict => 'replace'), 'one', 'replace');
SELECT results_eq($$ SELECT embedding::text, metadata, content FROM ruvector.vector_get('one') $$, $$ VALUES ('[0,0,1,0,0,0,0,0]', '{"k": 2}'::jsonb, NULL::text) $$, 'replaces all of it');
SELECT throws_ok($$ SELECT ruvector.vector_insert('[1,0,0,0,0,0,0,0]', on_conflict => 'merge') $$, '22023', 'unknown on_conflict "merge"', 'an unknown rule');
SELECT is(array_agg(id), '{a,b,c}', 'a batch, in order') FROM ruvector.vector_insert_batch('[{"id": "a", "vector": [1,2,3,4,5,6,7,8], "metadata": {"x": 1}}, {"id": "b", "embedding": [8,7,6,5,4,3,2,1]}, {"id": "c", "vector": [1,1,1,1,1,1,1,1], "content": "text"}]') id;
SELECT throws_ok($$ SELECT ruvector.vector_insert_batch('[{"id": "d", "vector": [1,1,1,1,1,1,1,1]}, {"id": "c", "vector": [1,1,1,1,1,1,1,1]}]') $$, '23505', 'vector "c" already exists', 'a batch with one that exists');
SELECT is_empty($$ SELECT FROM ruvector.vectors_table WHERE id = 'd' $$, 'stores nothing');
SELECT is(array_agg(id), '{d}', 'skip in a batch') FROM ruvector.vector_insert_batch('[{"id": "d", "vector": [1,1,1,1,1,1,1,1]}, {"id": "c", "vector": [2,1,1,1,1,1,1,1]}]', 'skip') id;
SELECT is(array_agg(id), '{d,c}', 'replace in a batch') FROM ruvector.vector_insert_batch('[{"id": "d", "vector": [1,1,1,1,1,1,1,1]}, {"id": "c", "vector": [2,1,1,1,1,1,1,1]}]', 'replace') id;
SELECT throws_ok($$ SELECT ruvector.vector_insert_batch('[{"vec": [1]}]') $$, '22023', 'unknown field "vec" in an entry', 'a misspelt field');
SELECT throws_ok($$ SELECT ruvector.vector_insert_batch('{"vector": [1]}') $$, '22023', NULL, 'no array');
SELECT is_empty($$ SELECT ruvector.vector_insert_batch('[]') $$, 'an empty batch');
SELECT ok(ruvector.vector_update_metadata('a', '{"y": 2}'), 'update_metadata');
SELECT is((SELECT metadata FROM ruvector.vector_get('a')), '{"x": 1, "y": 2}', 'merges');
SELECT ok(ruvector.vector_update_metadata('a', '{"y": 2}', merge => false), 'update_metadata without merge');
SELECT is((SELECT metadata FROM ruvector.vector_get('a')), '{"y": 2}', 'replaces');
SELECT ok(NOT ruvector.vector_update_metadata('nobody', '{}'), 'update of what is not there');
SELECT is_empty($$ SELECT * FROM ruvector.vector_get('nobody') $$, 'get of what is not there');
SELECT is(ruvector.vector_delete('nobody'), 0::bigint, 'delete of what is not there');
SELECT is(ruvector.vector_delete(filter => '{"y": {"$gte": 2}}'), 1::bigint, 'delete by filter');
SELECT is(ruvector.vector_delete('b', '{"y": 2}'), 0::bigint, 'an id that does not match the filter');
SELECT throws_ok($$ SELECT ruvector.vector_delete() $$, '22004', NULL, 'delete of nothing');
SELECT is(ruvector.vector_delete(filter => '{}'), 5::bigint, 'delete of all');
SELECT is((SELECT coalesce(sum(documents), 0)::text || '/' || coalesce(sum(tokens), 0) FROM ruvector.text_statistics), '0/0', 'nothing left in the statistics of text');

-- Search ----------------------------------------------------------------------------------------------------------------
SELECT setseed(0.3);
CREATE TEMP TABLE point AS SELECT i, (SELECT array_agg(random() - 0.5 + 2 * ((i * d) % 7 = 0)::int) FROM generate_series(1, 8) d WHERE i > 0)::real[]::vector AS v FROM generate_series(1, 4000) i;
INSERT INTO ruvector.vectors_table (id, embedding, metadata)
	SELECT i, v, jsonb_build_object('percent', i % 100, 'permille', i % 1000, 'i', i, 'rare', i = 77, 'deep', jsonb_build_object('even', i % 2 = 0)) FROM point;
ANALYZE ruvector.vectors_table;

-- Search equals brute force with the same filter, as many rows as match up to k.
CREATE FUNCTION pg_temp.compare(filter jsonb, condition text, k int DEFAULT 10) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	q vector;
	exact text[];
	found text[];
	hits int := 0;
	total int := 0;
	short int := 0;
BEGIN
	FOR q IN SELECT v + '[0.05,0,0,0.05,0,0,0,0]' FROM point WHERE i % 400 = 11 LOOP
		EXECUTE format('SELECT array_agg(i::text) FROM (SELECT i FROM point WHERE %s ORDER BY v <=> $1 LIMIT $2) x', condition) INTO exact USING q, k;
		SELECT array_agg(s.id ORDER BY s.distance) INTO found FROM ruvector.vector_search(q, k, filter) s;
		short := short + (coalesce(cardinality(found), 0) <> coalesce(cardinality(exact), 0))::int;
		total := total + coalesce(cardinality(exact), 0);
		hits := hits + (SELECT count(*) FROM unnest(found) f WHERE f = ANY (exact));
	END LOOP;
	RETURN NEXT is(short, 0, coalesce(filter::text, 'no filter') || ': min(k, matches) rows');
	RETURN NEXT cmp_ok(hits, '>=', (total * 0.97)::int, coalesce(filter::text, 'no filter') || ': the nearest ones');
END $$;
SELECT pg_temp.compare(NULL, 'true');
SELECT pg_temp.compare(NULL, 'true', 200);
SELECT pg_temp.compare('{}', 'true');
SELECT pg_temp.compare('{"percent": 42}', 'i % 100 = 42');
SELECT pg_temp.compare('{"percent": {"$in": [42]}}', 'i % 100 = 42');
SELECT pg_temp.compare('{"percent": {"$gte": 99}}', 'i % 100 = 99');
SELECT pg_temp.compare('{"percent": {"$in": [42, 7, "x"]}}', 'i % 100 IN (7, 42)');
SELECT pg_temp.compare('{"percent": {"$in": []}}', 'false');
SELECT pg_temp.compare('{"permille": 42}', 'i % 1000 = 42');
SELECT pg_temp.compare('{"permille": {"$in": [42]}}', 'i % 1000 = 42');
SELECT pg_temp.compare('{"rare": true}', 'i = 77');
SELECT pg_temp.compare('{"rare": {"$ne": false}}', 'i = 77');
SELECT pg_temp.compare('{"i": {"$lt": 0}}', 'false');
SELECT pg_temp.compare('{"deep.even": true, "$or": [{"percent": {"$lt": 3}}, {"percent": 50}]}', 'i % 2 = 0 AND (i % 100 < 3 OR i % 100 = 50)');
SET LOCAL hnsw.max_scan_tuples = 50;
SELECT pg_temp.compare('{"percent": {"$gte": 99}}', 'i % 100 = 99');
SET LOCAL hnsw.max_scan_tuples = DEFAULT;
SET LOCAL hnsw.iterative_scan = off;
SELECT pg_temp.compare('{"percent": {"$gte": 99}}', 'i % 100 = 99');
SET LOCAL hnsw.iterative_scan = DEFAULT;

-- Ranges that an index serves, and what it says of them is implied.
SELECT ok(ruvector._filter_condition('ruvector.vectors_table', '{"percent": {"$gte": 99}}') NOT LIKE '%->%', 'no index, no condition for one');
CREATE INDEX ON ruvector.vectors_table (namespace, (metadata -> 'percent'));
ANALYZE ruvector.vectors_table;
SELECT ok(ruvector._filter_condition('ruvector.vectors_table', '{"percent": {"$gte": 99}}') LIKE '%(m.metadata -> ''percent'') >= ''99''%', 'an index, a condition for it');
SELECT ok(ruvector._filter_condition('ruvector.vectors_table', filter) NOT LIKE '%->%', filter::text || ': not for it')
FROM (VALUES ('{"permille": {"$gte": 99}}'::jsonb), ('{"percent": {"$gte": "99"}}'), ('{"percent": {"$ne": 99}}'), ('{"deep.percent": {"$gt": 1}}'), ('{"$or": [{"percent": {"$gt": 1}}]}')) f(filter);
SELECT pg_temp.compare('{"percent": {"$gte": 99}}', 'i % 100 = 99');
SELECT pg_temp.compare('{"percent": {"$gt": 41.5, "$lte": 42}}', 'i % 100 = 42');
SELECT pg_temp.compare('{"percent": {"$lt": 50, "$not": {"$lt": 40}}}', 'i % 100 BETWEEN 40 AND 49');
SELECT pg_temp.compare('{"percent": {"$lt": -1}}', 'false');
UPDATE item SET item = jsonb_set(item, '{a}', v) FROM unnest('{null,"0",false,[1],-1e3,2.50}'::jsonb[]) WITH ORDINALITY u(v, n) WHERE item -> 'a' = to_jsonb(n - 1) AND n > 1;
ALTER TABLE item RENAME COLUMN item TO metadata;
CREATE INDEX ON item ((metadata -> 'a'));
SELECT is_empty(format('SELECT FROM item m WHERE ruvector.filter_match(metadata, %1$L) AND NOT (true%2$s)', filter, ruvector._filter_condition('item', filter::jsonb)), filter || ': implied')
FROM (SELECT format('{"a": {"%s": %s}}', o, n) AS filter FROM unnest('{$lt,$lte,$gt,$gte}'::text[]) o, unnest('{-1000,2.5,3,1e20}'::text[]) n) f;

CREATE TEMP TABLE query AS SELECT v FROM point WHERE i = 1234;
SELECT results_eq($$ SELECT id, round(distance::numeric, 6), round(similarity::numeric, 6) FROM query, ruvector.vector_search(v, 1) $$, $$ VALUES ('1234', 0.0, 1.0) $$, 'a vector finds itself');
SELECT is((SELECT count(*) FROM query, ruvector.vector_search(v, 100) s WHERE s.similarity < 0.9), (SELECT 100 - count(*) FROM query, ruvector.vector_search(v, 100, threshold => 0.9)), 'threshold is a least similarity');
SELECT ok((SELECT bool_and(s.embedding = p.v) FROM query, ruvector.vector_search(query.v, 5, include_vectors => true) s JOIN point p ON p.i::text = s.id), 'include_vectors');
SELECT ok((SELECT bool_and(s.embedding IS NULL) FROM query, ruvector.vector_search(query.v, 5) s), 'or not');
SELECT is((SELECT count(*) FROM query, ruvector.vector_search(v, 0)), 0::bigint, 'k = 0');
SELECT throws_ok($$ SELECT * FROM ruvector.vector_search('[1,0,0,0,0,0,0,0]', -1) $$, '22023', NULL, 'k < 0');
SELECT throws_ok($$ SELECT * FROM ruvector.vector_search('[1,0,0,0,0,0,0,0]', ef_search => 0) $$, '22023', NULL, 'ef_search out of range');
SELECT is((SELECT count(*) FROM query, ruvector.vector_search(v, 10, ef_search => 400)), 10::bigint, 'ef_search');
SELECT is(current_setting('hnsw.ef_search'), '40', 'is for this search only');

-- After deleting 9 of the top 10 there are 10 again; an updated vector leaves its place.
CREATE TEMP TABLE top AS SELECT s.id FROM query, ruvector.vector_search(v, 10) s;
SELECT ruvector.vector_delete(id) FROM top WHERE id <> '1234';
SELECT is((SELECT count(*) FROM query, ruvector.vector_search(v, 10)), 10::bigint, '10 rows after deleting 9 of the top 10');
SELECT is_empty($$ SELECT s.id FROM query, ruvector.vector_search(v, 100) s JOIN top USING (id) WHERE id <> '1234' $$, 'none of the deleted');
UPDATE ruvector.vectors_table SET embedding = (SELECT v * '[-1,-1,-1,-1,-1,-1,-1,-1]' FROM query) WHERE id = '1234';
SELECT is_empty($$ SELECT FROM query, ruvector.vector_search(v, 100) WHERE id = '1234' $$, 'an updated vector is not at its old place');
SELECT is((SELECT id FROM query, ruvector.vector_search(v * '[-1,-1,-1,-1,-1,-1,-1,-1]', 1)), '1234', 'but at its new one');
SELECT is((SELECT count(*) FROM ruvector.index_check('ruvector.vectors_table_embedding_idx')), 0::bigint, 'the index is sound');

-- Diversity: lambda 1 is plain search, less lambda less alike.
SELECT results_eq($$ SELECT id FROM query, ruvector.vector_search(v, 8, mmr_lambda => 1) $$, $$ SELECT id FROM query, ruvector.vector_search(v, 8) $$, 'mmr_lambda 1');
SELECT cmp_ok((SELECT ruvector.diversity_score(array_agg(embedding)) FROM query, ruvector.vector_search(v, 8, include_vectors => true, mmr_lambda => 0.3)), '>',
	(SELECT ruvector.diversity_score(array_agg(embedding)) FROM query, ruvector.vector_search(v, 8, include_vectors => true)), 'mmr_lambda 0.3 is more diverse');

-- Full text ---------------------------------------------------------------------------------------------------------------
DELETE FROM ruvector.vectors_table;
SELECT ruvector.vector_insert_batch('[
	{"id": "1", "vector": [1,0,0,0,0,0,0,0], "content": "cats purr and cats sleep", "metadata": {"lang": "en"}},
	{"id": "2", "vector": [0.9,0.1,0,0,0,0,0,0], "content": "dogs bark, dogs run", "metadata": {"lang": "en"}},
	{"id": "3", "vector": [0,1,0,0,0,0,0,0], "content": "a cat chases the dog through the garden and the dog barks at the cat", "metadata": {"lang": "de"}},
	{"id": "4", "vector": [0,0,1,0,0,0,0,0], "content": "it''s a back\\\\slash garden"},
	{"id": "5", "vector": [0,0,0,1,0,0,0,0]}]');
-- BM25 from its definition, over the lexemes.
CREATE TEMP VIEW bm25 AS
WITH doc AS (SELECT id, content_tsv, (SELECT sum(cardinality(positions)) FROM unnest(content_tsv)) AS length FROM ruvector.vectors_table WHERE content IS NOT NULL),
	tf AS (SELECT d.id, u.lexeme, cardinality(u.positions) AS tf, d.length FROM doc d, unnest(d.content_tsv) u),
	idf AS (SELECT lexeme, ln(1 + ((SELECT count(*) FROM doc) - count(*) + 0.5) / (count(*) + 0.5)) AS idf FROM tf GROUP BY lexeme)
SELECT tf.id, lexeme, idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / (SELECT avg(length) FROM doc))) AS score FROM tf JOIN idf USING (lexeme);
SELECT results_eq($$ SELECT id, round(bm25::numeric, 6) FROM ruvector.keyword_search('cats AND dogs') $$,
	$$ SELECT id, round(sum(score)::numeric, 6) FROM bm25 WHERE lexeme IN ('cat', 'dog') GROUP BY id ORDER BY sum(score) DESC $$, 'BM25 is what its formula says');
SELECT results_eq($$ SELECT id, round(bm25::numeric, 6) FROM ruvector.keyword_search('garden', filter => '{"lang": "de"}') $$,
	$$ SELECT '3', round(score::numeric, 6) FROM bm25 WHERE id = '3' AND lexeme = 'garden' $$, 'a filter does not change the scores');
UPDATE ruvector.vectors_table SET content = content || ' in the garden' WHERE id = '2';
DELETE FROM ruvector.vectors_table WHERE id = '1';
INSERT INTO ruvector.vectors_table (id, embedding, content) SELECT 'x' || i, ARRAY[1,1,1,1,1,1,1,i]::real[]::vector, repeat('garden ', i) || 'tool' FROM generate_series(1, 5) i;
SELECT results_eq($$ SELECT id, round(bm25::numeric, 6) FROM ruvector.keyword_search('garden dog', 20) $$,
	$$ SELECT id, round(sum(score)::numeric, 6) FROM bm25 WHERE lexeme IN ('dog', 'garden') GROUP BY id ORDER BY sum(score) DESC, id $$, 'also after update, delete and insert');
SELECT results_eq($$ SELECT sum(documents)::bigint, sum(tokens)::bigint FROM ruvector.text_statistics WHERE relation = 'vectors_table' $$,
	$$ SELECT count(*), sum(ruvector._bm25_length(content_tsv))::bigint FROM ruvector.vectors_table WHERE content IS NOT NULL $$, 'the statistics are exact');
SELECT ruvector.refresh_text_statistics('ruvector.vectors_table');
SELECT results_eq($$ SELECT sum(documents)::bigint, sum(tokens)::bigint FROM ruvector.text_statistics WHERE relation = 'vectors_table' $$,
	$$ SELECT count(*), sum(ruvector._bm25_length(content_tsv))::bigint FROM ruvector.vectors_table WHERE content IS NOT NULL $$, 'and counted again the same');
SELECT is_empty($$ SELECT * FROM ruvector.keyword_search('the and of') $$, 'stop words only');
SELECT is_empty($$ SELECT * FROM ruvector.keyword_search('unheard') $$, 'a word that is nowhere');
SELECT is((SELECT array_agg(id) FROM ruvector.keyword_search($$back\slash$$)), '{4}', 'a backslash');
SELECT lives_ok($$ SELECT * FROM ruvector.keyword_search('it''s | & ! :* (''quoted'') \') $$, 'syntax in the text is only text');

-- Hybrid: fusion from its definition.
SELECT results_eq($$ SELECT rank, id, round(score::numeric, 9), vector_rank, keyword_rank FROM ruvector.hybrid_search('barking dogs', '[1,0,0,0,0,0,0,0]', 3, 0.6, 0.4, fetch_k => 3) $$,
	$$ WITH v AS (SELECT id, (row_number() OVER ())::int AS r FROM ruvector.vector_search('[1,0,0,0,0,0,0,0]', 3)), w AS (SELECT id, (row_number() OVER ())::int AS r FROM ruvector.keyword_search('barking dogs', 3))
	SELECT (row_number() OVER (ORDER BY s DESC, id))::int, id, round(s, 9), vr, wr FROM (SELECT id, coalesce(0.6 / (60 + v.r), 0) + coalesce(0.4 / (60 + w.r), 0) AS s, v.r AS vr, w.r AS wr FROM v FULL JOIN w USING (id)) f ORDER BY s DESC, id LIMIT 3 $$,
	'reciprocal rank fusion');
SELECT results_eq($$ SELECT id, round(score::numeric, 9) FROM ruvector.hybrid_search('barking dogs', '[1,0,0,0,0,0,0,0]', 4, 0.6, 0.4, 'weighted', fetch_k => 4) $$,
	$$ WITH v AS (SELECT id, similarity AS x FROM ruvector.vector_search('[1,0,0,0,0,0,0,0]', 4)), w AS (SELECT id, bm25 AS x FROM ruvector.keyword_search('barking dogs', 4))
	SELECT id, round((coalesce(0.6 * (v.x - (SELECT min(x) FROM v)) / (SELECT max(x) - min(x) FROM v), 0) + coalesce(0.4 * (w.x - (SELECT min(x) FROM w)) / (SELECT max(x) - min(x) FROM w), 0))::numeric, 9) AS s FROM v FULL JOIN w USING (id) ORDER BY s DESC, id LIMIT 4 $$,
	'weighted fusion');
SELECT results_eq($$ SELECT id FROM ruvector.hybrid_search('barking dogs', vector_weight => 0) $$, $$ SELECT id FROM ruvector.keyword_search('barking dogs') $$, 'words only, without an embedder');
SELECT results_eq($$ SELECT id FROM ruvector.hybrid_search('', '[1,0,0,0,0,0,0,0]', 3) $$, $$ SELECT id FROM ruvector.vector_search('[1,0,0,0,0,0,0,0]', 3) $$, 'a vector only');
SELECT throws_ok($$ SELECT * FROM ruvector.hybrid_search('dogs') $$, '55000', NULL, 'no vector and no embedder');
SELECT throws_ok($$ SELECT * FROM ruvector.hybrid_search('dogs', '[1,0,0,0,0,0,0,0]', fusion => 'sum') $$, '22023', NULL, 'unknown fusion');
SELECT throws_ok($$ SELECT * FROM ruvector.hybrid_search('dogs', '[1,0,0,0,0,0,0,0]', vector_weight => -1) $$, '22023', NULL, 'negative weight');
SELECT is((SELECT array_agg(id) FROM ruvector.hybrid_search('garden', '[0,1,0,0,0,0,0,0]', filter => '{"lang": "de"}')), '{3}', 'a filter on both');
TRUNCATE ruvector.vectors_table;
SELECT is_empty($$ SELECT FROM ruvector.text_statistics $$, 'TRUNCATE empties the statistics');

-- Each asks the table once; what is asked for in a plan of its own must not be looked for to make the plan.
SET LOCAL track_functions = 'all';
SET LOCAL plan_cache_mode = 'force_custom_plan';
CREATE FUNCTION pg_temp.searches(statement text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	search constant oid := (SELECT oid FROM pg_proc WHERE proname = '_search' AND pronamespace = 'ruvector'::regnamespace);
	before constant bigint := coalesce(pg_stat_get_xact_function_calls(search), 0);
BEGIN
	EXECUTE statement;
	RETURN pg_stat_get_xact_function_calls(search) - before;
END $$;
SELECT is(pg_temp.searches(format('SELECT * FROM ruvector.%s', call)), 1::bigint, call) FROM (VALUES
	('vector_search(''[1,0,0,0,0,0,0,0]'', 2)'), ('hybrid_search(''dogs'', ''[1,0,0,0,0,0,0,0]'', 2)'),
	('retrieve_relevant(query => ''[1,0,0,0,0,0,0,0]'')'), ('retrieve_relevant(query => ''[1,0,0,0,0,0,0,0]'', mmr_lambda => 0.5)'),
	('get_critiques(query => ''[1,0,0,0,0,0,0,0]'')'), ('search_skills(query => ''[1,0,0,0,0,0,0,0]'')'),
	('search_patterns(query => ''[1,0,0,0,0,0,0,0]'')'), ('find_relevant_turns(query => ''[1,0,0,0,0,0,0,0]'')')) c(call);

SELECT * FROM finish();
ROLLBACK;
