-- Options and settings of ivfflat. The same statements give the same output in pgvector 0.8.7.
CREATE TABLE t (val vector(3));
CREATE INDEX ON t USING ivfflat (val vector_l2_ops) WITH (lists = 0);
CREATE INDEX ON t USING ivfflat (val vector_l2_ops) WITH (lists = 32769);
CREATE INDEX ON t USING ivfflat (val vector_l2_ops) WITH (m = 16);
CREATE INDEX t_val ON t USING ivfflat (val vector_l2_ops) WITH (lists = 32768);
SELECT reloptions FROM pg_class WHERE relname = 't_val';
ALTER INDEX t_val SET (lists = 7);
REINDEX INDEX t_val;
SELECT reloptions, pg_relation_size('t_val') < 1000000 AS small FROM pg_class WHERE relname = 't_val';
DROP TABLE t;

SHOW ivfflat.probes;
SET ivfflat.probes = 0;
SET ivfflat.probes = 32769;
SET ivfflat.probes = 32768;
SHOW ivfflat.iterative_scan;
SET ivfflat.iterative_scan = on;
SET ivfflat.iterative_scan = strict_order;
SET ivfflat.iterative_scan = relaxed_order;
SHOW ivfflat.max_probes;
SET ivfflat.max_probes = 0;
SET ivfflat.max_probes = 32769;
SET ivfflat.max_probes = 10;
SET ivfflat.unknown = 1;
SELECT name, setting, min_val, max_val, enumvals, boot_val, context FROM pg_settings WHERE name LIKE 'ivfflat.%' ORDER BY name;
SELECT amname, amtype FROM pg_am WHERE amname = 'ivfflat';
SELECT opcname, amvalidate(c.oid) FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod WHERE amname = 'ivfflat' AND opcname !~ '_(int8|pq|binary)_ops$' ORDER BY 1;
SELECT p, pg_indexam_has_property(a.oid, p) FROM pg_am a, unnest(ARRAY['can_order', 'can_unique', 'can_multi_col', 'can_exclude', 'can_include']) p
	WHERE amname = 'ivfflat';
