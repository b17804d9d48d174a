# ivfflat: recall by probes, inserts, vacuum, crashes, a standby, concurrent builds, small memory.
use strict;
use warnings;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib $FindBin::RealBin;
use RuvectorTest;

srand(80);
my $primary = new_node('ivfflat', streaming => 1);
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('ivfflat_standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

sub sql { return $primary->safe_psql('postgres', @_); }

my $lists = 20;
my %probes = map { $_ => "SET ivfflat.probes = $_;" } 1, 5, $lists;
my @kinds = (
	[ 'dense', 'vector(32)', 'vector_l2_ops', '<->', \&clustered_vectors, 32 ],
	[ 'product', 'vector(32)', 'vector_ip_ops', '<#>', \&clustered_vectors, 32 ],
	[ 'half', 'halfvec(32)', 'halfvec_cosine_ops', '<=>', \&clustered_vectors, 32 ],
	[ 'bits', 'bit(64)', 'bit_hamming_ops', '<~>', \&clustered_bits, 64 ]);
# Indexes of codes: strict order leaves out what comes late, so all lists do not mean all rows.
push @kinds,
  [ 'coded8', 'vector(32)', 'vector_l2_int8_ops', '<->', \&clustered_vectors, 32, 0.99 ],
  [ 'codedpq', 'halfvec(32)', 'halfvec_cosine_pq_ops', '<=>', \&clustered_vectors, 32, 0.95 ],
  [ 'coded1', 'vector(32)', 'vector_ip_binary_ops', '<#>', \&clustered_vectors, 32, 0.9 ]
  if ours();
# Values and queries of a kind have their clusters in common.
my %values = map { $_->[0] => [ $_->[4]->(2600, $_->[5]) ] } @kinds;
my %queries = map { $_->[0] => [ splice @{ $values{ $_->[0] } }, 0, 25 ] } @kinds;

sub add {
	my ($table, $count) = @_;
	copy_rows($primary, "$table (v)", [ map { [$_] } splice @{ $values{$table} }, 0, $count ]);
	return;
}

# All lists: exact. Some: less, but not nothing. The standby gives the same answers.
sub answers_ok {
	my ($what) = @_;
	$primary->wait_for_catchup($standby);
	for my $kind (@kinds) {
		my ($table, undef, undef, $operator, undef, undef, $least) = @$kind;
		for my $node ($primary, $standby) {
			my $where = $node == $primary ? '' : ' on the standby';
			my $exact = recall($node, $table, 'v', $operator, $queries{$table}, k => 20, set => $probes{$lists});
			cmp_ok($exact, '>=', $least // 1, "$what$where: $table, all lists");
		}
		index_ok($primary, "${table}_v", $what, rows => 1);
		my $one = recall($primary, $table, 'v', $operator, $queries{$table}, k => 20, set => $probes{1});
		my $five = recall($primary, $table, 'v', $operator, $queries{$table}, k => 20, set => $probes{5});
		note "$what: $table: recall $one with one list, $five with five";
		cmp_ok($one, '>', 0.3, "$what: $table, one list");
		cmp_ok($five, '>=', $least ? 0.75 : 0.8, "$what: $table, five lists");
		cmp_ok($five, '>=', $one, "$what: $table, more lists find more");
		my $iterative = recall($primary, $table, 'v', $operator, $queries{$table}, k => 20, where => 'id % 7 = 3',
			set => "SET ivfflat.iterative_scan = relaxed_order;");
		cmp_ok($iterative, '>', 0.5, "$what: $table, filtered, iterative");
		my $all = sql("SET enable_seqscan = off; SET ivfflat.iterative_scan = relaxed_order; SELECT count(*), count(DISTINCT id) "
			  . "FROM (SELECT id FROM $table ORDER BY v $operator '$queries{$table}[0]' LIMIT 100000) s");
		my $rows = sql("SELECT count(*) FROM $table");
		is($all, "$rows|$rows", "$what: $table, an iterative scan gives every row once");
	}
	return;
}

for my $kind (@kinds) {
	my ($table, $type, $opclass, $operator) = @$kind;
	sql("CREATE TABLE $table (id serial PRIMARY KEY, v $type)");
	add($table, 1000);
	sql("CREATE INDEX ${table}_v ON $table USING ivfflat (v $opclass) WITH (lists = $lists)");
	ok(uses_index($primary, $table, 'v', $operator, $queries{$table}[0], "${table}_v"), "$table: the index is used");
	unlike(sql("SET enable_seqscan = off; EXPLAIN SELECT count(*) FROM $table WHERE v IS NOT NULL"), qr/${table}_v/,
		"$table: not without ORDER BY");
}
answers_ok('built');
my $one = recall($primary, 'dense', 'v', '<->', $queries{dense}, k => 20, set => $probes{1});
cmp_ok($one, '<', 1, 'one list is not all');

add($_->[0], 500) for @kinds;
answers_ok('inserted');

sql("DELETE FROM $_->[0] WHERE id % 3 = 0; VACUUM $_->[0]") for @kinds;
answers_ok('vacuumed');

# What vacuum has freed is used again.
my $before = sql("SELECT pg_relation_size('dense_v')");
add($_->[0], 300) for @kinds;
cmp_ok(sql("SELECT pg_relation_size('dense_v')"), '<=', $before * 1.05, 'inserts use the room that vacuum made');
answers_ok('inserted again');

# Replay.
$primary->kill9;
ok(poll(sub { $primary->{_pid} = undef; $primary->start(fail_ok => 1) }, 120), 'the server starts again after kill -9');
answers_ok('after a crash');

sql("REINDEX INDEX $_->[0]_v") for @kinds;
$primary->kill9;
ok(poll(sub { $primary->{_pid} = undef; $primary->start(fail_ok => 1) }, 120), 'the server starts again after a build');
answers_ok('rebuilt, after a crash');

# Empty: then rows come, with lists and codebooks that know nothing.
sql("TRUNCATE $_->[0]") for @kinds;
add($_->[0], 100) for @kinds;
for my $kind (@kinds) {
	my ($table, undef, undef, $operator, undef, undef, $least) = @$kind;
	cmp_ok(recall($primary, $table, 'v', $operator, $queries{$table}, set => $probes{$lists}), '>=', $least ? 0.6 : 1,
		"$table: filled after TRUNCATE");
}
sql("DELETE FROM dense; VACUUM dense");
is(sql("SET enable_seqscan = off; SET ivfflat.probes = $lists; SELECT count(*) FROM (SELECT id FROM dense ORDER BY v <-> "
		. "'$queries{dense}[0]' LIMIT 10) s"), '0', 'the emptied index answers with nothing');

# An unlogged table is empty after a crash, and its index works.
if (ours()) {
	sql("CREATE UNLOGGED TABLE uc (id serial, v vector(3)); INSERT INTO uc (v) SELECT ARRAY[g, g, 1] FROM generate_series(1, 50) g; "
		  . "CREATE INDEX uc_v ON uc USING ivfflat (v vector_l2_pq_ops) WITH (lists = 4)");
}
sql("CREATE UNLOGGED TABLE u (id serial, v vector(3)); INSERT INTO u (v) SELECT ARRAY[g, g, 1] FROM generate_series(1, 50) g; "
	  . "CREATE INDEX u_v ON u USING ivfflat (v) WITH (lists = 4)");
$primary->kill9;
poll(sub { $primary->{_pid} = undef; $primary->start(fail_ok => 1) }, 120);
sql("INSERT INTO u (v) SELECT ARRAY[g, g, 1] FROM generate_series(1, 20) g");
is(sql("SET enable_seqscan = off; SET ivfflat.probes = 4; SELECT string_agg(id::text, ',') IS NOT NULL, count(*) FROM "
		. "(SELECT id FROM u ORDER BY v <-> '[7,7,1]' LIMIT 100) s"), 't|20', 'unlogged, after a crash');

if (ours()) {
	sql("INSERT INTO uc (v) SELECT ARRAY[g, g, 1] FROM generate_series(1, 20) g");
	is(sql("SET enable_seqscan = off; SET ivfflat.probes = 4; SET ivfflat.iterative_scan = relaxed_order; SELECT count(*) FROM "
			. "(SELECT id FROM uc ORDER BY v <-> '[7,7,1]' LIMIT 100) s"), '20', 'unlogged, codes, after a crash');
}

# A scan whose batch is larger than work_mem reads its lists several times.
sql("CREATE TABLE many (id serial, v vector(3)); INSERT INTO many (v) SELECT ARRAY[g % 101, g % 103, g % 107] "
	  . "FROM generate_series(1, 30000) g; CREATE INDEX many_v ON many USING ivfflat (v) WITH (lists = 3)");
is(sql("SET enable_seqscan = off; SET enable_sort = off; SET work_mem = '64kB'; SET ivfflat.probes = 3;\n"
		. "SELECT count(*), count(DISTINCT id), bool_and(d >= coalesce(p, 0)) FROM (SELECT id, d, lag(d) OVER (ROWS BETWEEN UNBOUNDED "
		. "PRECEDING AND CURRENT ROW) AS p FROM (SELECT id, v <-> '[50,50,50]' AS d FROM many ORDER BY v <-> '[50,50,50]' LIMIT 29000) s) s"),
	'29000|29000|t', 'a batch larger than work_mem');

# The phases of a build, and one that is cancelled in the middle.
my $build = client($primary, 'slow', 'CREATE INDEX many_v2 ON many USING ivfflat (v) WITH (lists = 3000)');
my %phases;
poll(sub {
	my $phase = sql('SELECT max(phase) FROM pg_stat_progress_create_index');
	$phases{$phase} = 1;
	return $phase eq '' && keys %phases > 1;
}, 30);
my (undef, $said) = finish_client($build);
is($said, '', 'a build of 3000 lists');
ok($phases{'building index: performing k-means'}, 'reports its phases: ' . join(', ', sort keys %phases));
my (undef, undef, $cancelled) = $primary->psql('postgres',
	"SET statement_timeout = '60ms'; CREATE INDEX many_v3 ON many USING ivfflat (v) WITH (lists = 3000)");
like($cancelled, qr/canceling statement due to statement timeout/, 'a build is cancelled');
is(sql("SELECT count(*) FROM pg_class WHERE relname = 'many_v3'"), '0', 'and leaves nothing behind');

# The distance that only orders is not computed: no vector is fetched from where it is stored out of line.
sql("CREATE TABLE toasted (id serial, v halfvec(4000)); INSERT INTO toasted (v) SELECT array_fill(g, ARRAY[4000])::halfvec FROM "
	  . "generate_series(1, 200) g; CREATE INDEX toasted_v ON toasted USING ivfflat (v halfvec_l2_ops) WITH (lists = 2)");
my @buffers = map {
	my $plan = sql("SET enable_seqscan = off; EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) SELECT $_ FROM toasted ORDER BY v <-> "
		  . "(SELECT array_fill(7, ARRAY[4000])::halfvec) LIMIT 50");
	$plan =~ /shared hit=(\d+)/ ? $1 : -1;
} 'id', 'id, v <-> (SELECT array_fill(7, ARRAY[4000])::halfvec)';
cmp_ok($buffers[0] + 50, '<', $buffers[1], "buffers without and with the distance: @buffers") if ours();

# Too little memory for the sample.
my (undef, undef, $error) = $primary->psql('postgres',
	"SET maintenance_work_mem = '1MB'; CREATE TABLE w (v vector(2000)); INSERT INTO w SELECT array_fill(g, ARRAY[2000]) "
	  . "FROM generate_series(1, 300) g; CREATE INDEX ON w USING ivfflat (v) WITH (lists = 1000)");
like($error, qr/memory required is \d+ MB, maintenance_work_mem is 1 MB/, 'too little memory');

# Concurrent builds while clients write.
sql("CREATE TABLE c (id bigserial PRIMARY KEY, v vector(8)); INSERT INTO c (v) SELECT ARRAY[random(), random(), random(), random(), "
	  . "g % 5, g % 7, g % 11, 1] FROM generate_series(1, 5000) g");
my $seconds = soak() ? 60 : 6;
my $end = scalar(gmtime(time + $seconds)) . ' UTC';

sub repeat {
	my ($name, $text) = @_;
	return client($primary, $name, "SELECT clock_timestamp() < '$end'::timestamptz AS go \\gset\n\\if :go\n$text\\endif\n" x (200 * $seconds), stop => 0);
}
my @clients = map { repeat("writer$_", "INSERT INTO c (v) SELECT ARRAY[random(), random(), random(), random(), 1, 2, 3, g] FROM "
		  . "generate_series(1, 10) g;\nUPDATE c SET v = v + '[1,0,0,0,0,0,0,0]' WHERE id = (SELECT min(id) FROM c WHERE id % 2 = $_ % 2);\n"
		  . "DELETE FROM c WHERE id IN (SELECT id FROM c WHERE id % 97 = 13 + $_ LIMIT 20 FOR UPDATE SKIP LOCKED);\n") } 1 .. 2;
push @clients, repeat('vacuum', "VACUUM (INDEX_CLEANUP on) c;\nSELECT pg_sleep(0.02);\n");
# One after the other: two of these commands on one table can wait for each other.
push @clients, client($primary, 'build', "CREATE INDEX CONCURRENTLY c_v ON c USING ivfflat (v) WITH (lists = 10);\n"
	  . "REINDEX INDEX CONCURRENTLY c_v;\n" x 5 . "SELECT pg_sleep(0.5);\nREINDEX INDEX CONCURRENTLY c_v;\n");
for my $client (@clients) {
	my (undef, $said) = finish_client($client);
	is(join("\n", grep { /ERROR|FATAL|WARNING/ } split /\n/, $said), '', "$client->{name}: no error");
}
is(sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), '0', 'no invalid index is left');
my $rows = sql('SELECT count(*) FROM c');
is(sql("SET enable_seqscan = off; SET enable_sort = off; SET ivfflat.probes = 10; SELECT count(*), count(DISTINCT id) FROM "
		. "(SELECT id FROM c ORDER BY v <-> '[0,0,0,0,0,0,0,0]' LIMIT 10000000) s"), "$rows|$rows", "all $rows rows are in the index");
is(sql("SET enable_seqscan = off; SET enable_sort = off; SELECT count(*) FROM c a CROSS JOIN LATERAL (SELECT b.v <-> a.v AS d FROM c b "
		. "ORDER BY b.v <-> a.v LIMIT 1) n WHERE n.d > 0"), '0', 'with one list every row is found by its own vector');

# The standby is promoted.
$primary->wait_for_catchup($standby);
$primary->stop;
$standby->promote;
is($standby->safe_psql('postgres', "SET enable_seqscan = off; SET enable_sort = off; SET ivfflat.probes = 10; SELECT count(*) FROM "
		. "(SELECT id FROM c ORDER BY v <-> '[0,0,0,0,0,0,0,0]' LIMIT 10000000) s"), $rows, 'promoted: all rows are in the index');
$standby->safe_psql('postgres', 'DELETE FROM c WHERE id % 2 = 0; VACUUM c; INSERT INTO c (v) SELECT v FROM c LIMIT 100');
is($standby->safe_psql('postgres', "SET enable_seqscan = off; SET enable_sort = off; SET ivfflat.probes = 10; SELECT count(*) - "
		. "(SELECT count(*) FROM c) FROM (SELECT id FROM c ORDER BY v <-> '[0,0,0,0,0,0,0,0]' LIMIT 10000000) s"), '0', 'promoted: written to');
quiet_log($primary, 'primary', qr/terminated by signal 11|PANIC:|TRAP:|could not read block|invalid page|runtime error:/);
quiet_log($standby, 'standby');
$standby->stop;
done_testing();
