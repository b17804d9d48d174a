-- The catalog facts of the whole surface of pgvector 0.8.7: nothing missing, nothing different, no overload too many.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();

CREATE TEMP TABLE expected_function (name text, args text, result text, volatility "char", strict boolean, parallel "char");
INSERT INTO expected_function VALUES
	('vector_in', 'cstring, oid, integer', 'vector', 'i', true, 's'),
	('vector_out', 'vector', 'cstring', 'i', true, 's'),
	('vector_typmod_in', 'cstring[]', 'integer', 'i', true, 's'),
	('vector_recv', 'internal, oid, integer', 'vector', 'i', true, 's'),
	('vector_send', 'vector', 'bytea', 'i', true, 's'),
	('l2_distance', 'vector, vector', 'double precision', 'i', true, 's'),
	('inner_product', 'vector, vector', 'double precision', 'i', true, 's'),
	('cosine_distance', 'vector, vector', 'double precision', 'i', true, 's'),
	('l1_distance', 'vector, vector', 'double precision', 'i', true, 's'),
	('vector_dims', 'vector', 'integer', 'i', true, 's'),
	('vector_norm', 'vector', 'double precision', 'i', true, 's'),
	('l2_normalize', 'vector', 'vector', 'i', true, 's'),
	('binary_quantize', 'vector', 'bit', 'i', true, 's'),
	('subvector', 'vector, integer, integer', 'vector', 'i', true, 's'),
	('vector_add', 'vector, vector', 'vector', 'i', true, 's'),
	('vector_sub', 'vector, vector', 'vector', 'i', true, 's'),
	('vector_mul', 'vector, vector', 'vector', 'i', true, 's'),
	('vector_concat', 'vector, vector', 'vector', 'i', true, 's'),
	('vector_lt', 'vector, vector', 'boolean', 'i', true, 's'),
	('vector_le', 'vector, vector', 'boolean', 'i', true, 's'),
	('vector_eq', 'vector, vector', 'boolean', 'i', true, 's'),
	('vector_ne', 'vector, vector', 'boolean', 'i', true, 's'),
	('vector_ge', 'vector, vector', 'boolean', 'i', true, 's'),
	('vector_gt', 'vector, vector', 'boolean', 'i', true, 's'),
	('vector_cmp', 'vector, vector', 'integer', 'i', true, 's'),
	('vector_l2_squared_distance', 'vector, vector', 'double precision', 'i', true, 's'),
	('vector_negative_inner_product', 'vector, vector', 'double precision', 'i', true, 's'),
	('vector_spherical_distance', 'vector, vector', 'double precision', 'i', true, 's'),
	('vector_accum', 'double precision[], vector', 'double precision[]', 'i', true, 's'),
	('vector_avg', 'double precision[]', 'vector', 'i', true, 's'),
	('vector_combine', 'double precision[], double precision[]', 'double precision[]', 'i', true, 's'),
	('vector', 'vector, integer, boolean', 'vector', 'i', true, 's'),
	('array_to_vector', 'integer[], integer, boolean', 'vector', 'i', true, 's'),
	('array_to_vector', 'real[], integer, boolean', 'vector', 'i', true, 's'),
	('array_to_vector', 'double precision[], integer, boolean', 'vector', 'i', true, 's'),
	('array_to_vector', 'numeric[], integer, boolean', 'vector', 'i', true, 's'),
	('vector_to_float4', 'vector, integer, boolean', 'real[]', 'i', true, 's'),
	('ivfflathandler', 'internal', 'index_am_handler', 'v', false, 'u'),
	('hnswhandler', 'internal', 'index_am_handler', 'v', false, 'u'),
	('ivfflat_halfvec_support', 'internal', 'internal', 'v', false, 'u'),
	('ivfflat_bit_support', 'internal', 'internal', 'v', false, 'u'),
	('hnsw_halfvec_support', 'internal', 'internal', 'v', false, 'u'),
	('hnsw_bit_support', 'internal', 'internal', 'v', false, 'u'),
	('hnsw_sparsevec_support', 'internal', 'internal', 'v', false, 'u'),
	('halfvec_in', 'cstring, oid, integer', 'halfvec', 'i', true, 's'),
	('halfvec_out', 'halfvec', 'cstring', 'i', true, 's'),
	('halfvec_typmod_in', 'cstring[]', 'integer', 'i', true, 's'),
	('halfvec_recv', 'internal, oid, integer', 'halfvec', 'i', true, 's'),
	('halfvec_send', 'halfvec', 'bytea', 'i', true, 's'),
	('l2_distance', 'halfvec, halfvec', 'double precision', 'i', true, 's'),
	('inner_product', 'halfvec, halfvec', 'double precision', 'i', true, 's'),
	('cosine_distance', 'halfvec, halfvec', 'double precision', 'i', true, 's'),
	('l1_distance', 'halfvec, halfvec', 'double precision', 'i', true, 's'),
	('vector_dims', 'halfvec', 'integer', 'i', true, 's'),
	('l2_norm', 'halfvec', 'double precision', 'i', true, 's'),
	('l2_normalize', 'halfvec', 'halfvec', 'i', true, 's'),
	('binary_quantize', 'halfvec', 'bit', 'i', true, 's'),
	('subvector', 'halfvec, integer, integer', 'halfvec', 'i', true, 's'),
	('halfvec_add', 'halfvec, halfvec', 'halfvec', 'i', true, 's'),
	('halfvec_sub', 'halfvec, halfvec', 'halfvec', 'i', true, 's'),
	('halfvec_mul', 'halfvec, halfvec', 'halfvec', 'i', true, 's'),
	('halfvec_concat', 'halfvec, halfvec', 'halfvec', 'i', true, 's'),
	('halfvec_lt', 'halfvec, halfvec', 'boolean', 'i', true, 's'),
	('halfvec_le', 'halfvec, halfvec', 'boolean', 'i', true, 's'),
	('halfvec_eq', 'halfvec, halfvec', 'boolean', 'i', true, 's'),
	('halfvec_ne', 'halfvec, halfvec', 'boolean', 'i', true, 's'),
	('halfvec_ge', 'halfvec, halfvec', 'boolean', 'i', true, 's'),
	('halfvec_gt', 'halfvec, halfvec', 'boolean', 'i', true, 's'),
	('halfvec_cmp', 'halfvec, halfvec', 'integer', 'i', true, 's'),
	('halfvec_l2_squared_distance', 'halfvec, halfvec', 'double precision', 'i', true, 's'),
	('halfvec_negative_inner_product', 'halfvec, halfvec', 'double precision', 'i', true, 's'),
	('halfvec_spherical_distance', 'halfvec, halfvec', 'double precision', 'i', true, 's'),
	('halfvec_accum', 'double precision[], halfvec', 'double precision[]', 'i', true, 's'),
	('halfvec_avg', 'double precision[]', 'halfvec', 'i', true, 's'),
	('halfvec_combine', 'double precision[], double precision[]', 'double precision[]', 'i', true, 's'),
	('halfvec', 'halfvec, integer, boolean', 'halfvec', 'i', true, 's'),
	('halfvec_to_vector', 'halfvec, integer, boolean', 'vector', 'i', true, 's'),
	('vector_to_halfvec', 'vector, integer, boolean', 'halfvec', 'i', true, 's'),
	('array_to_halfvec', 'integer[], integer, boolean', 'halfvec', 'i', true, 's'),
	('array_to_halfvec', 'real[], integer, boolean', 'halfvec', 'i', true, 's'),
	('array_to_halfvec', 'double precision[], integer, boolean', 'halfvec', 'i', true, 's'),
	('array_to_halfvec', 'numeric[], integer, boolean', 'halfvec', 'i', true, 's'),
	('halfvec_to_float4', 'halfvec, integer, boolean', 'real[]', 'i', true, 's'),
	('hamming_distance', 'bit, bit', 'double precision', 'i', true, 's'),
	('jaccard_distance', 'bit, bit', 'double precision', 'i', true, 's'),
	('sparsevec_in', 'cstring, oid, integer', 'sparsevec', 'i', true, 's'),
	('sparsevec_out', 'sparsevec', 'cstring', 'i', true, 's'),
	('sparsevec_typmod_in', 'cstring[]', 'integer', 'i', true, 's'),
	('sparsevec_recv', 'internal, oid, integer', 'sparsevec', 'i', true, 's'),
	('sparsevec_send', 'sparsevec', 'bytea', 'i', true, 's'),
	('l2_distance', 'sparsevec, sparsevec', 'double precision', 'i', true, 's'),
	('inner_product', 'sparsevec, sparsevec', 'double precision', 'i', true, 's'),
	('cosine_distance', 'sparsevec, sparsevec', 'double precision', 'i', true, 's'),
	('l1_distance', 'sparsevec, sparsevec', 'double precision', 'i', true, 's'),
	('l2_norm', 'sparsevec', 'double precision', 'i', true, 's'),
	('l2_normalize', 'sparsevec', 'sparsevec', 'i', true, 's'),
	('sparsevec_lt', 'sparsevec, sparsevec', 'boolean', 'i', true, 's'),
	('sparsevec_le', 'sparsevec, sparsevec', 'boolean', 'i', true, 's'),
	('sparsevec_eq', 'sparsevec, sparsevec', 'boolean', 'i', true, 's'),
	('sparsevec_ne', 'sparsevec, sparsevec', 'boolean', 'i', true, 's'),
	('sparsevec_ge', 'sparsevec, sparsevec', 'boolean', 'i', true, 's'),
	('sparsevec_gt', 'sparsevec, sparsevec', 'boolean', 'i', true, 's'),
	('sparsevec_cmp', 'sparsevec, sparsevec', 'integer', 'i', true, 's'),
	('sparsevec_l2_squared_distance', 'sparsevec, sparsevec', 'double precision', 'i', true, 's'),
	('sparsevec_negative_inner_product', 'sparsevec, sparsevec', 'double precision', 'i', true, 's'),
	('sparsevec', 'sparsevec, integer, boolean', 'sparsevec', 'i', true, 's'),
	('vector_to_sparsevec', 'vector, integer, boolean', 'sparsevec', 'i', true, 's'),
	('sparsevec_to_vector', 'sparsevec, integer, boolean', 'vector', 'i', true, 's'),
	('halfvec_to_sparsevec', 'halfvec, integer, boolean', 'sparsevec', 'i', true, 's'),
	('sparsevec_to_halfvec', 'sparsevec, integer, boolean', 'halfvec', 'i', true, 's'),
	('array_to_sparsevec', 'integer[], integer, boolean', 'sparsevec', 'i', true, 's'),
	('array_to_sparsevec', 'real[], integer, boolean', 'sparsevec', 'i', true, 's'),
	('array_to_sparsevec', 'double precision[], integer, boolean', 'sparsevec', 'i', true, 's'),
	('array_to_sparsevec', 'numeric[], integer, boolean', 'sparsevec', 'i', true, 's');

CREATE TEMP TABLE expected_operator (name text, type text, procedure text, result text, commutator text, negator text, restrict_ text, join_ text);
INSERT INTO expected_operator VALUES
	('<->', 'vector', 'l2_distance', 'double precision', '<->', NULL, NULL, NULL),
	('<#>', 'vector', 'vector_negative_inner_product', 'double precision', '<#>', NULL, NULL, NULL),
	('<=>', 'vector', 'cosine_distance', 'double precision', '<=>', NULL, NULL, NULL),
	('<+>', 'vector', 'l1_distance', 'double precision', '<+>', NULL, NULL, NULL),
	('+', 'vector', 'vector_add', 'vector', '+', NULL, NULL, NULL),
	('-', 'vector', 'vector_sub', 'vector', NULL, NULL, NULL, NULL),
	('*', 'vector', 'vector_mul', 'vector', '*', NULL, NULL, NULL),
	('||', 'vector', 'vector_concat', 'vector', NULL, NULL, NULL, NULL),
	('<', 'vector', 'vector_lt', 'boolean', '>', '>=', 'scalarltsel', 'scalarltjoinsel'),
	('<=', 'vector', 'vector_le', 'boolean', '>=', '>', 'scalarlesel', 'scalarlejoinsel'),
	('=', 'vector', 'vector_eq', 'boolean', '=', '<>', 'eqsel', 'eqjoinsel'),
	('<>', 'vector', 'vector_ne', 'boolean', '<>', '=', 'eqsel', 'eqjoinsel'),
	('>=', 'vector', 'vector_ge', 'boolean', '<=', '<', 'scalargesel', 'scalargejoinsel'),
	('>', 'vector', 'vector_gt', 'boolean', '<', '<=', 'scalargtsel', 'scalargtjoinsel'),
	('<->', 'halfvec', 'l2_distance', 'double precision', '<->', NULL, NULL, NULL),
	('<#>', 'halfvec', 'halfvec_negative_inner_product', 'double precision', '<#>', NULL, NULL, NULL),
	('<=>', 'halfvec', 'cosine_distance', 'double precision', '<=>', NULL, NULL, NULL),
	('<+>', 'halfvec', 'l1_distance', 'double precision', '<+>', NULL, NULL, NULL),
	('+', 'halfvec', 'halfvec_add', 'halfvec', '+', NULL, NULL, NULL),
	('-', 'halfvec', 'halfvec_sub', 'halfvec', NULL, NULL, NULL, NULL),
	('*', 'halfvec', 'halfvec_mul', 'halfvec', '*', NULL, NULL, NULL),
	('||', 'halfvec', 'halfvec_concat', 'halfvec', NULL, NULL, NULL, NULL),
	('<', 'halfvec', 'halfvec_lt', 'boolean', '>', '>=', 'scalarltsel', 'scalarltjoinsel'),
	('<=', 'halfvec', 'halfvec_le', 'boolean', '>=', '>', 'scalarlesel', 'scalarlejoinsel'),
	('=', 'halfvec', 'halfvec_eq', 'boolean', '=', '<>', 'eqsel', 'eqjoinsel'),
	('<>', 'halfvec', 'halfvec_ne', 'boolean', '<>', '=', 'eqsel', 'eqjoinsel'),
	('>=', 'halfvec', 'halfvec_ge', 'boolean', '<=', '<', 'scalargesel', 'scalargejoinsel'),
	('>', 'halfvec', 'halfvec_gt', 'boolean', '<', '<=', 'scalargtsel', 'scalargtjoinsel'),
	('<~>', 'bit', 'hamming_distance', 'double precision', '<~>', NULL, NULL, NULL),
	('<%>', 'bit', 'jaccard_distance', 'double precision', '<%>', NULL, NULL, NULL),
	('<->', 'sparsevec', 'l2_distance', 'double precision', '<->', NULL, NULL, NULL),
	('<#>', 'sparsevec', 'sparsevec_negative_inner_product', 'double precision', '<#>', NULL, NULL, NULL),
	('<=>', 'sparsevec', 'cosine_distance', 'double precision', '<=>', NULL, NULL, NULL),
	('<+>', 'sparsevec', 'l1_distance', 'double precision', '<+>', NULL, NULL, NULL),
	('<', 'sparsevec', 'sparsevec_lt', 'boolean', '>', '>=', 'scalarltsel', 'scalarltjoinsel'),
	('<=', 'sparsevec', 'sparsevec_le', 'boolean', '>=', '>', 'scalarlesel', 'scalarlejoinsel'),
	('=', 'sparsevec', 'sparsevec_eq', 'boolean', '=', '<>', 'eqsel', 'eqjoinsel'),
	('<>', 'sparsevec', 'sparsevec_ne', 'boolean', '<>', '=', 'eqsel', 'eqjoinsel'),
	('>=', 'sparsevec', 'sparsevec_ge', 'boolean', '<=', '<', 'scalargesel', 'scalargejoinsel'),
	('>', 'sparsevec', 'sparsevec_gt', 'boolean', '<', '<=', 'scalargtsel', 'scalargtjoinsel');

CREATE TEMP TABLE expected_cast (source text, target text, function text, context "char");
INSERT INTO expected_cast VALUES
	('vector', 'vector', 'vector(vector, integer, boolean)', 'i'),
	('vector', 'real[]', 'vector_to_float4(vector, integer, boolean)', 'i'),
	('integer[]', 'vector', 'array_to_vector(integer[], integer, boolean)', 'a'),
	('real[]', 'vector', 'array_to_vector(real[], integer, boolean)', 'a'),
	('double precision[]', 'vector', 'array_to_vector(double precision[], integer, boolean)', 'a'),
	('numeric[]', 'vector', 'array_to_vector(numeric[], integer, boolean)', 'a'),
	('halfvec', 'halfvec', 'halfvec(halfvec, integer, boolean)', 'i'),
	('halfvec', 'vector', 'halfvec_to_vector(halfvec, integer, boolean)', 'a'),
	('vector', 'halfvec', 'vector_to_halfvec(vector, integer, boolean)', 'i'),
	('halfvec', 'real[]', 'halfvec_to_float4(halfvec, integer, boolean)', 'a'),
	('integer[]', 'halfvec', 'array_to_halfvec(integer[], integer, boolean)', 'a'),
	('real[]', 'halfvec', 'array_to_halfvec(real[], integer, boolean)', 'a'),
	('double precision[]', 'halfvec', 'array_to_halfvec(double precision[], integer, boolean)', 'a'),
	('numeric[]', 'halfvec', 'array_to_halfvec(numeric[], integer, boolean)', 'a'),
	('sparsevec', 'sparsevec', 'sparsevec(sparsevec, integer, boolean)', 'i'),
	('sparsevec', 'vector', 'sparsevec_to_vector(sparsevec, integer, boolean)', 'a'),
	('vector', 'sparsevec', 'vector_to_sparsevec(vector, integer, boolean)', 'i'),
	('sparsevec', 'halfvec', 'sparsevec_to_halfvec(sparsevec, integer, boolean)', 'a'),
	('halfvec', 'sparsevec', 'halfvec_to_sparsevec(halfvec, integer, boolean)', 'i'),
	('integer[]', 'sparsevec', 'array_to_sparsevec(integer[], integer, boolean)', 'a'),
	('real[]', 'sparsevec', 'array_to_sparsevec(real[], integer, boolean)', 'a'),
	('double precision[]', 'sparsevec', 'array_to_sparsevec(double precision[], integer, boolean)', 'a'),
	('numeric[]', 'sparsevec', 'array_to_sparsevec(numeric[], integer, boolean)', 'a');

CREATE TEMP TABLE expected_aggregate (name text, type text, sfunc text, stype text, finalfunc text, combinefunc text, initcond text);
INSERT INTO expected_aggregate VALUES
	('avg', 'vector', 'vector_accum', 'double precision[]', 'vector_avg', 'vector_combine', '{0}'),
	('sum', 'vector', 'vector_add', 'vector', '-', 'vector_add', NULL),
	('avg', 'halfvec', 'halfvec_accum', 'double precision[]', 'halfvec_avg', 'halfvec_combine', '{0}'),
	('sum', 'halfvec', 'halfvec_add', 'halfvec', '-', 'halfvec_add', NULL);

CREATE TEMP TABLE expected_opclass (name text, type text, method text, is_default boolean);
INSERT INTO expected_opclass VALUES
	('vector_ops', 'vector', 'btree', true),
	('vector_l2_ops', 'vector', 'ivfflat', true),
	('vector_ip_ops', 'vector', 'ivfflat', false),
	('vector_cosine_ops', 'vector', 'ivfflat', false),
	('vector_l2_ops', 'vector', 'hnsw', false),
	('vector_ip_ops', 'vector', 'hnsw', false),
	('vector_cosine_ops', 'vector', 'hnsw', false),
	('vector_l1_ops', 'vector', 'hnsw', false),
	('halfvec_ops', 'halfvec', 'btree', true),
	('halfvec_l2_ops', 'halfvec', 'ivfflat', false),
	('halfvec_ip_ops', 'halfvec', 'ivfflat', false),
	('halfvec_cosine_ops', 'halfvec', 'ivfflat', false),
	('halfvec_l2_ops', 'halfvec', 'hnsw', false),
	('halfvec_ip_ops', 'halfvec', 'hnsw', false),
	('halfvec_cosine_ops', 'halfvec', 'hnsw', false),
	('halfvec_l1_ops', 'halfvec', 'hnsw', false),
	('bit_hamming_ops', 'bit', 'ivfflat', false),
	('bit_hamming_ops', 'bit', 'hnsw', false),
	('bit_jaccard_ops', 'bit', 'hnsw', false),
	('sparsevec_ops', 'sparsevec', 'btree', true),
	('sparsevec_l2_ops', 'sparsevec', 'hnsw', false),
	('sparsevec_ip_ops', 'sparsevec', 'hnsw', false),
	('sparsevec_cosine_ops', 'sparsevec', 'hnsw', false),
	('sparsevec_l1_ops', 'sparsevec', 'hnsw', false);

CREATE TEMP TABLE expected_member (opclass text, method text, kind text, number int, object text, order_by text);
INSERT INTO expected_member VALUES
	('vector_ops', 'btree', 'operator', 1, '<(vector,vector)', NULL),
	('vector_ops', 'btree', 'operator', 2, '<=(vector,vector)', NULL),
	('vector_ops', 'btree', 'operator', 3, '=(vector,vector)', NULL),
	('vector_ops', 'btree', 'operator', 4, '>=(vector,vector)', NULL),
	('vector_ops', 'btree', 'operator', 5, '>(vector,vector)', NULL),
	('vector_ops', 'btree', 'function', 1, 'vector_cmp(vector,vector)', NULL),
	('vector_l2_ops', 'ivfflat', 'operator', 1, '<->(vector,vector)', 'float_ops'),
	('vector_l2_ops', 'ivfflat', 'function', 1, 'vector_l2_squared_distance(vector,vector)', NULL),
	('vector_l2_ops', 'ivfflat', 'function', 3, 'l2_distance(vector,vector)', NULL),
	('vector_ip_ops', 'ivfflat', 'operator', 1, '<#>(vector,vector)', 'float_ops'),
	('vector_ip_ops', 'ivfflat', 'function', 1, 'vector_negative_inner_product(vector,vector)', NULL),
	('vector_ip_ops', 'ivfflat', 'function', 3, 'vector_spherical_distance(vector,vector)', NULL),
	('vector_ip_ops', 'ivfflat', 'function', 4, 'vector_norm(vector)', NULL),
	('vector_cosine_ops', 'ivfflat', 'operator', 1, '<=>(vector,vector)', 'float_ops'),
	('vector_cosine_ops', 'ivfflat', 'function', 1, 'vector_negative_inner_product(vector,vector)', NULL),
	('vector_cosine_ops', 'ivfflat', 'function', 2, 'vector_norm(vector)', NULL),
	('vector_cosine_ops', 'ivfflat', 'function', 3, 'vector_spherical_distance(vector,vector)', NULL),
	('vector_cosine_ops', 'ivfflat', 'function', 4, 'vector_norm(vector)', NULL),
	('vector_l2_ops', 'hnsw', 'operator', 1, '<->(vector,vector)', 'float_ops'),
	('vector_l2_ops', 'hnsw', 'function', 1, 'vector_l2_squared_distance(vector,vector)', NULL),
	('vector_ip_ops', 'hnsw', 'operator', 1, '<#>(vector,vector)', 'float_ops'),
	('vector_ip_ops', 'hnsw', 'function', 1, 'vector_negative_inner_product(vector,vector)', NULL),
	('vector_cosine_ops', 'hnsw', 'operator', 1, '<=>(vector,vector)', 'float_ops'),
	('vector_cosine_ops', 'hnsw', 'function', 1, 'vector_negative_inner_product(vector,vector)', NULL),
	('vector_cosine_ops', 'hnsw', 'function', 2, 'vector_norm(vector)', NULL),
	('vector_l1_ops', 'hnsw', 'operator', 1, '<+>(vector,vector)', 'float_ops'),
	('vector_l1_ops', 'hnsw', 'function', 1, 'l1_distance(vector,vector)', NULL),
	('halfvec_ops', 'btree', 'operator', 1, '<(halfvec,halfvec)', NULL),
	('halfvec_ops', 'btree', 'operator', 2, '<=(halfvec,halfvec)', NULL),
	('halfvec_ops', 'btree', 'operator', 3, '=(halfvec,halfvec)', NULL),
	('halfvec_ops', 'btree', 'operator', 4, '>=(halfvec,halfvec)', NULL),
	('halfvec_ops', 'btree', 'operator', 5, '>(halfvec,halfvec)', NULL),
	('halfvec_ops', 'btree', 'function', 1, 'halfvec_cmp(halfvec,halfvec)', NULL),
	('halfvec_l2_ops', 'ivfflat', 'operator', 1, '<->(halfvec,halfvec)', 'float_ops'),
	('halfvec_l2_ops', 'ivfflat', 'function', 1, 'halfvec_l2_squared_distance(halfvec,halfvec)', NULL),
	('halfvec_l2_ops', 'ivfflat', 'function', 3, 'l2_distance(halfvec,halfvec)', NULL),
	('halfvec_l2_ops', 'ivfflat', 'function', 5, 'ivfflat_halfvec_support(internal)', NULL),
	('halfvec_ip_ops', 'ivfflat', 'operator', 1, '<#>(halfvec,halfvec)', 'float_ops'),
	('halfvec_ip_ops', 'ivfflat', 'function', 1, 'halfvec_negative_inner_product(halfvec,halfvec)', NULL),
	('halfvec_ip_ops', 'ivfflat', 'function', 3, 'halfvec_spherical_distance(halfvec,halfvec)', NULL),
	('halfvec_ip_ops', 'ivfflat', 'function', 4, 'l2_norm(halfvec)', NULL),
	('halfvec_ip_ops', 'ivfflat', 'function', 5, 'ivfflat_halfvec_support(internal)', NULL),
	('halfvec_cosine_ops', 'ivfflat', 'operator', 1, '<=>(halfvec,halfvec)', 'float_ops'),
	('halfvec_cosine_ops', 'ivfflat', 'function', 1, 'halfvec_negative_inner_product(halfvec,halfvec)', NULL),
	('halfvec_cosine_ops', 'ivfflat', 'function', 2, 'l2_norm(halfvec)', NULL),
	('halfvec_cosine_ops', 'ivfflat', 'function', 3, 'halfvec_spherical_distance(halfvec,halfvec)', NULL),
	('halfvec_cosine_ops', 'ivfflat', 'function', 4, 'l2_norm(halfvec)', NULL),
	('halfvec_cosine_ops', 'ivfflat', 'function', 5, 'ivfflat_halfvec_support(internal)', NULL),
	('halfvec_l2_ops', 'hnsw', 'operator', 1, '<->(halfvec,halfvec)', 'float_ops'),
	('halfvec_l2_ops', 'hnsw', 'function', 1, 'halfvec_l2_squared_distance(halfvec,halfvec)', NULL),
	('halfvec_l2_ops', 'hnsw', 'function', 3, 'hnsw_halfvec_support(internal)', NULL),
	('halfvec_ip_ops', 'hnsw', 'operator', 1, '<#>(halfvec,halfvec)', 'float_ops'),
	('halfvec_ip_ops', 'hnsw', 'function', 1, 'halfvec_negative_inner_product(halfvec,halfvec)', NULL),
	('halfvec_ip_ops', 'hnsw', 'function', 3, 'hnsw_halfvec_support(internal)', NULL),
	('halfvec_cosine_ops', 'hnsw', 'operator', 1, '<=>(halfvec,halfvec)', 'float_ops'),
	('halfvec_cosine_ops', 'hnsw', 'function', 1, 'halfvec_negative_inner_product(halfvec,halfvec)', NULL),
	('halfvec_cosine_ops', 'hnsw', 'function', 2, 'l2_norm(halfvec)', NULL),
	('halfvec_cosine_ops', 'hnsw', 'function', 3, 'hnsw_halfvec_support(internal)', NULL),
	('halfvec_l1_ops', 'hnsw', 'operator', 1, '<+>(halfvec,halfvec)', 'float_ops'),
	('halfvec_l1_ops', 'hnsw', 'function', 1, 'l1_distance(halfvec,halfvec)', NULL),
	('halfvec_l1_ops', 'hnsw', 'function', 3, 'hnsw_halfvec_support(internal)', NULL),
	('bit_hamming_ops', 'ivfflat', 'operator', 1, '<~>(bit,bit)', 'float_ops'),
	('bit_hamming_ops', 'ivfflat', 'function', 1, 'hamming_distance(bit,bit)', NULL),
	('bit_hamming_ops', 'ivfflat', 'function', 3, 'hamming_distance(bit,bit)', NULL),
	('bit_hamming_ops', 'ivfflat', 'function', 5, 'ivfflat_bit_support(internal)', NULL),
	('bit_hamming_ops', 'hnsw', 'operator', 1, '<~>(bit,bit)', 'float_ops'),
	('bit_hamming_ops', 'hnsw', 'function', 1, 'hamming_distance(bit,bit)', NULL),
	('bit_hamming_ops', 'hnsw', 'function', 3, 'hnsw_bit_support(internal)', NULL),
	('bit_jaccard_ops', 'hnsw', 'operator', 1, '<%>(bit,bit)', 'float_ops'),
	('bit_jaccard_ops', 'hnsw', 'function', 1, 'jaccard_distance(bit,bit)', NULL),
	('bit_jaccard_ops', 'hnsw', 'function', 3, 'hnsw_bit_support(internal)', NULL),
	('sparsevec_ops', 'btree', 'operator', 1, '<(sparsevec,sparsevec)', NULL),
	('sparsevec_ops', 'btree', 'operator', 2, '<=(sparsevec,sparsevec)', NULL),
	('sparsevec_ops', 'btree', 'operator', 3, '=(sparsevec,sparsevec)', NULL),
	('sparsevec_ops', 'btree', 'operator', 4, '>=(sparsevec,sparsevec)', NULL),
	('sparsevec_ops', 'btree', 'operator', 5, '>(sparsevec,sparsevec)', NULL),
	('sparsevec_ops', 'btree', 'function', 1, 'sparsevec_cmp(sparsevec,sparsevec)', NULL),
	('sparsevec_l2_ops', 'hnsw', 'operator', 1, '<->(sparsevec,sparsevec)', 'float_ops'),
	('sparsevec_l2_ops', 'hnsw', 'function', 1, 'sparsevec_l2_squared_distance(sparsevec,sparsevec)', NULL),
	('sparsevec_l2_ops', 'hnsw', 'function', 3, 'hnsw_sparsevec_support(internal)', NULL),
	('sparsevec_ip_ops', 'hnsw', 'operator', 1, '<#>(sparsevec,sparsevec)', 'float_ops'),
	('sparsevec_ip_ops', 'hnsw', 'function', 1, 'sparsevec_negative_inner_product(sparsevec,sparsevec)', NULL),
	('sparsevec_ip_ops', 'hnsw', 'function', 3, 'hnsw_sparsevec_support(internal)', NULL),
	('sparsevec_cosine_ops', 'hnsw', 'operator', 1, '<=>(sparsevec,sparsevec)', 'float_ops'),
	('sparsevec_cosine_ops', 'hnsw', 'function', 1, 'sparsevec_negative_inner_product(sparsevec,sparsevec)', NULL),
	('sparsevec_cosine_ops', 'hnsw', 'function', 2, 'l2_norm(sparsevec)', NULL),
	('sparsevec_cosine_ops', 'hnsw', 'function', 3, 'hnsw_sparsevec_support(internal)', NULL),
	('sparsevec_l1_ops', 'hnsw', 'operator', 1, '<+>(sparsevec,sparsevec)', 'float_ops'),
	('sparsevec_l1_ops', 'hnsw', 'function', 1, 'l1_distance(sparsevec,sparsevec)', NULL),
	('sparsevec_l1_ops', 'hnsw', 'function', 3, 'hnsw_sparsevec_support(internal)', NULL);

-- What the extension has beyond pgvector in its own schema. Everything else of its own is in the schema ruvector.
CREATE TEMP TABLE beyond (object text);
INSERT INTO beyond VALUES ('avg(sparsevec)'), ('sum(sparsevec)'), ('int8_codec(internal)'), ('pq_codec(internal)'), ('binary_codec(internal)');
-- Operator classes that pgvector does not have: those of codes.
CREATE TEMP TABLE beyond_opclass AS SELECT format('%s_%s_%s_ops', t, m, c) AS name, method
	FROM unnest(ARRAY['hnsw', 'ivfflat']) method, unnest(ARRAY['vector', 'halfvec']) t, unnest(ARRAY['l2', 'ip', 'cosine']) m, unnest(ARRAY['int8', 'pq', 'binary']) c;

CREATE TEMP TABLE own AS
	SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'ruvector';
-- Functions that belong to the extension and are in its schema.
CREATE TEMP VIEW actual_function AS
	SELECT p.oid, p.proname::text AS name, p.prokind,
		coalesce((SELECT string_agg(format_type(t, NULL), ', ' ORDER BY n) FROM unnest(p.proargtypes) WITH ORDINALITY a(t, n)), '') AS args,
		format_type(p.prorettype, NULL) AS result, p.provolatile AS volatility, p.proisstrict AS strict, p.proparallel AS parallel, p.proretset, l.lanname, p.prosrc, p.probin, p.prosecdef
	FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
	WHERE p.oid IN (SELECT objid FROM own WHERE classid = 'pg_proc'::regclass)
		AND p.pronamespace = (SELECT extnamespace FROM pg_extension WHERE extname = 'ruvector');
CREATE FUNCTION pg_temp.of_ivfflat(text) RETURNS boolean LANGUAGE sql AS $$ SELECT $1 LIKE 'ivfflat%' $$;
-- Without schema and arguments; casting an overloaded name to regproc would add the schema.
CREATE FUNCTION pg_temp.function_name(oid) RETURNS text LANGUAGE sql AS $$ SELECT proname::text FROM pg_proc WHERE oid = $1 $$;
CREATE FUNCTION pg_temp.operator_name(oid) RETURNS text LANGUAGE sql AS $$ SELECT oprname::text FROM pg_operator WHERE oid = $1 $$;

-- The tables above are complete.
SELECT is(count(*), 114::bigint, 'functions in the list') FROM expected_function;
SELECT is(count(*), 40::bigint, 'operators in the list') FROM expected_operator;
SELECT is(count(*), 23::bigint, 'casts in the list') FROM expected_cast;
SELECT is(count(*), 24::bigint, 'operator classes in the list') FROM expected_opclass;

-- Types.
SELECT is(
	(SELECT (typlen, typbyval, typtype, typcategory, typispreferred, typdelim, typalign, typstorage, typnotnull, typelem, typmodout::oid, typanalyze::oid, typinput, typoutput, typreceive, typsend, typmodin)::text
	 FROM pg_type WHERE oid = to_regtype(t)),
	format('(-1,f,b,U,f,",",i,e,f,0,0,0,%1$s_in,%1$s_out,%1$s_recv,%1$s_send,%1$s_typmod_in)', t), 'type ' || t)
FROM unnest(ARRAY['vector', 'halfvec', 'sparsevec']) t;

-- Functions.
CREATE TEMP VIEW function_facts AS
	SELECT e.name, e.name || '(' || e.args || ')' AS signature,
		(SELECT format('returns %s, volatility %s, strict %s, parallel %s, %s, set %s, definer %s', a.result, a.volatility, a.strict, a.parallel, a.lanname, a.proretset, a.prosecdef)
		 FROM actual_function a WHERE a.name = e.name AND a.args = e.args AND a.prokind = 'f') AS have,
		format('returns %s, volatility %s, strict %s, parallel %s, c, set f, definer f', e.result, e.volatility, e.strict, e.parallel) AS want
	FROM expected_function e;
SELECT is(have, want, signature) FROM function_facts WHERE NOT pg_temp.of_ivfflat(name) ORDER BY signature;
SELECT is(have, want, signature) FROM function_facts WHERE pg_temp.of_ivfflat(name) ORDER BY signature;
SELECT is_empty($$
	SELECT name || '(' || args || ')' FROM actual_function
	EXCEPT SELECT name || '(' || args || ')' FROM expected_function
	EXCEPT SELECT name || '(' || type || ')' FROM expected_aggregate
	EXCEPT SELECT object FROM beyond $$, 'no function of the extension in its schema that is not in the lists');
SELECT is_empty($$
	SELECT p.oid::regprocedure FROM pg_proc p
	WHERE p.proname IN (SELECT name FROM expected_function UNION SELECT name FROM expected_aggregate)
		AND p.proargtypes::oid[] && ARRAY['vector'::regtype, 'halfvec'::regtype, 'sparsevec'::regtype]::oid[]
		AND p.oid NOT IN (SELECT oid FROM actual_function)
		AND p.pronamespace <> 'ruvector'::regnamespace $$, 'no overload outside the extension');
SELECT is_empty($$
	SELECT p.oid::regprocedure FROM pg_proc p JOIN expected_function e ON e.name = p.proname
	WHERE p.pronamespace = 'ruvector'::regnamespace $$, 'none of the names again in the schema ruvector');
SELECT is_empty($$ SELECT name, prosrc FROM actual_function WHERE lanname = 'c' AND (prosrc NOT LIKE 'ruvector\_%' OR probin <> '$libdir/ruvector') $$,
	'C symbols begin with ruvector_');

-- Operators.
SELECT is(
	(SELECT format('%s returns %s, commutator %s, negator %s, restrict %s, join %s', pg_temp.function_name(o.oprcode), format_type(o.oprresult, NULL),
		pg_temp.operator_name(o.oprcom), pg_temp.operator_name(o.oprnegate), nullif(o.oprrest::oid, 0)::regproc, nullif(o.oprjoin::oid, 0)::regproc)
	 FROM pg_operator o WHERE o.oprname = e.name AND o.oprleft = e.type::regtype AND o.oprright = e.type::regtype
		AND o.oid IN (SELECT objid FROM own WHERE classid = 'pg_operator'::regclass)),
	format('%s returns %s, commutator %s, negator %s, restrict %s, join %s', e.procedure, e.result, e.commutator, e.negator, e.restrict_, e.join_),
	format('operator %s (%s, %s)', replace(e.name, '#', '\#'), e.type, e.type))
FROM expected_operator e ORDER BY e.type, e.name;
SELECT is((SELECT count(*) FROM own WHERE classid = 'pg_operator'::regclass), 40::bigint, 'no operator more');
SELECT is_empty($$
	SELECT o.oid::regoperator FROM pg_operator o
	WHERE o.oid IN (SELECT objid FROM own WHERE classid = 'pg_operator'::regclass) AND (o.oprcanhash <> (o.oprname = '=') OR o.oprcanmerge <> (o.oprname = '=')) $$,
	'beyond pgvector: = can hash and merge; the others cannot');

-- Casts.
SELECT is(
	(SELECT format('%s, context %s, method %s', c.castfunc::regprocedure, c.castcontext, c.castmethod) FROM pg_cast c
	 WHERE c.castsource = e.source::regtype AND c.casttarget = e.target::regtype AND c.oid IN (SELECT objid FROM own WHERE classid = 'pg_cast'::regclass)),
	format('%s, context %s, method f', replace(e.function, ', ', ','), e.context), format('cast (%s as %s)', e.source, e.target))
FROM expected_cast e ORDER BY e.source, e.target;
SELECT is((SELECT count(*) FROM own WHERE classid = 'pg_cast'::regclass), 23::bigint, 'no cast more');
SELECT is_empty($$
	SELECT castsource::regtype, casttarget::regtype FROM pg_cast
	WHERE (castsource IN ('vector'::regtype, 'halfvec'::regtype, 'sparsevec'::regtype) OR casttarget IN ('vector'::regtype, 'halfvec'::regtype, 'sparsevec'::regtype))
		AND oid NOT IN (SELECT objid FROM own WHERE classid = 'pg_cast'::regclass) $$, 'no cast outside the extension');

-- Aggregates.
SELECT is(
	(SELECT format('%s, %s, %s, %s, %s, kind %s, parallel %s, returns %s', pg_temp.function_name(a.aggtransfn), format_type(a.aggtranstype, NULL), coalesce(pg_temp.function_name(a.aggfinalfn), '-'), pg_temp.function_name(a.aggcombinefn), a.agginitval, f.prokind, f.parallel, f.result)
	 FROM actual_function f JOIN pg_aggregate a ON a.aggfnoid = f.oid WHERE f.name = e.name AND f.args = e.type),
	format('%s, %s, %s, %s, %s, kind a, parallel s, returns %s', e.sfunc, e.stype, e.finalfunc, e.combinefunc, e.initcond, e.type), format('aggregate %s(%s)', e.name, e.type))
FROM expected_aggregate e ORDER BY e.type, e.name;

-- Access methods.
SELECT is((SELECT format('%s %s', amtype, amhandler) FROM pg_am WHERE amname = 'hnsw'), 'i hnswhandler', 'access method hnsw');
SELECT is((SELECT format('%s %s', amtype, amhandler) FROM pg_am WHERE amname = 'ivfflat'), 'i ivfflathandler', 'access method ivfflat');

-- Operator classes and their members.
CREATE TEMP VIEW actual_opclass AS
	SELECT c.oid, c.opcname::text AS name, m.amname::text AS method, c.opcintype, c.opcdefault, c.opcfamily, c.opckeytype
	FROM pg_opclass c JOIN pg_am m ON m.oid = c.opcmethod
	WHERE c.oid IN (SELECT objid FROM own WHERE classid = 'pg_opclass'::regclass)
		AND c.opcnamespace = (SELECT extnamespace FROM pg_extension WHERE extname = 'ruvector');
CREATE TEMP VIEW opclass_facts AS
	SELECT e.name, e.type, e.method,
		(SELECT format('%s, default %s, key %s', format_type(a.opcintype, NULL), a.opcdefault, a.opckeytype) FROM actual_opclass a WHERE a.name = e.name AND a.method = e.method) AS have,
		format('%s, default %s, key 0', e.type, e.is_default) AS want
	FROM expected_opclass e;
CREATE TEMP VIEW actual_member AS
	SELECT a.name AS opclass, a.method, 'operator' AS kind, o.amopstrategy::int AS number,
		(SELECT format('%s(%s,%s)', oprname, format_type(oprleft, NULL), format_type(oprright, NULL)) FROM pg_operator WHERE oid = o.amopopr) AS object,
		(SELECT opfname::text FROM pg_opfamily WHERE oid = o.amopsortfamily AND opfnamespace = 'pg_catalog'::regnamespace) AS order_by
	FROM actual_opclass a JOIN pg_amop o ON o.amopfamily = a.opcfamily
	UNION ALL
	SELECT a.name, a.method, 'function', p.amprocnum, p.amproc::regprocedure::text, NULL
	FROM actual_opclass a JOIN pg_amproc p ON p.amprocfamily = a.opcfamily;
CREATE TEMP VIEW member_facts AS
	SELECT e.*, EXISTS (SELECT FROM actual_member a WHERE a.opclass = e.opclass AND a.method = e.method AND a.kind = e.kind AND a.number = e.number
		AND a.object = e.object AND a.order_by IS NOT DISTINCT FROM e.order_by) AS have
	FROM expected_member e;
SELECT is(have, want, format('operator class %s using %s', name, method)) FROM opclass_facts WHERE method <> 'ivfflat' ORDER BY method, name;
SELECT ok(have, format('%s using %s: %s %s %s', opclass, method, kind, number, replace(object, '#', '\#'))) FROM member_facts WHERE method <> 'ivfflat' ORDER BY method, opclass, kind, number;
SELECT is(have, want, format('operator class %s using %s', name, method)) FROM opclass_facts WHERE method = 'ivfflat' ORDER BY method, name;
SELECT ok(have, format('%s using %s: %s %s %s', opclass, method, kind, number, replace(object, '#', '\#'))) FROM member_facts WHERE method = 'ivfflat' ORDER BY method, opclass, kind, number;
SELECT is_empty($$
	(SELECT name, method FROM actual_opclass EXCEPT SELECT name, method FROM expected_opclass) EXCEPT SELECT name, method FROM beyond_opclass $$, 'no operator class more in the schema of the extension');
SELECT is_empty($$
	SELECT DISTINCT opclass, method, kind, number, object FROM actual_member WHERE method = 'btree'
	EXCEPT SELECT opclass, method, kind, number, object FROM expected_member $$, 'no member more in the btree classes');

-- Comments on everything.
SELECT is_empty($$
	SELECT pg_describe_object(classid, objid, 0) FROM own
	WHERE obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)) IS NULL
		AND classid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_cast'::regclass, 'pg_opclass'::regclass, 'pg_am'::regclass, 'pg_namespace'::regclass)
	UNION ALL
	SELECT format_type(oid, NULL) FROM pg_type WHERE oid IN (SELECT objid FROM own WHERE classid = 'pg_type'::regclass) AND typtype = 'b' AND typelem = 0 AND obj_description(oid, 'pg_type') IS NULL
	$$, 'every object has a comment');

-- Privileges.
SELECT is_empty($$ SELECT oid::regprocedure FROM actual_function WHERE NOT has_function_privilege('public', oid, 'EXECUTE') $$, 'PUBLIC may execute every function of the surface');
SELECT is_empty($$ SELECT t FROM unnest(ARRAY['vector', 'halfvec', 'sparsevec']) t WHERE NOT has_type_privilege('public', t, 'USAGE') $$, 'PUBLIC may use the types');
SELECT ok(has_schema_privilege('public', 'ruvector', 'USAGE'), 'PUBLIC may look into the schema ruvector');
SELECT ok(NOT has_schema_privilege('public', 'ruvector', 'CREATE'), 'PUBLIC may not create in it');
SELECT is((SELECT (trusted, relocatable)::text FROM pg_available_extension_versions WHERE name = 'ruvector' AND installed), '(t,f)', 'the extension is trusted and not relocatable');

SELECT * FROM finish();
ROLLBACK;
