# Many clients at once: inserts, updates, deletes, searches, vacuum, and indexes built and rebuilt concurrently. Nobody
# sees an error, the index stays sound, and every row is found.
use strict;
use warnings;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib $FindBin::RealBin;
use RuvectorTest;

srand(30);
my $seconds = $ENV{RUVECTOR_CONCURRENCY_SECONDS} || (soak() ? 120 : 12);
my $node = new_node('busy', conf => "max_connections = 50\nmaintenance_work_mem = 64MB\nautovacuum = on\n"
	  . "autovacuum_naptime = 1s\ndeadlock_timeout = 20s\n");
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE t (id bigserial PRIMARY KEY, v vector(16));
CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops);
CREATE TABLE centers (c int PRIMARY KEY, v float4[]);
INSERT INTO centers SELECT c, array_agg(random()) FROM generate_series(1, 20) c, generate_series(1, 16) GROUP BY c;
CREATE FUNCTION point() RETURNS vector LANGUAGE sql VOLATILE AS $$
	SELECT array_agg(x + 0.5 * random()::float4 ORDER BY o)::vector
	FROM centers, unnest(v) WITH ORDINALITY AS u(x, o) WHERE c = (SELECT 1 + floor(random() * 20)::int)
$$;
INSERT INTO t (v) SELECT point() FROM generate_series(1, 500);
SQL

my $dir = PostgreSQL::Test::Utils::tempdir();

sub file {
	my ($name, $text) = @_;
	open my $file, '>', "$dir/$name" or die $!;
	print $file $text;
	close $file;
	return "$dir/$name";
}

my $insert = file('insert.sql', "INSERT INTO t (v) VALUES (point());\n");
my $batch = file('batch.sql', "BEGIN;\nINSERT INTO t (v) SELECT point() FROM generate_series(1, 5);\n"
	  . "SAVEPOINT s;\nINSERT INTO t (v) SELECT point() FROM generate_series(1, 5);\nROLLBACK TO s;\nEND;\n");
# Equal vectors, more than a vertex has room for: validation must get each of their rows once.
my $same = file('same.sql', "\\set c random(1, 3)\nINSERT INTO t (v) SELECT (SELECT v::vector FROM centers WHERE c = :c) FROM generate_series(1, 3);\n");
my $update = file('update.sql', "\\set id random(1, 2000)\nUPDATE t SET v = point() WHERE id = :id;\n");
my $delete = file('delete.sql', "DELETE FROM t WHERE id IN (SELECT id FROM t ORDER BY id LIMIT 3 FOR UPDATE SKIP LOCKED);\n");
my $search = file('search.sql', "SET enable_seqscan = off;\nSELECT id, v <-> point() FROM t ORDER BY v <-> (SELECT point()) LIMIT 10;\n");

# A client that repeats some SQL until the time is over.
sub repeat {
	my ($name, $sql, $times) = @_;
	my $end = scalar(gmtime(time + $seconds)) . ' UTC';
	return client($node, $name, "SELECT clock_timestamp() < '$end'::timestamptz AS go \\gset\n\\if :go\n$sql\\endif\n" x $times, stop => 0);
}
my $vacuum = repeat('vacuum', "VACUUM t;\nSELECT pg_sleep(0.05);\nVACUUM (DISABLE_PAGE_SKIPPING, INDEX_CLEANUP on) t;\n", 40 * $seconds);
# Each index made concurrently is checked at once, against every row of the table; a complaint is a row.
my $rows_missing = ours() ? "SELECT '%s', * FROM ruvector.index_check('%s', true) LIMIT 5;\n" : '';
my $rebuild = repeat('rebuild', "REINDEX INDEX CONCURRENTLY t_v;\n" . sprintf($rows_missing, 'reindex', 't_v')
	  . "CREATE INDEX CONCURRENTLY t_v2 ON t USING hnsw (v vector_cosine_ops);\n" . sprintf($rows_missing, 'create', 't_v2')
	  . "DROP INDEX CONCURRENTLY t_v2;\nSELECT 'made';\nSELECT pg_sleep(0.1);\n", 10 * $seconds);

my ($out, $err);
my $ok = IPC::Run::run(
	[ 'pgbench', '-n', '-c', '6', '-j', '2', '-T', $seconds, '-f', "$insert\@6", '-f', "$batch\@1", '-f', "$same\@1", '-f', "$update\@2",
		'-f', "$delete\@2", '-f', "$search\@4", $node->connstr('postgres') ],
	'>', \$out, '2>', \$err);
ok($ok, 'pgbench ends well') or diag $err;
note $out;
my ($transactions) = $out =~ /number of transactions actually processed: (\d+)/;
cmp_ok($transactions || 0, '>', 50, 'it did something: ' . ($transactions || 0) . ' transactions');
is(join("\n", grep { /aborted|ERROR/ } split /\n/, $err), '', 'no client was turned away');
for my $client ($vacuum, $rebuild) {
	my ($answers, $said) = finish_client($client);
	is(join("\n", grep { /\S/ && $_ ne 'made' } @$answers), '', "$client->{name}: nothing to complain of");
	cmp_ok(scalar(grep { $_ eq 'made' } @$answers), '>', 1, 'indexes were made meanwhile') if $client == $rebuild;
	is(join("\n", grep { /ERROR|FATAL|WARNING/ } split /\n/, $said), '', "$client->{name}: no error");
}

is($node->safe_psql('postgres', "SELECT string_agg(indexrelid::regclass::text, ',') FROM pg_index WHERE NOT indisvalid"),
	'', 'no invalid index is left');
index_ok($node, 't_v', 'afterwards', rows => 1);

my ($rows, $lost) = split /\|/, $node->safe_psql('postgres', <<'SQL');
SET enable_seqscan = off; SET enable_sort = off; SET hnsw.ef_search = 100;
SELECT count(*), count(*) FILTER (WHERE n.d > 0)
FROM t a CROSS JOIN LATERAL (SELECT b.v <-> a.v AS d FROM t b ORDER BY b.v <-> a.v LIMIT 1) n;
SQL
cmp_ok($lost, '<=', $rows / 200, "$lost of $rows rows not found by their own vectors") or diag $node->safe_psql('postgres', <<'SQL');
SET enable_seqscan = off; SET enable_sort = off; SET hnsw.ef_search = 100;
SELECT count(*) AS rows, a.v::text = ANY (SELECT c.v::vector::text FROM centers c) AS is_center, min(n.d) AS nearest, max(a.id) AS last, a.v
FROM t a CROSS JOIN LATERAL (SELECT b.v <-> a.v AS d FROM t b ORDER BY b.v <-> a.v LIMIT 1) n WHERE n.d > 0
GROUP BY a.v ORDER BY 1 DESC LIMIT 5;
SELECT s.vertices, s.dead, s.duplicates, s.tids, s.unreachable FROM ruvector.index_stats('t_v') s;
SQL
is($node->safe_psql('postgres', "SET enable_indexscan = off; SELECT count(*) FROM t"), $rows, 'every row was asked for');
my @queries = split /\n/, $node->safe_psql('postgres', 'SELECT point() FROM generate_series(1, 20)');
recall_ok($node, 't', 'v', '<->', \@queries, 0.9, 'afterwards');
$node->safe_psql('postgres', 'VACUUM t');
recall_ok($node, 't', 'v', '<->', \@queries, 0.9, 'vacuumed');
index_ok($node, 't_v', 'vacuumed', rows => 1);
quiet_log($node, 'busy', qr/terminated by signal|PANIC:|TRAP:|ERROR:|could not|invalid page/);
$node->stop;
done_testing();
