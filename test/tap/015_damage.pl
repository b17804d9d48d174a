# Damaged indexes: bytes of their files are changed while the server is down. index_check finds what a case says it
# finds; scans, inserts and vacuum answer or complain, and neither crash nor run for ever.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib $FindBin::RealBin;
use RuvectorTest;

plan skip_all => 'the page formats of ruvector' unless ours();

my $seed = $ENV{RUVECTOR_SEED} || 15;
srand($seed);
note "seed $seed";
my $random_cases = soak() ? 60 : 3;    # of each kind of index
my $node = new_node('damage', conf => "ignore_checksum_failure = on\n");
sub sql { return $node->safe_psql('postgres', @_); }

# name => [method, type, operator class, operator, options, dimensions, rows]
my %kinds = (
	list_plain => [ 'ivfflat', 'vector(8)', 'vector_l2_ops', '<->', 'lists = 3', \&clustered_vectors, 8 ],
	list_half => [ 'ivfflat', 'halfvec(8)', 'halfvec_cosine_ops', '<=>', 'lists = 3', \&clustered_vectors, 8 ],
	list_bits => [ 'ivfflat', 'bit(64)', 'bit_hamming_ops', '<~>', 'lists = 3', \&clustered_bits, 64 ],
	list_int8 => [ 'ivfflat', 'vector(8)', 'vector_l2_int8_ops', '<->', 'lists = 3', \&clustered_vectors, 8 ],
	list_pq => [ 'ivfflat', 'vector(8)', 'vector_ip_pq_ops', '<#>', 'lists = 3', \&clustered_vectors, 8 ],
	list_binary => [ 'ivfflat', 'vector(8)', 'vector_cosine_binary_ops', '<=>', 'lists = 3', \&clustered_vectors, 8 ],
	graph_plain => [ 'hnsw', 'vector(8)', 'vector_l2_ops', '<->', 'm = 4', \&clustered_vectors, 8 ],
	graph_int8 => [ 'hnsw', 'vector(8)', 'vector_l2_int8_ops', '<->', 'm = 4, layout = compact', \&clustered_vectors, 8 ],
	graph_pq => [ 'hnsw', 'vector(8)', 'vector_ip_pq_ops', '<#>', 'm = 4', \&clustered_vectors, 8 ],
	graph_binary => [ 'hnsw', 'vector(8)', 'vector_cosine_binary_ops', '<=>', 'm = 4, layout = compact', \&clustered_vectors, 8 ],
	graph_sparse => [ 'hnsw', 'sparsevec(50)', 'sparsevec_l2_ops', '<->', 'm = 4', \&clustered_sparse, 50 ],
	graph_wide => [ 'hnsw', 'vector(2500)', 'vector_l2_ops', '<->', 'm = 4', \&clustered_vectors, 2500, 30 ]);

# What a case does to the pages; most leave something that index_check must find. Offsets: src/am/layout_check.cpp.
my $contents = 24;
my $end = 8184;
sub put {
	my ($pages, $block, $offset, $format, @values) = @_;
	my $bytes = pack($format, @values);
	substr($pages->[$block], $offset, length $bytes) = $bytes;
	return;
}
sub kind_of { return unpack('v', substr($_[0], $end + $_[1], 2)); }
sub first_of { # block number of the first page of a kind
	my ($pages, $at, $kind) = @_;
	my ($block) = grep { kind_of($pages->[$_], $at) == $kind } 0 .. $#$pages;
	return $block;
}
sub entries { return first_of($_[0], 4, 3); }
sub slots { # of which the first record has neighbours
	my ($pages) = @_;
	my ($block) = grep { kind_of($pages->[$_], 0) == 3 && unpack('v', substr($pages->[$_], $contents + 2, 2)) > 0 } 0 .. $#$pages;
	return $block;
}

# A case that scans have to refuse says with what.
my $old_format = qr/0A000.*has format version 1, but this version of ruvector reads version 2 HINT Please REINDEX it/;
my $damaged = qr/ERROR XX00[12]/;
my %common = (
	format_1 => [ sub { put($_[0], 0, $contents + 4, 'V', 1) }, $old_format ],
	other_magic => [ sub { put($_[0], 0, $contents, 'V', 42) }, qr/XX002.*is not an (hnsw|ivfflat) index HINT Please REINDEX it/ ],
	other_page_id => [ sub { put($_[0], 0, $end + 6, 'v', 1) }, $damaged ],
	empty_metapage => [ sub { $_[0][0] = "\0" x 8192 }, $damaged ]);
my %of_lists = (
	other_codec => [ sub { put($_[0], 0, $contents + 10, 'C', 9) }, $damaged ],
	other_lanes => [ sub { put($_[0], 0, $contents + 11, 'C', 77) }, $damaged ],
	no_dimensions => [ sub { put($_[0], 0, $contents + 12, 'V', 0) }, $damaged ],
	many_lists => [ sub { put($_[0], 0, $contents + 16, 'V', 30000) }, $damaged ],
	subspaces => [ sub { put($_[0], 0, $contents + 20, 'V', 1000) }, $damaged ],
	not_a_scale => [ sub { put($_[0], 0, $contents + 24, 'V', 0x7fc00000) }, $damaged ],
	list_elsewhere => [ sub { put($_[0], 1, $contents, 'V', 0) }, undef ],
	list_to_metapage => [ sub { put($_[0], 1, $contents, 'V', 0x10000) }, $damaged ],
	list_to_new_page => [ sub { put($_[0], 1, $contents, 'V', 0xffffffff) }, $damaged ],
	insert_elsewhere => [ sub { put($_[0], 1, $contents + 4, 'V', 1) }, undef ],
	no_lists => [ sub { put($_[0], 1, $end + 4, 'v', 3) }, $damaged ],
	circle => [ sub { my $block = entries($_[0]); put($_[0], $block, $end, 'V', $block) }, $damaged ],
	next_is_new => [ sub { put($_[0], entries($_[0]), $end, 'V', 0xffffffff) }, $damaged ],
	too_many_entries => [ sub { put($_[0], entries($_[0]), $contents, 'v', 60000) }, $damaged ],
	fewer_entries => [ sub { put($_[0], entries($_[0]), $contents, 'v', 1) }, undef ],
	entries_end => [ sub { put($_[0], entries($_[0]), 12, 'v', 40) }, undef ],
	empty_page => [ sub { $_[0][ entries($_[0]) ] = "\0" x 8192 }, $damaged ],
	cut_off => [ sub { pop @{ $_[0] } }, $damaged ]);
# Of plain and int8 classes a group is an entry that begins with its heap TID.
my %of_entries = (
	tid_beyond => [ sub { put($_[0], entries($_[0]), $contents + 8, 'vvv', 0, 5000, 1) }, $damaged ],
	tid_to_new_page => [ sub { put($_[0], entries($_[0]), $contents + 8, 'vvv', 0xffff, 0xffff, 1) }, $damaged ],
	tid_of_other_row => [ sub { put($_[0], entries($_[0]), $contents + 8, 'vvv', 0, 0, 2) }, undef ],
	other_entry => [ sub { put($_[0], entries($_[0]), $contents + 16, 'C', 0xff ^ ord substr($_[0][ entries($_[0]) ], $contents + 16, 1)) }, undef ]);
my %of_graphs = (
	other_element => [ sub { put($_[0], 0, $contents + 8, 'C', 77) }, undef ],
	entry_elsewhere => [ sub { put($_[0], 0, $contents + 64, 'V', 0x7ffffff0) }, undef ],
	many_slots => [ sub { put($_[0], 0, $contents + 8 + $_, 'v', 0xffff) for 4 .. 54 }, $damaged ],
	state => [ sub { put($_[0], slots($_[0]), $contents, 'C', 9) }, undef ],
	other_kind => [ sub { put($_[0], slots($_[0]), $end, 'v', 4) }, undef ],
	degree => [ sub { put($_[0], slots($_[0]), $contents + 2, 'v', 0xffff) }, undef ],
	neighbours => [ sub { put($_[0], slots($_[0]), $contents + 32, 'V4', 0xffffffff, 0x7fffffff, 1, 3) }, undef ],
	overflow => [ sub { put($_[0], slots($_[0]), $contents + 12, 'V', 0xffffffff) }, undef ],
	tid_count => [ sub { put($_[0], slots($_[0]), $contents + 16, 'v', 0xffff) }, undef ],
	empty_page => [ sub { $_[0][ slots($_[0]) ] = "\0" x 8192 }, undef ]);

sub random_bytes {
	my ($pages) = @_;
	for (1 .. 1 + int rand 4) {
		my $block = int rand @$pages;
		my $length = 1 + int rand(rand() < 0.5 ? 4 : 200);
		my $at = int rand(8192 - $length);
		$at = $contents + int rand 100 if rand() < 0.4;
		put($pages, $block, $at, 'C*', map { rand() < 0.3 ? 255 : int rand 256 } 1 .. $length);
	}
	return;
}

# A table and an index for each case: one restart damages them all.
my @cases;
for my $kind (sort keys %kinds) {
	my ($method, $type, $opclass, $operator, $options, $make, $dimensions, $rows) = @{ $kinds{$kind} };
	my %cases = (%common, $method eq 'hnsw' ? %of_graphs : %of_lists, $kind =~ /^list_(plain|half|bits|int8)/ ? %of_entries : ());
	my @values = $make->(($rows || 100) + 1, $dimensions, 4);
	my $query = shift @values;
	sql("CREATE TABLE $kind (id serial, v $type)");
	copy_rows($node, "$kind (v)", [ map { [$_] } @values, ($values[0]) x 30 ]);    # duplicates: lists of heap TIDs
	my @of_kind = map { [ $_, @{ $cases{$_} } ] } sort keys %cases;
	push @of_kind, map { [ "random_$_", \&random_bytes ] } 1 .. $random_cases;
	my $make_all = '';
	for my $case (@of_kind) {
		my ($name, $damage, $refused) = @$case;
		my $table = "${kind}_$name";
		push @cases, { table => $table, random => scalar($name =~ /^random/), damage => $damage, refused => $refused, method => $method,
			operator => $operator, query => $query };
		$make_all .= "CREATE TABLE $table AS TABLE $kind; CREATE INDEX ${table}_v ON $table USING $method (v $opclass) WITH ($options);\n";
	}
	sql($make_all);
}
$_->{file} = sql("SELECT pg_relation_filepath('$_->{table}_v')") for @cases;
$node->stop;
for my $case (@cases) {
	my $path = $node->data_dir . "/$case->{file}";
	my @pages = unpack '(a8192)*', slurp_file($path);
	$case->{damage}->(\@pages);
	open my $file, '>:raw', $path or die "$path: $!";
	print $file join '', @pages;
	close $file;
}
$node->start;

# Everything is said by one session: a line for each statement, with what was refused and how. Nothing may take for ever.
my $session = <<'SQL';
\set VERBOSITY verbose
SET statement_timeout = '60s'; SET enable_seqscan = off; SET enable_sort = off; SET client_min_messages = error;
SET ivfflat.probes = 100; SET hnsw.ef_search = 400;
CREATE FUNCTION pg_temp.attempt(what text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	code text; message text; hint text; answer text;
BEGIN
	IF statement LIKE 'SELECT%' THEN
		EXECUTE statement INTO answer;
	ELSE
		EXECUTE statement;
	END IF;
	RETURN what || ': ' || coalesce(answer, '-');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN concat(what, ': ERROR ', code, ' ', message, ' HINT ', hint);
END $$;
SQL

# Refused as damaged, or not at all. 22000: a number of dimensions that the metapage says. A row's place that is far behind the
# table's end is PostgreSQL's to refuse.
my $proper = qr/ERROR:? +(?:XX001|XX002|0A000|22000|58P01|XX000:? could not open file \S+ \(target block)/;

for my $case (@cases) {
	my ($table, $operator) = @{$case}{qw(table operator)};
	my $nearest = "SELECT id FROM $table ORDER BY v $operator '$case->{query}'";
	my $check = "SELECT string_agg(problem, '; ') FROM ruvector.index_check('${table}_v', true)";
	my @statements = (
		[ 'index_check', $check ],
		[ 'scan', "SELECT count(*) FROM ($nearest LIMIT 100000) s" ],
		[ 'short scan', "SELECT count(*) FROM ($nearest LIMIT 5) s" ]);
	push @statements,
	  [ 'index_stats', "SELECT vertices FROM ruvector.index_stats('${table}_v')" ],
	  [ 'batch_search', "SELECT count(*) FROM ruvector.batch_search('${table}_v', ARRAY(SELECT v FROM $table LIMIT 5))" ]
	  if $case->{method} eq 'hnsw';
	push @statements, [ 'insert', "INSERT INTO $table (v) SELECT v FROM $table LIMIT 20" ], [ 'delete', "DELETE FROM $table WHERE id % 3 = 0" ];
	my $attempts = sub { return map { "SELECT pg_temp.attempt('$_->[0]', \$sql\$$_->[1]\$sql\$);\n" } @_; };
	my ($code, $out, $error) = $node->psql('postgres', join('', $session, $attempts->(@statements), "VACUUM $table;\n",
			$attempts->([ 'scan after that', $statements[1][1] ], [ 'reindex', "REINDEX INDEX ${table}_v" ], [ 'repaired', $check ])),
		on_error_stop => 0);
	my %said = map { /^(.*?): (.*)/ ? ($1 => $2) : () } split /\n/, $out;
	my @improper = grep { /ERROR|FATAL|PANIC|server closed/ && !/$proper/ } split /\n/, "$out\n$error";
	is("@improper", '', "$table: works or is refused properly");
	isnt($said{index_check}, '-', "$table: index_check finds it") unless $case->{random};
	like($said{scan}, $case->{refused}, "$table: a scan refuses it") if $case->{refused};
	is($said{repaired}, '-', "$table: REINDEX repairs it");
}
quiet_log($node, 'damage', qr/terminated by signal|PANIC:|TRAP:|runtime error:/);
$node->stop;
done_testing();
