-- 14_sparsevec.sql - type sparsevec: input and output, functions, operators, btree order.

CREATE TYPE sparsevec;

CREATE FUNCTION sparsevec_in(cstring, oid, integer) RETURNS sparsevec
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_in(cstring, oid, integer) IS 'I/O';

CREATE FUNCTION sparsevec_out(sparsevec) RETURNS cstring
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_out(sparsevec) IS 'I/O';

CREATE FUNCTION sparsevec_typmod_in(cstring[]) RETURNS integer
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_typmod_in(cstring[]) IS 'I/O typmod';

CREATE FUNCTION sparsevec_recv(internal, oid, integer) RETURNS sparsevec
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_recv(internal, oid, integer) IS 'I/O';

CREATE FUNCTION sparsevec_send(sparsevec) RETURNS bytea
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_send(sparsevec) IS 'I/O';

CREATE FUNCTION ruvector.sparsevec_subscript(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_subscript' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.sparsevec_subscript(internal) IS 'subscripting handler: v[i], for reading';

CREATE TYPE sparsevec (
	INPUT = sparsevec_in,
	OUTPUT = sparsevec_out,
	TYPMOD_IN = sparsevec_typmod_in,
	RECEIVE = sparsevec_recv,
	SEND = sparsevec_send,
	STORAGE = external,
	SUBSCRIPT = ruvector.sparsevec_subscript
);
COMMENT ON TYPE sparsevec IS 'sparse vector of single-precision numbers: {1:1.5,3:2}/5';

-- functions

CREATE FUNCTION l2_distance(sparsevec, sparsevec) RETURNS float8
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l2_distance(sparsevec, sparsevec) IS 'Euclidean distance';

CREATE FUNCTION inner_product(sparsevec, sparsevec) RETURNS float8
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION inner_product(sparsevec, sparsevec) IS 'inner product';

CREATE FUNCTION cosine_distance(sparsevec, sparsevec) RETURNS float8
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cosine_distance(sparsevec, sparsevec) IS 'cosine distance, 0 to 2';

CREATE FUNCTION l1_distance(sparsevec, sparsevec) RETURNS float8
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l1_distance(sparsevec, sparsevec) IS 'taxicab distance';

CREATE FUNCTION l2_norm(sparsevec) RETURNS float8
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_l2_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l2_norm(sparsevec) IS 'Euclidean norm';

CREATE FUNCTION l2_normalize(sparsevec) RETURNS sparsevec
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l2_normalize(sparsevec) IS 'the vector divided by its Euclidean norm';

-- functions behind operators and operator classes

CREATE FUNCTION sparsevec_lt(sparsevec, sparsevec) RETURNS bool
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_lt(sparsevec, sparsevec) IS 'implementation of < operator';

CREATE FUNCTION sparsevec_le(sparsevec, sparsevec) RETURNS bool
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_le(sparsevec, sparsevec) IS 'implementation of <= operator';

CREATE FUNCTION sparsevec_eq(sparsevec, sparsevec) RETURNS bool
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_eq(sparsevec, sparsevec) IS 'implementation of = operator';

CREATE FUNCTION sparsevec_ne(sparsevec, sparsevec) RETURNS bool
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_ne(sparsevec, sparsevec) IS 'implementation of <> operator';

CREATE FUNCTION sparsevec_ge(sparsevec, sparsevec) RETURNS bool
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_ge(sparsevec, sparsevec) IS 'implementation of >= operator';

CREATE FUNCTION sparsevec_gt(sparsevec, sparsevec) RETURNS bool
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_gt(sparsevec, sparsevec) IS 'implementation of > operator';

CREATE FUNCTION sparsevec_cmp(sparsevec, sparsevec) RETURNS int4
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_cmp(sparsevec, sparsevec) IS 'less-equal-greater comparison for btree';

CREATE FUNCTION sparsevec_l2_squared_distance(sparsevec, sparsevec) RETURNS float8
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_l2_squared_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_l2_squared_distance(sparsevec, sparsevec) IS 'squared Euclidean distance';

CREATE FUNCTION sparsevec_negative_inner_product(sparsevec, sparsevec) RETURNS float8
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sparsevec_negative_inner_product(sparsevec, sparsevec) IS 'negative inner product';

-- operators

CREATE OPERATOR <-> (LEFTARG = sparsevec, RIGHTARG = sparsevec, PROCEDURE = l2_distance, COMMUTATOR = '<->');
COMMENT ON OPERATOR <-> (sparsevec, sparsevec) IS 'Euclidean distance';

CREATE OPERATOR <#> (LEFTARG = sparsevec, RIGHTARG = sparsevec, PROCEDURE = sparsevec_negative_inner_product, COMMUTATOR = '<#>');
COMMENT ON OPERATOR <#> (sparsevec, sparsevec) IS 'negative inner product';

CREATE OPERATOR <=> (LEFTARG = sparsevec, RIGHTARG = sparsevec, PROCEDURE = cosine_distance, COMMUTATOR = '<=>');
COMMENT ON OPERATOR <=> (sparsevec, sparsevec) IS 'cosine distance';

CREATE OPERATOR <+> (LEFTARG = sparsevec, RIGHTARG = sparsevec, PROCEDURE = l1_distance, COMMUTATOR = '<+>');
COMMENT ON OPERATOR <+> (sparsevec, sparsevec) IS 'taxicab distance';

CREATE OPERATOR < (
	LEFTARG = sparsevec, RIGHTARG = sparsevec, PROCEDURE = sparsevec_lt,
	COMMUTATOR = '>', NEGATOR = '>=', RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (sparsevec, sparsevec) IS 'less than';

CREATE OPERATOR <= (
	LEFTARG = sparsevec, RIGHTARG = sparsevec, PROCEDURE = sparsevec_le,
	COMMUTATOR = '>=', NEGATOR = '>', RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (sparsevec, sparsevec) IS 'less than or equal';

CREATE OPERATOR = (
	LEFTARG = sparsevec, RIGHTARG = sparsevec, PROCEDURE = sparsevec_eq,
	COMMUTATOR = '=', NEGATOR = '<>', RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR = (sparsevec, sparsevec) IS 'equal';

CREATE OPERATOR <> (
	LEFTARG = sparsevec, RIGHTARG = sparsevec, PROCEDURE = sparsevec_ne,
	COMMUTATOR = '<>', NEGATOR = '=', RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR <> (sparsevec, sparsevec) IS 'not equal';

CREATE OPERATOR >= (
	LEFTARG = sparsevec, RIGHTARG = sparsevec, PROCEDURE = sparsevec_ge,
	COMMUTATOR = '<=', NEGATOR = '<', RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (sparsevec, sparsevec) IS 'greater than or equal';

CREATE OPERATOR > (
	LEFTARG = sparsevec, RIGHTARG = sparsevec, PROCEDURE = sparsevec_gt,
	COMMUTATOR = '<', NEGATOR = '<=', RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (sparsevec, sparsevec) IS 'greater than';

CREATE OPERATOR CLASS sparsevec_ops
	DEFAULT FOR TYPE sparsevec USING btree AS
	OPERATOR 1 <,
	OPERATOR 2 <=,
	OPERATOR 3 =,
	OPERATOR 4 >=,
	OPERATOR 5 >,
	FUNCTION 1 sparsevec_cmp(sparsevec, sparsevec);
COMMENT ON OPERATOR CLASS sparsevec_ops USING btree IS 'order of sparsevec, as if dense';

COMMENT ON OPERATOR FAMILY sparsevec_ops USING btree IS 'order of sparsevec, as if dense';

-- beyond pgvector: hashing of =, so that joins, DISTINCT and GROUP BY may hash

CREATE FUNCTION ruvector.sparsevec_hash(sparsevec) RETURNS integer
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.sparsevec_hash(sparsevec) IS 'hash';

CREATE FUNCTION ruvector.sparsevec_hash_extended(sparsevec, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.sparsevec_hash_extended(sparsevec, bigint) IS 'hash with seed';

CREATE OPERATOR CLASS ruvector.sparsevec_hash_ops
	DEFAULT FOR TYPE sparsevec USING hash AS
	OPERATOR 1 =,
	FUNCTION 1 ruvector.sparsevec_hash(sparsevec),
	FUNCTION 2 ruvector.sparsevec_hash_extended(sparsevec, bigint);
COMMENT ON OPERATOR CLASS ruvector.sparsevec_hash_ops USING hash IS 'equality of sparsevec';

COMMENT ON OPERATOR FAMILY ruvector.sparsevec_hash_ops USING hash IS 'equality of sparsevec';

-- beyond pgvector: scaling

CREATE FUNCTION ruvector.scale(sparsevec, double precision) RETURNS sparsevec
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_scale' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.scale(sparsevec, double precision) IS 'the vector times a number';

-- beyond pgvector: sum and avg, in the schema of the type like those of vector and halfvec. sum(unknown) and avg(unknown)
-- are as ambiguous as before, and every other argument type has an exact match: no resolution changes.

CREATE FUNCTION ruvector.sparsevec_accum(internal, sparsevec) RETURNS internal
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.sparsevec_accum(internal, sparsevec) IS 'aggregate transition function';

CREATE FUNCTION ruvector.sparsevec_weighted_accum(internal, sparsevec, double precision) RETURNS internal
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_weighted_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.sparsevec_weighted_accum(internal, sparsevec, double precision) IS 'aggregate transition function';

CREATE FUNCTION ruvector.sparsevec_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.sparsevec_combine(internal, internal) IS 'aggregate combine function';

CREATE FUNCTION ruvector.sparsevec_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.sparsevec_serialize(internal) IS 'aggregate serial function';

CREATE FUNCTION ruvector.sparsevec_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.sparsevec_deserialize(bytea, internal) IS 'aggregate deserial function';

CREATE FUNCTION ruvector.sparsevec_sum_final(internal) RETURNS sparsevec
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_sum_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.sparsevec_sum_final(internal) IS 'aggregate final function';

CREATE FUNCTION ruvector.sparsevec_avg_final(internal) RETURNS sparsevec
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_avg_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.sparsevec_avg_final(internal) IS 'aggregate final function';

CREATE FUNCTION ruvector.sparsevec_weighted_avg_final(internal) RETURNS sparsevec
	AS 'MODULE_PATHNAME', 'ruvector_sparsevec_weighted_avg_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.sparsevec_weighted_avg_final(internal) IS 'aggregate final function';

CREATE AGGREGATE sum(sparsevec) (
	SFUNC = ruvector.sparsevec_accum,
	STYPE = internal,
	FINALFUNC = ruvector.sparsevec_sum_final,
	COMBINEFUNC = ruvector.sparsevec_combine,
	SERIALFUNC = ruvector.sparsevec_serialize,
	DESERIALFUNC = ruvector.sparsevec_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE sum(sparsevec) IS 'sum';

CREATE AGGREGATE avg(sparsevec) (
	SFUNC = ruvector.sparsevec_accum,
	STYPE = internal,
	FINALFUNC = ruvector.sparsevec_avg_final,
	COMBINEFUNC = ruvector.sparsevec_combine,
	SERIALFUNC = ruvector.sparsevec_serialize,
	DESERIALFUNC = ruvector.sparsevec_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE avg(sparsevec) IS 'average';

CREATE AGGREGATE ruvector.weighted_avg(sparsevec, double precision) (
	SFUNC = ruvector.sparsevec_weighted_accum,
	STYPE = internal,
	FINALFUNC = ruvector.sparsevec_weighted_avg_final,
	COMBINEFUNC = ruvector.sparsevec_combine,
	SERIALFUNC = ruvector.sparsevec_serialize,
	DESERIALFUNC = ruvector.sparsevec_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE ruvector.weighted_avg(sparsevec, double precision) IS 'average with weights: the sum of weight times vector, divided by the sum of the weights';
