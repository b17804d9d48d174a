-- What the library says about itself.
CREATE FUNCTION ruvector.simd(OUT in_use text, OUT best text, OUT available text[])
	AS 'MODULE_PATHNAME', 'ruvector_simd'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector.simd() IS
	'instruction set of the distance functions: in use (setting ruvector.simd), the best of this machine, all available';
