-- What an hnsw index refuses, and how it says so.
CREATE FUNCTION pg_temp.attempt(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text; message text; detail text; hint text;
BEGIN
	EXECUTE command;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	-- 16 and later name some schemas.
	RETURN concat_ws('|', state, replace(message, 'public.', ''), nullif(detail, ''), nullif(hint, ''));
END $$;
\pset format unaligned
\pset tuples_only on

-- dimensions
CREATE TABLE t (id int, v vector, v3 vector(3), h halfvec, s sparsevec, b bit(64001), vb bit varying, vb9 bit varying(9), n int, f float4[], x text, s5 sparsevec(5000));
SELECT c || ' => ' || pg_temp.attempt('CREATE INDEX ON t USING hnsw ' || c) FROM unnest(ARRAY[
	'(v vector_l2_ops)', '(h halfvec_l2_ops)', '(s sparsevec_l2_ops)', '(b bit_hamming_ops)', '(vb bit_hamming_ops)',
	'(vb9 bit_hamming_ops)', '((v::vector(3)) vector_l2_ops)', '((v3::vector) vector_l2_ops)', '((v + v3) vector_l2_ops)',
	'((binary_quantize(v3)) bit_hamming_ops)', '((binary_quantize(v3)::bit(3)) bit_hamming_ops)',
	'((subvector(v3, 1, 2)) vector_l2_ops)', '((subvector(v3, 1, 2)::vector(2)) vector_l2_ops)'
]) c;

-- types and classes
SELECT c || ' => ' || pg_temp.attempt('CREATE INDEX ON t USING hnsw ' || c) FROM unnest(ARRAY[
	'(v3)', '(n)', '(f)', '(x)', '(n vector_l2_ops)', '(v3 halfvec_l2_ops)', '(h vector_l2_ops)', '(v3 bit_hamming_ops)',
	'(v3 vector_ops)', '(v3 no_such_ops)', '(n int4_ops)', '(s5 vector_l2_ops)'
]) c;

-- what the access method does not have
SELECT c || ' => ' || pg_temp.attempt(c) FROM unnest(ARRAY[
	'CREATE INDEX ON t USING hnsw (v3 vector_l2_ops, v3 vector_ip_ops)',
	'CREATE INDEX ON t USING hnsw (v3 vector_l2_ops, n)',
	'CREATE INDEX ON t USING hnsw (v3 vector_l2_ops) INCLUDE (n)',
	'CREATE UNIQUE INDEX ON t USING hnsw (v3 vector_l2_ops)',
	'CREATE INDEX ON t USING hnsw (v3 vector_l2_ops DESC)',
	'CREATE INDEX ON t USING hnsw (v3 vector_l2_ops NULLS FIRST)',
	'ALTER TABLE t ADD EXCLUDE USING hnsw (v3 vector_l2_ops WITH =)',
	'CREATE INDEX t_v3 ON t USING hnsw (v3 vector_l2_ops)',
	'CLUSTER t USING t_v3'
]) WITH ORDINALITY u(c, o) ORDER BY o;

-- without an order, with a condition on the vector, with a marked cursor
SET enable_seqscan = off;
INSERT INTO t (id, v3) VALUES (1, '[1,2,3]'), (2, '[4,5,6]');
SELECT count(*) FROM t WHERE v3 = '[1,2,3]';
SELECT count(*) FROM t WHERE v3 IS NULL;
SELECT count(*) FROM t;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM t ORDER BY v3 <-> '[4,5,5]';
FETCH 2 FROM c;
FETCH PRIOR FROM c;
FETCH FIRST FROM c;
COMMIT;
BEGIN;
DECLARE c NO SCROLL CURSOR FOR SELECT id FROM t ORDER BY v3 <-> '[4,5,5]' LIMIT 2;
FETCH 1 FROM c;
FETCH PRIOR FROM c;
ROLLBACK;
RESET enable_seqscan;

-- values that do not fit a column, an expression, a query
CREATE TABLE w (id int, v vector);
INSERT INTO w VALUES (1, '[1,2,3]'), (2, '[1,2]');
SELECT c || ' => ' || pg_temp.attempt(c) FROM unnest(ARRAY[
	'CREATE INDEX ON w USING hnsw ((v::vector(3)) vector_l2_ops)',
	'CREATE INDEX w_v ON w USING hnsw ((v::vector(3)) vector_l2_ops) WHERE id = 1',
	$$INSERT INTO w VALUES (2, '[1,2,3,4]')$$,
	$$INSERT INTO w VALUES (1, '[1,2]')$$,
	$$INSERT INTO w VALUES (1, '[4,5,6]')$$,
	$$INSERT INTO t (v3) VALUES ('[1,2]')$$,
	$$INSERT INTO t (v3) VALUES ('[1,2,nan]')$$
]) WITH ORDINALITY u(c, o) ORDER BY o;
SET enable_seqscan = off;
SELECT c || ' => ' || pg_temp.attempt(c) FROM unnest(ARRAY[
	$$SELECT FROM t ORDER BY v3 <-> '[1,2]' LIMIT 1$$,
	$$SELECT FROM t ORDER BY v3 <-> '[1,2,3,4]' LIMIT 1$$,
	$$SELECT FROM w WHERE id = 1 ORDER BY v::vector(3) <-> '[1,2]' LIMIT 1$$
]) WITH ORDINALITY u(c, o) ORDER BY o;
RESET enable_seqscan;

-- sparsevec: at most 1,000 elements that are not zero
CREATE TABLE s (v sparsevec(5000));
CREATE INDEX s_v ON s USING hnsw (v sparsevec_l2_ops);
CREATE FUNCTION ones(n int) RETURNS sparsevec LANGUAGE sql IMMUTABLE AS $$ SELECT ('{' || string_agg(i || ':1', ',') || '}/5000')::sparsevec FROM generate_series(1, n) i $$;
INSERT INTO s SELECT ones(1000);
INSERT INTO s SELECT ones(1001);
SELECT count(*) FROM s;
SELECT l1_distance(v, '{}/5000') FROM s ORDER BY v <-> ones(1000) LIMIT 1;
SET enable_seqscan = off;
SELECT l1_distance(v, '{}/5000') FROM s ORDER BY v <-> (SELECT ones(1001)) LIMIT 1;
RESET enable_seqscan;
DROP INDEX s_v;
INSERT INTO s SELECT ones(1001);
CREATE INDEX s_v ON s USING hnsw (v sparsevec_l2_ops);
CREATE INDEX s_v ON s USING hnsw (v sparsevec_l2_ops) WHERE l1_distance(v, '{}/5000') <= 1000;
DROP TABLE s;
DROP FUNCTION ones;

-- the diagnostics: on what, and for whom
CREATE INDEX t_id ON t (id);
CREATE VIEW t_view AS SELECT id FROM t;
CREATE TABLE p (v vector(3)) PARTITION BY LIST (vector_dims(v));
CREATE INDEX p_v ON p USING hnsw (v vector_l2_ops);
SELECT f || ' ' || o || ' => ' || pg_temp.attempt(format('SELECT * FROM ruvector.%s(%L)', f, o))
FROM unnest(ARRAY['index_check', 'index_stats']) f, unnest(ARRAY['t', 't_id', 't_view', 'p', 'p_v', 't_v3', 'no_such', 'pg_class_oid_index', '0', '4294967295', NULL]) o;
SELECT f || ' => ' || pg_temp.attempt(format('SELECT * FROM ruvector.%s', f)) FROM unnest(ARRAY['index_check(NULL)', 'index_check(''t_v3'', NULL)', 'index_stats(NULL)']) f;
SELECT count(*) FROM ruvector.index_check(NULL);
CREATE ROLE regress_ruvector_owner;
CREATE ROLE regress_ruvector_reader;
GRANT USAGE ON SCHEMA ruvector TO regress_ruvector_owner, regress_ruvector_reader;
GRANT SELECT ON t TO regress_ruvector_reader;
ALTER TABLE t OWNER TO regress_ruvector_owner;
SET ROLE regress_ruvector_reader;
SELECT f || ' => ' || pg_temp.attempt(format('SELECT * FROM ruvector.%s(''t_v3'')', f)) FROM unnest(ARRAY['index_check', 'index_stats']) f;
SET ROLE regress_ruvector_owner;
SELECT f || ' => ' || pg_temp.attempt(format('SELECT * FROM ruvector.%s(''t_v3'')', f)) FROM unnest(ARRAY['index_check', 'index_stats']) f;
RESET ROLE;
DROP TABLE t CASCADE;
REVOKE USAGE ON SCHEMA ruvector FROM regress_ruvector_owner, regress_ruvector_reader;
DROP ROLE regress_ruvector_owner, regress_ruvector_reader;
DROP TABLE p, w;

-- the validator: classes that the index could not use
SELECT amname, count(*), bool_and(amvalidate(c.oid)) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE amname = 'hnsw' GROUP BY 1;
CREATE FUNCTION own_distance(vector, vector) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT 1::float8';
CREATE OPERATOR CLASS own_ops FOR TYPE vector USING hnsw AS OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops, FUNCTION 1 own_distance(vector, vector);
SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'own_ops';
CREATE OPERATOR CLASS half_ops FOR TYPE vector USING hnsw AS OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops, FUNCTION 1 vector_l2_squared_distance(vector, vector), FUNCTION 2 vector_norm(vector);
SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'half_ops';
CREATE OPERATOR CLASS no_ops FOR TYPE vector USING hnsw AS OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops;
SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'no_ops';
CREATE TABLE own (v vector(3));
SELECT c || ' => ' || pg_temp.attempt('CREATE INDEX ON own USING hnsw (v ' || c || ')') FROM unnest(ARRAY['own_ops', 'half_ops', 'no_ops']) c;
DROP TABLE own;
DROP OPERATOR FAMILY own_ops USING hnsw;
DROP OPERATOR FAMILY half_ops USING hnsw;
DROP OPERATOR FAMILY no_ops USING hnsw;
DROP FUNCTION own_distance;

-- the extension goes, and what depends on it
BEGIN;
CREATE TABLE last (id int, v vector(3));
CREATE INDEX last_v ON last USING hnsw (v vector_l2_ops);
SAVEPOINT s;
DROP EXTENSION ruvector;
ROLLBACK TO s;
SAVEPOINT s;
DROP ACCESS METHOD hnsw CASCADE;
ROLLBACK TO s;
SET client_min_messages = warning;
DROP EXTENSION ruvector CASCADE;
SELECT attname FROM pg_attribute WHERE attrelid = 'last'::regclass AND attnum > 0 AND NOT attisdropped;
SELECT to_regclass('last_v') IS NULL;
ROLLBACK;
