-- 32_hnsw_codecs.sql - operator classes of hnsw that keep a code of each vector instead of the vector: a suffix after the name of
-- the plain class. Support function 4 names the codec.

CREATE FUNCTION int8_codec(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'ruvector_int8_codec' LANGUAGE C;
COMMENT ON FUNCTION int8_codec(internal) IS 'support function of operator classes: the index keeps a byte a dimension';

CREATE FUNCTION pq_codec(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'ruvector_pq_codec' LANGUAGE C;
COMMENT ON FUNCTION pq_codec(internal) IS 'support function of operator classes: the index keeps product quantization';

CREATE FUNCTION binary_codec(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'ruvector_binary_codec' LANGUAGE C;
COMMENT ON FUNCTION binary_codec(internal) IS 'support function of operator classes: the index keeps a bit a dimension';

CREATE OPERATOR CLASS vector_l2_int8_ops
	FOR TYPE vector USING hnsw AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_l2_squared_distance(vector, vector),
	FUNCTION 4 int8_codec(internal);
COMMENT ON OPERATOR CLASS vector_l2_int8_ops USING hnsw IS 'nearest vectors by Euclidean distance, ORDER BY column <-> query; a byte a dimension in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS vector_l2_pq_ops
	FOR TYPE vector USING hnsw AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_l2_squared_distance(vector, vector),
	FUNCTION 4 pq_codec(internal);
COMMENT ON OPERATOR CLASS vector_l2_pq_ops USING hnsw IS 'nearest vectors by Euclidean distance, ORDER BY column <-> query; product quantization in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS vector_l2_binary_ops
	FOR TYPE vector USING hnsw AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_l2_squared_distance(vector, vector),
	FUNCTION 4 binary_codec(internal);
COMMENT ON OPERATOR CLASS vector_l2_binary_ops USING hnsw IS 'nearest vectors by Euclidean distance, ORDER BY column <-> query; a bit a dimension in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS vector_ip_int8_ops
	FOR TYPE vector USING hnsw AS
	OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 4 int8_codec(internal);
COMMENT ON OPERATOR CLASS vector_ip_int8_ops USING hnsw IS 'vectors of the largest inner product, ORDER BY column <#> query; a byte a dimension in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS vector_ip_pq_ops
	FOR TYPE vector USING hnsw AS
	OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 4 pq_codec(internal);
COMMENT ON OPERATOR CLASS vector_ip_pq_ops USING hnsw IS 'vectors of the largest inner product, ORDER BY column <#> query; product quantization in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS vector_ip_binary_ops
	FOR TYPE vector USING hnsw AS
	OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 4 binary_codec(internal);
COMMENT ON OPERATOR CLASS vector_ip_binary_ops USING hnsw IS 'vectors of the largest inner product, ORDER BY column <#> query; a bit a dimension in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS vector_cosine_int8_ops
	FOR TYPE vector USING hnsw AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 2 vector_norm(vector),
	FUNCTION 4 int8_codec(internal);
COMMENT ON OPERATOR CLASS vector_cosine_int8_ops USING hnsw IS 'nearest vectors by cosine distance, ORDER BY column <=> query; a byte a dimension in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS vector_cosine_pq_ops
	FOR TYPE vector USING hnsw AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 2 vector_norm(vector),
	FUNCTION 4 pq_codec(internal);
COMMENT ON OPERATOR CLASS vector_cosine_pq_ops USING hnsw IS 'nearest vectors by cosine distance, ORDER BY column <=> query; product quantization in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS vector_cosine_binary_ops
	FOR TYPE vector USING hnsw AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 2 vector_norm(vector),
	FUNCTION 4 binary_codec(internal);
COMMENT ON OPERATOR CLASS vector_cosine_binary_ops USING hnsw IS 'nearest vectors by cosine distance, ORDER BY column <=> query; a bit a dimension in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS halfvec_l2_int8_ops
	FOR TYPE halfvec USING hnsw AS
	OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_l2_squared_distance(halfvec, halfvec),
	FUNCTION 3 hnsw_halfvec_support(internal),
	FUNCTION 4 int8_codec(internal);
COMMENT ON OPERATOR CLASS halfvec_l2_int8_ops USING hnsw IS 'nearest halfvecs by Euclidean distance, ORDER BY column <-> query; a byte a dimension in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS halfvec_l2_pq_ops
	FOR TYPE halfvec USING hnsw AS
	OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_l2_squared_distance(halfvec, halfvec),
	FUNCTION 3 hnsw_halfvec_support(internal),
	FUNCTION 4 pq_codec(internal);
COMMENT ON OPERATOR CLASS halfvec_l2_pq_ops USING hnsw IS 'nearest halfvecs by Euclidean distance, ORDER BY column <-> query; product quantization in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS halfvec_l2_binary_ops
	FOR TYPE halfvec USING hnsw AS
	OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_l2_squared_distance(halfvec, halfvec),
	FUNCTION 3 hnsw_halfvec_support(internal),
	FUNCTION 4 binary_codec(internal);
COMMENT ON OPERATOR CLASS halfvec_l2_binary_ops USING hnsw IS 'nearest halfvecs by Euclidean distance, ORDER BY column <-> query; a bit a dimension in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS halfvec_ip_int8_ops
	FOR TYPE halfvec USING hnsw AS
	OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
	FUNCTION 3 hnsw_halfvec_support(internal),
	FUNCTION 4 int8_codec(internal);
COMMENT ON OPERATOR CLASS halfvec_ip_int8_ops USING hnsw IS 'halfvecs of the largest inner product, ORDER BY column <#> query; a byte a dimension in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS halfvec_ip_pq_ops
	FOR TYPE halfvec USING hnsw AS
	OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
	FUNCTION 3 hnsw_halfvec_support(internal),
	FUNCTION 4 pq_codec(internal);
COMMENT ON OPERATOR CLASS halfvec_ip_pq_ops USING hnsw IS 'halfvecs of the largest inner product, ORDER BY column <#> query; product quantization in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS halfvec_ip_binary_ops
	FOR TYPE halfvec USING hnsw AS
	OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
	FUNCTION 3 hnsw_halfvec_support(internal),
	FUNCTION 4 binary_codec(internal);
COMMENT ON OPERATOR CLASS halfvec_ip_binary_ops USING hnsw IS 'halfvecs of the largest inner product, ORDER BY column <#> query; a bit a dimension in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS halfvec_cosine_int8_ops
	FOR TYPE halfvec USING hnsw AS
	OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
	FUNCTION 2 l2_norm(halfvec),
	FUNCTION 3 hnsw_halfvec_support(internal),
	FUNCTION 4 int8_codec(internal);
COMMENT ON OPERATOR CLASS halfvec_cosine_int8_ops USING hnsw IS 'nearest halfvecs by cosine distance, ORDER BY column <=> query; a byte a dimension in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS halfvec_cosine_pq_ops
	FOR TYPE halfvec USING hnsw AS
	OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
	FUNCTION 2 l2_norm(halfvec),
	FUNCTION 3 hnsw_halfvec_support(internal),
	FUNCTION 4 pq_codec(internal);
COMMENT ON OPERATOR CLASS halfvec_cosine_pq_ops USING hnsw IS 'nearest halfvecs by cosine distance, ORDER BY column <=> query; product quantization in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS halfvec_cosine_binary_ops
	FOR TYPE halfvec USING hnsw AS
	OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
	FUNCTION 2 l2_norm(halfvec),
	FUNCTION 3 hnsw_halfvec_support(internal),
	FUNCTION 4 binary_codec(internal);
COMMENT ON OPERATOR CLASS halfvec_cosine_binary_ops USING hnsw IS 'nearest halfvecs by cosine distance, ORDER BY column <=> query; a bit a dimension in the index, exact order by the table''s vectors';
