# Recall of every type and metric: built, inserted row by row, and after half was deleted, vacuumed and inserted again.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib $FindBin::RealBin;
use RuvectorTest;

srand(1);
my $node = new_node('recall');
my $count = soak() ? 10000 : 2000;

my @cases = (
	[ 'vector(24)',    'vector_l2_ops',     '<->', \&clustered_vectors, 24,  0.97 ],
	[ 'vector(24)',    'vector_ip_ops',     '<#>', \&clustered_vectors, 24,  0.90 ],
	[ 'vector(24)',    'vector_cosine_ops', '<=>', \&clustered_vectors, 24,  0.97 ],
	[ 'vector(24)',    'vector_l1_ops',     '<+>', \&clustered_vectors, 24,  0.97 ],
	[ 'vector(100)',   'vector_l2_ops',     '<->', \&clustered_vectors, 100, 0.95 ],
	[ 'halfvec(24)',   'halfvec_l2_ops',    '<->', \&clustered_vectors, 24,  0.97 ],
	[ 'halfvec(24)',   'halfvec_ip_ops',    '<#>', \&clustered_vectors, 24,  0.90 ],
	[ 'halfvec(24)',   'halfvec_cosine_ops', '<=>', \&clustered_vectors, 24, 0.97 ],
	[ 'halfvec(24)',   'halfvec_l1_ops',    '<+>', \&clustered_vectors, 24,  0.97 ],
	[ 'bit(100)',      'bit_hamming_ops',   '<~>', \&clustered_bits,    100, 0.93 ],
	[ 'bit(100)',      'bit_jaccard_ops',   '<%>', \&clustered_bits,    100, 0.93 ],
	[ 'sparsevec(200)', 'sparsevec_l2_ops', '<->', \&clustered_sparse,  200, 0.90 ],
	[ 'sparsevec(200)', 'sparsevec_ip_ops', '<#>', \&clustered_sparse,  200, 0.85 ],
	[ 'sparsevec(200)', 'sparsevec_cosine_ops', '<=>', \&clustered_sparse, 200, 0.90 ],
	[ 'sparsevec(200)', 'sparsevec_l1_ops', '<+>', \&clustered_sparse,  200, 0.85 ]);

for my $case (@cases) {
	my ($type, $opclass, $operator, $generate, $dimensions, $least) = @$case;
	my @values = $generate->($count + 20, $dimensions);
	my @queries = splice @values, $count;
	my @rows = map { [ $_ + 1, $values[$_] ] } 0 .. $#values;
	my $name = "$type $opclass";

	$node->safe_psql('postgres', "DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, v $type)");
	copy_rows($node, 't', \@rows);
	$node->safe_psql('postgres', "CREATE INDEX t_v ON t USING hnsw (v $opclass)");
	ok(uses_index($node, 't', 'v', $operator, $queries[0], 't_v'), "$name: the index is used");
	recall_ok($node, 't', 'v', $operator, \@queries, $least, "$name, built");
	index_ok($node, 't_v', "$name, built");

	$node->safe_psql('postgres', "TRUNCATE t");
	copy_rows($node, 't', \@rows);
	recall_ok($node, 't', 'v', $operator, \@queries, $least, "$name, inserted");

	$node->safe_psql('postgres', "DELETE FROM t WHERE id % 2 = 0");
	recall_ok($node, 't', 'v', $operator, \@queries, $least - 0.02, "$name, half deleted", ef => 200);
	$node->safe_psql('postgres', "VACUUM t");
	recall_ok($node, 't', 'v', $operator, \@queries, $least, "$name, vacuumed");
	index_ok($node, 't_v', "$name, vacuumed");
	copy_rows($node, 't', [ grep { $_->[0] % 2 == 0 } @rows ]);
	recall_ok($node, 't', 'v', $operator, \@queries, $least, "$name, inserted again");
	index_ok($node, 't_v', "$name, inserted again");
}

quiet_log($node, 'recall');
$node->stop;
done_testing();
