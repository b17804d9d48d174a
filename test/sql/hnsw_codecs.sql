-- operator classes of codes: int8, pq, binary; layouts fast and compact; exact order by the table's vectors
SET enable_seqscan = off;
SET hnsw.ef_search = 100;
CREATE FUNCTION pg_temp.random_vectors(n int, dims int, seed float8) RETURNS TABLE(id int, v vector) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM setseed(seed);
	RETURN QUERY SELECT i, (SELECT array_agg(round(random() * 200 - 100 + 30 * (i % 7)) ORDER BY d) FROM generate_series(1, dims) d WHERE i = i)::vector
	FROM generate_series(1, n) i;
END $$;
CREATE TABLE t (id int, v vector(12), h halfvec(12));
INSERT INTO t SELECT id, v, v::halfvec FROM pg_temp.random_vectors(600, 12, 0.5);
-- the ten nearest of twenty queries by the index and by a sequential scan, for each class and layout: recall, order, check
CREATE FUNCTION pg_temp.compare(x anyelement, col text, op text, OUT hits bigint, OUT sorted boolean) LANGUAGE plpgsql AS $$
DECLARE
	d float8[]; i int[]; e int[];
BEGIN
	EXECUTE format('SELECT array_agg(id), array_agg(d) FROM (SELECT id, %I %s $1 d FROM t ORDER BY %1$I %2$s $1 LIMIT 10) s', col, op) INTO i, d USING x;
	EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY (%I %s $1) + 0, id LIMIT 10) s', col, op) INTO e USING x;
	SELECT count(*) INTO hits FROM unnest(i) AS u(id) WHERE id = ANY (e);
	sorted := d = (SELECT array_agg(u ORDER BY u) FROM unnest(d) u);
END $$;
DO $$
DECLARE
	c text; l text; m record; r text; bad int;
BEGIN
	FOREACH c IN ARRAY ARRAY['int8', 'pq', 'binary'] LOOP
		FOREACH l IN ARRAY ARRAY['fast', 'compact'] LOOP
			FOR m IN SELECT * FROM (VALUES ('v', 'vector', 'l2', '<->'), ('v', 'vector', 'ip', '<#>'), ('v', 'vector', 'cosine', '<=>'),
					('h', 'halfvec', 'l2', '<->'), ('h', 'halfvec', 'ip', '<#>'), ('h', 'halfvec', 'cosine', '<=>')) AS m(col, type, metric, op) LOOP
				EXECUTE format('CREATE INDEX i ON t USING hnsw (%I %s_%s_%s_ops) WITH (layout = %s)', m.col, m.type, m.metric, c, l);
				EXECUTE format('SELECT format(''recall %%s, %%s'', CASE WHEN sum(hits) >= 190 THEN ''good'' ELSE sum(hits)::text END, CASE WHEN bool_and(sorted) THEN ''sorted'' ELSE ''not sorted'' END) FROM t, pg_temp.compare(t.%I, %1$L, %L) WHERE id <= 20', m.col, m.op) INTO r;
				SELECT count(*) INTO bad FROM ruvector.index_check('i', true);
				RAISE INFO '% % % %: %, % problems', m.type, m.metric, c, l, r, bad;
				DROP INDEX i;
			END LOOP;
		END LOOP;
	END LOOP;
END $$;
-- the plan is an index scan, and says nothing of codes
CREATE INDEX i ON t USING hnsw (v vector_l2_int8_ops);
EXPLAIN (COSTS OFF) SELECT id FROM t ORDER BY v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' LIMIT 3;
SELECT codec, layout_of.external FROM ruvector.index_stats('i') layout_of;
-- a filter that passes one row in sixty gives all that is wanted
SELECT count(*) FROM (SELECT id FROM t WHERE id % 60 = 1 ORDER BY v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' LIMIT 10) s;
SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> NULL LIMIT 5) s;
-- without re-ranking the order is the codes'
ALTER INDEX i SET (rerank = off);
SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' LIMIT 10) s;
-- defaults of the index: counted unless the session says otherwise
ALTER INDEX i SET (rerank = on, ef_search = 5, oversampling = 1);
RESET hnsw.ef_search;
SET hnsw.iterative_scan = off;
SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' LIMIT 50) s;
SET hnsw.ef_search = 20;
SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' LIMIT 50) s;
SET hnsw.iterative_scan = strict_order;
DROP INDEX i;
-- an empty table, then rows; updates, deletes, vacuum, equal rows
DO $$
DECLARE
	c text; l text; n int; bad int;
BEGIN
	FOREACH c IN ARRAY ARRAY['int8', 'pq', 'binary'] LOOP
		FOREACH l IN ARRAY ARRAY['fast', 'compact'] LOOP
			CREATE TEMP TABLE e (id int, v vector(12));
			EXECUTE format('CREATE INDEX ei ON e USING hnsw (v vector_cosine_%s_ops) WITH (layout = %s, m = 8)', c, l);
			INSERT INTO e SELECT id, v FROM t UNION ALL SELECT 1000 + id, v FROM t WHERE id <= 50 UNION ALL SELECT -1, '[0,0,0,0,0,0,0,0,0,0,0,0]' UNION ALL SELECT -2, NULL;
			DELETE FROM e WHERE id BETWEEN 100 AND 300;
			UPDATE e SET v = v + v WHERE id BETWEEN 400 AND 420;
			SELECT count(*) INTO n FROM (SELECT id FROM e ORDER BY v <=> '[1,2,3,4,5,6,7,8,9,10,11,12]' LIMIT 1000) s;
			SELECT count(*) INTO bad FROM ruvector.index_check('ei', true);
			-- a codebook without data is poor, and strict order drops what comes late
			RAISE INFO '% %: % rows, % problems', c, l, CASE WHEN n = 449 THEN 'all' WHEN n > 200 OR c = 'pq' AND n >= 20 THEN 'many' ELSE n::text END, bad;
			DROP TABLE e;
		END LOOP;
	END LOOP;
END $$;
-- unlogged, an expression, a partial index, a domain's modifier, wide vectors
CREATE UNLOGGED TABLE u (id int, v vector(12));
CREATE INDEX ui ON u USING hnsw (v vector_l2_pq_ops);
INSERT INTO u SELECT id, v FROM t;
SELECT count(*) >= 10 AS many FROM (SELECT id FROM u ORDER BY v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' LIMIT 600) s;
CREATE INDEX x ON t USING hnsw ((v::halfvec(12)) halfvec_l2_int8_ops) WHERE id > 300;
SELECT id > 300 AS above, count(*) FROM (SELECT id FROM t WHERE id > 300 ORDER BY v::halfvec(12) <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' LIMIT 20) s GROUP BY 1;
SELECT count(*) FROM ruvector.index_check('x', true);
CREATE TABLE w (id int, v vector(3072), b vector(16000));
INSERT INTO w SELECT i, array_fill(i, ARRAY[3072])::vector, array_fill(i, ARRAY[16000])::vector FROM generate_series(1, 30) i;
DO $$
DECLARE
	c text; l text; r int[];
BEGIN
	FOREACH c IN ARRAY ARRAY['int8', 'pq', 'binary'] LOOP
		FOREACH l IN ARRAY ARRAY['fast', 'compact'] LOOP
			EXECUTE format('CREATE INDEX wi ON w USING hnsw (v vector_l2_%s_ops) WITH (layout = %s)', c, l);
			SELECT array_agg(id) INTO r FROM (SELECT id FROM w ORDER BY v <-> array_fill(7.1, ARRAY[3072])::vector LIMIT 3) s;
			DROP INDEX wi;
			RAISE INFO '3072 % %: %', c, l, r;
			BEGIN
				EXECUTE format('CREATE INDEX wi ON w USING hnsw (b vector_l2_%s_ops) WITH (layout = %s)', c, l);
				SELECT array_agg(id) INTO r FROM (SELECT id FROM w ORDER BY b <-> array_fill(7.1, ARRAY[16000])::vector LIMIT 3) s;
				RAISE INFO '16000 % %: %', c, l, r;
				DROP INDEX wi;
			EXCEPTION WHEN program_limit_exceeded THEN
				RAISE INFO '16000 % %: %', c, l, SQLERRM;
			END;
		END LOOP;
	END LOOP;
END $$;
-- what options refuse
CREATE INDEX bad ON t USING hnsw (v vector_l2_int8_ops) WITH (layout = roomy);
CREATE INDEX bad ON t USING hnsw (v vector_l2_int8_ops) WITH (edge_bits = 3);
CREATE INDEX bad ON t USING hnsw (v vector_l2_int8_ops) WITH (oversampling = 0.5);
CREATE INDEX bad ON t USING hnsw (h vector_l2_int8_ops);
CREATE INDEX bad ON t USING hnsw (v vector_l1_int8_ops);
DROP TABLE t, u, w;
-- under the inner product a few long vectors are near to everybody: their lists fill up, and yet everything is reachable
CREATE TABLE hubs (id int, v vector(8));
SELECT setseed(0.25);
INSERT INTO hubs SELECT i, (SELECT array_agg(random() + (i % 9) ORDER BY d) FROM generate_series(1, 8) d WHERE i > 0)::vector FROM generate_series(1, 3000) i;
DO $$
DECLARE
	c text; u bigint;
BEGIN
	FOREACH c IN ARRAY ARRAY['vector_ip_ops', 'vector_ip_int8_ops', 'vector_ip_pq_ops', 'vector_ip_binary_ops'] LOOP
		EXECUTE format('CREATE INDEX hi ON hubs USING hnsw (v %s) WITH (m = 4, ef_construction = 16)', c);
		SELECT unreachable INTO u FROM ruvector.index_stats('hi');
		RAISE INFO '%: % cannot be reached', c, u;
		DROP INDEX hi;
	END LOOP;
END $$;
DROP TABLE hubs;
-- the same after a vacuum has taken half of them away
CREATE TABLE hubs (id int, v vector(8));
SELECT setseed(0.25);
INSERT INTO hubs SELECT i, (SELECT array_agg(random() + (i % 9) ORDER BY d) FROM generate_series(1, 8) d WHERE i > 0)::vector FROM generate_series(1, 3000) i;
CREATE INDEX hi ON hubs USING hnsw (v vector_ip_pq_ops) WITH (m = 4, ef_construction = 16);
DELETE FROM hubs WHERE id % 2 = 0;
VACUUM hubs;
SELECT unreachable FROM ruvector.index_stats('hi');
DROP TABLE hubs;
