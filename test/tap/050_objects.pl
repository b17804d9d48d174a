# The index on every kind of table and through every command that moves, rewrites, empties or abandons it.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use FindBin;
use lib $FindBin::RealBin;
use RuvectorTest;

srand(50);
my $node = new_node('objects');
my @values = clustered_vectors(1020, 12);
my @queries = splice @values, 1000;
my @rows = map { [ $_ + 1, $values[$_] ] } 0 .. $#values;

sub sql { return $node->safe_psql('postgres', @_); }

# A table t with the rows, and the index t_v.
sub fresh {
	my ($kind, $index) = @_;
	sql("DROP TABLE IF EXISTS t; CREATE $kind TABLE t (id int PRIMARY KEY, v vector(12), n int GENERATED ALWAYS AS (id % 7) STORED)");
	copy_rows($node, 't (id, v)', \@rows);
	sql($index || 'CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops)');
	return;
}

sub good {
	my ($what, %option) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(uses_index($node, 't', 'v', '<->', $queries[0], 't_v'), "$what: the index is used") unless $option{where};
	recall_ok($node, 't', 'v', '<->', \@queries, 0.95, $what, %option);
	index_ok($node, 't_v', $what);
	return;
}

# Unlogged: a crash empties it, and both the table and the index can be used again.
fresh('UNLOGGED');
good('unlogged');
$node->stop('immediate');
$node->start;
is(sql('SELECT count(*) FROM t'), '0', 'unlogged: empty after a crash');
is(sql("SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> '$queries[0]' LIMIT 5) s"), '0',
	'unlogged: the index is empty, too');
copy_rows($node, 't (id, v)', \@rows);
good('unlogged, filled again');
sql('ALTER TABLE t SET LOGGED');
good('now logged');
$node->stop('immediate');
$node->start;
is(sql('SELECT count(*) FROM t'), '1000', 'now logged: survives a crash');
good('now logged, after a crash');
sql('ALTER TABLE t SET UNLOGGED');
good('unlogged again');

# Temporary, with its own buffers.
is($node->safe_psql('postgres', join("\n",
			'CREATE TEMP TABLE tt (id int, v vector(12)) ON COMMIT PRESERVE ROWS;',
			'CREATE INDEX tt_v ON tt USING hnsw (v vector_l2_ops);',
			'INSERT INTO tt VALUES ' . join(',', map { "($_->[0], '$_->[1]')" } @rows[ 0 .. 299 ]) . ';',
			'DELETE FROM tt WHERE id % 2 = 0; VACUUM tt; SET enable_seqscan = off;',
			"SELECT count(*), bool_and(id % 2 = 1) FROM (SELECT id FROM tt ORDER BY v <-> '$queries[0]' LIMIT 10) s;")),
	'10|t', 'temporary table');
is($node->safe_psql('postgres', join("\n",
			'BEGIN; CREATE TEMP TABLE tt (id int, v vector(12)) ON COMMIT DELETE ROWS;',
			'CREATE INDEX tt_v ON tt USING hnsw (v vector_l2_ops); COMMIT;',
			"INSERT INTO tt VALUES (1, '$values[0]'); SET enable_seqscan = off;",
			"SELECT count(*) FROM (SELECT id FROM tt ORDER BY v <-> '$queries[0]' LIMIT 10) s;")), '0', 'ON COMMIT DELETE ROWS');

# Partitioned.
sql(<<'SQL');
CREATE TABLE p (id int, v vector(12)) PARTITION BY HASH (id);
CREATE INDEX p_v ON p USING hnsw (v vector_l2_ops);
CREATE TABLE p0 PARTITION OF p FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE p1 PARTITION OF p FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE p2 (id int, v vector(12));
SQL
copy_rows($node, 'p2', [ map { [ @$_ ] } grep { 0 } @rows ]);
sql('ALTER TABLE p ATTACH PARTITION p2 FOR VALUES WITH (MODULUS 3, REMAINDER 2)');
copy_rows($node, 'p', \@rows);
like(sql("SET enable_seqscan = off; EXPLAIN (COSTS OFF) SELECT id FROM p ORDER BY v <-> '$queries[0]' LIMIT 10"),
	qr/Merge Append.*Index Scan using p0_v_idx.*Index Scan using p2_v_idx/s, 'partitioned: a merge of index scans');
recall_ok($node, 'p', 'v', '<->', \@queries, 0.95, 'partitioned');
sql('ALTER TABLE p DETACH PARTITION p1; DROP TABLE p1');
recall_ok($node, 'p', 'v', '<->', \@queries, 0.95, 'partitioned, one detached');

# Partial and expression indexes.
fresh('', 'CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops) WHERE n = 3');
like(sql("SET enable_seqscan = off; EXPLAIN (COSTS OFF) SELECT id FROM t WHERE n = 3 ORDER BY v <-> '$queries[0]' LIMIT 10"),
	qr/Index Scan using t_v/, 'partial: the index is used');
good('partial', where => 'n = 3');
sql("UPDATE t SET id = -id; DELETE FROM t WHERE id % 2 = 0; VACUUM t");
good('partial, updated and vacuumed', where => 'n = 3');

fresh('', 'CREATE INDEX t_v ON t USING hnsw ((subvector(v, 1, 6)::vector(6)) vector_l2_ops)');
my ($half_query) = map { join(',', (split /,/, substr($_, 1))[ 0 .. 5 ]) } $queries[0];
like(sql("SET enable_seqscan = off; EXPLAIN (COSTS OFF) SELECT id FROM t ORDER BY subvector(v, 1, 6)::vector(6) <-> '[$half_query]' LIMIT 10"),
	qr/Index Scan using t_v/, 'expression: the index is used');
recall_ok($node, 't', 'subvector(v, 1, 6)::vector(6)', '<->', ["[$half_query]"], 0.9, 'expression');

# Abandoned builds.
fresh('');
my ($code, undef, $error) = $node->psql('postgres', "BEGIN; CREATE INDEX t_x ON t USING hnsw (v vector_cosine_ops); INSERT INTO t VALUES (-1, '$values[0]'); ROLLBACK");
is($code, 0, 'index in a transaction that is rolled back');
is(sql("SELECT count(*) FROM pg_class WHERE relname = 't_x'"), '0', 'nothing of it is left');
good('after the rollback');
sql("BEGIN; INSERT INTO t SELECT -id, v FROM t; ROLLBACK");
good('after rolled back inserts');
is(sql("SELECT count(*) FROM t"), '1000', 'rolled back inserts are gone');
sql("BEGIN; TRUNCATE t; INSERT INTO t VALUES (1, '$values[0]'); ROLLBACK");
good('after a rolled back TRUNCATE');

# Same transaction: create, fill, search.
is(sql(join("\n", 'BEGIN;', 'CREATE TABLE same (id int, v vector(12)); CREATE INDEX ON same USING hnsw (v vector_l2_ops);',
			"INSERT INTO same VALUES (1, '$values[0]'), (2, '$values[1]'); SET LOCAL enable_seqscan = off;",
			"SELECT id FROM same ORDER BY v <-> '$values[1]' LIMIT 1; COMMIT; DROP TABLE same;")), '2',
	'created, filled and searched in one transaction');

# Moved and rewritten.
my $space = PostgreSQL::Test::Utils::tempdir();
sql("CREATE TABLESPACE elsewhere LOCATION '$space'");
sql('ALTER INDEX t_v SET TABLESPACE elsewhere');
good('index in another tablespace');
sql('ALTER TABLE t SET TABLESPACE elsewhere');
good('table in another tablespace');
sql('DELETE FROM t WHERE id % 3 = 0; VACUUM FULL t');
good('VACUUM FULL');
sql('CLUSTER t USING t_pkey');
good('CLUSTER');
($code, undef, $error) = $node->psql('postgres', 'CLUSTER t USING t_v');
like($error, qr/cannot cluster on index "t_v" because access method does not support clustering/, 'CLUSTER on the index itself is refused');
sql('REINDEX INDEX t_v');
good('REINDEX');
sql('REINDEX TABLE CONCURRENTLY t');
good('REINDEX CONCURRENTLY');
sql('ALTER INDEX t_v SET (ef_construction = 40); REINDEX INDEX t_v');
good('other options');
sql('ALTER TABLE t ADD COLUMN extra text DEFAULT md5(random()::text)');
good('a column more');
sql('TRUNCATE t');
is(sql("SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> '$queries[0]' LIMIT 5) s"), '0', 'TRUNCATE');
copy_rows($node, 't (id, v)', \@rows);
good('filled after TRUNCATE');

# Another type: the index follows if its operator class can.
($code, undef, $error) = $node->psql('postgres', 'ALTER TABLE t ALTER v TYPE halfvec(12)');
isnt($code, 0, 'ALTER TYPE with an operator class of the old type is refused');
sql('DROP INDEX t_v; ALTER TABLE t ALTER v TYPE halfvec(12); CREATE INDEX t_v ON t USING hnsw (v halfvec_l2_ops)');
good('ALTER TYPE to halfvec');
sql('DROP INDEX t_v; ALTER TABLE t ALTER v TYPE vector(12); CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops)');
good('ALTER TYPE to vector');
($code, undef, $error) = $node->psql('postgres', 'ALTER TABLE t ALTER v TYPE vector(13)');
like($error, qr/expected 13 dimensions, not 12/, 'ALTER TYPE to other dimensions is refused');
good('after refused ALTER TYPE');

# NULL is not in the index; a zero vector is, except for cosine.
sql("INSERT INTO t (id, v) SELECT 5000 + i, NULL FROM generate_series(1, 50) i");
my $zero = '[' . join(',', (0) x 12) . ']';
sql("INSERT INTO t (id, v) SELECT 6000 + i, '$zero' FROM generate_series(1, 30) i");
is(sql("SET enable_seqscan = off; SET hnsw.ef_search = 200; SELECT count(*), bool_and(id > 6000) FROM (SELECT id FROM t ORDER BY v <-> '$zero' LIMIT 30) s"),
	'30|t', 'zero vectors are found by l2, all thirty equal ones');
sql('DROP INDEX t_v; CREATE INDEX t_v ON t USING hnsw (v vector_cosine_ops)');
is(sql("SET enable_seqscan = off; SET hnsw.ef_search = 1000; SET hnsw.iterative_scan = relaxed_order; SET hnsw.max_scan_tuples = 100000;"
		. "SELECT count(*) FROM (SELECT id FROM t ORDER BY v <=> '$queries[0]' LIMIT 100000) s WHERE id > 5000"),
	'0', 'neither NULL nor zero vectors are in a cosine index');
index_ok($node, 't_v', 'NULL and zero');
sql('DELETE FROM t WHERE id > 5000; VACUUM t');

# Many equal vectors.
sql('DROP TABLE t; CREATE TABLE t (id serial, v vector(3)); CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops);'
	  . "INSERT INTO t (v) SELECT '[1,2,3]' FROM generate_series(1, 100); DELETE FROM t WHERE id % 2 = 0; VACUUM t;"
	  . "INSERT INTO t (v) SELECT '[1,2,3]' FROM generate_series(1, 20)");
is(sql("SET enable_seqscan = off; SET hnsw.ef_search = 100; SELECT count(DISTINCT id) FROM (SELECT id FROM t ORDER BY v <-> '[1,2,3]' LIMIT 70) s"),
	'70', 'seventy equal vectors');
index_ok($node, 't_v', 'equal vectors');

# Every hold on the index ends: the extension can be dropped.
sql("DROP EXTENSION $extension CASCADE");
is(sql("SELECT count(*) FROM pg_am WHERE amname IN ('hnsw', 'ivfflat')"), '0', 'DROP EXTENSION CASCADE');
new_extension($node);

quiet_log($node, 'objects');
$node->stop;
done_testing();
