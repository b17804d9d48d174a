# Peak memory of a build, of searches and of vacuum, per class, against maintenance_work_mem and work_mem: anonymous memory of
# the backend and its workers, and what they map of shared memory beyond shared_buffers. `note` prints the table.
# A parallel build's own segment is told from shared_buffers only by what goes beyond them: set maintenance_work_mem well above
# shared_buffers (make soak) to see it.
# RUVECTOR_MEMORY_ROWS: how many rows of 128 dimensions (4000; with RUVECTOR_SOAK 40000).
use strict;
use warnings;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use FindBin;
use lib $FindBin::RealBin;
use RuvectorTest;

plan skip_all => 'needs /proc and ruvector' unless -r '/proc/self/status' && ours();

srand(95);
my $rows = $ENV{RUVECTOR_MEMORY_ROWS} || (soak() ? 40000 : 4000);
my ($maintenance, $work, $buffers) = (soak() ? 32 : 6, soak() ? 4 : 1, 16);    # MB
my $overhead = 6;    # of a process: caches of relations, plans, the sort of a table's blocks
my $node = new_node('memory', conf => "maintenance_work_mem = ${maintenance}MB\nwork_mem = ${work}MB\nshared_buffers = ${buffers}MB\n"
	  . "huge_pages = off\nmin_parallel_table_scan_size = 0\njit = off\n");
$node->safe_psql('postgres', "CREATE TABLE t (id serial PRIMARY KEY, v vector(128)) WITH (autovacuum_enabled = off)");
my @values = clustered_vectors($rows < 4000 ? $rows : 4000, 128, 40);
copy_rows($node, 't (v)', [ map { [$_] } @values ]);
$node->safe_psql('postgres', "INSERT INTO t (v) SELECT (SELECT array_agg(x + random() ORDER BY o) FROM unnest(v::float4[]) WITH ORDINALITY u(x, o) WHERE i > 0)::vector "
	  . "FROM t, generate_series(1, 100) i WHERE (SELECT true) LIMIT $rows - 4000") if $rows > 4000;
$node->safe_psql('postgres', 'ANALYZE t');

# kB of a process: anonymous, shared.
sub resident {
	my ($pid) = @_;
	open my $file, '<', "/proc/$pid/status" or return (0, 0);
	my ($anonymous, $shared) = (0, 0);
	while (<$file>) {
		$anonymous = $1 if /^RssAnon:\s+(\d+)/;
		$shared = $1 if /^RssShmem:\s+(\d+)/;
	}
	return ($anonymous, $shared);
}

# The most that a statement needs, in MB: of all processes that work for it, less what a new session has anyway.
sub peak {
	my ($name, $before, $sql) = @_;
	my $client = client($node, $name, "SET application_name = 'measured';\n$before\nSELECT count(*) FROM pg_class;\nSELECT pg_backend_pid();\nSELECT pg_sleep(0.3);\n$sql;\n");
	my $pid;
	poll(sub { return 0 unless -s $client->{out}; ($pid) = reverse grep { /^\d+$/ } split /\n/, slurp_file($client->{out}); $pid && -s $client->{out} && split(/\n/, slurp_file($client->{out})) >= 2 }, 30);
	my ($base) = resident($pid);
	my $most = 0;
	until (waitpid($client->{pid}, POSIX::WNOHANG())) {
		my ($total, $shared) = (-$base, 0);
		for my $status (glob '/proc/[0-9]*/cmdline') {
			my ($process) = $status =~ /(\d+)/;
			next unless $process == $pid || do { open my $f, '<', $status; my $line = $f ? <$f> : ''; ($line || '') =~ /parallel worker for PID $pid\b/ };
			my ($anonymous, $mapped) = resident($process);
			# Shared memory is the same memory in each of them.
			$total += $anonymous - ($process == $pid ? 0 : 3 * 1024);
			$shared = $mapped if $mapped > $shared;
		}
		$shared -= $buffers * 1024 + 4 * 1024;    # buffers and the other shared structures
		$total += $shared if $shared > 0;
		$most = $total if $total > $most;
		sleep 0.01;
	}
	is(slurp_file($client->{err}), '', "$name: no complaint");
	return $most / 1024;
}

for my $case ([ 'plain', 'vector_l2_ops', '' ], map { my $codec = $_; map { [ "$codec $_", "vector_l2_${codec}_ops", "WITH (layout = $_)" ] }
		soak() || $codec eq 'int8' ? ('fast', 'compact') : $codec eq 'pq' ? 'compact' : 'fast' } 'int8', 'pq', 'binary') {
	my ($name, $opclass, $with) = @$case;
	my $create = "CREATE INDEX t_v ON t USING hnsw (v $opclass) $with";
	my $quiet = 'SET client_min_messages = warning;';
	my $serial = peak('serial', "$quiet SET max_parallel_maintenance_workers = 0;", $create);
	$node->safe_psql('postgres', 'DROP INDEX t_v');
	my $parallel = peak('parallel', "$quiet SET max_parallel_maintenance_workers = 2;", $create);
	my $search = peak('search', "$quiet SET enable_seqscan = off; SET enable_sort = off;", 'SELECT count(*) FROM generate_series(1, 30), LATERAL (SELECT id FROM t '
		  . "ORDER BY v <-> '$values[0]' LIMIT 10) s");
	my $drain = peak('drain', "$quiet SET enable_seqscan = off; SET enable_sort = off; SET hnsw.iterative_scan = relaxed_order; SET hnsw.max_scan_tuples = 1000000;",
		"SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> '$values[0]') s");
	$node->safe_psql('postgres', 'DELETE FROM t WHERE id % 4 = 0');
	my $vacuum = peak('vacuum', $quiet, 'VACUUM t');
	$node->safe_psql('postgres', "DROP INDEX t_v; INSERT INTO t (v) SELECT v FROM t LIMIT $rows / 4");
	note sprintf('%-16s MB: build %.1f, with 2 workers %.1f (maintenance_work_mem %d); search %.1f, to the end %.1f (work_mem %d); vacuum %.1f',
		$name, $serial, $parallel, $maintenance, $search, $drain, $work, $vacuum);
	cmp_ok($serial, '<=', 1.1 * $maintenance + $overhead, "$name: a build stays within its memory");
	cmp_ok($parallel, '<=', 1.1 * $maintenance + 3 * $overhead, "$name: a build with two workers, too");
	cmp_ok($search, '<=', $work + $overhead, "$name: a search stays within its memory");
	cmp_ok($drain, '<=', 2 * $work + $overhead, "$name: one without end, within twice of it");
	cmp_ok($vacuum, '<=', $maintenance + $overhead, "$name: vacuum stays within its memory");
}
quiet_log($node, 'memory');
$node->stop;
done_testing();
