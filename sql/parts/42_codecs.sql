-- Codes of vectors for those who want them themselves: int8, binary (one bit a coordinate), pq (product quantization).
CREATE FUNCTION ruvector.int8_quantize(vector) RETURNS bytea
	AS 'MODULE_PATHNAME', 'ruvector_int8_quantize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.int8_quantize(vector) IS
	'code of a byte a dimension (and 32 bytes), between the vector''s own smallest and largest coordinate; 22003 if the squared norm overflows';

CREATE FUNCTION ruvector.int8_reconstruct(code bytea) RETURNS vector
	AS 'MODULE_PATHNAME', 'ruvector_int8_reconstruct' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.int8_reconstruct(bytea) IS
	'the vector that a code of int8_quantize stands for; 22P03 if it is none';

CREATE FUNCTION ruvector.int8_distance(code bytea, query vector, metric text DEFAULT 'l2') RETURNS double precision
	AS 'MODULE_PATHNAME', 'ruvector_int8_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ruvector.int8_distance(bytea, vector, text) IS
	'estimate of what <-> (metric l2), <#> (ip) or <=> (cosine) gives between the coded vector and the query; 22P03 if it is no code of int8_quantize, 22000 if dimensions differ, 22023 for another metric';

CREATE FUNCTION ruvector.binary_quantize(vector, seed bigint DEFAULT 0) RETURNS bytea
	AS 'MODULE_PATHNAME', 'ruvector_binary_quantize_code' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ruvector.binary_quantize(vector, bigint) IS
	'code of a bit a dimension (and 28 bytes): signs of the randomly rotated vector with the factors of RaBitQ (arXiv 2405.12497); the seed chooses the rotation and is in the code; best for vectors around the origin';

CREATE FUNCTION ruvector.binary_reconstruct(code bytea) RETURNS vector
	AS 'MODULE_PATHNAME', 'ruvector_binary_reconstruct' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ruvector.binary_reconstruct(bytea) IS
	'the vector that a code of ruvector.binary_quantize stands for, about 0.8 times as long as the original; 22P03 if it is none';

CREATE FUNCTION ruvector.binary_distance(code bytea, query vector, metric text DEFAULT 'l2') RETURNS double precision
	AS 'MODULE_PATHNAME', 'ruvector_binary_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION ruvector.binary_distance(bytea, vector, text) IS
	'unbiased estimate of what <-> (metric l2, of its square), <#> (ip) or <=> (cosine) gives between the coded vector and the query; 22P03 if it is no code of ruvector.binary_quantize, 22000 if dimensions differ, 22023 for another metric';

CREATE FUNCTION ruvector.pq_train_on(sample vector[], subspaces integer DEFAULT NULL, bits integer DEFAULT 4, seed bigint DEFAULT 0) RETURNS bytea
	AS 'MODULE_PATHNAME', 'ruvector_pq_train' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION ruvector.pq_train_on(vector[], integer, integer, bigint) IS
	'codebook of a product quantizer (Jegou et al. 2011): 16 (bits 4) or 256 (bits 8) centroids in each subspace, by k-means over the sample; 2,048 sample vectors (bits 4) or 8,192 (bits 8, which takes up to a minute) are enough. Subspaces: by default of 2 (bits 4) or 4 dimensions. The same seed gives the same codebook. 22023 for an empty sample or parameters out of range';

CREATE FUNCTION ruvector._sample_vectors(rel regclass, col name, n integer, seed bigint) RETURNS vector[]
	LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	pages bigint := pg_relation_size(rel) / current_setting('block_size')::bigint;
	estimate double precision := (SELECT reltuples FROM pg_class WHERE oid = rel);
	share double precision := 100;
	vectors @extschema@.vector[];
BEGIN
	IF n < 1 THEN
		RAISE EXCEPTION 'the number of sample rows must be at least 1, not %', n USING ERRCODE = 'invalid_parameter_value';
	END IF;
	-- Whole pages, as ANALYZE takes them, of a large table; twice what is needed, since rows may be dead or NULL.
	IF estimate > 4.0 * n AND pages > 100 THEN
		share := least(100, greatest(100 * 2.0 * n / estimate, 100 * 20.0 / pages));
	END IF;
	EXECUTE format('SELECT array_agg(v) FROM (SELECT %1$I::@extschema@.vector AS v FROM %2$s TABLESAMPLE SYSTEM (%3$s) REPEATABLE (%4$s)
		WHERE %1$I IS NOT NULL ORDER BY hashtidextended(ctid, %4$s) LIMIT %5$s) s', col, rel, share, seed, n) INTO vectors;
	RETURN coalesce(vectors, '{}');
END $$;
COMMENT ON FUNCTION ruvector._sample_vectors(regclass, name, integer, bigint) IS
	'internal: up to n random vectors of a column; the same rows for the same table and seed';

CREATE FUNCTION ruvector.pq_train(rel regclass, col name, subspaces integer DEFAULT NULL, bits integer DEFAULT 4, seed bigint DEFAULT 0, sample_rows integer DEFAULT 2048) RETURNS bytea
	LANGUAGE sql STABLE COST 100000 AS $$
	SELECT ruvector.pq_train_on(ruvector._sample_vectors(rel, col, sample_rows, seed), subspaces, bits, seed)
$$;
COMMENT ON FUNCTION ruvector.pq_train(regclass, name, integer, integer, bigint, integer) IS
	'ruvector.pq_train_on of a random sample of a column, of type vector or halfvec, of a table; the same table and seed give the same codebook';

CREATE FUNCTION ruvector.pq_quantize(codebook bytea, vector) RETURNS bytea
	AS 'MODULE_PATHNAME', 'ruvector_pq_quantize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ruvector.pq_quantize(bytea, vector) IS
	'code of 4 or 8 bits a subspace (and 28 bytes) by a codebook of pq_train; 22P03 if that is none, 22000 if dimensions differ';

CREATE FUNCTION ruvector.pq_reconstruct(codebook bytea, code bytea) RETURNS vector
	AS 'MODULE_PATHNAME', 'ruvector_pq_reconstruct' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ruvector.pq_reconstruct(bytea, bytea) IS
	'the centroids that a code of pq_quantize names; 22023 if it is of another codebook';

CREATE FUNCTION ruvector.pq_distance(codebook bytea, code bytea, query vector, metric text DEFAULT 'l2') RETURNS double precision
	AS 'MODULE_PATHNAME', 'ruvector_pq_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ruvector.pq_distance(bytea, bytea, vector, text) IS
	'estimate of what <-> (metric l2), <#> (ip) or <=> (cosine) gives between the coded vector and the query; each call reads the whole codebook';

CREATE FUNCTION ruvector._measure_codecs(sample vector[], measured integer, k integer, metric text, seed bigint,
		OUT codec text[], OUT bytes integer[], OUT recall double precision[], OUT candidates integer[])
	AS 'MODULE_PATHNAME', 'ruvector_measure_codecs' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION ruvector._measure_codecs(vector[], integer, integer, text, bigint) IS
	'internal: of the first `measured` vectors a fifth (at most 100) are queries to the others; vectors after them are for training';

CREATE FUNCTION ruvector.quantization_report(rel regclass, col name, sample integer DEFAULT 1000, k integer DEFAULT 10, metric text DEFAULT 'cosine', seed bigint DEFAULT 0)
	RETURNS TABLE (codec text, bytes_per_vector integer, recall_no_rerank double precision, candidates_for_99 integer, opclass text, advised boolean)
	LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	type_name text := (SELECT t.typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = rel AND a.attname = col AND NOT a.attisdropped);
BEGIN
	IF type_name IS NULL OR type_name NOT IN ('vector', 'halfvec') THEN
		RAISE EXCEPTION 'column % of % is not of type vector or halfvec', quote_ident(col), rel USING ERRCODE = 'wrong_object_type';
	END IF;
	IF sample < 1 OR sample > 100000 THEN
		RAISE EXCEPTION 'sample must be between 1 and 100000, not %', sample USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN QUERY
		SELECT m.codec, m.bytes, m.recall, m.candidates, format('%s_%s_%s_ops', type_name, metric, m.codec),
			m.bytes = min(m.bytes) FILTER (WHERE m.codec = 'int8' OR m.candidates <= 5 * k) OVER ()
		FROM (SELECT unnest(r.codec) AS codec, unnest(r.bytes) AS bytes, unnest(r.recall) AS recall, unnest(r.candidates) AS candidates
			FROM ruvector._measure_codecs(ruvector._sample_vectors(rel, col, sample + 2048, seed), sample, k, metric, seed) r) m
		ORDER BY m.bytes DESC;
END $$;
COMMENT ON FUNCTION ruvector.quantization_report(regclass, name, integer, integer, text, bigint) IS
	'what each codec would do to a column, measured on random rows against exact answers: bytes of a code, recall of the k nearest by code alone, how many candidates by code have 99 % of them, the operator class, and whether it is the smallest that needs at most 5 k candidates. A table has more rows than the sample, so more candidates are needed there: the larger the sample, the nearer to the truth. Metric l2, ip or cosine. 22023 if there are too few rows, 42809 for a column of another type';
