# Learning on a whole server: eight clients feed one session and nothing is lost; a server killed in the middle of a training
# has the old policy; a training is cancelled; conformal retrieval keeps its promise on real data.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib $FindBin::RealBin;
use RuvectorTest;

plan skip_all => 'only ruvector learns' unless ours();
my $node = new_node('learning', conf => "max_connections = 40\n");
sub sql { return $node->safe_psql('postgres', $_[0]); }
sql('SELECT ruvector.init(384)');

# A constant learning rate makes every lost update visible: after n updates with target 1, Q is 1 - (1 - rate)^n.
my $session = sql(q{SELECT ruvector.start_session('many', 'q-learning',
	'{"learning_rate": 0.001, "learning_rate_final": 0.001, "discount_factor": 0}', '{a,b}')});
my $model = sql(q{SELECT ruvector.start_session('many', 'model-based', '{}', '{a,b}')});
my ($clients, $each) = (8, 60);
my $text = join('', map { "SELECT ruvector.submit_feedback($session, 's', 'a', 1, 's');\nSELECT ruvector.submit_feedback($model, 's', 'b', 1);\n" } 1 .. $each);
my @running = map { client($node, "feedback$_", $text, stop => 0) } 1 .. $clients;
finish_client($_) for @running;
my $n = $clients * $each;
is(sql("SELECT experiences || ' ' || reward_sum FROM ruvector.learning_progress WHERE session_id = $session"), "$n $n", 'counters lose nothing');
is(sql("SELECT count(*) FROM ruvector.learning_experiences WHERE session_id = $session"), $n, 'neither do experiences');
is(sql("SELECT visits || ' ' || (abs(q - (1 - 0.999 ^ visits)) < 1e-9) FROM ruvector.learning_q_values WHERE session_id = $session"), "$n true", 'nor the Q value');
is(sql("SELECT n || ' ' || reward_sum FROM ruvector.learning_transitions WHERE session_id = $model"), "$n $n", 'nor the counts of the model');
my ($status, $out, $err) = $node->psql('postgres', "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT ruvector.submit_feedback($session, 's', 'a', 1, 's'); ROLLBACK;");
is($status, 0, 'feedback under REPEATABLE READ');

# Killed in the middle of a training.
my $dqn = sql(q{SELECT ruvector.start_session('one', 'dqn', '{"gradient_steps": 1000000}', '{a,b}')});
sql("SELECT ruvector.add_experiences($dqn, (SELECT jsonb_agg(jsonb_build_object('state', 's' || i % 10, 'action', 'a', 'reward', i % 3)) FROM generate_series(1, 500) i))");
sql("SELECT ruvector.train($dqn, max_ms => 100)");
my $before = sql("SELECT max(version) || ' ' || md5(string_agg(weights_id::text || md5(weights), '' ORDER BY version)) FROM ruvector.learning_policies WHERE session_id = $dqn");
sub training { return "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT ruvector.train%' AND state = 'active'"; }
my $train = client($node, 'train', "SELECT ruvector.train($dqn);\n", stop => 0);
ok($node->poll_query_until('postgres', training(), '1'), 'a training is running');
my ($cancelled) = $node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT ruvector.train%' AND state = 'active'");
ok($node->poll_query_until('postgres', training(), '0'), 'a training can be cancelled');
eval { finish_client($train) };
is(sql("SELECT max(version) || ' ' || md5(string_agg(weights_id::text || md5(weights), '' ORDER BY version)) FROM ruvector.learning_policies WHERE session_id = $dqn"), $before, 'and leaves the old policy');
$train = client($node, 'train', "SELECT ruvector.train($dqn);\n", stop => 0);
ok($node->poll_query_until('postgres', training(), '1'), 'another is running');
# SIGKILL, for the postmaster first, so that its log need not report the death of the backend.
my ($postmaster, $backend) = ($node->{_pid}, sql("SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT ruvector.train%' AND state = 'active'"));
$node->kill9;
is(kill('KILL', $backend), 1, 'the backend was training when it was killed');
ok(poll(sub { !kill(0, $postmaster) && !kill(0, $backend) }, 20), 'and is gone');
eval { finish_client($train) };
ok(poll(sub { $node->{_pid} = undef; $node->start(fail_ok => 1) }, 120), 'the server starts again');
is(sql("SELECT max(version) || ' ' || md5(string_agg(weights_id::text || md5(weights), '' ORDER BY version)) FROM ruvector.learning_policies WHERE session_id = $dqn"), $before, 'a crash leaves the old policy');
is(sql("SELECT count(*) FROM ruvector.predict($dqn, 's1')"), 2, 'which predicts');

# Dump and restore: the sessions are there, predict the same and go on learning.
my $ppo = sql(q{SELECT ruvector.start_session('two', 'ppo', '{"seed": 5}', state_dim => 2, action_dim => 3)});
sql("SELECT ruvector.add_experiences($ppo, (SELECT jsonb_agg(jsonb_build_object('state', jsonb_build_array(i % 7, 1), 'action', (i % 3)::text, 'reward', i % 3)) FROM generate_series(1, 60) i))");
sql("SELECT ruvector.train($ppo)");
my $mcts = sql(q{SELECT ruvector.start_session('two', 'mcts', '{"simulations": 50}', '{a,b}')});
sql("SELECT ruvector.submit_feedback($mcts, 's' || i % 3, CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END, i % 2) FROM generate_series(1, 12) i; SELECT ruvector.train($mcts)");
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
my $state = join ' UNION ALL ', map { "SELECT '$_', count(*), md5(string_agg(x::text, '|' ORDER BY x::text)) FROM ruvector.learning_$_ x" }
	qw(sessions progress policies predictions experiences q_values transitions calibration);
my $predictions = join ' UNION ALL ', map { "SELECT p.action, p.behaviour_prob, p.q_value, p.lower, p.upper, p.explored FROM ruvector.predict($_->[0], $_->[1], log_prediction => false) p" }
	([ $session, q{'s'} ], [ $model, q{'s'} ], [ $dqn, q{'s1'} ], [ $mcts, q{'s0'} ], [ $ppo, q{state_vec => '[3,1]'} ]);
my ($rows, $predicted) = (sql("SET extra_float_digits = 3; $state"), sql($predictions));
is(scalar(split /\n/, $predicted), 11, 'predictions of five sessions');
$node->command_ok([ 'pg_dump', '--format=custom', '--file', $dump, $node->connstr('postgres') ], 'pg_dump');
sql('CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ], 'pg_restore');
is($node->safe_psql('restored', "SET extra_float_digits = 3; $state"), $rows, 'every table of learning came back');
is($node->safe_psql('restored', $predictions), $predicted, 'and the sessions predict the same');
is($node->safe_psql('restored', "SELECT ruvector.submit_feedback($session, 's', 'a', 1, 's') > (SELECT max(id) FROM ruvector.learning_experiences WHERE session_id <> $session); SELECT policy_version FROM ruvector.train($dqn, max_ms => 50)"),
	"t\n" . sql("SELECT max(version) + 1 FROM ruvector.learning_policies WHERE session_id = $dqn"), 'and go on learning');

# Real data: WordNet's synsets, searched with their usage examples; half of the queries calibrate, half are new.
SKIP: {
	my $folder = ($ENV{RUVECTOR_TEST_DATA} || '') . '/wordnet-minilm-384';
	skip "no RUVECTOR_TEST_DATA/wordnet-minilm-384", 3 unless -e "$folder/query.f16" && -e "$folder/query_meta.tsv";
	my ($rows, $queries) = (12_000, 4000);
	my @answer;
	open my $meta, '<', "$folder/query_meta.tsv" or die $!;
	my @names = split /\t/, do { my $line = <$meta>; chomp $line; $line };
	my ($column) = grep { $names[$_] eq 'base_id' } 0 .. $#names;
	skip 'the queries do not name their rows', 3 unless defined $column;
	while (<$meta>) {
		chomp;
		push @answer, (split /\t/)[$column];
	}
	# Queries from the whole file; the rows are their answers and, as distractors, the first ones.
	my $stride = int(@answer / $queries) || 1;
	my @chosen = map { $_ * $stride } 0 .. $queries - 1;
	my %base = map { $answer[$_] => 1 } @chosen;
	for (my $row = 0; keys %base < $rows; $row++) { $base{$row} = 1 }
	my $vector = sub {
		my ($file, $row) = @_;
		seek $file, 8 + $row * 768, 0;    # after the numbers of rows and dimensions
		read $file, my $bytes, 768;
		return '[' . join(',', map { half($_) } unpack('v*', $bytes)) . ']';
	};
	open my $base, '<:raw', "$folder/base.f16" or die $!;
	open my $query, '<:raw', "$folder/query.f16" or die $!;
	sql('CREATE TABLE synsets (id int PRIMARY KEY, embedding vector(384)); CREATE TABLE questions (n int, query vector(384), relevant text[])');
	copy_rows($node, 'synsets', [ map { [ $_, $vector->($base, $_) ] } sort { $a <=> $b } keys %base ]);
	copy_rows($node, 'questions', [ map { [ $_, $vector->($query, $chosen[$_]), "{$answer[$chosen[$_]]}" ] } 0 .. $#chosen ]);
	sql('CREATE INDEX ON synsets USING hnsw (embedding vector_cosine_ops); ANALYZE; CREATE VIEW held_out AS SELECT * FROM questions WHERE n % 2 = 0');
	sql(q{SELECT ruvector.calibrate_retrieval('wordnet', 'held_out', 'synsets', metric => 'cosine')});
	my ($covered, $median, $attainable) = split /\|/, sql(<<'SQL');
SELECT avg(hit::int)::numeric(5, 3), percentile_disc(0.5) WITHIN GROUP (ORDER BY size), bool_and(attainable)
FROM (SELECT coalesce(bool_or(r.id = q.relevant[1]), false) AS hit, max(r.set_size) AS size, bool_and(r.attainable) AS attainable
	FROM questions q LEFT JOIN LATERAL ruvector.conformal_search(q.query, 0.2, 'wordnet', max_k => 12000, exact => true) r ON true
	WHERE q.n % 2 = 1 GROUP BY q.n) x
SQL
	# 2,000 new queries after 2,000 that calibrated: the deviation of the coverage is 0.0126; 2.5 of these.
	cmp_ok($covered, '>=', 0.768, "coverage of 0.8 promised: $covered, median set $median");
	is($attainable, 't', 'the sets are complete');

	# The promise itself, a mean over calibrations: 200 divisions of the 4,000 queries into 500 that calibrate and 3,500 that are new.
	sql(q{SELECT ruvector.calibrate_retrieval('all', 'questions', 'synsets', metric => 'cosine')});
	my ($mean, $least) = split /\|/, sql(<<'SQL');
SET synchronous_commit = off;
SELECT setseed(0.5);
CREATE TEMP TABLE pool AS SELECT row_number() OVER () AS q, distance, gap, rank FROM ruvector.conformal_scores WHERE calibration = 'all';
INSERT INTO ruvector.conformal_calibrations (name, relation, id_column, embedding_column, metric)
	SELECT 'd' || d, 'synsets', 'id', 'embedding', 'cosine' FROM generate_series(1, 200) d;
CREATE TEMP TABLE chosen AS SELECT d, q, row_number() OVER (PARTITION BY d ORDER BY random()) <= 500 AS calibrates FROM generate_series(1, 200) d, pool;
INSERT INTO ruvector.conformal_scores (calibration, distance, gap, rank) SELECT 'd' || d, distance, gap, rank FROM chosen JOIN pool USING (q) WHERE calibrates;
CREATE TEMP TABLE threshold AS SELECT d, t.threshold FROM generate_series(1, 200) d, LATERAL ruvector.conformal_threshold('d' || d, 0.2) t;
SELECT avg(share)::numeric(6, 4), (0.8 - 3 * stddev(share) / sqrt(200))::numeric(6, 4)
FROM (SELECT avg((gap <= threshold)::int) AS share FROM chosen JOIN pool USING (q) JOIN threshold USING (d) WHERE NOT calibrates GROUP BY d) x;
SQL
	cmp_ok($mean, '>=', $least, "mean coverage over 200 calibrations: $mean of 0.8 promised");
}

sub half {
	my ($bits) = @_;
	my ($sign, $exponent, $fraction) = ($bits >> 15, $bits >> 10 & 31, $bits & 1023);
	my $value = $exponent ? 2**($exponent - 15) * (1 + $fraction / 1024) : 2**-14 * $fraction / 1024;
	return sprintf('%.6g', $sign ? -$value : $value);
}

$node->stop;
done_testing();
