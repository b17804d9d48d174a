-- 33_ivfflat_codecs.sql - operator classes of ivfflat that keep a code of each vector instead of the vector: a suffix after the
-- name of the plain class, as with hnsw. Support function 6 names the codec.

CREATE OPERATOR CLASS vector_l2_int8_ops
	FOR TYPE vector USING ivfflat AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_l2_squared_distance(vector, vector),
	FUNCTION 6 int8_codec(internal);
COMMENT ON OPERATOR CLASS vector_l2_int8_ops USING ivfflat IS 'nearest vectors by Euclidean distance, ORDER BY column <-> query; a byte a dimension in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS vector_l2_pq_ops
	FOR TYPE vector USING ivfflat AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_l2_squared_distance(vector, vector),
	FUNCTION 6 pq_codec(internal);
COMMENT ON OPERATOR CLASS vector_l2_pq_ops USING ivfflat IS 'nearest vectors by Euclidean distance, ORDER BY column <-> query; product quantization of the residual in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS vector_l2_binary_ops
	FOR TYPE vector USING ivfflat AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_l2_squared_distance(vector, vector),
	FUNCTION 6 binary_codec(internal);
COMMENT ON OPERATOR CLASS vector_l2_binary_ops USING ivfflat IS 'nearest vectors by Euclidean distance, ORDER BY column <-> query; a bit a dimension of the residual in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS vector_ip_int8_ops
	FOR TYPE vector USING ivfflat AS
	OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 6 int8_codec(internal);
COMMENT ON OPERATOR CLASS vector_ip_int8_ops USING ivfflat IS 'vectors of the largest inner product, ORDER BY column <#> query; a byte a dimension in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS vector_ip_pq_ops
	FOR TYPE vector USING ivfflat AS
	OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 6 pq_codec(internal);
COMMENT ON OPERATOR CLASS vector_ip_pq_ops USING ivfflat IS 'vectors of the largest inner product, ORDER BY column <#> query; product quantization of the residual in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS vector_ip_binary_ops
	FOR TYPE vector USING ivfflat AS
	OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 6 binary_codec(internal);
COMMENT ON OPERATOR CLASS vector_ip_binary_ops USING ivfflat IS 'vectors of the largest inner product, ORDER BY column <#> query; a bit a dimension of the residual in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS vector_cosine_int8_ops
	FOR TYPE vector USING ivfflat AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 2 vector_norm(vector),
	FUNCTION 6 int8_codec(internal);
COMMENT ON OPERATOR CLASS vector_cosine_int8_ops USING ivfflat IS 'nearest vectors by cosine distance, ORDER BY column <=> query; a byte a dimension in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS vector_cosine_pq_ops
	FOR TYPE vector USING ivfflat AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 2 vector_norm(vector),
	FUNCTION 6 pq_codec(internal);
COMMENT ON OPERATOR CLASS vector_cosine_pq_ops USING ivfflat IS 'nearest vectors by cosine distance, ORDER BY column <=> query; product quantization of the residual in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS vector_cosine_binary_ops
	FOR TYPE vector USING ivfflat AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_negative_inner_product(vector, vector),
	FUNCTION 2 vector_norm(vector),
	FUNCTION 6 binary_codec(internal);
COMMENT ON OPERATOR CLASS vector_cosine_binary_ops USING ivfflat IS 'nearest vectors by cosine distance, ORDER BY column <=> query; a bit a dimension of the residual in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS halfvec_l2_int8_ops
	FOR TYPE halfvec USING ivfflat AS
	OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_l2_squared_distance(halfvec, halfvec),
	FUNCTION 5 ivfflat_halfvec_support(internal),
	FUNCTION 6 int8_codec(internal);
COMMENT ON OPERATOR CLASS halfvec_l2_int8_ops USING ivfflat IS 'nearest halfvecs by Euclidean distance, ORDER BY column <-> query; a byte a dimension in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS halfvec_l2_pq_ops
	FOR TYPE halfvec USING ivfflat AS
	OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_l2_squared_distance(halfvec, halfvec),
	FUNCTION 5 ivfflat_halfvec_support(internal),
	FUNCTION 6 pq_codec(internal);
COMMENT ON OPERATOR CLASS halfvec_l2_pq_ops USING ivfflat IS 'nearest halfvecs by Euclidean distance, ORDER BY column <-> query; product quantization of the residual in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS halfvec_l2_binary_ops
	FOR TYPE halfvec USING ivfflat AS
	OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_l2_squared_distance(halfvec, halfvec),
	FUNCTION 5 ivfflat_halfvec_support(internal),
	FUNCTION 6 binary_codec(internal);
COMMENT ON OPERATOR CLASS halfvec_l2_binary_ops USING ivfflat IS 'nearest halfvecs by Euclidean distance, ORDER BY column <-> query; a bit a dimension of the residual in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS halfvec_ip_int8_ops
	FOR TYPE halfvec USING ivfflat AS
	OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
	FUNCTION 5 ivfflat_halfvec_support(internal),
	FUNCTION 6 int8_codec(internal);
COMMENT ON OPERATOR CLASS halfvec_ip_int8_ops USING ivfflat IS 'halfvecs of the largest inner product, ORDER BY column <#> query; a byte a dimension in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS halfvec_ip_pq_ops
	FOR TYPE halfvec USING ivfflat AS
	OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
	FUNCTION 5 ivfflat_halfvec_support(internal),
	FUNCTION 6 pq_codec(internal);
COMMENT ON OPERATOR CLASS halfvec_ip_pq_ops USING ivfflat IS 'halfvecs of the largest inner product, ORDER BY column <#> query; product quantization of the residual in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS halfvec_ip_binary_ops
	FOR TYPE halfvec USING ivfflat AS
	OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
	FUNCTION 5 ivfflat_halfvec_support(internal),
	FUNCTION 6 binary_codec(internal);
COMMENT ON OPERATOR CLASS halfvec_ip_binary_ops USING ivfflat IS 'halfvecs of the largest inner product, ORDER BY column <#> query; a bit a dimension of the residual in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS halfvec_cosine_int8_ops
	FOR TYPE halfvec USING ivfflat AS
	OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
	FUNCTION 2 l2_norm(halfvec),
	FUNCTION 5 ivfflat_halfvec_support(internal),
	FUNCTION 6 int8_codec(internal);
COMMENT ON OPERATOR CLASS halfvec_cosine_int8_ops USING ivfflat IS 'nearest halfvecs by cosine distance, ORDER BY column <=> query; a byte a dimension in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS halfvec_cosine_pq_ops
	FOR TYPE halfvec USING ivfflat AS
	OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
	FUNCTION 2 l2_norm(halfvec),
	FUNCTION 5 ivfflat_halfvec_support(internal),
	FUNCTION 6 pq_codec(internal);
COMMENT ON OPERATOR CLASS halfvec_cosine_pq_ops USING ivfflat IS 'nearest halfvecs by cosine distance, ORDER BY column <=> query; product quantization of the residual in the index, exact order by the table''s vectors';

CREATE OPERATOR CLASS halfvec_cosine_binary_ops
	FOR TYPE halfvec USING ivfflat AS
	OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY float_ops,
	FUNCTION 1 halfvec_negative_inner_product(halfvec, halfvec),
	FUNCTION 2 l2_norm(halfvec),
	FUNCTION 5 ivfflat_halfvec_support(internal),
	FUNCTION 6 binary_codec(internal);
COMMENT ON OPERATOR CLASS halfvec_cosine_binary_ops USING ivfflat IS 'nearest halfvecs by cosine distance, ORDER BY column <=> query; a bit a dimension of the residual in the index, exact order by the table''s vectors';
