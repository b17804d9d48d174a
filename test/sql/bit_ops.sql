-- Distances of bit. The same statements give the same output in pgvector 0.8.7.
\pset null '(null)'
\pset format unaligned
\pset tuples_only on

-- Evaluates an expression; an error becomes "sqlstate|message|detail".
CREATE FUNCTION pg_temp.attempt(expression text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text; state text; message text; detail text;
BEGIN
	EXECUTE 'SELECT (' || expression || ')::text' INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws('|', state, left(message, 100), nullif(detail, ''));
END $$;
CREATE FUNCTION pg_temp.each(expressions text[]) RETURNS TABLE (expression text, result text) LANGUAGE sql AS
	$$ SELECT e, pg_temp.attempt(e) FROM unnest(expressions) WITH ORDINALITY AS t(e, n) ORDER BY n $$;

SELECT * FROM pg_temp.each(ARRAY[
	$$hamming_distance('111', '111')$$, $$hamming_distance('111', '110')$$, $$hamming_distance('111', '100')$$,
	$$hamming_distance('111', '000')$$, $$hamming_distance('10101010101010101010', '01010101010101010101')$$,
	$$hamming_distance('', '')$$, $$B'101' <~> B'110'$$, $$hamming_distance(NULL, '1')$$,
	$$hamming_distance('111', '00')$$, $$B'1' <~> B''$$,
	$$jaccard_distance('1111', '1111')$$, $$jaccard_distance('1111', '1110')$$, $$jaccard_distance('1111', '1100')$$,
	$$jaccard_distance('1111', '1000')$$, $$jaccard_distance('1111', '0000')$$, $$jaccard_distance('0000', '0000')$$,
	$$jaccard_distance('1100', '1000')$$, $$jaccard_distance('1100', '0010')$$, $$jaccard_distance('', '')$$,
	$$B'1100' <%> B'0110'$$, $$jaccard_distance('1111', '000')$$, $$B'1' <%> B'10'$$,
	$$hamming_distance(B'1', B'10'::bit(1))$$, $$'101'::varbit <~> '110'::varbit$$]);
-- every length up to 600 bits
SELECT count(*), count(*) FILTER (WHERE a <~> b <> differ), count(*) FILTER (WHERE abs((a <%> b) - jaccard) > 1e-15)
FROM (SELECT n, string_agg(x::text, '' ORDER BY i)::bit varying a, string_agg(y::text, '' ORDER BY i)::bit varying b,
		sum(x # y)::float8 differ, CASE WHEN sum(x & y) = 0 THEN 1 ELSE 1 - sum(x & y)::float8 / sum(x | y) END AS jaccard
	FROM generate_series(1, 600) n, LATERAL (SELECT i, (i * i + n) % 5 % 2 x, (i * 3 + n) % 7 % 2 y FROM generate_series(1, n) i) e
	GROUP BY n) t;
-- distances of signs
SELECT binary_quantize('[1,-1,1,1]'::vector) <~> binary_quantize('[1,1,-1,1]'::vector), binary_quantize('[1,-1,1,1]'::halfvec) <%> binary_quantize('[1,1,-1,1]'::halfvec);
CREATE TEMP TABLE bits (v bit(3));
INSERT INTO bits VALUES ('000'), ('100'), ('111'), (NULL);
SELECT v, v <~> '111', v <%> '111' FROM bits ORDER BY v <~> '111';
