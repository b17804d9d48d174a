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
	[ 'vector(24)',    'vector_l2_ops',     '<->', \&clustered_vectors, 24,  0.96 ],
	[ 'vector(24)',    'vector_ip_ops',     '<#>', \&clustered_vectors, 24,  0.96 ],
	[ 'vector(24)',    'vector_cosine_ops', '<=>', \&clustered_vectors, 24,  0.96 ],
	[ 'vector(24)',    'vector_l1_ops',     '<+>', \&clustered_vectors, 24,  0.96 ],
	[ 'vector(100)',   'vector_l2_ops',     '<->', \&clustered_vectors, 100, 0.96 ],
	[ 'halfvec(24)',   'halfvec_l2_ops',    '<->', \&clustered_vectors, 24,  0.96 ],
	[ 'halfvec(24)',   'halfvec_ip_ops',    '<#>', \&clustered_vectors, 24,  0.96 ],
	[ 'halfvec(24)',   'halfvec_cosine_ops', '<=>', \&clustered_vectors, 24, 0.96 ],
	[ 'halfvec(24)',   'halfvec_l1_ops',    '<+>', \&clustered_vectors, 24,  0.96 ],
	[ 'bit(100)',      'bit_hamming_ops',   '<~>', \&clustered_bits,    100, 0.95 ],
	[ 'bit(100)',      'bit_jaccard_ops',   '<%>', \&clustered_bits,    100, 0.95 ],
	[ 'sparsevec(200)', 'sparsevec_l2_ops', '<->', \&clustered_sparse,  200, 0.95 ],
	[ 'sparsevec(200)', 'sparsevec_ip_ops', '<#>', \&clustered_sparse,  200, 0.95 ],
	[ 'sparsevec(200)', 'sparsevec_cosine_ops', '<=>', \&clustered_sparse, 200, 0.95 ],
	[ 'sparsevec(200)', 'sparsevec_l1_ops', '<+>', \&clustered_sparse,  200, 0.95 ]);

# Classes of codes: each codec, layout, type and metric in some combination; under soak in all.
my %operator = (l2 => '<->', ip => '<#>', cosine => '<=>');
sub coded {
	my ($type, $metric, $codec, $layout, $dimensions) = @_;
	return [ "$type($dimensions)", "${type}_${metric}_${codec}_ops", $operator{$metric}, \&clustered_vectors, $dimensions,
		$codec eq 'int8' ? 0.96 : 0.95, "WITH (layout = $layout)", $codec eq 'pq' ];
}
if (ours() && !soak()) {
	push @cases, coded('vector', 'l2', 'int8', 'fast', 24), coded('halfvec', 'ip', 'int8', 'compact', 24),
	  coded('vector', 'cosine', 'pq', 'compact', 24), coded('halfvec', 'l2', 'pq', 'fast', 100),
	  coded('vector', 'ip', 'binary', 'fast', 100), coded('halfvec', 'cosine', 'binary', 'compact', 100);
} elsif (ours()) {
	for my $codec ('int8', 'pq', 'binary') {
		for my $type ('vector', 'halfvec') {
			for my $metric ('l2', 'ip', 'cosine') {
				push @cases, map { coded($type, $metric, $codec, $_, 100) } 'fast', 'compact';
			}
		}
	}
}

for my $case (@cases) {
	my ($type, $opclass, $operator, $generate, $dimensions, $least, $with, $trained) = @$case;
	$with ||= '';
	my @values = $generate->($count + 20, $dimensions);
	my @queries = splice @values, $count;
	my @rows = map { [ $_ + 1, $values[$_] ] } 0 .. $#values;
	my $name = join(' ', grep { $_ } $type, $opclass, $with =~ /layout = (\w+)/);

	$node->safe_psql('postgres', "DROP TABLE IF EXISTS t; CREATE TABLE t (id int PRIMARY KEY, v $type)");
	copy_rows($node, 't', \@rows);
	$node->safe_psql('postgres', "CREATE INDEX t_v ON t USING hnsw (v $opclass) $with");
	ok(uses_index($node, 't', 'v', $operator, $queries[0], 't_v'), "$name: the index is used");
	recall_ok($node, 't', 'v', $operator, \@queries, $least, "$name, built");
	index_ok($node, 't_v', "$name, built");

	$node->safe_psql('postgres', "TRUNCATE t");
	copy_rows($node, 't', [ @rows[ 0 .. 499 ] ]);
	$node->safe_psql('postgres', 'REINDEX INDEX t_v') if $trained;    # a codebook needs data
	copy_rows($node, 't', [ @rows[ 500 .. $#rows ] ]);
	recall_ok($node, 't', 'v', $operator, \@queries, $least, "$name, inserted");

	$node->safe_psql('postgres', "DELETE FROM t WHERE id % 2 = 0");
	recall_ok($node, 't', 'v', $operator, \@queries, $least - 0.02, "$name, half deleted", ef => 80);
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
