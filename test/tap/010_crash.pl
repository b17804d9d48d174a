# The postmaster is killed while clients insert, update, delete and vacuum. After each restart every row whose commit was
# acknowledged is there, is found through the index by its own vector, and the index is sound.
# RUVECTOR_CRASH_CYCLES: how often (6).
use strict;
use warnings;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use FindBin;
use lib $FindBin::RealBin;
use RuvectorTest;

my $cycles = $ENV{RUVECTOR_CRASH_CYCLES} || 6;
my $writers = 3;
my $seed = $ENV{RUVECTOR_SEED} || 10;
srand($seed);

# fsync stays off: the operating system survives. Checkpoints come often, so that replay begins in the middle of things.
my $node = new_node('crash', conf => "checkpoint_timeout = 30s\nmin_wal_size = 32MB\nmax_wal_size = 48MB\nwal_level = replica\n");
my @coded = coded_columns(16);
my %rows;    # id => vector: what the clients know to be committed
my $next_id = 1;
$node->safe_psql('postgres', 'CREATE TABLE t (' . join(', ', 'id bigint PRIMARY KEY', 'v vector(16)', map { $_->{definition} } @coded)
	  . '); CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops)');
# A codebook is trained with rows; the other indexes begin empty.
copy_rows($node, 't', [ map { $rows{$next_id} = $_; [ $next_id++, $_ ] } clustered_vectors(300, 16) ]);
$node->safe_psql('postgres', $_->{index}) for @coded;
$rows{ (split /\|/)[0] } = (split /\|/)[1] for split /\n/, $node->safe_psql('postgres', 'SELECT id, v FROM t');
my @columns = ([ 'v', 'plain', 40 ], map { [ @$_{ 'column', 'name', 'ef' } ] } @coded);

# The script of one writer, and what each statement does: [op, id, vector].
sub script {
	my ($count, @mine) = @_;
	my ($sql, @steps) = ('');
	for my $vector (clustered_vectors($count, 16)) {
		my $dice = rand();
		if ($dice < 0.25 && @mine) {
			my ($id) = splice @mine, int(rand(@mine)), 1;
			push @steps, [ 'd', $id ];
			$sql .= "DELETE FROM t WHERE id = $id RETURNING 'd', id;\n";
		} elsif ($dice < 0.35 && @mine) {
			my $id = $mine[ int(rand(@mine)) ];
			push @steps, [ 'u', $id, $vector ];
			$sql .= "UPDATE t SET v = '$vector' WHERE id = $id RETURNING 'u', id;\n";
		} else {
			my $id = $next_id++;
			push @mine, $id;
			push @steps, [ 'i', $id, $vector ];
			$sql .= "INSERT INTO t VALUES ($id, '$vector') RETURNING 'i', id;\n";
		}
	}
	return ($sql, \@steps);
}

for my $cycle (1 .. $cycles) {
	my @ids = keys %rows;
	my (@clients, @steps);
	for my $writer (0 .. $writers - 1) {
		my ($sql, $steps) = script(4000, grep { $_ % $writers == $writer } @ids);
		push @steps, $steps;
		push @clients, client($node, "writer$writer", $sql);
	}
	push @clients, client($node, 'vacuum', "VACUUM t;\nSELECT pg_sleep(0.05);\nVACUUM (INDEX_CLEANUP on) t;\n" x 1000);
	push @clients, client($node, 'checkpoint', "CHECKPOINT;\nSELECT pg_sleep(0.3);\n" x 1000) if $cycle % 2;
	sleep(0.8 + rand(1.5));
	my $postmaster = $node->{_pid};
	$node->kill9;
	poll(sub { !kill 0, $postmaster }, 20);

	my $acknowledged = 0;
	my %doubt;    # id => the step in flight, which may or may not have happened
	for my $i (0 .. $#clients) {
		my ($lines) = finish_client($clients[$i]);
		next if $i >= $writers;
		my @todo = @{ $steps[$i] };
		for my $line (@$lines) {
			my ($op, $id, $vector) = @{ shift @todo };
			die "writer $i: $line, expected $op|$id" if $line ne "$op|$id";
			if ($op eq 'd') { delete $rows{$id} }
			else { $rows{$id} = $vector }
			$acknowledged++;
		}
		$doubt{ $todo[0][1] } = $todo[0] if @todo;
	}
	ok($acknowledged > 0, "cycle $cycle: $acknowledged statements were acknowledged");

	# The old backends notice only after a moment that their postmaster is gone.
	ok(poll(sub { $node->{_pid} = undef; $node->start(fail_ok => 1) }, 120), "cycle $cycle: the server starts again");

	my %heap = map { split /\|/, $_, 2 } split /\n/,
	  $node->safe_psql('postgres', 'SET enable_indexscan = off; SELECT id, v FROM t');
	my @wrong;
	for my $id (keys %{ { %rows, %heap, %doubt } }) {
		my $known = $rows{$id};
		my $is = $heap{$id};
		if (my $step = $doubt{$id}) {
			if (defined $is) { $rows{$id} = defined $known && $step->[0] ne 'u' ? $known : defined $known ? $is : $step->[2] }
			else {
				push @wrong, "$id vanished" if defined $known && $step->[0] ne 'd';
				delete $rows{$id};
			}
		} elsif (defined $known != defined $is) {
			push @wrong, defined $known ? "$id is lost" : "$id is back";
		}
	}
	is(join(', ', splice @wrong, 0, 10), '', "cycle $cycle: the heap has what was committed (" . keys(%rows) . ' rows)');

	my @queries = clustered_vectors(20, 16);
	for my $column (@columns) {
		my ($v, $class, $ef) = @$column;
		my $lost = $node->safe_psql('postgres', <<"SQL");
SET enable_seqscan = off; SET enable_sort = off; SET hnsw.ef_search = 100;
SELECT count(*) FROM t a CROSS JOIN LATERAL (SELECT b.$v <-> a.$v AS d FROM t b ORDER BY b.$v <-> a.$v LIMIT 1) n
WHERE n.d > 0;
SQL
		cmp_ok($lost, '<=', ours() ? 0 : keys(%rows) / 500, "cycle $cycle: $class: $lost rows not found by their own vectors") or diag $node->safe_psql('postgres', <<"SQL");
SET enable_seqscan = off; SET enable_sort = off; SET hnsw.ef_search = 100;
CREATE TEMP TABLE lost AS SELECT a.id, a.$v AS v FROM t a CROSS JOIN LATERAL (SELECT b.$v <-> a.$v AS d FROM t b ORDER BY b.$v <-> a.$v LIMIT 1) n WHERE n.d > 0;
SELECT s.vertices, s.dead, s.duplicates, s.tids, s.unreachable FROM ruvector.index_stats('t_$v') s;
SELECT id, (SELECT count(*) FROM t b WHERE b.$v = lost.v) AS equals, v, (SELECT string_agg(d::text, ' ') FROM (SELECT (b.$v <-> lost.v) + 0 AS d FROM t b ORDER BY 1 LIMIT 5) s) AS nearest FROM lost LIMIT 5;
SET hnsw.ef_search = 300;
SELECT 'ef 300', id, (SELECT b.$v <-> lost.v AS d FROM t b ORDER BY b.$v <-> lost.v LIMIT 1) FROM lost LIMIT 5;
SET hnsw.ef_search = 1000;
SELECT 'ef 1000', id, (SELECT b.$v <-> lost.v AS d FROM t b ORDER BY b.$v <-> lost.v LIMIT 1) FROM lost LIMIT 5;
SQL
		recall_ok($node, 't', $v, '<->', \@queries, 0.9, "cycle $cycle: $class", ef => $ef);
		index_ok($node, "t_$v", "cycle $cycle");
	}
}

$node->safe_psql('postgres', 'DELETE FROM t; VACUUM t');
for my $column (@columns) {
	my ($v, $class) = @$column;
	is($node->safe_psql('postgres', "SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM t ORDER BY $v <-> '["
			. join(',', (0) x 16) . "]' LIMIT 10) s"), '0', "$class: the emptied index answers with nothing");
	index_ok($node, "t_$v", 'emptied');
}
quiet_log($node, 'crash');
$node->stop;
done_testing();
