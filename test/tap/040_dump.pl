# pg_dump and pg_restore, plain and custom, and binary COPY carry every type, index option, default and generated column.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib $FindBin::RealBin;
use RuvectorTest;

srand(40);
my $node = new_node('dump');
my $dir = PostgreSQL::Test::Utils::tempdir();

$node->safe_psql('postgres', <<'SQL');
CREATE TABLE items (
	id serial PRIMARY KEY,
	v vector(8) DEFAULT '[0,0,0,0,0,0,0,1]' NOT NULL,
	h halfvec(8) GENERATED ALWAYS AS (v::halfvec(8)) STORED,
	b bit(8) GENERATED ALWAYS AS (binary_quantize(v)::bit(8)) STORED,
	s sparsevec(8),
	u vector,
	length float8 GENERATED ALWAYS AS (vector_norm(v)) STORED,
	CHECK (vector_dims(u) <= 16)
);
CREATE INDEX items_v ON items USING hnsw (v vector_l2_ops) WITH (m = 12, ef_construction = 50);
CREATE INDEX items_h ON items USING hnsw (h halfvec_cosine_ops);
CREATE INDEX items_b ON items USING hnsw (b bit_jaccard_ops);
CREATE INDEX items_s ON items USING hnsw (s sparsevec_ip_ops);
CREATE INDEX items_u ON items USING hnsw ((u::vector(4)) vector_l1_ops) WHERE vector_dims(u) = 4;
CREATE INDEX items_btree ON items (v);
CREATE TABLE arrays (id int, vs vector(3)[], hs halfvec[], c sparsevec(5));
CREATE VIEW near AS SELECT id, v <-> '[1,1,1,1,1,1,1,1]' AS distance FROM items;
CREATE MATERIALIZED VIEW means AS SELECT avg(v) AS v, sum(h) AS h FROM items;
CREATE FUNCTION dist(a vector, b vector) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN a <-> b;
INSERT INTO arrays VALUES (1, ARRAY['[1,2,3]', NULL, '[4,5,6]']::vector(3)[], '{"[1]","[2,3]"}', '{1:1,5:-2.5}/5'), (2, NULL, '{}', '{}/5');
SQL
if ($node->safe_psql('postgres', "SELECT count(*) FROM pg_am WHERE amname = 'ivfflat'")) {
	$node->safe_psql('postgres', 'CREATE INDEX items_i ON items USING ivfflat (v vector_cosine_ops) WITH (lists = 7)');
}
my @dense = clustered_vectors(300, 8);
my @sparse = clustered_sparse(300, 100);
copy_rows($node, 'items (v, s, u)', [ map {
		[ $dense[$_], '{' . (1 + $_ % 8) . ":$_.5}/8", $_ % 3 ? '\N' : '[' . join(',', map { $_ * 0.25 } 1 .. 4) . ']' ]
	} 0 .. 299 ]);
$node->safe_psql('postgres', "INSERT INTO items DEFAULT VALUES; INSERT INTO items (v) VALUES ('[1e-38,60000,-0,1,2,3,4,5]'); REFRESH MATERIALIZED VIEW means");

my $fingerprint = <<'SQL';
SET enable_indexscan = off; SET extra_float_digits = 3;
SELECT count(*), md5(string_agg(i::text, '|' ORDER BY id)) FROM items i;
SELECT * FROM arrays ORDER BY id;
SELECT md5(string_agg(n::text, '|' ORDER BY id)) FROM near n;
SELECT * FROM means;
SELECT indexrelid::regclass, pg_get_indexdef(indexrelid), indisvalid FROM pg_index WHERE indrelid = 'items'::regclass ORDER BY indexrelid::regclass::text;
SELECT attname, format_type(atttypid, atttypmod), pg_get_expr(adbin, adrelid) FROM pg_attribute a
	LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
	WHERE attrelid = 'items'::regclass AND attnum > 0 ORDER BY attnum;
SELECT dist('[1,2]', '[4,6]');
SQL
my $before = $node->safe_psql('postgres', $fingerprint);
like($before, qr/m='?12'?, ef_construction='?50'?/, 'the index options are in the definition');

for my $format (qw(plain custom directory)) {
	my $file = "$dir/dump.$format";
	$node->command_ok([ 'pg_dump', "--format=$format", '--file', $file, $node->connstr('postgres') ], "pg_dump, $format");
	$node->safe_psql('postgres', "CREATE DATABASE $format");
	if ($format eq 'plain') {
		$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($format), '-f', $file ], "psql, $format");
	} else {
		$node->command_ok([ 'pg_restore', '--exit-on-error', '--jobs=2', '-d', $node->connstr($format), $file ], "pg_restore, $format");
	}
	is($node->safe_psql($format, $fingerprint), $before, "$format: everything came back");
	index_ok($node, $_, "$format", $format) for qw(items_v items_h items_b items_s items_u);
	is($node->safe_psql($format, "SET enable_seqscan = off; SET enable_sort = off; SET hnsw.ef_search = 400;\n"
			. "SELECT v = (SELECT v FROM items WHERE id = 7) FROM items ORDER BY v <-> (SELECT v FROM items WHERE id = 7) LIMIT 1"),
		't', "$format: the index answers");
}

# Binary COPY, each type for itself.
for my $case (
	[ 'vector', 'vector(8)', \@dense ],
	[ 'halfvec', 'halfvec(8)', \@dense ],
	[ 'sparsevec', 'sparsevec(100)', \@sparse ],
	[ 'bit', 'bit(64)', [ clustered_bits(300, 64) ] ]) {
	my ($name, $type, $values) = @$case;
	$node->safe_psql('postgres', "CREATE TABLE copy_$name (id serial, v $type); CREATE TABLE copy2_$name (LIKE copy_$name)");
	copy_rows($node, "copy_$name (v)", [ map { [$_] } @$values ]);
	$node->safe_psql('postgres', "INSERT INTO copy_$name (v) VALUES (NULL);"
		  . "COPY copy_$name TO '$dir/$name.bin' (FORMAT binary); COPY copy2_$name FROM '$dir/$name.bin' (FORMAT binary)");
	is($node->safe_psql('postgres', "SET extra_float_digits = 3; SELECT count(*), count(*) FILTER (WHERE a.v::text IS DISTINCT FROM b.v::text) "
			. "FROM copy_$name a FULL JOIN copy2_$name b USING (id)"), '301|0', "binary COPY of $name");
	# A damaged file is refused without harm.
	my $bytes = slurp_file("$dir/$name.bin");
	my $quiet = 1;
	for my $at (map { 19 + int(rand(length($bytes) - 19)) } 1 .. 15) {
		my $copy = $bytes;
		substr($copy, $at, 4) = pack('N', int(rand(2**32)));
		open my $file, '>:raw', "$dir/damaged" or die $!;
		print $file $copy;
		close $file;
		$node->psql('postgres', "BEGIN; COPY copy2_$name FROM '$dir/damaged' (FORMAT binary); SELECT count(v::text) FROM copy2_$name; ROLLBACK");
		$quiet = 0 unless $node->poll_query_until('postgres', 'SELECT true');
	}
	ok($quiet, "damaged binary COPY of $name does no harm");
}

quiet_log($node, 'dump');
$node->stop;
done_testing();
