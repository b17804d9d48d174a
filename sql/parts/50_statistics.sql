-- Statistics, Merkle trees, diversity and term scores of agent memory: pure functions, no table is read but by
-- estimate_uplift. src/stats, src/memory, src/api/{statistics,uplift,merkle,ranking}.cpp; docs/memory/statistics.md.

-- Distributions.
CREATE FUNCTION ruvector.normal_cdf(z float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'ruvector_normal_cdf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.normal_cdf(float8) IS 'P(Z <= z) of the standard normal distribution';

CREATE FUNCTION ruvector.normal_quantile(p float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'ruvector_normal_quantile' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.normal_quantile(float8) IS 'the z with P(Z <= z) = p; infinite for 0 and 1; error outside 0 to 1';

CREATE FUNCTION ruvector.student_quantile(p float8, df float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'ruvector_student_quantile' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.student_quantile(float8, float8) IS
	'quantile of Student''s t distribution; df > 0, may be fractional';

CREATE FUNCTION ruvector.beta_quantile(p float8, a float8, b float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'ruvector_beta_quantile' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.beta_quantile(float8, float8, float8) IS
	'quantile of Beta(a, b), a and b > 0; beta_quantile(random(), 1 + successes, 1 + failures) is a Thompson draw of a success rate';

-- Success counts.
CREATE FUNCTION ruvector.wilson_interval(successes bigint, trials bigint, confidence_level float8 DEFAULT 0.95,
	OUT low float8, OUT high float8)
	AS 'MODULE_PATHNAME', 'ruvector_wilson_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.wilson_interval(bigint, bigint, float8) IS
	'confidence interval of a success rate by Wilson''s score method; (0, 1) without trials; error unless 0 <= successes <= trials';

CREATE FUNCTION ruvector.newcombe_interval(successes_1 bigint, trials_1 bigint, successes_0 bigint, trials_0 bigint,
	confidence_level float8 DEFAULT 0.95, OUT difference float8, OUT low float8, OUT high float8)
	AS 'MODULE_PATHNAME', 'ruvector_newcombe_interval' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.newcombe_interval(bigint, bigint, bigint, bigint, float8) IS
	'difference of two success rates (first less second) with Newcombe''s hybrid score interval (1998, method 10); NULLs without trials in either';

CREATE FUNCTION ruvector.beta_superiority(a1 float8, b1 float8, a0 float8, b0 float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'ruvector_beta_superiority' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.beta_superiority(float8, float8, float8, float8) IS
	'P(X > Y) of independent X ~ Beta(a1, b1) and Y ~ Beta(a0, b0); with a uniform prior a = 1 + successes and b = 1 + failures';

CREATE FUNCTION ruvector.fisher_exact(a bigint, b bigint, c bigint, d bigint,
	OUT odds_ratio float8, OUT p_value float8, OUT p_greater float8, OUT p_less float8)
	AS 'MODULE_PATHNAME', 'ruvector_fisher_exact' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.fisher_exact(bigint, bigint, bigint, bigint) IS
	'Fisher''s exact test of the table (a b / c d): odds ratio ad/bc of the sample (NULL if 0/0), p-values two-sided, for an a as large or larger, and as small or smaller';

CREATE FUNCTION ruvector.log_likelihood_ratio(a bigint, b bigint, c bigint, d bigint, OUT g2 float8, OUT p_value float8)
	AS 'MODULE_PATHNAME', 'ruvector_log_likelihood_ratio' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.log_likelihood_ratio(bigint, bigint, bigint, bigint) IS
	'G2 of the table (a b / c d) (Dunning 1993) and its p-value, chi-squared with 1 degree of freedom; G2 has no sign: compare a/(a+b) with c/(c+d)';

-- Differences of means.
CREATE FUNCTION ruvector.welch_test(treatment float8[], control float8[], confidence_level float8 DEFAULT 0.95,
	OUT uplift float8, OUT se float8, OUT df float8, OUT t float8, OUT p_value float8, OUT ci_low float8, OUT ci_high float8)
	AS 'MODULE_PATHNAME', 'ruvector_welch_test' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.welch_test(float8[], float8[], float8) IS
	'difference of two means with unequal variances (Welch 1947), two-sided; all NULL with fewer than 2 values in an arm, uplift and se = 0 only where both arms are constant';

CREATE FUNCTION ruvector.welch_test(n_treatment bigint, mean_treatment float8, variance_treatment float8,
	n_control bigint, mean_control float8, variance_control float8, confidence_level float8 DEFAULT 0.95,
	OUT uplift float8, OUT se float8, OUT df float8, OUT t float8, OUT p_value float8, OUT ci_low float8, OUT ci_high float8)
	AS 'MODULE_PATHNAME', 'ruvector_welch_test_moments' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.welch_test(bigint, float8, float8, bigint, float8, float8, float8) IS
	'the same from count(), avg() and var_samp() of each arm; NULL moments count as no data';

CREATE FUNCTION ruvector.sequential_test(uplift float8, se float8, prior_sd float8 DEFAULT 0.5,
	confidence_level float8 DEFAULT 0.95, OUT estimate float8, OUT standard_error float8, OUT likelihood_ratio float8,
	OUT always_valid_p float8, OUT cs_low float8, OUT cs_high float8, OUT decided boolean)
	AS 'MODULE_PATHNAME', 'ruvector_sequential_test' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.sequential_test(float8, float8, float8, float8) IS
	'mixture sequential probability ratio test (Johari, Pekelis & Walsh 2022), for looking at an experiment as often as one likes: likelihood ratio, p-value of this look (keep the smallest of all looks), confidence sequence; prior_sd is the size of effects to be found soonest, half of the outcome''s range is a good choice; decided: the sequence excludes 0';

CREATE FUNCTION ruvector.sequential_test(n_treatment bigint, mean_treatment float8, variance_treatment float8,
	n_control bigint, mean_control float8, variance_control float8, prior_sd float8 DEFAULT 0.5,
	confidence_level float8 DEFAULT 0.95, OUT estimate float8, OUT standard_error float8, OUT likelihood_ratio float8,
	OUT always_valid_p float8, OUT cs_low float8, OUT cs_high float8, OUT decided boolean)
	AS 'MODULE_PATHNAME', 'ruvector_sequential_test_moments' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.sequential_test(bigint, float8, float8, bigint, float8, float8, float8, float8) IS
	'the same from count(), avg() and var_samp() of each arm; NULLs with fewer than 2 values in an arm or two constant arms';

CREATE FUNCTION ruvector.edge_confidence(uplift float8, se float8, prior_sd float8 DEFAULT 0.5,
	OUT mean float8, OUT sd float8, OUT confidence float8)
	AS 'MODULE_PATHNAME', 'ruvector_edge_confidence' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.edge_confidence(float8, float8, float8) IS
	'posterior mean and sd of an effect with the prior N(0, prior_sd squared), and the posterior probability (0.5 to 1) that it has the sign of its mean; NULLs for se = 0';

CREATE FUNCTION ruvector.pool_effects(effects float8[], ses float8[],
	OUT n bigint, OUT effect float8, OUT se float8, OUT q float8, OUT q_p_value float8, OUT i2 float8, OUT tau2 float8)
	AS 'MODULE_PATHNAME', 'ruvector_pool_effects' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.pool_effects(float8[], float8[]) IS
	'inverse-variance pooling of estimates of one effect; Cochran''s Q with its p-value, I2 (0 to 1) and the variance between effects (DerSimonian & Laird 1986); standard errors must be positive';

CREATE FUNCTION ruvector.benjamini_hochberg(p float8[]) RETURNS float8[]
	AS 'MODULE_PATHNAME', 'ruvector_benjamini_hochberg' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.benjamini_hochberg(float8[]) IS
	'q-values in the order of the p-values: keeping q <= f bounds the expected share of false discoveries by f; nulls stay and are not counted';

CREATE FUNCTION ruvector.e_value(effect float8, outcome_sd float8 DEFAULT 1) RETURNS float8
	AS 'MODULE_PATHNAME', 'ruvector_e_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.e_value(float8, float8) IS
	'E-value of a difference of means (VanderWeele & Ding 2017): the risk ratio that an unmeasured confounder needs with both treatment and outcome to explain the effect away; 1 or more';

CREATE FUNCTION ruvector.correlation_p_value(r float8, n bigint) RETURNS float8
	AS 'MODULE_PATHNAME', 'ruvector_correlation_p_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.correlation_p_value(float8, bigint) IS
	'two-sided p-value of a correlation (corr()) of n pairs by Fisher''s z; NULL if n < 4';

CREATE FUNCTION ruvector.conformal_quantile(scores float8[], alpha float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'ruvector_conformal_quantile' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.conformal_quantile(float8[], float8) IS
	'the ceil((n + 1)(1 - alpha))-th smallest score, which bounds a new exchangeable score with probability 1 - alpha or more; Infinity if n is too small for that; alpha in (0, 1)';

-- Merkle trees (RFC 6962).
CREATE FUNCTION ruvector.merkle_root(leaves bytea[]) RETURNS bytea
	AS 'MODULE_PATHNAME', 'ruvector_merkle_root' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.merkle_root(bytea[]) IS
	'root of the Merkle tree of RFC 6962 over these leaf inputs: leaf SHA-256(0x00 || input), node SHA-256(0x01 || left || right); SHA-256 of nothing for no leaves';

CREATE FUNCTION ruvector.merkle_audit_path(leaves bytea[], leaf_index integer) RETURNS bytea[]
	AS 'MODULE_PATHNAME', 'ruvector_merkle_audit_path' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.merkle_audit_path(bytea[], integer) IS
	'hashes that lead from a leaf, counted from 0, to the root; empty for a tree of one leaf; error for a leaf that is not there';

CREATE FUNCTION ruvector.merkle_verify(leaf bytea, leaf_index integer, tree_size integer, audit_path bytea[], root bytea)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'ruvector_merkle_verify' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.merkle_verify(bytea, integer, integer, bytea[], bytea) IS
	'whether the audit path proves that this leaf input is at this index (from 0) of the tree with this size and root; needs no table';

-- Diversity.
CREATE FUNCTION ruvector._mmr(ids integer, embeddings @extschema@.vector[], query @extschema@.vector, k integer,
	lambda float8, metric text, OUT rank integer, OUT item integer, OUT mmr_score float8, OUT similarity float8)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'ruvector_mmr' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector._mmr(integer, @extschema@.vector[], @extschema@.vector, integer, float8, text) IS
	'mmr_rerank by position; ids is the number of embeddings that is expected';

CREATE FUNCTION ruvector.mmr_rerank(ids anyarray, embeddings @extschema@.vector[], query @extschema@.vector,
	k integer DEFAULT 10, lambda float8 DEFAULT 0.5, metric text DEFAULT 'cosine')
	RETURNS TABLE (rank integer, id anyelement, mmr_score float8, similarity float8)
	LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 10
	AS $$
		SELECT m.rank, ids[pg_catalog.array_lower(ids, 1) OPERATOR(pg_catalog.+) m.item OPERATOR(pg_catalog.-) 1],
			m.mmr_score, m.similarity
		FROM ruvector._mmr(pg_catalog.cardinality(ids), embeddings, query, k, lambda, metric) m
	$$;
COMMENT ON FUNCTION ruvector.mmr_rerank(anyarray, @extschema@.vector[], @extschema@.vector, integer, float8, text) IS
	'the k of these candidates (one embedding an id) by maximal marginal relevance (Carbonell & Goldstein 1998), in the order of choice: lambda * similarity to the query - (1 - lambda) * largest similarity to what was chosen; lambda 1 = by relevance alone. Similarity by metric: cosine, ip (inner product), l2 and l1 (1 / (1 + distance))';

CREATE FUNCTION ruvector.diversity_score(embeddings @extschema@.vector[], metric text DEFAULT 'cosine') RETURNS float8
	AS 'MODULE_PATHNAME', 'ruvector_diversity_score' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.diversity_score(@extschema@.vector[], text) IS
	'mean of 1 - similarity over all pairs (metric as for mmr_rerank): 0 for identical vectors; NULL with fewer than two';

-- Term scores and fusion.
CREATE FUNCTION ruvector._bm25(tsv tsvector, terms text[], idf float8[], avgdl float8, k1 float8 DEFAULT 1.2,
	b float8 DEFAULT 0.75) RETURNS float8
	AS 'MODULE_PATHNAME', 'ruvector_bm25' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector._bm25(tsvector, text[], float8[], float8, float8, float8) IS
	'BM25 (Robertson & Zaragoza 2009) of a document: terms are lexemes with their idf, avgdl the mean of _bm25_length; a tsvector keeps at most 255 positions of a lexeme';

CREATE FUNCTION ruvector._bm25_length(tsv tsvector) RETURNS integer
	AS 'MODULE_PATHNAME', 'ruvector_bm25_length' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector._bm25_length(tsvector) IS 'length of a document in terms: its positions; a lexeme without positions counts once';

CREATE FUNCTION ruvector._bm25_idf(documents bigint, document_frequency bigint) RETURNS float8
	AS 'MODULE_PATHNAME', 'ruvector_bm25_idf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector._bm25_idf(bigint, bigint) IS 'ln(1 + (N - df + 0.5) / (df + 0.5))';

CREATE FUNCTION ruvector.rrf_score(rank bigint, weight float8 DEFAULT 1, k integer DEFAULT 60) RETURNS float8
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	AS $$ SELECT weight OPERATOR(pg_catalog./) (k OPERATOR(pg_catalog.+) rank)::float8 $$;
COMMENT ON FUNCTION ruvector.rrf_score(bigint, float8, integer) IS
	'reciprocal rank fusion (Cormack et al. 2009): sum this over the rankings in which an item is found; rank counts from 1';

-- Effects of what was not randomised.
CREATE FUNCTION ruvector._aipw(treated boolean[], outcome float8[], covariates float8[], columns integer,
	cluster integer[] DEFAULT NULL, folds integer DEFAULT 5, propensity_clip float8 DEFAULT 0.05, seed bigint DEFAULT 0,
	estimand text DEFAULT 'ate',
	OUT ate float8, OUT se float8, OUT ci_low float8, OUT ci_high float8, OUT p_value float8, OUT n bigint,
	OUT n_treated bigint, OUT ess float8, OUT min_propensity float8, OUT max_propensity float8, OUT naive float8,
	OUT e_value float8, OUT smd_before float8[], OUT smd_after float8[])
	AS 'MODULE_PATHNAME', 'ruvector_aipw' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION ruvector._aipw(boolean[], float8[], float8[], integer, integer[], integer, float8, bigint, text) IS
	'estimate_uplift over arrays: one element a unit, covariates row by row (or with two dimensions), columns of them a unit; error if an arm has fewer than two units a fold';

CREATE FUNCTION ruvector.estimate_uplift(rel regclass, treatment name, outcome name, covariates name[],
	cluster name DEFAULT NULL, folds integer DEFAULT 5, propensity_clip float8 DEFAULT 0.05, seed bigint DEFAULT 0,
	estimand text DEFAULT 'ate')
	RETURNS TABLE (ate float8, se float8, ci_low float8, ci_high float8, p_value float8, n bigint, n_treated bigint,
		ess float8, min_propensity float8, max_propensity float8, naive float8, e_value float8, smd_before float8[],
		smd_after float8[])
	LANGUAGE plpgsql STABLE ROWS 1 COST 1000000
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	wanted name;
	column_type oid;
	expressions text[] := '{}';
	expression text;
	bad_treatments bigint;
	treated boolean[];
	outcomes float8[];
	matrix float8[];
	clusters integer[];
BEGIN
	IF rel IS NULL OR treatment IS NULL OR outcome IS NULL OR covariates IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'rel, treatment, outcome and covariates must not be null';
	END IF;
	-- Treatment, outcome, covariates: each as a number.
	FOREACH wanted IN ARRAY ARRAY[treatment, outcome] || covariates LOOP
		SELECT a.atttypid INTO column_type FROM pg_attribute a
			WHERE a.attrelid = rel AND a.attname = wanted AND a.attnum > 0 AND NOT a.attisdropped;
		IF NOT FOUND THEN
			RAISE undefined_column USING MESSAGE = format('column "%s" of relation %s does not exist', wanted, rel);
		END IF;
		IF column_type <> 'boolean'::regtype
			AND (SELECT t.typcategory FROM pg_type t WHERE t.oid = column_type) <> 'N' THEN
			RAISE datatype_mismatch USING
				MESSAGE = format('column "%s" is of type %s, and numbers or booleans are needed', wanted, column_type::regtype),
				HINT = 'Make a view with one column of 0 and 1 for each category.';
		END IF;
		expressions := expressions || CASE WHEN column_type = 'boolean'::regtype THEN format('u.%I::integer::float8', wanted)
			ELSE format('u.%I::float8', wanted) END;
	END LOOP;
	IF cluster IS NOT NULL AND NOT EXISTS (SELECT FROM pg_attribute a
			WHERE a.attrelid = rel AND a.attname = cluster AND a.attnum > 0 AND NOT a.attisdropped) THEN
		RAISE undefined_column USING MESSAGE = format('column "%s" of relation %s does not exist', cluster, rel);
	END IF;
	-- Sorted by everything that counts, so that the answer does not depend on where the rows are stored.
	expression := format(
		'SELECT array_agg(s.a = 1), array_agg(s.y), %s, %s, count(*) FILTER (WHERE s.a NOT IN (0, 1))
		FROM (SELECT %s AS a, %s AS y, ARRAY[%s]::float8[] AS x, %s AS c FROM %s u ORDER BY 1, 2, 3, 4) s
		WHERE num_nulls(s.a, s.y) = 0 AND array_position(s.x, NULL) IS NULL %s',
		CASE WHEN cardinality(covariates) > 0 THEN 'array_agg(s.x)' ELSE '''{}''::float8[]' END,
		CASE WHEN cluster IS NULL THEN 'NULL::integer[]' ELSE 'array_agg(s.c)' END,
		expressions[1], expressions[2], array_to_string(expressions[3:], ', '),
		CASE WHEN cluster IS NULL THEN 'NULL::integer'
			ELSE format('CASE WHEN u.%1$I IS NOT NULL THEN (dense_rank() OVER (ORDER BY u.%1$I))::integer END', cluster) END,
		rel, CASE WHEN cluster IS NULL THEN '' ELSE 'AND s.c IS NOT NULL' END);
	EXECUTE expression INTO treated, outcomes, matrix, clusters, bad_treatments;
	IF bad_treatments > 0 THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('column "%s" must be boolean, or 0 and 1: %s rows have other values', treatment, bad_treatments);
	END IF;
	RETURN QUERY SELECT e.* FROM ruvector._aipw(coalesce(treated, '{}'), coalesce(outcomes, '{}'), coalesce(matrix, '{}'),
		cardinality(covariates), clusters, folds, propensity_clip, seed, estimand) e;
END
$$;
COMMENT ON FUNCTION ruvector.estimate_uplift(regclass, name, name, name[], name, integer, float8, bigint, text) IS
	'effect of a treatment (boolean, or 0 and 1) on an outcome, adjusted for covariates (numbers or booleans), over the rows of a table or view: augmented inverse probability weighting with cross-fitting, ridge and logistic ridge regression. Rows with a null in one of these columns are left out. cluster: a column whose equal values mark dependent rows. estimand: ate, on all, or att, on the treated, for where most of the others do not resemble them. Returns the effect with standard error, 95 % interval and p-value, effective sample size and extremes of the propensity, the naive difference of means, the E-value, and the standardised mean difference of each covariate before and after weighting (below 0.1 is balance). What is not among the covariates is not adjusted for';
