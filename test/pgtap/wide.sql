-- Wide vectors with their edges' codes in one record or beside it, and bits that are asked for: what the layout is, what a search
-- finds, and whether every code is that of its vector.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();
SELECT setseed(0.5);
SET LOCAL enable_seqscan = off;

CREATE FUNCTION pg_temp.points(n int, dims int) RETURNS TABLE (id int, v vector) LANGUAGE sql VOLATILE AS $$
	SELECT i, array_agg(random() - 0.5 + 0 * i ORDER BY d)::vector FROM generate_series(1, n) i, generate_series(1, dims) d GROUP BY i
$$;

-- Half of the rows built, half inserted; a quarter updated. The 20 nearest of ten of them, at an effort that is a part of the rows.
CREATE FUNCTION pg_temp.wide(type text, dims int, metric text, operator text, class text, options text, wanted text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	what text := format('%s(%s) %s%s %s', type, dims, metric, class, options);
	found int;
	bad bigint;
	layout text;
BEGIN
	EXECUTE format('CREATE TABLE w (id int, v %s(%s))', type, dims);
	EXECUTE format('CREATE TEMP TABLE fresh ON COMMIT DROP AS SELECT id, v::%s(%s) AS v FROM pg_temp.points(300, %2$s)', type, dims);
	INSERT INTO w SELECT * FROM fresh WHERE id <= 150;
	EXECUTE format('CREATE INDEX own ON w USING hnsw (v %s_%s%s_ops) WITH (m = 16%s)', type, metric, class, options);
	INSERT INTO w SELECT * FROM fresh WHERE id > 150;
	UPDATE w SET v = (SELECT f.v FROM fresh f WHERE f.id = w.id + 1) WHERE id % 4 = 0 AND id < 300;
	SELECT format('%s x %s, %s a page, %s', edge_bits, code_dims, slots_per_page, CASE WHEN external THEN 'outside' ELSE 'inside' END) INTO layout FROM ruvector.index_stats('own');
	RETURN NEXT is(layout, wanted, what || ': layout');
	EXECUTE format($q$
		SELECT count(*) FROM (SELECT id, v FROM w WHERE id %% 30 = 7) q
		CROSS JOIN LATERAL (SELECT w.v %1$s q.v AS d FROM w ORDER BY w.v %1$s q.v LIMIT 20) f
		WHERE f.d <= (SELECT max(d) FROM (SELECT t.v %1$s q.v AS d FROM w t ORDER BY (t.v %1$s q.v) + 0 LIMIT 20) e) + 1e-6 $q$, operator) INTO found;
	RETURN NEXT cmp_ok(found, '>=', 190, what || ': nearly all of 200 nearest');
	SELECT count(*) INTO bad FROM ruvector.index_check('own', true);
	RETURN NEXT is(bad, 0::bigint, what || ': sound');
	DROP TABLE w, fresh;
END $$;

SELECT pg_temp.wide('vector', 1536, 'l2', '<->', '', '', '1 x 396, 1 a page, inside');
SELECT pg_temp.wide('vector', 1536, 'cosine', '<=>', '', '', '1 x 396, 1 a page, inside');
SELECT pg_temp.wide('vector', 1536, 'ip', '<#>', '', '', '1 x 396, 1 a page, inside');
SELECT pg_temp.wide('vector', 1536, 'cosine', '<=>', '_int8', '', '1 x 524, 2 a page, inside');
SELECT pg_temp.wide('vector', 3072, 'cosine', '<=>', '_int8', '', '1 x 1160, 1 a page, inside');
SELECT pg_temp.wide('halfvec', 768, 'cosine', '<=>', '_int8', '', '1 x 716, 2 a page, inside');
SELECT pg_temp.wide('halfvec', 3072, 'l2', '<->', '', '', '1 x 396, 1 a page, inside');
SELECT pg_temp.wide('vector', 1536, 'l2', '<->', '', ', edge_bits = 1', '1 x 1536, 1 a page, outside');
SELECT pg_temp.wide('vector', 700, 'cosine', '<=>', '', ', edge_bits = 2', '2 x 700, 1 a page, outside');
SELECT pg_temp.wide('vector', 300, 'ip', '<#>', '_int8', ', edge_bits = 4', '4 x 300, 1 a page, inside');
SELECT * FROM finish();
ROLLBACK;
