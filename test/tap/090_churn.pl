# Half of the rows deleted, vacuumed and inserted anew, five times: recall and size stay those of a fresh build.
# RUVECTOR_CHURN_ROWS: how many rows (1500; with RUVECTOR_SOAK 20000).
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib $FindBin::RealBin;
use RuvectorTest;

srand(90);
my $rows = $ENV{RUVECTOR_CHURN_ROWS} || (soak() ? 20000 : 1500);
my $dimensions = 32;
my $queries = soak() ? 1000 : 100;
my $node = new_node('churn', conf => "maintenance_work_mem = 256MB\n");
my @columns = ({ column => 'v', name => 'plain', index => 'CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops);' }, coded_columns($dimensions, by_default => $rows >= 20000));
$node->safe_psql('postgres', 'CREATE TABLE t (' . join(', ', 'id serial PRIMARY KEY', map { $_->{definition} || "v vector($dimensions)" } @columns) . ')');

# All from one distribution.
my @values = clustered_vectors($rows + 5 * int($rows / 2) + $queries, $dimensions, 20);
my @queries = splice @values, 0, $queries;
sub add { my ($count) = @_; copy_rows($node, 't (v)', [ map { [$_] } splice @values, 0, $count ]); return }

add($rows);
$node->safe_psql('postgres', join('', map { $_->{index} } @columns));
for my $round (1 .. 5) {
	$node->safe_psql('postgres', "SELECT setseed(0.$round); DELETE FROM t WHERE id IN (SELECT id FROM t ORDER BY random() LIMIT " . int($rows / 2) . '); VACUUM t');
	add(int($rows / 2));
}
$node->safe_psql('postgres', 'VACUUM t');

sub size { my ($index) = @_; return $node->safe_psql('postgres', "SELECT pg_relation_size('$index')") }
for my $column (@columns) {
	my ($v, $class) = @$column{ 'column', 'name' };
	my $size = size("t_$v");
	index_ok($node, "t_$v", "$class, churned", rows => 1);
	my %churned = map { $_ => recall($node, 't', $v, '<->', \@queries, ef => $_) } 20, 40;
	$node->safe_psql('postgres', "REINDEX INDEX t_$v");
	# A hundred queries have an error of their own: a point is what so few can tell.
	my $margin = soak() ? 0.005 : 0.01;
	for my $ef (20, 40) {
		my $fresh = recall($node, 't', $v, '<->', \@queries, ef => $ef);
		cmp_ok($churned{$ef}, '>=', $fresh - $margin,
			sprintf('%s, ef %d: recall %.4f, %.4f of a fresh build', $class, $ef, $churned{$ef}, $fresh));
	}
	# A few pages more or less are no growth.
	my $fresh = size("t_$v");
	cmp_ok($size, '<=', $fresh * 1.05 + 4 * 8192, sprintf('%s: %.3f of the size of a fresh build', $class, $size / $fresh));
}
quiet_log($node, 'churn');
$node->stop;
done_testing();
