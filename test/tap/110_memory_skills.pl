# Skills under many clients: counters are exact, links stay free of cycles, consolidation makes one skill. With
# RUVECTOR_TEST_DATA (a folder with agent-reflexion) also logged episodes of real agents: retrieval against brute force,
# statistics and mined sequences against counts made here.
use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib $FindBin::RealBin;
use RuvectorTest;

plan skip_all => 'agent memory is of ruvector alone' unless ours();

my $node = new_node('skills', conf => "max_connections = 30\n");
my $dir = PostgreSQL::Test::Utils::tempdir();

sub file {
	my ($name, $text) = @_;
	open my $file, '>:encoding(UTF-8)', "$dir/$name" or die $!;
	print $file $text;
	close $file;
	return "$dir/$name";
}

sub value { return $node->safe_psql($_[1] || 'postgres', $_[0]); }

# Eight clients ------------------------------------------------------------------------------------------------------

$node->safe_psql('postgres', <<'SQL');
SELECT ruvector.init(3);
SELECT ruvector.create_skill('s' || i, embedding => '[1,0,0]') FROM generate_series(1, 6) i;
SELECT ruvector.store_pattern('t', 'a', embedding => '[1,0,0]');
SELECT ruvector.store_episode('e' || i, embedding => '[1,0,0]') FROM generate_series(1, 50) i;
CREATE TABLE log (skill_id bigint, success boolean, reward float8, latency float8);
SQL
my $update = file('update.sql', <<'SQL');
\set s random(1, 2)
\set r random(-100, 100)
\set e random(1, 50)
BEGIN;
INSERT INTO log VALUES (:s, :r > 0, :r, :r + 100);
SELECT ruvector.update_skill_stats(:s, :r > 0, :r, :r + 100);
SELECT ruvector.update_pattern_stats(1, :r > 0, :r);
COMMIT;
SELECT ruvector.update_skill_stats(3, true, 1, episode_id => :e);
SQL
my $link = file('link.sql', <<'SQL');
\set a random(1, 6)
\set b random(1, 6)
SELECT try_link(:a, :b);
SQL
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION try_link(a int, b int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM ruvector.link_skills(a, b, 'prerequisite');
	RETURN true;
EXCEPTION WHEN check_violation THEN
	RETURN false;
END $$;
SQL
$node->command_ok([ 'pgbench', '-n', '-c', 8, '-j', 2, '-t', 150, '-f', $update, 'postgres' ], 'eight clients count uses');
$node->command_ok([ 'pgbench', '-n', '-c', 8, '-j', 2, '-t', 40, '-f', $link, 'postgres' ], 'eight clients link skills at random');

is(value('SELECT sum(uses) FROM ruvector.skills WHERE id IN (1, 2)'), 8 * 150, 'no use is lost');
is(value(<<'SQL'), 2, 'counters and moments are those of the log');
SELECT count(*) FROM ruvector.skills s JOIN (SELECT skill_id, count(*) AS n, count(*) FILTER (WHERE success) AS ok, avg(reward) AS reward,
	stddev_samp(reward) AS sd, avg(latency) AS latency FROM log GROUP BY skill_id) l ON l.skill_id = s.id
WHERE s.uses = l.n AND s.successes = l.ok AND abs(s.avg_reward - l.reward) < 1e-9 AND abs(s.reward_sd - l.sd) < 1e-9 AND abs(s.avg_latency_ms - l.latency) < 1e-9
SQL
is(value('SELECT uses FROM ruvector.skills WHERE id = 3'), value('SELECT count(*) FROM ruvector.skill_episodes WHERE skill_id = 3'), 'an episode counts once, whoever reports it');
is(value('SELECT uses || \' \' || (avg_reward - (SELECT avg(reward) FROM log))::numeric(9, 6) FROM ruvector.patterns'), 8 * 150 . ' 0.000000', 'patterns as well');
cmp_ok(value('SELECT count(*) FROM ruvector.skill_links'), '>=', 5, 'links were made');
is(value(<<'SQL'), 0, 'no cycle among them');
WITH RECURSIVE r(root, id) AS (
	SELECT parent_skill_id, child_skill_id FROM ruvector.skill_links UNION
	SELECT r.root, l.child_skill_id FROM r JOIN ruvector.skill_links l ON l.parent_skill_id = r.id)
SELECT count(*) FROM r WHERE root = id
SQL

my $store = file('store.sql', <<'SQL');
\set u random(1, 1000000)
SET ruvector.auto_consolidate = on;
SELECT ruvector.store_episode('log in', 1, true, embedding => '[1,0,0.1]',
	actions => ARRAY['authenticate(user=u' || :u || ')', 'validate(token=t' || :u || ')'], observations => ARRAY['token=t' || :u, 'ok']);
SQL
$node->command_ok([ 'pgbench', '-n', '-c', 8, '-j', 2, '-t', 15, '-f', $store, 'postgres' ], 'eight clients store episodes that consolidate');
$node->safe_psql('postgres', 'SELECT ruvector.auto_consolidate()');
is(value("SELECT name || ' ' || uses || ' ' || successes FROM ruvector.skills WHERE auto_generated"), 'authenticate_validate 120 120', 'one skill, each episode counted once');
is(value("SELECT steps #>> '{1,arguments,token,output}' FROM ruvector.skills WHERE auto_generated"), 'token', 'with its data flow');

# Real episodes ------------------------------------------------------------------------------------------------------

my $data = ($ENV{RUVECTOR_TEST_DATA} || '') . '/agent-reflexion';
SKIP: {
	skip 'RUVECTOR_TEST_DATA names no folder with agent-reflexion', 1 unless $ENV{RUVECTOR_TEST_DATA} && -d $data;

	# Reflections with their MiniLM vectors.
	$node->safe_psql('postgres', 'CREATE DATABASE reflections');
	new_extension($node, 'reflections');
	open my $vectors, '<:raw', "$data/memories.fvecs" or die $!;
	my @rows;
	open my $texts, '<:encoding(UTF-8)', "$data/memories.tsv" or die $!;
	<$texts>;
	while (my $line = <$texts>) {
		chomp $line;
		my ($id, $domain, $run, $trial, $task, $success, $text) = split /\t/, $line, 7;
		read($vectors, my $record, 4 + 4 * 384) == 4 + 4 * 384 or die 'short fvecs';
		my (undef, @v) = unpack('l<f<*', $record);
		push @rows, { task => $task, success => $success ? JSON::PP::true : JSON::PP::false, reward => $success + 0, sessionId => $domain, critique => $text,
			tags => [$run], embedding => \@v };
	}
	my $batch = file('reflections.json', JSON::PP->new->encode(\@rows));
	my $load = sub {
		my ($database, $path) = @_;
		return $node->safe_psql($database, "CREATE TEMP TABLE raw (doc jsonb);\n\\copy raw FROM '$path' WITH (FORMAT csv, DELIMITER E'\\x02', QUOTE E'\\x01')\n"
			  . 'SELECT count(*) FROM (SELECT ruvector.store_episode_batch(doc) FROM raw) x');
	};
	$node->safe_psql('reflections', 'SELECT ruvector.init(384)');
	is($load->('reflections', $batch), scalar(@rows), scalar(@rows) . ' reflections stored');
	cmp_ok(value(<<'SQL', 'reflections'), '>=', 0.99, 'retrieval: recall@10 against brute force');
SELECT avg(hit) FROM (
	SELECT e.id, (SELECT count(*) / 10.0 FROM ruvector.retrieve_relevant(query => e.embedding, k => 10) r
		JOIN (SELECT b.id FROM ruvector.reflexion_episodes b ORDER BY (b.embedding <=> e.embedding) + 0, b.id LIMIT 10) t ON t.id = r.id) AS hit
	FROM ruvector.reflexion_episodes e WHERE e.id % 7 = 0) x
SQL
	is(value("SELECT count(*) FROM ruvector.retrieve_relevant(query => (SELECT embedding FROM ruvector.reflexion_episodes WHERE id = 1), k => 15, only_successes => true)", 'reflections'),
		15, 'a condition that 3 % satisfy still gives k rows');
	my $summary = value("SELECT ruvector.get_critique_summary(query => (SELECT embedding FROM ruvector.reflexion_episodes WHERE critique LIKE '%desklamp%' ORDER BY id LIMIT 1))", 'reflections');
	like($summary, qr/Distinctive words: [^\n]*desklamp/, 'the summary names what is special about these failures');
	is(scalar(() = $summary =~ /^\d\. /mg), 3, 'with three typical critiques');
	cmp_ok(length($summary), '<', 6000, 'not all of them');

	# Trajectories of question answering. A small embedder hashes words.
	$node->safe_psql('postgres', 'CREATE DATABASE trajectories');
	new_extension($node, 'trajectories');
	$node->safe_psql('trajectories', <<'SQL');
CREATE FUNCTION hashed_words(content text, kind text) RETURNS vector LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, public AS $$
	SELECT array_agg(coalesce(n, 0) + 0.01 ORDER BY d)::vector FROM generate_series(0, 63) d
	LEFT JOIN (SELECT abs(hashtext(w)) % 64 AS d, sqrt(count(*)) AS n FROM regexp_split_to_table(lower(content), '[^a-z0-9]+') w WHERE length(w) > 2 GROUP BY 1) h USING (d)
$$;
SELECT ruvector.init(64, embedder => 'hashed_words(text,text)');
SQL
	my (@episodes, @runs, %good);
	open my $lines, '<:raw', "$data/hotpotqa_react.jsonl" or die $!;
	while (my $line = <$lines>) {
		my $run = decode_json($line);
		my $ok = $run->{outcome} eq 'correct';
		my @actions = map { $_->{action} // '' } @{ $run->{steps} };
		push @episodes, { task => $run->{question}, success => $ok ? JSON::PP::true : JSON::PP::false, reward => $ok ? 1 : 0, sessionId => $run->{run},
			actions => \@actions, observations => [ map { $_->{observation} // '' } @{ $run->{steps} } ], metadata => { outcome => $run->{outcome} } };
		push @runs, [ $ok, ' ' . join('', map { /^([A-Za-z]+)\[/ ? "$1 " : "other " } @actions) ];
		$good{ lc $run->{question} }[ $ok ? 1 : 0 ]++;
	}
	$batch = file('trajectories.json', JSON::PP->new->encode(\@episodes));
	is($load->('trajectories', $batch), scalar(@episodes), scalar(@episodes) . ' trajectories stored');

	my @skills = map { [ split /\|/ ] } split /\n/,
	  value("SELECT array_to_string(action_pattern, ' '), support, failures, change FROM ruvector.auto_consolidate(fdr => 0.05, min_success_rate => 0.3)", 'trajectories');
	cmp_ok(scalar(@skills), '>=', 1, 'skills from trajectories');
	note(join(' ', @$_)) for @skills;
	my $wrong = 0;
	for my $skill (@skills) {
		my ($pattern, @found) = @$skill;
		my @count = (0, 0);
		$count[ $_->[0] ? 0 : 1 ]++ for grep { index($_->[1], " $pattern ") >= 0 } @runs;
		$wrong++ if $count[0] != $found[0] || $count[1] != $found[1];
		diag("$pattern: $found[0] successes, $found[1] failures, counted @count") if $count[0] != $found[0] || $count[1] != $found[1];
	}
	is($wrong, 0, 'support and failures are as counted');
	is(value('SELECT count(*) FROM ruvector.auto_consolidate(fdr => 0.05, min_success_rate => 0.3) WHERE change <> \'unchanged\'', 'trajectories'), 0, 'a second run changes nothing');

	# A threshold of 1 merges only the same question.
	my $expected = grep { ($_->[1] || 0) >= 3 && $_->[1] >= ($_->[0] || 0) } values %good;
	is(value("SELECT count(*) FROM ruvector.consolidate_episodes_into_skills(time_window => NULL, similarity_threshold => 1)", 'trajectories'), $expected,
		"$expected questions answered three times and in half of the attempts become skills");
	is(value("SELECT count(*) FROM ruvector.consolidate_episodes_into_skills(time_window => NULL, similarity_threshold => 1) WHERE change <> 'unchanged'", 'trajectories'), 0, 'a second run changes nothing');
	is(value(<<'SQL', 'trajectories'), 0, 'their counters are those of their episodes');
SELECT count(*) FROM ruvector.skills s JOIN (SELECT l.skill_id, count(*) AS n, count(*) FILTER (WHERE e.success) AS ok
	FROM ruvector.skill_episodes l JOIN ruvector.reflexion_episodes e ON e.id = l.episode_id GROUP BY 1) x ON x.skill_id = s.id
WHERE s.uses <> x.n OR s.successes <> x.ok
SQL
	my ($question) = grep { ($good{$_}[0] || 0) && ($good{$_}[1] || 0) } sort keys %good;
	(my $quoted = $question) =~ s/'/''/g;
	my $n = $good{$question}[0] + $good{$question}[1];
	is(value("SELECT total_attempts || ' ' || round(success_rate::numeric, 6) FROM ruvector.get_task_stats('$quoted')", 'trajectories'),
		sprintf('%d %.6f', $n, $good{$question}[1] / $n), 'statistics of a question');
}

quiet_log($node);
$node->stop;
done_testing();
