-- Codes of few bits tell few vectors from each other: by default a search looks at so many candidates that it finds, within two
-- points, what the plain class finds at the same ef.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();
SELECT setseed(0.25);
SET LOCAL enable_seqscan = off;

CREATE TABLE s (id int, v vector(64));
INSERT INTO s SELECT i, array_agg(random() - 0.5 + 0 * i ORDER BY d)::vector FROM generate_series(1, 3000) i, generate_series(1, 64) d GROUP BY i;
CREATE TABLE q AS SELECT i AS id, array_agg(random() - 0.5 + 0 * i ORDER BY d)::vector(64) AS v FROM generate_series(1, 60) i, generate_series(1, 64) d GROUP BY i;
CREATE TABLE truth AS SELECT q.id, (SELECT array_agg(n.id) FROM (SELECT s.id FROM s ORDER BY (s.v <-> q.v) + 0 LIMIT 10) n) AS nearest FROM q;

CREATE FUNCTION pg_temp.recall(class text, options text DEFAULT '') RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	result numeric;
BEGIN
	EXECUTE format('CREATE INDEX own ON s USING hnsw (v vector_l2%s_ops) %s', class, options);
	SELECT avg((f.id = ANY (t.nearest))::int) INTO result
		FROM q JOIN truth t USING (id) CROSS JOIN LATERAL (SELECT s.id FROM s ORDER BY s.v <-> q.v LIMIT 10) f;
	DROP INDEX own;
	RETURN result;
END $$;

CREATE TABLE found AS SELECT pg_temp.recall('') AS plain, pg_temp.recall('_pq') AS by_pq, pg_temp.recall('_binary') AS by_binary,
	pg_temp.recall('_binary', 'WITH (oversampling = 2)') AS by_binary_2;
SELECT diag('found: ' || to_json(f)) FROM found f;
SELECT cmp_ok(by_pq, '>=', plain - 0.02, 'pq') FROM found;
SELECT cmp_ok(by_binary, '>=', plain - 0.02, 'binary') FROM found;
SELECT cmp_ok(by_binary_2, '<', plain - 0.02, 'binary that looks at as few as codes of 384 bits do does not') FROM found;
SELECT * FROM finish();
ROLLBACK;
