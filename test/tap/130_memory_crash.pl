# Eight clients store and recall while the postmaster is killed in the middle. No committed episode is lost, counters are those of a
# log that is written in the same transactions, every memory is found, and no client sees an error but the loss of its server.
# RUVECTOR_MEMORY_SECONDS: how long (8; with RUVECTOR_SOAK 60).
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use FindBin;
use lib $FindBin::RealBin;
use RuvectorTest;

plan skip_all => 'agent memory is of ruvector alone' unless ours();

my $seconds = $ENV{RUVECTOR_MEMORY_SECONDS} || (soak() ? 60 : 8);
my $clients = 8;
my $dimensions = 32;
srand($ENV{RUVECTOR_SEED} || 120);

# fsync stays off: the operating system survives.
my $node = new_node('memory_crash', conf => "max_connections = 30\ncheckpoint_timeout = 30s\nwal_level = replica\n");
sub value { return $node->safe_psql('postgres', $_[0]); }

$node->safe_psql('postgres', <<"SQL");
SELECT ruvector.init($dimensions);
CREATE TABLE log (client int, skill_id bigint, success boolean, reward float8);
SQL
my @first = clustered_vectors(40, $dimensions);
$node->safe_psql('postgres', join('', map { "SELECT ruvector.create_skill('skill $_', embedding => '$first[$_]');\n" } 0 .. 19)
	  . join('', map { "SELECT ruvector.store_episode('first $_', embedding => '$first[$_]');\n" } 20 .. 39));

# A client prints what it knows to be committed ("e|id", "s|") and what each search gave ("r|rows"). A statement that fails ends it.
sub script {
	my ($client, $statements) = @_;
	my @vectors = clustered_vectors(200, $dimensions);
	my $sql = '';
	for my $n (1 .. $statements) {
		my $v = $vectors[ int(rand(@vectors)) ];
		my $skill = 1 + int(rand(3));
		my ($ok, $reward) = (rand() < 0.6 ? 'true' : 'false', int(rand(100)));
		$sql .= "SELECT 'e', ruvector.store_episode('client $client task $n', 0.5, $ok, latency_ms => $reward, embedding => '$v');\n";
		$sql .= "BEGIN; INSERT INTO log VALUES ($client, $skill, $ok, $reward);\n"
		  . "SELECT ruvector.update_skill_stats($skill, $ok, $reward); COMMIT;\nSELECT 's', '';\n";
		$sql .= "SELECT 'r', count(*) FROM ruvector.recall(query => '$v', k => 10);\n";
		$sql .= "SELECT 'r', count(*) FROM ruvector.retrieve_relevant(query => '$v', k => 10);\n";
		$sql .= "SELECT 'r', count(*) FROM ruvector.search_skills(query => '$v', k => 10, min_success_rate => 0);\n";
	}
	return $sql;
}

my (@episodes, $uses, $searches, $short);
($uses, $searches, $short) = (0, 0, 0);

sub take {
	my ($client) = @_;
	my ($lines, $error) = finish_client($client);
	for my $line (@$lines) {
		my ($what, $number) = split /\|/, $line, 2;
		next unless defined $number;    # what update_skill_stats returns: nothing
		if ($what eq 'e') { push @episodes, $number }
		elsif ($what eq 's') { $uses++ }
		else { $searches++; $short++ if $number != 10 }
	}
	return $error;
}

sub start { return map { client($node, "client$_" . int(time() * 1000), script($_, 100 * $seconds)) } 1 .. $clients; }

# Holds whenever no client is running; in flight: statements whose answer nobody read.
sub sound {
	my ($name, $in_flight) = @_;
	my %there = map { $_ => 1 } split /\n/, value("SELECT id FROM ruvector.reflexion_episodes WHERE task LIKE 'client%'");
	my @lost = grep { !$there{$_} } @episodes;
	is(scalar(@lost), 0, "$name: no committed episode is lost (" . @episodes . ' were acknowledged)');
	cmp_ok(keys(%there) - @episodes, '<=', $in_flight, "$name: and none came from nowhere");
	my $logged = value('SELECT count(*) FROM log');
	ok($logged >= $uses && $logged <= $uses + $in_flight, "$name: $logged uses are logged, $uses were acknowledged");
	is(value(<<'SQL'), '', "$name: counters and moments are those of the log");
SELECT l.skill_id FROM (SELECT skill_id, count(*) AS n, count(*) FILTER (WHERE success) AS ok, avg(reward) AS mean, stddev_samp(reward) AS sd FROM log GROUP BY 1) l
LEFT JOIN ruvector.skills s ON s.id = l.skill_id
WHERE (s.uses = l.n AND s.successes = l.ok AND abs(s.avg_reward - l.mean) < 1e-6 AND abs(coalesce(s.reward_sd, 0) - coalesce(l.sd, 0)) < 1e-6) IS NOT TRUE
SQL
	is(value(<<'SQL'), '0|0', "$name: each memory has its key of recall, each key its memory");
SELECT count(*) FILTER (WHERE k.memory IS NULL), count(*) FILTER (WHERE m.ref IS NULL)
FROM (SELECT 'episode:' || id AS ref FROM ruvector.reflexion_episodes UNION ALL SELECT 'skill:' || id FROM ruvector.skills_library) m
FULL JOIN ruvector.recall_keys k ON k.memory = m.ref
SQL
	is(value(<<'SQL'), 't', "$name: the statistics of words count these episodes");
SELECT (SELECT sum(documents) FROM ruvector.text_statistics WHERE relation = 'reflexion_episodes') = (SELECT count(*) FROM ruvector.reflexion_episodes WHERE length(content_tsv) > 0)
SQL
	is(value(<<'SQL'), 0, "$name: each episode is found by its own vector");
SELECT count(*) FROM (SELECT id, embedding FROM ruvector.reflexion_episodes ORDER BY id DESC LIMIT 200) e
WHERE (SELECT max(similarity) FROM ruvector.retrieve_relevant(query => e.embedding, k => 1)) < 0.99999
SQL
	index_ok($node, $_, $name, rows => 1)
	  for qw(ruvector.reflexion_episodes_embedding_idx ruvector.skills_library_embedding_idx ruvector.recall_keys_key_idx);
	return;
}

my @running = start();
sleep($seconds / 2);
my $postmaster = $node->{_pid};
$node->kill9;
poll(sub { !kill 0, $postmaster }, 20);
my @errors = map { take($_) } @running;
# What psql says of a connection that breaks, at whatever moment.
my $loss = qr/server closed the connection|before or while processing|connection to server was lost|could not send data|could not receive data|terminating connection|another server process exited|transaction and exit|reconnect to the database|no connection to the server|This probably means|FATAL:/;
is(join('', grep { !/$loss/ } map { split /(?<=\n)/ } @errors), '', 'clients see nothing but the loss of their server');
ok(@episodes > 0 && $searches > 0, scalar(@episodes) . " episodes, $uses uses, $searches searches before the crash");
# The old backends notice only after a moment that their postmaster is gone.
ok(poll(sub { $node->{_pid} = undef; $node->start(fail_ok => 1) }, 120), 'the server starts again');
sound('after the crash', $clients);

my $before = @episodes;
@running = start();
sleep($seconds / 2);
kill 'TERM', $_->{pid} for @running;
my $error = join('', map { take($_) } @running);
ok(poll(sub { value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()") == 0 }, 60), 'the clients are gone');
is($error, '', 'no error after the restart');
cmp_ok(scalar(@episodes), '>', $before, 'episodes were stored again');
sound('at the end', 2 * $clients);
is($short, 0, "each of $searches searches gave k rows");

quiet_log($node, 'memory_crash');
$node->stop;
done_testing();
