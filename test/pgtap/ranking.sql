-- Merkle trees, maximal marginal relevance, BM25 and reciprocal rank fusion in SQL.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();

-- RFC 6962's reference inputs.
CREATE TEMP TABLE leaf (i int, input bytea);
INSERT INTO leaf VALUES (0, ''), (1, '\x00'), (2, '\x10'), (3, '\x2021'), (4, '\x3031'), (5, '\x40414243'), (6, '\x5051525354555657'),
	(7, '\x606162636465666768696a6b6c6d6e6f');
CREATE FUNCTION pg_temp.leaves(n int) RETURNS bytea[] LANGUAGE sql AS
	$$SELECT coalesce(array_agg(input ORDER BY i), '{}') FROM leaf WHERE i < n$$;

SELECT is(string_agg(left(encode(ruvector.merkle_root(pg_temp.leaves(n)), 'hex'), 8), ' ' ORDER BY n),
	'e3b0c442 6e340b9c fac54203 aeb6bcfe d37ee418 4e3bbb1f 76e67dad ddb89be4 5dc9da79', 'roots of 0 to 8 leaves') FROM generate_series(0, 8) n;
SELECT is((SELECT string_agg(left(encode(h, 'hex'), 8), ' ' ORDER BY ord)
	FROM unnest(ruvector.merkle_audit_path(pg_temp.leaves(7), 3)) WITH ORDINALITY AS p(h, ord)), '0298d122 fac54203 837dbb15', 'path of leaf 3 of 7');
SELECT is(ruvector.merkle_audit_path(pg_temp.leaves(1), 0), '{}'::bytea[], 'a tree of one leaf needs no path');
SELECT is(count(*), 36::bigint, 'all 36 proofs verify') FROM generate_series(1, 8) n, generate_series(0, n - 1) m
	WHERE ruvector.merkle_verify((SELECT input FROM leaf WHERE i = m), m, n, ruvector.merkle_audit_path(pg_temp.leaves(n), m),
		ruvector.merkle_root(pg_temp.leaves(n)));
SELECT is(count(*), 0::bigint, 'no proof verifies for another leaf') FROM generate_series(1, 8) n, generate_series(0, n - 1) m, leaf
	WHERE i <> m AND ruvector.merkle_verify(input, m, n, ruvector.merkle_audit_path(pg_temp.leaves(n), m),
		ruvector.merkle_root(pg_temp.leaves(n)));
SELECT is(ruvector.merkle_verify('', -1, 1, '{}', '\x00'), false, 'nonsense is no proof');
SELECT is(ruvector.merkle_verify('', 0, 2, '{"\\x00"}', sha256('')), false, 'a hash of the wrong length is no proof');
-- The same hash as the server's, over long values too (stored out of line, compressed).
CREATE TEMP TABLE long AS SELECT n, convert_to(string_agg(md5(i::text), ''), 'UTF8') AS input
	FROM generate_series(0, 400, 7) n, generate_series(0, n) i GROUP BY n;
SELECT is(count(*), 0::bigint, 'leaf hashes are the server''s sha256') FROM long
	WHERE ruvector.merkle_root(ARRAY[input]) IS DISTINCT FROM sha256('\x00'::bytea || input);
SELECT is(ruvector.merkle_verify('b', 1, 3, ruvector.merkle_audit_path('{a,b,c}', 1), ruvector.merkle_root('{a,b,c}')), true, 'the manual''s proof');
SELECT throws_ok($$SELECT ruvector.merkle_root(ARRAY['a'::bytea, NULL])$$, '22004', 'leaves must not contain nulls', 'a null leaf');
SELECT throws_ok($$SELECT ruvector.merkle_audit_path(ARRAY['a'::bytea], 1)$$, '22023', NULL, 'a leaf that is not there');
SELECT throws_ok($$SELECT ruvector.merkle_audit_path(ARRAY['a'::bytea], -1)$$, '22023', NULL, 'a leaf before the first');

-- Maximal marginal relevance.
SELECT is(array_agg(id ORDER BY rank), '{c,a,e,b,d}'::text[], 'order of choice')
	FROM ruvector.mmr_rerank('{a,b,c,d,e}'::text[], ARRAY['[1,0]', '[1,0]', '[0.9,0.1]', '[0,1]', '[0,0]']::vector[], '[1,0.1]');
SELECT is(array_agg(id ORDER BY rank), '{3,1,2}'::bigint[], 'lambda 1: by relevance; any type of id')
	FROM ruvector.mmr_rerank('{1,2,3,4}'::bigint[], ARRAY['[1,0]', '[1,0]', '[0.9,0.1]', '[0,1]']::vector[], '[1,0.1]', 3, 1.0);
CREATE TEMP TABLE item AS SELECT i AS id, ARRAY(SELECT sin(i * 12.9898 + j * 78.233)::float4 FROM generate_series(1, 16) j)::vector(16) AS e
	FROM generate_series(1, 200) i;
SELECT is((SELECT array_agg(id ORDER BY rank) FROM (SELECT array_agg(id ORDER BY id) AS ids, array_agg(e ORDER BY id) AS es FROM item) x,
	ruvector.mmr_rerank(ids, es, (SELECT e FROM item WHERE id = 7), 20, 1.0)),
	(SELECT array_agg(id) FROM (SELECT id FROM item ORDER BY e <=> (SELECT e FROM item WHERE id = 7), id LIMIT 20) x), 'lambda 1 is ORDER BY <=>');
SELECT cmp_ok((SELECT ruvector.diversity_score(array_agg(i.e)) FROM (SELECT array_agg(id) AS ids, array_agg(e) AS es FROM item) x,
	ruvector.mmr_rerank(ids, es, (SELECT e FROM item WHERE id = 7), 20, 0.3) m JOIN item i USING (id)), '>',
	(SELECT ruvector.diversity_score(array_agg(e)) FROM (SELECT e FROM item ORDER BY e <=> (SELECT e FROM item WHERE id = 7) LIMIT 20) x),
	'a smaller lambda makes the list more diverse');
SELECT is(count(DISTINCT m.id), 10::bigint, 'the manual''s query: candidates from an ordinary search') FROM (SELECT array_agg(id) AS ids, array_agg(e) AS embeddings
	FROM (SELECT id, e FROM item ORDER BY e <=> (SELECT e FROM item WHERE id = 7) LIMIT 50) nearest) c,
	ruvector.mmr_rerank(c.ids, c.embeddings, (SELECT e FROM item WHERE id = 7), 10, 0.7) m;
SELECT is(count(*), 0::bigint, 'a null is no query') FROM ruvector.mmr_rerank('{1}'::int[], ARRAY['[1,0]']::vector[], NULL);
SELECT is(count(*), 0::bigint, 'k = 0') FROM ruvector.mmr_rerank('{1}'::int[], ARRAY['[1,0]']::vector[], '[1,0.1]', 0);
SELECT is(count(*), 0::bigint, 'no candidates') FROM ruvector.mmr_rerank('{}'::int[], '{}'::vector[], '[1,0.1]');
SELECT throws_ok($$SELECT * FROM ruvector.mmr_rerank('{1,2}'::int[], ARRAY['[1,0]']::vector[], '[1,0]')$$, '2202E', NULL, 'an id without its embedding');
SELECT throws_ok($$SELECT * FROM ruvector.mmr_rerank('{1}'::int[], ARRAY['[1,0,0]']::vector[], '[1,0]')$$, '22000', NULL, 'other dimensions');
SELECT throws_ok($$SELECT * FROM ruvector.mmr_rerank('{1}'::int[], ARRAY[NULL]::vector[], '[1,0]')$$, '22004', NULL, 'a null embedding');
SELECT throws_ok($$SELECT * FROM ruvector.mmr_rerank('{1}'::int[], ARRAY['[1,0]']::vector[], '[1,0]', metric => 'hamming')$$, '22023',
	'unknown metric "hamming": it must be cosine, ip, l2 or l1', 'an unknown metric');
SELECT throws_ok($$SELECT * FROM ruvector.mmr_rerank('{1}'::int[], ARRAY['[1,0]']::vector[], '[1,0]', lambda => 2)$$, '22023', NULL, 'lambda outside 0 to 1');
SELECT throws_ok($$SELECT * FROM ruvector.mmr_rerank('{1}'::int[], ARRAY['[1,0]']::vector[], '[1,0]', -1)$$, '22023', NULL, 'a negative k');
SELECT is(round(ruvector.diversity_score(ARRAY['[1,0]', '[0,1]', '[-1,0]']::vector[])::numeric, 6), 1.333333, 'diversity');
SELECT is(ruvector.diversity_score(ARRAY['[1,0]']::vector[]), NULL, 'one item has no diversity');

-- BM25, against the formula in SQL over counts taken from the documents' words.
CREATE TEMP TABLE doc (id int, body text, tsv tsvector GENERATED ALWAYS AS (to_tsvector('simple', body)) STORED);
INSERT INTO doc (id, body) SELECT i, (SELECT string_agg('w' || (i * j * j % 23), ' ') FROM generate_series(1, 3 + i % 9) j) FROM generate_series(1, 80) i;
CREATE TEMP TABLE word AS SELECT id, w, count(*)::float8 AS tf FROM doc, regexp_split_to_table(body, ' ') w GROUP BY 1, 2;
CREATE TEMP TABLE corpus AS SELECT (SELECT count(*) FROM doc)::float8 AS n, (SELECT sum(tf) FROM word) / (SELECT count(*) FROM doc) AS avgdl;
CREATE TEMP TABLE reference AS
	SELECT id, sum(ln(1 + (n - df + .5) / (df + .5)) * tf * (1.2 + 1) / (tf + 1.2 * (1 - .75 + .75 * dl / avgdl))) AS score
	FROM word JOIN (SELECT w, count(*) AS df FROM word GROUP BY w) f USING (w) JOIN (SELECT id, sum(tf) AS dl FROM word GROUP BY id) l USING (id), corpus
	WHERE w IN ('w2', 'w4', 'w9') GROUP BY id;
SELECT is(sum(ruvector._bm25_length(tsv))::float8, (SELECT sum(tf) FROM word), 'lengths') FROM doc;
SELECT is(bool_and(abs(ruvector._bm25(tsv, '{w2,w9,w4,w99}', ARRAY(SELECT ruvector._bm25_idf(80, count(id)) FROM unnest('{w2,w9,w4,w99}'::text[])
	WITH ORDINALITY t(w, ord) LEFT JOIN word USING (w) GROUP BY w, ord ORDER BY ord), avgdl) - coalesce(score, 0)) < 1e-12), true, 'scores')
	FROM doc LEFT JOIN reference USING (id), corpus;
SELECT cmp_ok((SELECT count(*) FROM reference), '>', 20::bigint, 'the documents in question are many');
SELECT is(ruvector._bm25(strip(to_tsvector('simple', 'a a a b')), '{a}', '{1}', 2), 1::float8, 'without positions a term occurs once');
SELECT is(ruvector._bm25('', '{a}', '{1}', 0), 0::float8, 'an empty document');
SELECT throws_ok($$SELECT ruvector._bm25('a:1', '{a,b}', '{1}', 2)$$, '2202E', NULL, 'a term without its idf');
SELECT throws_ok($$SELECT ruvector._bm25('a:1', '{a}', '{1}', 2, b => 1.5)$$, '22023', NULL, 'b outside 0 to 1');

-- Reciprocal rank fusion.
SELECT is(array_agg(id ORDER BY score DESC, id), '{b,a,c}'::text[], 'an item of both rankings comes first') FROM (
	SELECT id, sum(ruvector.rrf_score(rank)) AS score FROM (VALUES ('a', 1), ('b', 2), ('b', 3), ('c', 2)) r(id, rank) GROUP BY id) x;
SELECT is(ruvector.rrf_score(40, 2), 0.02::float8, 'weight and default k');

SELECT * FROM finish();
ROLLBACK;
