# A streaming standby answers like its primary after inserts, vacuum and more inserts; promoted, it can be written to.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib $FindBin::RealBin;
use RuvectorTest;

srand(20);
# Every page that replay changes is compared with the primary's: a difference ends the standby. The images make more WAL than
# a slow standby could follow.
my $primary = new_node('primary', streaming => 1, conf => "wal_consistency_checking = 'generic'\nwal_keep_size = 8GB\n");
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

my @kinds = (
	[ 'dense', 'vector(32)', 'vector_l2_ops', '<->', \&clustered_vectors, 32 ],
	[ 'half', 'halfvec(32)', 'halfvec_cosine_ops', '<=>', \&clustered_vectors, 32 ],
	[ 'bits', 'bit(64)', 'bit_hamming_ops', '<~>', \&clustered_bits, 64 ],
	[ 'sparse', 'sparsevec(100)', 'sparsevec_ip_ops', '<#>', \&clustered_sparse, 100 ]);
push @kinds,
  [ 'coded_int8', 'vector(32)', 'vector_l2_int8_ops', '<->', \&clustered_vectors, 32 ],
  [ 'coded_pq', 'vector(32)', 'vector_cosine_pq_ops', '<=>', \&clustered_vectors, 32, 'WITH (layout = compact)' ],
  [ 'coded_binary', 'halfvec(100)', 'halfvec_ip_binary_ops', '<#>', \&clustered_vectors, 100, '', 160 ] if ours();
push @kinds,
  [ 'coded_int8_compact', 'halfvec(32)', 'halfvec_l2_int8_ops', '<->', \&clustered_vectors, 32, 'WITH (layout = compact)' ],
  [ 'coded_pq_fast', 'vector(32)', 'vector_l2_pq_ops', '<->', \&clustered_vectors, 32 ],
  [ 'coded_binary_compact', 'vector(100)', 'vector_l2_binary_ops', '<->', \&clustered_vectors, 100, 'WITH (layout = compact)', 160 ]
  if ours() && soak();
my %queries = map { $_->[0] => [ $_->[4]->(25, $_->[5]) ] } @kinds;

sub alike {
	my ($what) = @_;
	$primary->wait_for_catchup($standby);
	for my $kind (@kinds) {
		my ($table, undef, undef, $operator) = @$kind;
		my $sql = "SET enable_seqscan = off;\n"
		  . join('', map { "SELECT string_agg(id::text, ',') FROM (SELECT id FROM $table ORDER BY v $operator '$_' LIMIT 20) s;\n" }
			  @{ $queries{$table} });
		is($standby->safe_psql('postgres', $sql), $primary->safe_psql('postgres', $sql), "$what: $table");
		ok(uses_index($standby, $table, 'v', $operator, $queries{$table}[0], "${table}_v"), "$what: $table through the index");
		recall_ok($standby, $table, 'v', $operator, $queries{$table}, 0.9, "$what: $table on the standby", ef => $kind->[7] || 40);
		index_ok($standby, "${table}_v", "$what, on the standby");
	}
	return;
}

for my $kind (@kinds) {
	my ($table, $type, $opclass, undef, $generate, $dimensions, $with) = @$kind;
	$primary->safe_psql('postgres', "CREATE TABLE $table (id serial PRIMARY KEY, v $type)");
	copy_rows($primary, "$table (v)", [ map { [$_] } $generate->(500, $dimensions) ]);
	$primary->safe_psql('postgres', "CREATE INDEX ${table}_v ON $table USING hnsw (v $opclass) " . ($with || ''));
	copy_rows($primary, "$table (v)", [ map { [$_] } $generate->(500, $dimensions) ]);
}
alike('built and inserted');

$primary->safe_psql('postgres', "DELETE FROM $_->[0] WHERE id % 3 = 0; VACUUM $_->[0]") for @kinds;
alike('vacuumed');

copy_rows($primary, "$_->[0] (v)", [ map { [$_] } $_->[4]->(400, $_->[5]) ]) for @kinds;
alike('inserted again');

$primary->safe_psql('postgres', "SELECT ruvector.calibrate('dense_v')");
my $calibration = "SELECT * FROM ruvector.calibration('dense_v')";
my $calibrated = $primary->safe_psql('postgres', $calibration);
like($calibrated, qr/^10\|.*^1000\|/ms, 'calibrated');

# Replay in the middle: the standby restarts while the primary goes on.
$standby->stop('immediate');
copy_rows($primary, "$_->[0] (v)", [ map { [$_] } $_->[4]->(100, $_->[5]) ]) for @kinds;
$standby->start;
alike('after a crash of the standby');
is($standby->safe_psql('postgres', $calibration), $calibrated, 'the standby has the calibration');
$primary->stop('immediate');
$primary->start;
is($primary->safe_psql('postgres', $calibration), $calibrated, 'a crash keeps it');

$primary->stop;
$standby->promote;
for my $kind (@kinds) {
	my ($table, undef, undef, $operator, $generate, $dimensions) = @$kind;
	copy_rows($standby, "$table (v)", [ map { [$_] } $generate->(200, $dimensions) ]);
	$standby->safe_psql('postgres', "DELETE FROM $table WHERE id % 5 = 0; VACUUM $table");
	recall_ok($standby, $table, 'v', $operator, $queries{$table}, 0.9, "promoted: $table", ef => $kind->[7] || 40);
	index_ok($standby, "${table}_v", 'promoted');
}
quiet_log($primary, 'primary');
quiet_log($standby, 'standby');
$standby->stop;
done_testing();
