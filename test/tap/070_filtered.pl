# A filter that leaves one row in a hundred: as many rows as asked for, in order of distance.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib $FindBin::RealBin;
use RuvectorTest;

srand(70);
my $node = new_node('filtered');
my $count = 4000;
my @values = clustered_vectors($count + 20, 24, 40);
my @queries = splice @values, $count;
$node->safe_psql('postgres', 'CREATE TABLE t (id serial, v vector(24), tag int)');
copy_rows($node, 't (v, tag)', [ map { [ $values[$_], int(rand(100)) ] } 0 .. $#values ]);
$node->safe_psql('postgres', 'CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops); ANALYZE t');

# For each query: how many rows came back, and whether they are sorted.
sub counts {
	my ($settings, $filter, $limit) = @_;
	my $sql = "SET enable_seqscan = off; SET hnsw.ef_search = 40; $settings\n";
	$sql .= "SELECT count(*), coalesce(bool_and(d >= before), true), count(DISTINCT id) FROM (SELECT id, d, coalesce(lag(d) OVER (ORDER BY o), 0) AS before "
	  . "FROM (SELECT id, d, row_number() OVER () AS o FROM (SELECT id, v <-> '$_' AS d FROM t WHERE $filter ORDER BY v <-> '$_' LIMIT $limit) a) b) c;\n"
	  for @queries;
	my @lines = map { [ split /\|/ ] } split /\n/, $node->safe_psql('postgres', $sql);
	my $rows = 0;
	$rows += $_->[0] for @lines;
	return ($rows, scalar(grep { $_->[1] ne 't' } @lines), scalar(grep { $_->[0] != $_->[2] } @lines));
}

my $want = 10 * @queries;
my ($rows, $unsorted, $twice);

($rows, $unsorted, $twice) = counts('SET hnsw.iterative_scan = off;', 'tag = 1', 10);
is($unsorted, 0, "iterative_scan = off: in order ($rows of $want rows)");
($rows) = counts('SET hnsw.iterative_scan = off;', 'true', 10);
is($rows, $want, 'iterative_scan = off: without a filter all rows');

for my $mode (qw(strict_order relaxed_order)) {
	($rows, $unsorted, $twice) = counts("SET hnsw.iterative_scan = $mode;", 'tag = 1', 10);
	is($rows, $want, "$mode: all rows");
	is($unsorted, 0, "$mode: in order") if $mode eq 'strict_order';
	is($twice, 0, "$mode: none twice");
	recall_ok($node, 't', 'v', '<->', \@queries, $mode eq 'strict_order' ? 0.8 : 0.9, $mode, where => 'tag = 1',
		set => "SET hnsw.iterative_scan = $mode;\n");

	($rows, undef, $twice) = counts("SET hnsw.iterative_scan = $mode; SET hnsw.max_scan_tuples = 100000;", 'true', 1000);
	is($twice, 0, "$mode: none twice in a long scan");
	cmp_ok($rows, '>=', 0.95 * 1000 * @queries, "$mode: a long scan goes on ($rows rows)") if $mode eq 'relaxed_order';

	($rows) = counts("SET hnsw.iterative_scan = $mode; SET hnsw.max_scan_tuples = 100;", 'tag = 1', 10);
	cmp_ok($rows, '<', $want, "$mode: max_scan_tuples ends the scan ($rows of $want rows)");
	($rows) = counts("SET hnsw.iterative_scan = $mode;", 'tag = -1', 10);
	is($rows, 0, "$mode: a filter that nothing passes ends");
}

SKIP: {
	skip 'what ruvector does by itself', 4 unless ours();
	($rows, $unsorted, $twice) = counts('', 'tag = 1', 10);
	is($rows, $want, 'by default: all rows');
	is($unsorted, 0, 'by default: in order of distance');
	is($twice, 0, 'by default: none twice');
	recall_ok($node, 't', 'v', '<->', \@queries, 0.9, 'by default', where => 'tag = 1');
}

SKIP: {
	skip 'what ruvector does by itself', 25 unless ours();
	my $on = 'SET enable_seqscan = off; SET enable_sort = off;';

	# Pages that a query reads, found in buffers or not.
	my $pages = sub {
		my ($query) = @_;
		my $plan = $node->safe_psql('postgres', "$on EXPLAIN (ANALYZE, BUFFERS, COSTS off, TIMING off, SUMMARY off) $query");
		my ($hit, $read) = ($plan =~ /Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?/);
		return ($hit || 0) + ($read || 0);
	};
	my $tenth = "SELECT id FROM t WHERE tag < 10 ORDER BY v <-> '$queries[0]' LIMIT 10";

	# A filtered search finds what an unfiltered one of the same effort does, and does not read a large part of the index.
	for my $ef (10, 40) {
		my $all = recall($node, 't', 'v', '<->', \@queries, ef => $ef);
		recall_ok($node, 't', 'v', '<->', \@queries, $all - 0.03, "ef $ef: as good with a filter", ef => $ef, where => 'tag < 20');
	}
	recall_ok($node, 't', 'v', '<->', \@queries, 0.9, 'a LIMIT larger than ef', k => 200);
	recall_ok($node, 't', 'v', '<->', \@queries, 0.9, 'a LIMIT larger than ef, with a filter', k => 100, where => 'tag < 50');

	# The LIMIT is known in other forms, too: OFFSET, a parameter, LATERAL, where the same scan is started again.
	my $ten = "SELECT array_agg(id) FROM (SELECT id FROM t WHERE tag < 20 ORDER BY v <-> '$queries[0]' LIMIT 10) s";
	my $rows = $node->safe_psql('postgres', "$on $ten");
	is($node->safe_psql('postgres', "$on WITH a AS MATERIALIZED (SELECT id FROM t WHERE tag < 20 ORDER BY v <-> '$queries[0]' LIMIT 4),"
			. " b AS MATERIALIZED (SELECT id FROM t WHERE tag < 20 ORDER BY v <-> '$queries[0]' LIMIT 6 OFFSET 4)"
			. " SELECT array(SELECT id FROM a) || array(SELECT id FROM b)"), $rows, 'OFFSET');
	is($node->safe_psql('postgres', "$on SET plan_cache_mode = force_generic_plan;"
			. "PREPARE p(vector, int) AS SELECT array_agg(id) FROM (SELECT id FROM t WHERE tag < 20 ORDER BY v <-> \$1 LIMIT \$2) s;"
			. "EXECUTE p('$queries[0]', 10)"), $rows, 'LIMIT $2');
	is($node->safe_psql('postgres', "$on SELECT string_agg(DISTINCT n.ids::text, ' ') FROM generate_series(1, 3) i CROSS JOIN LATERAL "
			. "(SELECT array_agg(id) AS ids FROM (SELECT id, i FROM t WHERE tag < 20 ORDER BY v <-> '$queries[0]' LIMIT 10) s) n"),
		$rows, 'LATERAL');

	# Not known: a join between the scan and the LIMIT, no LIMIT at all.
	my $joined = "SELECT s.id, s.v <-> '$queries[0]' AS d FROM t s JOIN tags g ON g.tag = s.tag WHERE g.kept ORDER BY s.v <-> '$queries[0]' LIMIT 30";
	$node->safe_psql('postgres', 'CREATE TABLE tags AS SELECT i AS tag, i % 5 = 0 AS kept FROM generate_series(0, 99) i; '
		. 'ALTER TABLE tags ADD PRIMARY KEY (tag); ANALYZE tags');
	like($node->safe_psql('postgres', "$on SET enable_hashjoin = off; SET enable_mergejoin = off; EXPLAIN (COSTS off) $joined"),
		qr/Nested Loop\n.*Index Scan using t_v/, 'a join above the scan');
	is($node->safe_psql('postgres', "$on SET enable_hashjoin = off; SET enable_mergejoin = off;"
			. "SELECT count(*), bool_and(d >= before) FROM (SELECT d, lag(d, 1, 0) OVER (ORDER BY o) AS before FROM (SELECT d,"
			. " row_number() OVER () AS o FROM ($joined) a) b) c"), '30|t', 'rows of a join come in order');
	is($node->safe_psql('postgres', "$on BEGIN; DECLARE c CURSOR FOR SELECT id FROM t WHERE tag < 20 ORDER BY v <-> '$queries[0]';"
			. "CREATE TEMP TABLE got(id int, n serial); DO \$\$ DECLARE c refcursor := 'c'; x int; BEGIN FOR i IN 1..10 LOOP FETCH c INTO x;"
			. "INSERT INTO got VALUES (x); END LOOP; END \$\$; SELECT array_agg(id ORDER BY n) FROM got"), $rows, 'a cursor without LIMIT');

	# No filter, but most of the rows are dead: the search goes on though nothing told it that it would have to.
	my $left = sub {
		my ($settings) = @_;
		return split /\n/, $node->safe_psql('postgres', "$settings BEGIN; DELETE FROM t WHERE tag >= 10;"
			. join('', map { "SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY v <-> '$_' LIMIT 10) s;" } @queries));
	};
	my @exact = $left->('SET enable_indexscan = off;');
	for my $ef (4, 40) {
		my @found = $left->("$on SET hnsw.ef_search = $ef;");
		my ($hits, $rows) = (0, 0);
		for my $i (0 .. $#queries) {
			my %is = map { $_ => 1 } $exact[$i] =~ /\d+/g;
			my @ids = $found[$i] =~ /\d+/g;
			my %twice;
			$rows += grep { !$twice{$_}++ } @ids;
			$hits += grep { $is{$_} } @ids;
		}
		is($rows, $want, "ef $ef, most rows dead: all rows, none twice");
		cmp_ok($hits / $want, '>=', 0.9, "ef $ef, most rows dead: recall " . $hits / $want);
	}

	# Queries inside of queries, and queries that fail half way.
	$node->safe_psql('postgres', q{CREATE FUNCTION inner_search(q vector, n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN }
		. q{IF n < 0 THEN RAISE 'failed on purpose'; END IF; RETURN (SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> q LIMIT 7) s); END $$});
	is($node->safe_psql('postgres', "$on SELECT array_agg(id) FROM (SELECT id FROM t WHERE tag < 20 AND inner_search(v, 1) = 7 "
			. "ORDER BY v <-> '$queries[0]' LIMIT 10) s"), $rows, 'a filter that searches itself');
	my $after = $node->safe_psql('postgres', "$on DO \$\$ BEGIN FOR i IN 1..20 LOOP BEGIN PERFORM array(SELECT id FROM t WHERE "
			. "inner_search(v, CASE WHEN tag = 3 THEN -1 ELSE 1 END) = 7 ORDER BY v <-> '$queries[0]' LIMIT 200); RAISE 'no error'; "
			. "EXCEPTION WHEN raise_exception THEN IF SQLERRM <> 'failed on purpose' THEN RAISE; END IF; END; END LOOP; END \$\$; $ten");
	is($after, $rows, 'after queries that failed');
	my $most = 1000; # of 4,000 records, and the rows
	cmp_ok($pages->($tenth), '<', $most, 'pages read: ' . $pages->($tenth));
	cmp_ok($pages->("SELECT id FROM t ORDER BY v <-> '$queries[0]' LIMIT 100"), '<', 500, 'pages read for a LIMIT of 100');
	# Codes of 24 dimensions tell little, and by default most of the rows are looked at; all of it is more than 5,000 pages.
	for my $class ([ 'int8', 1, 1200 ], [ 'pq', 2, 3000 ], [ 'binary', 2, 4000 ]) {
		my ($codec, $oversampling, $most_pages) = @$class;
		$node->safe_psql('postgres', "SET client_min_messages = error; DROP INDEX t_v; CREATE INDEX t_v ON t USING hnsw (v vector_l2_${codec}_ops)");
		recall_ok($node, 't', 'v', '<->', \@queries, 0.9, "$codec, with a filter", where => 'tag < 20');
		$node->safe_psql('postgres', "ALTER INDEX t_v SET (oversampling = $oversampling)");
		my $read = $pages->($tenth);
		cmp_ok($read, '<', $most_pages, "$codec, pages read: $read");
	}

	# On hard data: that the LIMIT is known, and which rows have passed, finds more of the same effort. A subquery hides the LIMIT.
	$node->safe_psql('postgres', "SELECT setseed(0.7); CREATE TABLE hard AS SELECT i AS id, i % 20 AS tag, array_agg(random() ORDER BY d)::vector(32) AS v "
		. "FROM generate_series(1, 6000) i, generate_series(1, 32) d GROUP BY i; CREATE INDEX hard_v ON hard USING hnsw (v vector_l2_ops)");
	my $asked = "SELECT avg((f.id = ANY (e.ids))::int) FROM (SELECT q.id, q.v, (SELECT array_agg(id) FROM "
	  . "(SELECT h.id FROM hard h WHERE tag = 3 ORDER BY (h.v <-> q.v) + 0 LIMIT 10) x) AS ids FROM hard q WHERE id % 100 = 7) e";
	my $known = $node->safe_psql('postgres', "$on SET hnsw.ef_search = 10; $asked CROSS JOIN LATERAL (SELECT h.id FROM hard h WHERE tag = 3 ORDER BY h.v <-> e.v LIMIT 10) f");
	my $hidden = $node->safe_psql('postgres', "$on SET hnsw.ef_search = 10; $asked CROSS JOIN LATERAL (SELECT id FROM (SELECT h.id FROM hard h WHERE tag = 3 ORDER BY h.v <-> e.v OFFSET 0) o LIMIT 10) f");
	cmp_ok($known, '>', $hidden, "the LIMIT is known: recall $known instead of $hidden");
	$node->safe_psql('postgres', 'DROP INDEX t_v; CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops)');
}

# Cursors: rows come when they are asked for, and a scan can be abandoned and restarted.
is($node->safe_psql('postgres', "SET enable_seqscan = off; SET hnsw.iterative_scan = relaxed_order; BEGIN;"
		. "DECLARE c CURSOR FOR SELECT id FROM t ORDER BY v <-> '$queries[0]'; MOVE 100 IN c; MOVE 150 IN c; CLOSE c; COMMIT; SELECT 'done'"),
	'done', 'a cursor');
index_ok($node, 't_v', 'filtered');
quiet_log($node, 'filtered');
$node->stop;
done_testing();
