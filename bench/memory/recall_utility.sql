-- Recall by utility at 100,000 memories of 384 dimensions (2,000 clusters in 50 groups, a fifth with uplift): recall@10 against brute
-- force and the time of recall() inside the server. In an empty database: make psql < bench/memory/recall_utility.sql
\set ON_ERROR_STOP 1
\set QUIET 1
CREATE EXTENSION IF NOT EXISTS ruvector;
SET client_min_messages = warning;
SET maintenance_work_mem = '1GB';
SELECT setseed(0.1);
SELECT ruvector.init(384) IS NOT NULL AS ready;
CREATE TABLE grp AS SELECT i AS s, array_agg((random() - 0.5)::real ORDER BY d) AS a FROM generate_series(1, 50) i, generate_series(1, 384) d GROUP BY i;
CREATE TABLE center AS SELECT i AS c, (SELECT array_agg(x + (random() - 0.5)::real * 0.8 + 0 * i) FROM unnest(a) x) AS a
	FROM generate_series(1, 2000) i JOIN grp ON s = 1 + i % 50;
CREATE INDEX ON center (c);
SELECT pg_get_indexdef('ruvector.recall_keys_key_idx'::regclass) AS make_index \gset
DROP INDEX ruvector.recall_keys_key_idx;
INSERT INTO ruvector.recall_keys (memory, memory_type, uplift, latency_ms, key)
	SELECT 'vector:v' || g, 'vector', u.uplift, u.ms, ruvector.utility_key(e, u.uplift, u.ms)
	FROM generate_series(1, 100000) g
	CROSS JOIN LATERAL (SELECT CASE WHEN random() < 0.2 THEN random() * 1.4 - 0.5 ELSE 0 END AS uplift, floor(random() * 1200 + 0 * g) AS ms) u
	CROSS JOIN LATERAL (SELECT array_agg(x + (random() - 0.5)::real * 0.7 + 0 * g)::vector AS e FROM center, unnest(a) x WHERE c = 1 + g % 2000) v;
\timing on
:make_index;
\timing off
ANALYZE ruvector.recall_keys;
CREATE TABLE probe AS SELECT row_number() OVER () AS id, q FROM (
	SELECT (SELECT array_agg(x + (random() - 0.5)::real * 0.7 + 0 * c)::vector FROM unnest(a) x) AS q FROM center ORDER BY md5(c::text) LIMIT 200) p;
CREATE TABLE timing (ef int, beta float8, ms float8, share float8);
CREATE TABLE truth AS SELECT p.id, b.beta, (SELECT min(utility_score) FROM ruvector.recall(query => p.q, k => 10, beta => b.beta, exact => true)) AS least
	FROM probe p, (VALUES (0.2::float8), (0.8)) b(beta) WHERE p.id <= 50;
DO $$
DECLARE p record; t timestamptz; n bigint; ef int; b float8; round int; ms float8;
BEGIN
	FOREACH ef IN ARRAY ARRAY[40, 100, 200] LOOP FOREACH b IN ARRAY ARRAY[0.2, 0.8] LOOP FOR round IN 1 .. 2 LOOP
		FOR p IN SELECT probe.id, q, least FROM probe JOIN truth ON truth.id = probe.id AND beta = b LOOP
			t := clock_timestamp();
			SELECT count(*) FILTER (WHERE utility_score >= p.least - 1e-5) INTO n FROM ruvector.recall(query => p.q, k => 10, beta => b, ef_search => ef);
			ms := extract(epoch FROM clock_timestamp() - t) * 1000;
			IF round = 2 THEN INSERT INTO timing VALUES (ef, b, ms, n / 10.0); END IF;
		END LOOP;
	END LOOP; END LOOP; END LOOP;
END $$;
SELECT ef, beta, round(avg(share)::numeric, 4) AS recall_at_10, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)::numeric, 3) AS p50_ms,
	round(percentile_cont(0.95) WITHIN GROUP (ORDER BY ms)::numeric, 3) AS p95_ms FROM timing GROUP BY ef, beta ORDER BY beta, ef;
