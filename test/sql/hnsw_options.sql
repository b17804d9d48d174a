-- Options of the index, and the settings hnsw.*: ranges, defaults, errors.
CREATE TABLE t (v vector(3));

-- m: 2 to 100; ef_construction: 4 to 1000, at least 2 * m
CREATE INDEX ON t USING hnsw (v vector_l2_ops) WITH (m = 1);
CREATE INDEX ON t USING hnsw (v vector_l2_ops) WITH (m = 101);
CREATE INDEX ON t USING hnsw (v vector_l2_ops) WITH (m = 'many');
CREATE INDEX ON t USING hnsw (v vector_l2_ops) WITH (ef_construction = 3);
CREATE INDEX ON t USING hnsw (v vector_l2_ops) WITH (ef_construction = 1001);
CREATE INDEX ON t USING hnsw (v vector_l2_ops) WITH (m = 16, ef_construction = 31);
CREATE INDEX ON t USING hnsw (v vector_l2_ops) WITH (m = 33);
CREATE INDEX ON t USING hnsw (v vector_l2_ops) WITH (lists = 100);
CREATE INDEX ON t USING hnsw (v vector_l2_ops) WITH (fillfactor = 70);
CREATE INDEX least ON t USING hnsw (v vector_l2_ops) WITH (m = 2, ef_construction = 4);
CREATE INDEX most ON t USING hnsw (v vector_l2_ops) WITH (m = 100, ef_construction = 1000);
CREATE INDEX equal ON t USING hnsw (v vector_l2_ops) WITH (m = 32, ef_construction = 64);
CREATE INDEX usual ON t USING hnsw (v vector_l2_ops);
SELECT i, s.m, s.ef_construction FROM unnest(ARRAY['least', 'most', 'equal', 'usual']) i, ruvector.index_stats(i::regclass) s;
INSERT INTO t SELECT ARRAY[i, i % 7, -i]::vector FROM generate_series(1, 300) i;
SELECT i, c.* FROM unnest(ARRAY['least', 'most', 'equal', 'usual']) i, ruvector.index_check(i::regclass, true) c;
SELECT relname, reloptions FROM pg_class WHERE relname IN ('least', 'most', 'equal', 'usual') ORDER BY relname;
DROP INDEX least, most, equal;

-- options of an index that exists: only the next build takes them
ALTER INDEX usual SET (m = 8);
SELECT m, ef_construction FROM ruvector.index_stats('usual');
REINDEX INDEX usual;
SELECT m, ef_construction FROM ruvector.index_stats('usual');
ALTER INDEX usual SET (m = 101);
ALTER INDEX usual SET (m = 60);
REINDEX INDEX usual;
ALTER INDEX usual RESET (m);
REINDEX INDEX usual;
SELECT m, ef_construction FROM ruvector.index_stats('usual');
DROP TABLE t;

-- settings
SHOW hnsw.ef_search;
SET hnsw.ef_search = 0;
SET hnsw.ef_search = 1001;
SET hnsw.ef_search = 'x';
SET hnsw.ef_search = 1;
SET hnsw.ef_search = 1000;
SHOW hnsw.ef_search;
RESET hnsw.ef_search;
SET hnsw.iterative_scan = on;
SET hnsw.iterative_scan = off;
SET hnsw.iterative_scan = relaxed_order;
SET hnsw.iterative_scan = strict_order;
SHOW hnsw.iterative_scan;
RESET hnsw.iterative_scan;
SHOW hnsw.max_scan_tuples;
SET hnsw.max_scan_tuples = 0;
SET hnsw.max_scan_tuples = 2147483647;
SHOW hnsw.max_scan_tuples;
RESET hnsw.max_scan_tuples;
SHOW hnsw.scan_mem_multiplier;
SET hnsw.scan_mem_multiplier = 0;
SET hnsw.scan_mem_multiplier = 1001;
SET hnsw.scan_mem_multiplier = 1.5;
SHOW hnsw.scan_mem_multiplier;
RESET hnsw.scan_mem_multiplier;
SELECT name, vartype, min_val, max_val, boot_val, enumvals, context FROM pg_settings WHERE name LIKE 'hnsw.%' ORDER BY name;

-- the prefix is ours: what is not a setting is refused
SET hnsw.ef_serach = 100;
SET hnsw.xyz = 1;
SELECT set_config('hnsw.xyz', '1', false);

-- for a function, a role's default, a transaction
CREATE FUNCTION shown() RETURNS text LANGUAGE sql SET hnsw.ef_search = 77 AS $$ SELECT current_setting('hnsw.ef_search') $$;
SELECT shown(), current_setting('hnsw.ef_search');
DROP FUNCTION shown();
BEGIN;
SET LOCAL hnsw.ef_search = 55;
SHOW hnsw.ef_search;
COMMIT;
SHOW hnsw.ef_search;
