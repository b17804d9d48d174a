# Builds: parallel and serial, with hardly any memory, of wide (TOASTed) vectors, watched, and cancelled in the middle.
use strict;
use warnings;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use FindBin;
use lib $FindBin::RealBin;
use RuvectorTest;

srand(60);
my $node = new_node('build', conf => "max_parallel_maintenance_workers = 2\nmax_worker_processes = 8\n");
my $count = soak() ? 20000 : 4000;
my @values = clustered_vectors($count + 20, 32, 40);
my @queries = splice @values, $count;

sub sql { return $node->safe_psql('postgres', @_); }

sql('CREATE TABLE t (id serial, v vector(32))');
copy_rows($node, 't (v)', [ map { [$_] } @values ]);

for my $case (
	[ 'serial', 'SET max_parallel_maintenance_workers = 0' ],
	[ 'parallel', 'SET min_parallel_table_scan_size = 0; ALTER TABLE t SET (parallel_workers = 2)' ],
	[ 'serial, 1 MB', "SET max_parallel_maintenance_workers = 0; SET maintenance_work_mem = '1MB'" ],
	[ 'parallel, 1 MB', "SET min_parallel_table_scan_size = 0; SET maintenance_work_mem = '1MB'" ],
	[ 'parallel, 4 MB', "SET min_parallel_table_scan_size = 0; SET maintenance_work_mem = '4MB'" ]) {
	my ($name, $settings) = @$case;
	my $began = time();
	sql("DROP INDEX IF EXISTS t_v; $settings; CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops)");
	note sprintf('%s: %.1f s', $name, time() - $began);
	recall_ok($node, 't', 'v', '<->', \@queries, 0.95, $name);
	index_ok($node, 't_v', $name);
	my $found = sql("SET enable_seqscan = off; SET hnsw.ef_search = 100; SELECT count(*) FROM t a CROSS JOIN LATERAL "
		  . "(SELECT b.v <-> a.v AS d FROM t b ORDER BY b.v <-> a.v LIMIT 1) n WHERE a.id % 10 = 0 AND n.d = 0");
	cmp_ok($found, '>=', 0.995 * $count / 10, "$name: $found rows of " . $count / 10 . ' are found by their own vectors');
}

# A crash right after a build: all of it was logged.
$node->stop('immediate');
$node->start;
recall_ok($node, 't', 'v', '<->', \@queries, 0.95, 'after a crash');
index_ok($node, 't_v', 'after a crash');

# Wide vectors live in TOAST.
for my $dimensions (1536, 2000, 3072, 16000) {
  SKIP: {
		skip "more than 2,000 dimensions need ruvector", 4 if $dimensions > 2000 && !ours();
		my $n = $dimensions > 4000 ? 150 : 300;
		my @wide = clustered_vectors($n + 5, $dimensions, 10);
		my @ask = splice @wide, $n;
		sql("CREATE TABLE wide (id serial, v vector($dimensions))");
		copy_rows($node, 'wide (v)', [ map { [$_] } @wide ]);
		sql('CREATE INDEX wide_v ON wide USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 32)');
		recall_ok($node, 'wide', 'v', '<->', \@ask, 0.9, "$dimensions dimensions, built");
		sql('DELETE FROM wide WHERE id % 4 = 0; VACUUM wide');
		copy_rows($node, 'wide (v)', [ map { [$_] } @wide[ 0 .. 19 ] ]);
		ok(uses_index($node, 'wide', 'v', '<->', $ask[0], 'wide_v'), "$dimensions dimensions: the index is used");
		recall_ok($node, 'wide', 'v', '<->', \@ask, 0.9, "$dimensions dimensions, changed");
		index_ok($node, 'wide_v', "$dimensions dimensions");
		sql('DROP TABLE wide');
	}
}

# Watched from outside. Slow enough to be seen: a large ef_construction.
my $slow = 'CREATE INDEX t_slow ON t USING hnsw (v vector_l2_ops) WITH (m = 32, ef_construction = 500)';
my $build = client($node, 'build', "SET max_parallel_maintenance_workers = 0;\n$slow;\n");
my %phases;
my $tuples = 0;
my $finished = 0;
while (!$finished) {
	for my $line (split /\n/, sql('SELECT phase, tuples_done FROM pg_stat_progress_create_index')) {
		my ($phase, $done) = split /\|/, $line;
		$phases{$phase}++;
		$tuples = $done if $done > $tuples;
	}
	$finished = waitpid($build->{pid}, POSIX::WNOHANG()) != 0;
	sleep(0.02) unless $finished;
}
is(slurp_file($build->{err}), '', 'the watched build ends well');
ok((grep { /loading tuples|building/ } keys %phases), 'pg_stat_progress_create_index: ' . join(', ', sort keys %phases));
cmp_ok($tuples, '>', 0, "it counts tuples ($tuples seen)");
sql('DROP INDEX t_slow');

# Cancelled and killed in the middle: nothing is left, neither in the catalog nor on disk.
my $orphans = <<'SQL';
CHECKPOINT;
SELECT count(*) FROM pg_ls_dir('base/' || (SELECT oid FROM pg_database WHERE datname = current_database())) f
WHERE f ~ '^[0-9]+$' AND pg_filenode_relation(0, f::oid) IS NULL
	AND NOT EXISTS (SELECT FROM pg_class WHERE relfilenode = f::oid);
SQL
my $before = sql($orphans);
for my $case ([ 'serial', 0 ], [ 'parallel', 2 ]) {
	my ($name, $workers) = @$case;
	my ($code, undef, $error) = $node->psql('postgres',
		"SET max_parallel_maintenance_workers = $workers; SET min_parallel_table_scan_size = 0; SET statement_timeout = '300ms'; $slow");
	like($error, qr/canceling statement due to statement timeout/, "$name build cancelled");
	is(sql("SELECT count(*) FROM pg_class WHERE relname = 't_slow'"), '0', "$name: not in the catalog");
	is(sql($orphans), $before, "$name: no file left");
}
is(sql('SELECT count(*) FROM pg_stat_progress_create_index'), '0', 'no progress left');
my ($code, undef, $error) = $node->psql('postgres', "SET statement_timeout = '300ms'; CREATE INDEX CONCURRENTLY t_slow ON t USING hnsw (v vector_l2_ops) WITH (m = 32, ef_construction = 500)");
like($error, qr/canceling statement/, 'concurrent build cancelled');
is(sql("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('t_slow')"), 'f', 'it leaves an invalid index, as always');
sql('REINDEX INDEX t_slow');
index_ok($node, 't_slow', 'invalid index, rebuilt');
sql('DROP INDEX t_slow');

# What workers must not touch is built without them.
is(sql("CREATE TEMP TABLE temporary AS SELECT id, v FROM t; CREATE INDEX ON temporary USING hnsw (v vector_l2_ops);"
	  . 'SET enable_seqscan = off; SELECT count(*) FROM (SELECT FROM temporary ORDER BY v <-> (SELECT v FROM t LIMIT 1) LIMIT 5) x'),
	'5', 'an index of a temporary table');

# Rows updated while an older snapshot sees their old versions: the index is not for that snapshot, whoever built it.
SKIP: {
	skip "a session in the background needs a newer PostgreSQL::Test::Cluster", 2 unless $node->can('background_psql');
	my $reader = $node->background_psql('postgres');
	$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
	$reader->query_safe('SELECT count(*) FROM pg_class');
	sql('CREATE TABLE hot (id int, v vector(32)) WITH (fillfactor = 40); INSERT INTO hot SELECT id, v FROM t');
	sql('UPDATE hot SET v = (SELECT v FROM t LIMIT 1) WHERE id % 2 = 0');
	for my $workers (0, 2) {
		sql("SET max_parallel_maintenance_workers = $workers; CREATE INDEX hot_$workers ON hot USING hnsw (v vector_l2_ops)");
		is(sql("SELECT indcheckxmin FROM pg_index WHERE indexrelid = 'hot_$workers'::regclass"),
			't', "broken HOT chains are noticed with $workers workers");
	}
	$reader->query_safe('COMMIT');
	$reader->quit;
	sql('DROP TABLE hot');
}

# A query can be cancelled, too.
($code, undef, $error) = $node->psql('postgres', "SET statement_timeout = '100ms'; SET enable_seqscan = off; SET hnsw.ef_search = 1000;"
	  . "SELECT count(n.d) FROM t a CROSS JOIN LATERAL (SELECT b.v <-> a.v AS d FROM t b ORDER BY b.v <-> a.v LIMIT 1000) n");
like($error, qr/canceling statement due to statement timeout/, 'a search is cancelled');
recall_ok($node, 't', 'v', '<->', \@queries, 0.95, 'at the end');

quiet_log($node, 'build');
$node->stop;
done_testing();
