-- Codes of vectors as functions: quantize, reconstruct, distance; what they refuse.
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();
SELECT setseed(0.5);
CREATE TABLE data AS SELECT i, (SELECT array_agg(sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) + i * 0 ORDER BY d)
	FROM generate_series(1, 96) d)::vector(96) AS v FROM generate_series(1, 600) i;
INSERT INTO data VALUES (0, NULL);
ANALYZE data;

-- The correlation of estimated with exact distances over all pairs of 20 queries, and the worst error.
CREATE FUNCTION pg_temp.compare(estimate text, operator text) RETURNS TABLE (r double precision, worst double precision) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT corr(e, d), max(abs(e - d)) FROM (SELECT %s AS e, a.v %s q.v AS d
		FROM coded a, data q WHERE q.i BETWEEN 1 AND 20 AND a.i > 20) s', estimate, operator);
END $$;

CREATE TABLE book AS SELECT ruvector.pq_train('data', 'v', subspaces => 48, seed => 7) AS b;
CREATE TABLE coded AS SELECT i, v, ruvector.int8_quantize(v) AS c8, ruvector.binary_quantize(v, 5) AS c1, ruvector.pq_quantize(b, v) AS cp
	FROM data, book WHERE v IS NOT NULL;

SELECT is((SELECT array_agg(DISTINCT ARRAY[length(c8), length(c1), length(cp)])::text FROM coded), '{{128,40,52}}', 'lengths of codes');
SELECT ok((SELECT bool_and(ruvector.int8_reconstruct(c8) <-> v < 0.1) FROM coded), 'int8: reconstructed vectors are near');
SELECT ok((SELECT avg(1 - (ruvector.binary_reconstruct(c1) <=> v)) BETWEEN 0.77 AND 0.83 FROM coded), 'binary: the mean cosine with the reconstruction is sqrt(2 / pi)');
SELECT ok((SELECT avg(1 - (ruvector.pq_reconstruct(b, cp) <=> v)) > 0.9 FROM coded, book), 'pq: reconstructed vectors are near');
SELECT ok(r > 0.9995 AND worst < 0.5, 'int8 ' || m) FROM (VALUES ('l2', '<->'), ('ip', '<#>'), ('cosine', '<=>')) x(m, o),
	pg_temp.compare(format('ruvector.int8_distance(c8, q.v, %L)', m), o);
SELECT ok(r > 0.7, 'binary ' || m || ': correlation ' || round(r::numeric, 2)) FROM (VALUES ('l2', '<->'), ('ip', '<#>'), ('cosine', '<=>')) x(m, o),
	pg_temp.compare(format('ruvector.binary_distance(c1, q.v, %L)', m), o);
SELECT ok(r > 0.9, 'pq ' || m || ': correlation ' || round(r::numeric, 2)) FROM (VALUES ('l2', '<->'), ('ip', '<#>'), ('cosine', '<=>')) x(m, o),
	pg_temp.compare(format('ruvector.pq_distance((SELECT b FROM book), cp, q.v, %L)', m), o);
SELECT ok(abs(ruvector.int8_distance(c8, v)) < 0.5, 'l2 is the default metric') FROM coded WHERE i = 1;
SELECT isnt(ruvector.binary_quantize(v, 1), ruvector.binary_quantize(v, 2), 'seeds give rotations') FROM data WHERE i = 1;

SELECT is((SELECT ruvector.pq_train('data', 'v', subspaces => 48, seed => 7)), b, 'a seed gives one codebook') FROM book;
SELECT isnt((SELECT ruvector.pq_train('data', 'v', subspaces => 48, seed => 8)), b, 'another seed gives another') FROM book;
SELECT is(length(ruvector.pq_train_on(ARRAY['[1,2,3]'::vector, '[4,5,6]'], bits => 8)), 24 + 4 + 256 * 3 * 4, 'bits 8, of two vectors');
SELECT is(ruvector.pq_reconstruct(b, ruvector.pq_quantize(b, '[4,5,6]')), '[4,5,6]', 'few vectors are their own centroids')
	FROM ruvector.pq_train_on(ARRAY['[1,2,3]'::vector, '[4,5,6]']) b;
CREATE TEMP TABLE halves AS SELECT v::halfvec(96) AS h FROM data;
SELECT is(length(ruvector.pq_train('halves', 'h')), length(b), 'a column of halfvec') FROM book;
SELECT is(ruvector.int8_quantize(h::vector), ruvector.int8_quantize(h::vector), 'halfvec by a cast') FROM halves LIMIT 1;

-- Odd vectors
SELECT is(ruvector.int8_reconstruct(ruvector.int8_quantize(v)), v, 'int8: ' || v::text) FROM unnest(ARRAY['[0]', '[0,0,0]', '[5,5,5]', '[-1]']::vector[]) v;
SELECT is(ruvector.binary_distance(ruvector.binary_quantize('[0,0,0]'), '[3,4,0]', m), d, 'binary: distance of zero, ' || m)
	FROM (VALUES ('l2', 5::float8), ('ip', 0), ('cosine', 'NaN')) x(m, d);
SELECT throws_ok($$SELECT ruvector.int8_quantize('[1e38,1e38]')$$, '22003', NULL, 'int8: overflow');
SELECT throws_ok($$SELECT ruvector.binary_quantize('[1e38,1e38]')$$, '22003', NULL, 'binary: overflow');
SELECT is(ruvector.int8_quantize(NULL), NULL, 'NULL');

-- What is no code
SELECT throws_ok(format('SELECT ruvector.%s(%L::bytea)', f, c), '22P03', NULL, f || ' of ' || left(c::text, 12))
	FROM unnest(ARRAY['int8_reconstruct', 'binary_reconstruct']) f,
	(SELECT unnest(ARRAY['', '\x00', repeat('x', 60)::bytea, substr(c8, 1, 100), c8 || 'x'::bytea, set_byte(c8, 0, 1), set_byte(c8, 2, 9),
		set_byte(c8, 3, 2), set_byte(c8, 4, 0), set_byte(c8, 7, 255), substr(c1, 1, 39), set_byte(c1, 4, 97)]) AS c FROM coded WHERE i = 1) x;
SELECT throws_ok(format('SELECT ruvector.pq_quantize(%L::bytea, %L)', x.c, v), '22P03', NULL, 'no codebook')
	FROM data, (SELECT unnest(ARRAY['', substr(b, 1, 1000), set_byte(b, 0, 0), set_byte(b, 2, 5), set_byte(b, 16, 200), set_byte(b, 500, get_byte(b, 500) # 1)]) AS c FROM book) x WHERE i = 1;
SELECT throws_ok(format('SELECT ruvector.pq_reconstruct(%L::bytea, %L::bytea)', ruvector.pq_train_on(ARRAY[v]), cp), '22023', 'the code is of another codebook', 'a code of another codebook')
	FROM coded WHERE i = 1;
SELECT throws_ok(format('SELECT ruvector.int8_distance(%L::bytea, ''[1,2]'')', c8), '22000', 'different vector dimensions 96 and 2', 'int8: dimensions') FROM coded WHERE i = 1;
SELECT throws_ok(format('SELECT ruvector.int8_distance(%L::bytea, %L, ''l1'')', c8, v), '22023', 'unknown metric "l1"', 'metric') FROM coded WHERE i = 1;
SELECT throws_ok($$SELECT ruvector.pq_train_on('{}'::vector[])$$, '22023', 'the sample is empty', 'pq_train: no sample');
SELECT throws_ok($$SELECT ruvector.pq_train_on(ARRAY[NULL]::vector[])$$, '22004', NULL, 'pq_train: NULL');
SELECT throws_ok($$SELECT ruvector.pq_train_on(ARRAY['[1]', '[1,2]']::vector[])$$, '22000', NULL, 'pq_train: dimensions');
SELECT throws_ok(format('SELECT ruvector.pq_train_on(ARRAY[''[1,2]''::vector], %s)', p), '22023', NULL, 'pq_train: ' || p)
	FROM unnest(ARRAY['3', '0', '-1', '2, 5']) p;

-- Bytes behind an undamaged head may be anything: an answer or an error, nothing else.
CREATE FUNCTION pg_temp.shake() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	c record;
	bytes bytea;
	answers integer := 0;
BEGIN
	FOR c IN SELECT * FROM coded, book, generate_series(1, 5) n WHERE i <= 20 LOOP
		FOREACH bytes IN ARRAY ARRAY[c.c8, c.c1, c.cp] LOOP
			FOR p IN 16 .. length(bytes) - 1 LOOP
				bytes := set_byte(bytes, p, floor(random() * 256)::integer);
			END LOOP;
			BEGIN
				IF get_byte(bytes, 2) = 1 THEN
					PERFORM ruvector.int8_distance(bytes, c.v, 'cosine'), ruvector.int8_reconstruct(bytes);
				ELSIF get_byte(bytes, 2) = 2 THEN
					PERFORM ruvector.binary_distance(bytes, c.v, 'cosine'), ruvector.binary_reconstruct(bytes);
				ELSE
					PERFORM ruvector.pq_distance(c.b, bytes, c.v, 'cosine'), ruvector.pq_reconstruct(c.b, bytes);
				END IF;
			EXCEPTION WHEN invalid_binary_representation THEN
				NULL;
			END;
			answers := answers + 1;
		END LOOP;
	END LOOP;
	RETURN answers;
END $$;
SELECT is(pg_temp.shake(), 300, 'random bytes do no harm');

-- The report
CREATE TEMP TABLE reported AS SELECT * FROM ruvector.quantization_report('data', 'v', k => 5);
SELECT is((SELECT string_agg(codec || ' ' || bytes_per_vector || ' ' || opclass, ', ' ORDER BY bytes_per_vector DESC) FROM reported),
	'int8 112 vector_cosine_int8_ops, pq 36 vector_cosine_pq_ops, binary 24 vector_cosine_binary_ops', 'report: codecs, bytes, operator classes');
SELECT is(count(*), 1::bigint, 'report: one is advised') FROM reported WHERE advised;
SELECT ok(recall_no_rerank > 0.95 AND candidates_for_99 BETWEEN 5 AND 7, 'report: int8 finds nearly all') FROM reported WHERE codec = 'int8';
SELECT ok(recall_no_rerank BETWEEN 0.2 AND 0.8 AND candidates_for_99 BETWEEN 15 AND 300, 'report: binary on noise needs many candidates') FROM reported WHERE codec = 'binary';
SELECT ok(NOT advised, 'report: so it is not advised') FROM reported WHERE codec = 'binary';
SELECT set_eq($$SELECT * FROM ruvector.quantization_report('data', 'v', k => 5)$$, 'SELECT * FROM reported', 'report: the same again');
SELECT is(count(*), 3::bigint, 'report: halfvec') FROM ruvector.quantization_report('halves', 'h', metric => 'l2') WHERE opclass LIKE 'halfvec_l2_%';
SELECT throws_ok($$SELECT ruvector.quantization_report('data', 'v', k => 300)$$, '22023', NULL, 'report: too few rows');
SELECT throws_ok($$SELECT ruvector.quantization_report('data', 'v', k => 0)$$, '22023', NULL, 'report: k');
SELECT throws_ok($$SELECT ruvector.quantization_report('data', 'i')$$, '42809', NULL, 'report: another type');
SELECT throws_ok($$SELECT ruvector.quantization_report('data', 'v', metric => 'l1')$$, '22023', NULL, 'report: metric');
SELECT * FROM finish();
ROLLBACK;
