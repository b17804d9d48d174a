# Many clients at once: inserts, updates, deletes, searches, vacuum, and indexes built and rebuilt concurrently, of plain
# classes and of classes of codes. Nobody sees an error, the indexes stay sound, every row is found, and a search in the
# middle of it all finds what an exact scan of the same snapshot finds.
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
my @coded = coded_columns(16);
my @columns = ({ column => 'v', name => 'plain', ef => 40 }, @coded);
$node->safe_psql('postgres', 'CREATE TABLE t (' . join(', ', 'id bigserial PRIMARY KEY', 'v vector(16)', map { $_->{definition} } @coded) . ')');
$node->safe_psql('postgres', <<'SQL' . join("\n", map { $_->{index} } @coded));
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
my @search = map { file("search_$_.sql", "SET enable_seqscan = off;\nSELECT id, $_ <-> point() FROM t ORDER BY $_ <-> (SELECT point()) LIMIT 10;\n") }
  map { $_->{column} } @columns;

# A client that takes turns in some SQL until the time is over.
sub repeat {
	my ($name, $times, @sql) = @_;
	my $end = scalar(gmtime(time + $seconds)) . ' UTC';
	return client($node, $name, join('', map { "SELECT clock_timestamp() < '$end'::timestamptz AS go \\gset\n\\if :go\n$_\\endif\n" } @sql) x $times,
		stop => 0);
}
my $vacuum = repeat('vacuum', 40 * $seconds, "VACUUM t;\nSELECT pg_sleep(0.05);\n", "VACUUM (DISABLE_PAGE_SKIPPING, INDEX_CLEANUP on) t;\n");
# Each index made concurrently is checked at once, against every row of the table; a complaint is a row.
sub made {
	my ($sql, $index) = @_;
	return "$sql;\n" . (ours() ? "SELECT '$index', * FROM ruvector.index_check('$index', true) LIMIT 5;\n" : '') . "SELECT 'made';\n";
}
my $rebuild = repeat('rebuild', 5 * $seconds,
	made('REINDEX INDEX CONCURRENTLY t_v', 't_v'),
	(map { made("CREATE INDEX CONCURRENTLY t_v2 ON t USING hnsw (v $_)", 't_v2') . "DROP INDEX CONCURRENTLY t_v2;\n" }
		'vector_cosine_ops', ours() ? ('vector_cosine_int8_ops) WITH (layout = compact', 'vector_ip_pq_ops') : ()),
	map { made("REINDEX INDEX CONCURRENTLY t_$_->{column}", "t_$_->{column}") } @coded);
# In one snapshot, what the indexes find of the exact nearest.
my $compare = repeat('compare', 20 * $seconds, map { <<"SQL" } @columns);
SET enable_seqscan = off; SET enable_sort = on; SET hnsw.ef_search = $_->{ef};
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT '$_->{name}', sum(n), sum(k) FROM (SELECT point() AS q FROM generate_series(1, 5)) AS queries,
	LATERAL (SELECT max(d) AS last, count(*) AS k FROM (SELECT ($_->{column} <-> q) + 0 AS d FROM t ORDER BY 1 LIMIT 10) AS exact) AS e,
	LATERAL (SELECT count(*) FILTER (WHERE d <= last) AS n FROM (SELECT $_->{column} <-> q AS d FROM t ORDER BY $_->{column} <-> q LIMIT 10) AS found) AS f;
COMMIT;
SQL

my ($out, $err);
my $ok = IPC::Run::run(
	[ 'pgbench', '-n', '-c', '8', '-j', '2', '-T', $seconds, '-f', "$insert\@6", '-f', "$batch\@1", '-f', "$same\@1", '-f', "$update\@2",
		'-f', "$delete\@2", (map { ('-f', "$_\@1") } @search), $node->connstr('postgres') ],
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

my ($answers, $said) = finish_client($compare);
is(join("\n", grep { /ERROR|FATAL|WARNING/ } split /\n/, $said), '', 'compare: no error');
my %compared;
for (@$answers) {
	my ($class, $found, $wanted) = split /\|/;
	$compared{$class}[0] += $found;
	$compared{$class}[1] += $wanted;
}
for my $class (map { $_->{name} } @columns) {
	my ($found, $wanted) = @{ $compared{$class} || [ 0, 0 ] };
	cmp_ok($found, '>=', ($class eq 'plain' ? 0.95 : 0.9) * ($wanted || 1), "$class: searches meanwhile found $found of the $wanted nearest");
}

is($node->safe_psql('postgres', "SELECT string_agg(indexrelid::regclass::text, ',') FROM pg_index WHERE NOT indisvalid"),
	'', 'no invalid index is left');
my @queries = split /\n/, $node->safe_psql('postgres', 'SELECT point() FROM generate_series(1, 20)');
for my $column (@columns) {
	my ($v, $class) = @$column{ 'column', 'name' };
	my $ef = $column->{ef} > 100 ? $column->{ef} : 100;
	index_ok($node, "t_$v", "afterwards: $class", rows => 1);
	my ($rows, $lost) = split /\|/, $node->safe_psql('postgres', <<"SQL");
SET enable_seqscan = off; SET enable_sort = off; SET hnsw.ef_search = $ef;
SELECT count(*), count(*) FILTER (WHERE n.d > 0)
FROM t a CROSS JOIN LATERAL (SELECT b.$v <-> a.$v AS d FROM t b ORDER BY b.$v <-> a.$v LIMIT 1) n;
SQL
	# Rows come and go until none of the first is left; coarse codes take some for others that are near.
	cmp_ok($lost, '<=', $rows / ($class eq 'plain' ? 200 : 50), "$class: $lost of $rows rows not found by their own vectors") or diag $node->safe_psql('postgres', <<"SQL");
SET enable_seqscan = off; SET enable_sort = off; SET hnsw.ef_search = $ef;
SELECT count(*) AS rows, a.v::text = ANY (SELECT c.v::vector::text FROM centers c) AS is_center, min(n.d) AS nearest, max(a.id) AS last, a.v
FROM t a CROSS JOIN LATERAL (SELECT b.$v <-> a.$v AS d FROM t b ORDER BY b.$v <-> a.$v LIMIT 1) n WHERE n.d > 0
GROUP BY a.v ORDER BY 1 DESC LIMIT 5;
SELECT s.vertices, s.dead, s.duplicates, s.tids, s.unreachable FROM ruvector.index_stats('t_$v') s;
CREATE TEMP TABLE worst AS SELECT a.v FROM t a CROSS JOIN LATERAL (SELECT b.$v <-> a.$v AS d FROM t b ORDER BY b.$v <-> a.$v LIMIT 1) n WHERE n.d > 0 GROUP BY a.v ORDER BY count(*) DESC LIMIT 1;
SET hnsw.ef_search = 1000;
SELECT 'ef 1000', min(d), count(*) FILTER (WHERE d = 0) FROM (SELECT $v <-> (SELECT v FROM worst) AS d FROM t ORDER BY $v <-> (SELECT v FROM worst) LIMIT 2000) x;
SET hnsw.iterative_scan = relaxed_order; SET hnsw.max_scan_tuples = 1000000; SET work_mem = '1GB';
SELECT 'drained', min(d), count(*) FILTER (WHERE d = 0), count(*) FROM (SELECT $v <-> (SELECT v FROM worst) AS d FROM t ORDER BY $v <-> (SELECT v FROM worst)) x;
SELECT 'again', min(d), count(*) FILTER (WHERE d = 0), count(*) FROM (SELECT $v <-> (SELECT v FROM worst) AS d FROM t ORDER BY $v <-> (SELECT v FROM worst)) x;
SQL
	is($node->safe_psql('postgres', "SET enable_indexscan = off; SELECT count(*) FROM t"), $rows, "$class: every row was asked for");
	recall_ok($node, 't', $v, '<->', \@queries, 0.9, "afterwards: $class", ef => $column->{ef});
}
$node->safe_psql('postgres', 'VACUUM t');
for my $column (@columns) {
	my ($v, $class) = @$column{ 'column', 'name' };
	recall_ok($node, 't', $v, '<->', \@queries, 0.9, "vacuumed: $class", ef => $column->{ef});
	index_ok($node, "t_$v", "vacuumed: $class", rows => 1);
}
quiet_log($node, 'busy', qr/terminated by signal|PANIC:|TRAP:|ERROR:|could not|invalid page/);
$node->stop;
done_testing();
