# RuvectorTest.pm - what the whole-server tests share: a node with the extension, random clustered vectors of every type,
# recall against the exact scan, background clients.
#
# RUVECTOR_TEST_EXTENSION=vector runs the same tests against pgvector, where both have the feature.
package RuvectorTest;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw($extension ours soak new_node new_extension copy_rows clustered_vectors clustered_bits clustered_sparse
  coded_columns uses_index recall recall_ok index_ok client finish_client quiet_log poll);

our $extension = $ENV{RUVECTOR_TEST_EXTENSION} || 'ruvector';

sub ours { return $extension eq 'ruvector'; }
sub soak { return $ENV{RUVECTOR_SOAK} ? 1 : 0; }

# A started node with the extension in the database postgres.
sub new_node {
	my ($name, %option) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(allows_streaming => $option{streaming} ? 1 : 0);
	$node->append_conf('postgresql.conf', "autovacuum = off\nlog_statement = none\nmax_wal_size = 2GB\n");
	$node->append_conf('postgresql.conf', $option{conf}) if $option{conf};
	$node->start;
	new_extension($node);
	return $node;
}

sub new_extension {
	my ($node, $database) = @_;
	$node->safe_psql($database || 'postgres', "CREATE EXTENSION $extension");
	return;
}

# Rows [column, ...] into a table, through COPY.
sub copy_rows {
	my ($node, $target, $rows, $database) = @_;
	my $data = join('', map { join("\t", @$_) . "\n" } @$rows);
	$node->safe_psql($database || 'postgres', "COPY $target FROM STDIN;\n$data\\.\n");
	return;
}

# Approximately normal, mean 0, deviation 1.
sub normal {
	my $sum = -6;
	$sum += rand() for 1 .. 12;
	return $sum;
}

# Values of `vector` and `halfvec`: points around random centres.
sub clustered_vectors {
	my ($count, $dimensions, $clusters) = @_;
	$clusters ||= 20;
	my @centers = map { [ map { normal() } 1 .. $dimensions ] } 1 .. $clusters;
	return map {
		my $center = $centers[ int(rand($clusters)) ];
		'[' . join(',', map { sprintf('%.4f', $_ + 0.8 * normal()) } @$center) . ']';
	} 1 .. $count;
}

# Values of bit(n): random centres, a tenth of the bits turned.
sub clustered_bits {
	my ($count, $dimensions, $clusters) = @_;
	$clusters ||= 20;
	my @centers = map { [ map { rand() < 0.5 ? 1 : 0 } 1 .. $dimensions ] } 1 .. $clusters;
	return map {
		my $center = $centers[ int(rand($clusters)) ];
		join('', map { rand() < 0.1 ? 1 - $_ : $_ } @$center);
	} 1 .. $count;
}

# Values of sparsevec: each cluster has its own set of likely positions.
sub clustered_sparse {
	my ($count, $dimensions, $clusters) = @_;
	$clusters ||= 20;
	my @centers = map {
		my %position;
		$position{ 1 + int(rand($dimensions)) } = normal() while keys %position < 12;
		\%position;
	} 1 .. $clusters;
	return map {
		my $center = $centers[ int(rand($clusters)) ];
		my %value = map { $_ => sprintf('%.4f', $center->{$_} + 0.4 * normal()) } grep { rand() < 0.9 } keys %$center;
		$value{ 1 + int(rand($dimensions)) } = sprintf('%.4f', 0.4 * normal() + 0.01) for 1 .. 3;
		'{' . join(',', map { "$_:$value{$_}" } sort { $a <=> $b } keys %value) . "}/$dimensions";
	} 1 .. $count;
}

# Columns of a table t that repeat its column v, each with an index of a class of codes: so one table and one run try them
# all. Every codec once; in both layouts under soak. A table of few rows is not to be read whole: the default for so short
# codes would look at most of them, and find them in any graph. by_default: what users get all the same.
sub coded_columns {
	my ($dimensions, %option) = @_;
	return () unless ours();
	my @all = ([ 'i', 'int8', 'fast' ], [ 'p', 'pq', 'compact' ], [ 'b', 'binary', 'fast' ]);
	push @all, [ 'ic', 'int8', 'compact' ], [ 'pf', 'pq', 'fast' ], [ 'bc', 'binary', 'compact' ] if soak();
	return map {
		my ($column, $codec, $layout) = @$_;
		my $oversampling = $option{by_default} ? undef : { binary => 2, pq => 1.5 }->{$codec};
		# Coarse codes tell few of these vectors from each other: more of them have to be looked at (with ef 40, a fresh
		# index of pq has recall 0.86 on 9,000 of 16 dimensions; with ef 100, 0.99).
		{ column => $column, name => "$codec $layout", ef => { binary => 300, pq => 100 }->{$codec} || 40, definition => "$column vector($dimensions) GENERATED ALWAYS AS (v) STORED",
			index => "CREATE INDEX t_$column ON t USING hnsw ($column vector_l2_${codec}_ops) WITH (layout = $layout" . ($oversampling ? ", oversampling = $oversampling" : '') . ');' }
	} @all;
}

# The plan of a nearest-neighbour query goes through the index.
sub uses_index {
	my ($node, $table, $column, $operator, $query, $index) = @_;
	my $plan = $node->safe_psql('postgres',
		"SET enable_seqscan = off; EXPLAIN (COSTS OFF) SELECT id FROM $table ORDER BY $column $operator '$query' LIMIT 10");
	return $plan =~ /Index Scan using \Q$index\E/;
}

# One answer a query, as [[id, distance], ...], in the order of the server.
sub answers {
	my ($node, $settings, $table, $column, $operator, $queries, $k, $where) = @_;
	my $sql = $settings;
	for my $query (@$queries) {
		$sql .= "SELECT coalesce(string_agg(id || ':' || d, ' '), '-') FROM (SELECT id, $column $operator '$query' AS d "
		  . "FROM $table $where ORDER BY $column $operator '$query' LIMIT $k) s;\n";
	}
	return map { $_ eq '-' ? [] : [ map { [ split /:/ ] } split / / ] } split /\n/, $node->safe_psql('postgres', $sql);
}

# Share of the exact k nearest that the index finds (equal distances count as found). Dies if the index answers with a row
# twice. Options: k (10), ef (40), where, set (more SQL before the queries of the index).
sub recall {
	my ($node, $table, $column, $operator, $queries, %option) = @_;
	my $k = $option{k} || 10;
	my $ef = $option{ef} || 40;
	my $where = $option{where} ? "WHERE $option{where}" : '';
	my @found = answers($node, "SET enable_seqscan = off; SET hnsw.ef_search = $ef;\n" . ($option{set} || ''),
		$table, $column, $operator, $queries, $k, $where);
	my @exact = answers($node, "SET enable_indexscan = off; SET max_parallel_workers_per_gather = 0;\n",
		$table, $column, $operator, $queries, $k, $where);
	my ($correct, $total) = (0, 0);
	for my $i (0 .. $#exact) {
		my @e = @{ $exact[$i] };
		next unless @e;
		my %seen;
		my $bound = $e[-1][1];
		for my $answer (@{ $found[$i] }) {
			die "row $answer->[0] of $table twice in one answer" if $seen{ $answer->[0] }++;
			$correct++ if $answer->[1] <= $bound + 1e-6 * abs($bound);
		}
		$total += @e;
	}
	return $total ? $correct / $total : 1;
}

sub recall_ok {
	my ($node, $table, $column, $operator, $queries, $least, $name, %option) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $recall = eval { recall($node, $table, $column, $operator, $queries, %option) };
	if (!defined $recall) {
		fail("$name: $@");
		return;
	}
	cmp_ok($recall, '>=', $least, sprintf('%s: recall %.3f', $name, $recall));
	return;
}

# The index's own account of itself, and (rows => 1) whether every row of its table is in it.
sub index_ok {
	my ($node, $index, $name, @more) = @_;
	my $database = @more % 2 ? shift @more : 'postgres';
	my %option = @more;
	my $rows = $option{rows} ? 'true' : 'false';
	local $Test::Builder::Level = $Test::Builder::Level + 1;
  SKIP: {
		skip 'only ruvector can check its index', 1 unless ours();
		my ($code, $out, $error) = $node->psql($database, "SELECT * FROM ruvector.index_check('$index', $rows) LIMIT 20");
		is("$out$error", '', "$name: index_check accepts $index");
	}
	return;
}

# A psql in the background that reads SQL from a file. Options: stop (1: ends at the first error, the default).
sub client {
	my ($node, $name, $sql, %option) = @_;
	my $base = PostgreSQL::Test::Utils::tempdir() . "/$name";
	open my $file, '>', "$base.sql" or die "$base.sql: $!";
	print $file $sql;
	close $file;
	my $stop = defined $option{stop} ? $option{stop} : 1;
	my $connection = $node->connstr('postgres');
	my $pid = fork;
	die "fork: $!" unless defined $pid;
	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', "$base.out";
		open STDERR, '>', "$base.err";
		exec 'psql', '-XqAt', '-v', "ON_ERROR_STOP=$stop", '-d', $connection, '-f', "$base.sql" or POSIX::_exit(127);
	}
	return { pid => $pid, name => $name, out => "$base.out", err => "$base.err" };
}

# Waits for a client; returns its lines and what it said on standard error.
sub finish_client {
	my ($client) = @_;
	waitpid $client->{pid}, 0;
	my $out = slurp_file($client->{out});
	return ([ split /\n/, $out ], slurp_file($client->{err}));
}

# Calls until it returns true, for at most some seconds.
sub poll {
	my ($until, $seconds) = @_;
	my $end = time() + ($seconds || 60);
	while (time() < $end) {
		return 1 if $until->();
		sleep 0.05;
	}
	return 0;
}

# Nothing in the log that no test should cause.
sub quiet_log {
	my ($node, $name, $pattern) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$pattern ||= qr/terminated by signal|PANIC:|TRAP:|could not read block|invalid page|runtime error:/;
	my @lines = grep { /$pattern/ } split /\n/, slurp_file($node->logfile);
	is(join("\n", splice(@lines, 0, 10)), '', "$name: nothing alarming in the log");
	return;
}

1;
