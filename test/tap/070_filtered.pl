# A filter that leaves one row in a hundred: as many rows as asked for, in order of distance.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib $FindBin::RealBin;
use RuvectorTest;

srand(70);
my $node = new_node('filtered');
my $count = 4000;
my @values = clustered_vectors($count + 20, 24, 40);
my @queries = splice @values, $count;
$node->safe_psql('postgres', 'CREATE TABLE t (id serial, v vector(24), tag int)');
copy_rows($node, 't (v, tag)', [ map { [ $values[$_], int(rand(100)) ] } 0 .. $#values ]);
$node->safe_psql('postgres', 'CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops); ANALYZE t');

# For each query: how many rows came back, and whether they are sorted.
sub counts {
	my ($settings, $filter, $limit) = @_;
	my $sql = "SET enable_seqscan = off; SET hnsw.ef_search = 40; $settings\n";
	$sql .= "SELECT count(*), coalesce(bool_and(d >= before), true), count(DISTINCT id) FROM (SELECT id, d, coalesce(lag(d) OVER (ORDER BY o), 0) AS before "
	  . "FROM (SELECT id, d, row_number() OVER () AS o FROM (SELECT id, v <-> '$_' AS d FROM t WHERE $filter ORDER BY v <-> '$_' LIMIT $limit) a) b) c;\n"
	  for @queries;
	my @lines = map { [ split /\|/ ] } split /\n/, $node->safe_psql('postgres', $sql);
	my $rows = 0;
	$rows += $_->[0] for @lines;
	return ($rows, scalar(grep { $_->[1] ne 't' } @lines), scalar(grep { $_->[0] != $_->[2] } @lines));
}

my $want = 10 * @queries;
my ($rows, $unsorted, $twice);

($rows, $unsorted, $twice) = counts('SET hnsw.iterative_scan = off;', 'tag = 1', 10);
is($unsorted, 0, "iterative_scan = off: in order ($rows of $want rows)");
($rows) = counts('SET hnsw.iterative_scan = off;', 'true', 10);
is($rows, $want, 'iterative_scan = off: without a filter all rows');

for my $mode (qw(strict_order relaxed_order)) {
	($rows, $unsorted, $twice) = counts("SET hnsw.iterative_scan = $mode;", 'tag = 1', 10);
	is($rows, $want, "$mode: all rows");
	is($unsorted, 0, "$mode: in order") if $mode eq 'strict_order';
	is($twice, 0, "$mode: none twice");
	recall_ok($node, 't', 'v', '<->', \@queries, $mode eq 'strict_order' ? 0.8 : 0.9, $mode, where => 'tag = 1',
		set => "SET hnsw.iterative_scan = $mode;\n");

	($rows, undef, $twice) = counts("SET hnsw.iterative_scan = $mode; SET hnsw.max_scan_tuples = 100000;", 'true', 1000);
	is($twice, 0, "$mode: none twice in a long scan");
	cmp_ok($rows, '>=', 0.95 * 1000 * @queries, "$mode: a long scan goes on ($rows rows)") if $mode eq 'relaxed_order';

	($rows) = counts("SET hnsw.iterative_scan = $mode; SET hnsw.max_scan_tuples = 100;", 'tag = 1', 10);
	cmp_ok($rows, '<', $want, "$mode: max_scan_tuples ends the scan ($rows of $want rows)");
	($rows) = counts("SET hnsw.iterative_scan = $mode;", 'tag = -1', 10);
	is($rows, 0, "$mode: a filter that nothing passes ends");
}

SKIP: {
	skip 'what ruvector does by itself', 4 unless ours();
	($rows, $unsorted, $twice) = counts('', 'tag = 1', 10);
	is($rows, $want, 'by default: all rows');
	is($unsorted, 0, 'by default: in order of distance');
	is($twice, 0, 'by default: none twice');
	recall_ok($node, 't', 'v', '<->', \@queries, 0.9, 'by default', where => 'tag = 1');
}

# Cursors: rows come when they are asked for, and a scan can be abandoned and restarted.
is($node->safe_psql('postgres', "SET enable_seqscan = off; SET hnsw.iterative_scan = relaxed_order; BEGIN;"
		. "DECLARE c CURSOR FOR SELECT id FROM t ORDER BY v <-> '$queries[0]'; MOVE 100 IN c; MOVE 150 IN c; CLOSE c; COMMIT; SELECT 'done'"),
	'done', 'a cursor');
index_ok($node, 't_v', 'filtered');
quiet_log($node, 'filtered');
$node->stop;
done_testing();
