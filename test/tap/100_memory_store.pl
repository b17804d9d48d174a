# The store of agent memory on whole servers: what is committed survives an immediate stop; dump and restore give the same
# rows, policies, indexes, and whatever the user added; logical replication carries the tables; COPY under row-level security.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use FindBin;
use lib $FindBin::RealBin;
use RuvectorTest;

srand(100);
my $node = new_node('store', streaming => 1, conf => "wal_level = logical\n");
my $dir = PostgreSQL::Test::Utils::tempdir();

# A function that embeds by the first letters, so that dump has to bring it back as well.
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION letters(content text, kind text) RETURNS vector LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg(coalesce(ascii(nullif(substr(content, i, 1), '')), 32))::real[]::vector FROM generate_series(1, 8) i $$;
SELECT ruvector.init(8, embedder => 'letters(text,text)', index_options => '{"m": 8, "ef_construction": 40}');
CREATE ROLE tenant LOGIN;
CREATE ROLE stranger LOGIN;
SELECT ruvector.create_namespace('acme', 'tenant', dedicated_index => true);
SELECT ruvector.enable_rls();
-- What users add.
ALTER TABLE ruvector.vectors_table ADD COLUMN note text DEFAULT 'none';
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := upper(NEW.note); RETURN NEW; END $$;
CREATE TRIGGER shout BEFORE INSERT ON ruvector.vectors_table FOR EACH ROW EXECUTE FUNCTION shout();
CREATE POLICY not_hidden ON ruvector.vectors_table AS RESTRICTIVE FOR SELECT USING (note IS DISTINCT FROM 'HIDDEN');
CREATE INDEX by_note ON ruvector.vectors_table (note);
SQL
my @vectors = clustered_vectors(400, 8);
copy_rows($node, 'ruvector.vectors_table (namespace, id, embedding, content, metadata)',
	[ map { [ $_ % 2 ? 'acme' : 'default', "v$_", $vectors[$_], "text number $_ about topic" . $_ % 7, "{\"i\": $_}" ] } 0 .. 399 ]);
$node->safe_psql('postgres', "SELECT ruvector.vector_insert(id => 'embedded', content => 'hello'); SELECT ruvector.witness_append('a', 'b', 'c ' || i) FROM generate_series(1, 5) i");

# An immediate stop: everything that was committed is there, nothing else.
$node->psql('postgres', "BEGIN; SELECT ruvector.vector_insert(id => 'never', content => 'rolled back'); ROLLBACK");
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', "SELECT count(*), count(*) FILTER (WHERE id = 'never') FROM ruvector.vectors_table"), '401|0', 'all committed rows after an immediate stop');
is($node->safe_psql('postgres', "SELECT id FROM ruvector.vector_search(query_text => 'hello', k => 1)"), 'embedded', 'and found');
is($node->safe_psql('postgres', 'SELECT valid, checked FROM ruvector.verify_witness_chain()'), 't|5', 'the witness chain holds');
is($node->safe_psql('postgres', 'SELECT sum(documents), sum(tokens) FROM ruvector.text_statistics'),
	$node->safe_psql('postgres', 'SELECT count(*), sum(ruvector._bm25_length(content_tsv)) FROM ruvector.vectors_table'), 'the statistics of text are exact');
is($node->safe_psql('postgres', 'SELECT ruvector.vector_delete(id => \'embedded\')'), '1', 'and deletable');

# Dump and restore.
my $fingerprint = <<'SQL';
SET search_path = pg_catalog;
SET extra_float_digits = 3;
SELECT md5(string_agg(v::text, '|' ORDER BY namespace, id)) FROM ruvector.vectors_table v;
SELECT md5(string_agg(w::text, '|' ORDER BY namespace, seq)) FROM ruvector.witness_log w;
SELECT md5(string_agg(s::text, '|' ORDER BY s::text)) FROM ruvector.store_settings s;
SELECT * FROM ruvector.namespaces ORDER BY 1;
SELECT * FROM ruvector.namespace_grants ORDER BY 1, 2;
SELECT sum(documents), sum(tokens) FROM ruvector.text_statistics;
SELECT schemaname, tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'ruvector' ORDER BY 1, 2, 3;
SELECT tablename, policyname, permissive, roles, cmd, qual, with_check FROM pg_policies WHERE schemaname = 'ruvector' ORDER BY 1, 2;
SELECT oid::regclass, relrowsecurity, relacl, relowner::regrole FROM pg_class WHERE relnamespace = 'ruvector'::regnamespace AND relkind = 'r' ORDER BY relname;
SELECT tgrelid::regclass, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgrelid::regclass::text, tgname;
SELECT attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
	WHERE relnamespace = 'ruvector'::regnamespace AND relkind = 'r' AND attnum > 0 ORDER BY attrelid::regclass::text, attnum;
SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'ruvector'::regnamespace ORDER BY conrelid::regclass::text, conname;
SQL
my $before = $node->safe_psql('postgres', $fingerprint);
like($before, qr/ruvector_select.*ruvector_select/s, 'the policies are part of the fingerprint');
for my $format (qw(plain custom)) {
	my $file = "$dir/dump.$format";
	$node->command_ok([ 'pg_dump', "--format=$format", '--file', $file, $node->connstr('postgres') ], "pg_dump, $format");
	$node->safe_psql('postgres', "CREATE DATABASE $format");
	if ($format eq 'plain') {
		$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($format), '-f', $file ], 'psql, plain');
	} else {
		$node->command_ok([ 'pg_restore', '--exit-on-error', '--jobs=2', '-d', $node->connstr($format), $file ], 'pg_restore, custom');
	}
	is($node->safe_psql($format, $fingerprint), $before, "$format: everything came back");
	is($node->safe_psql($format, "SELECT ruvector.init()->>'created'"), 'false', "$format: init finds the store");
	is($node->safe_psql($format, $fingerprint), $before, "$format: and changes nothing");
	is($node->safe_psql($format, "SELECT ruvector.vector_insert(id => 'new', content => 'hello'); SELECT id FROM ruvector.vector_search(query_text => 'hello', k => 1); SELECT note FROM ruvector.vectors_table WHERE id = 'new'"),
		"new\nnew\nNONE", "$format: embedder, trigger and search work");
	is($node->safe_psql($format, "SET ROLE tenant; SET ruvector.namespace = 'default'; SELECT count(*), count(DISTINCT namespace) FROM ruvector.vectors_table"), '200|1', "$format: the tenant sees its own");
}

# The extension is trusted: the owner of a database creates it and the store without a superuser.
$node->safe_psql('postgres', 'CREATE ROLE landlord LOGIN; CREATE DATABASE house OWNER landlord');
is($node->safe_psql('house', "SET SESSION AUTHORIZATION landlord; CREATE EXTENSION ruvector; SELECT ruvector.init(3)->'created'; SELECT ruvector.vector_insert('[1,2,3]', id => 'a')"),
	"true\na", 'the owner of a database needs no superuser');

# A writer does not wait for the statistics of text of another transaction, even where both begin at the same shard.
my ($first, $second) = map { $node->background_psql('postgres', on_error_die => 1) } 1 .. 2;
my $shard = $second->query_safe('SELECT pg_backend_pid() % 64');
$first->query_safe("BEGIN; SELECT pg_advisory_xact_lock(hashtext('ruvector.text_statistics'), $shard); "
	  . "INSERT INTO ruvector.text_statistics AS s VALUES ('vectors_table', 'default', $shard, 1, 1) ON CONFLICT (relation, namespace, shard) DO UPDATE SET documents = s.documents + 1");
$second->query_safe("SET lock_timeout = '5s'; SELECT ruvector.vector_insert(id => 'w', content => 'words')");
$first->query_safe('ROLLBACK');
$_->quit for $first, $second;
is($node->safe_psql('postgres', "SELECT sum(documents) FROM ruvector.text_statistics; SELECT ruvector.vector_delete('w')"), "401\n1", 'writers of text do not wait for each other');

# COPY as a tenant: out what it may read, in nothing.
is($node->safe_psql('postgres', "SET ROLE tenant; SET ruvector.namespace = 'default'; COPY (SELECT count(*), min(namespace), max(namespace) FROM ruvector.vectors_table) TO STDOUT"), "200\tacme\tacme", 'COPY of a query');
my ($code, $out, $err) = $node->psql('postgres', "SET ROLE tenant; COPY ruvector.vectors_table (namespace, id) TO STDOUT");
is(scalar(grep { /^acme\t/ } split /\n/, $out), 200, 'COPY of the table gives the rows of the tenant');
is(scalar(split(/\n/, $out)), 200, 'and no others');
($code, $out, $err) = $node->psql('postgres', "SET ROLE tenant; COPY ruvector.vectors_table (namespace, id, embedding) FROM STDIN;\ndefault\tplanted\t[1,2,3,4,5,6,7,8]\n\\.\n");
like($err, qr/row-level security/, 'COPY FROM is refused under row-level security');
($code, $out, $err) = $node->psql('postgres', 'SET ROLE stranger; SELECT count(*) FROM ruvector.vectors_table');
like($err, qr/permission denied/, 'a role without a namespace has nothing');

# Logical replication into a second cluster with a store of its own.
my $copy = new_node('copy', conf => "max_logical_replication_workers = 4\n");
$copy->safe_psql('postgres', <<'SQL');
CREATE ROLE tenant;
CREATE FUNCTION letters(content text, kind text) RETURNS vector LANGUAGE sql IMMUTABLE AS $$ SELECT NULL::vector $$;
SELECT ruvector.init(8);
ALTER TABLE ruvector.vectors_table ADD COLUMN note text;
TRUNCATE ruvector.store_settings, ruvector.namespaces, ruvector.namespace_grants;
SQL
$node->safe_psql('postgres', 'CREATE PUBLICATION memory FOR TABLES IN SCHEMA ruvector');
$copy->safe_psql('postgres', "CREATE SUBSCRIPTION memory CONNECTION '" . $node->connstr . " dbname=postgres' PUBLICATION memory");
$copy->wait_for_subscription_sync($node, 'memory');
my $rows = "SET extra_float_digits = 3; SELECT count(*), md5(string_agg(v::text, '|' ORDER BY namespace, id)) FROM ruvector.vectors_table v; SELECT count(*), sum(documents) FROM ruvector.text_statistics; SELECT store_id, embedder FROM ruvector.store_settings";
is($copy->safe_psql('postgres', $rows), $node->safe_psql('postgres', $rows), 'replication: the first copy');
$node->safe_psql('postgres', "SELECT ruvector.vector_insert(id => 'later', content => 'replicate'); UPDATE ruvector.vectors_table SET metadata = '{\"changed\": true}' WHERE id = 'v10'; DELETE FROM ruvector.vectors_table WHERE id = 'v11'");
$node->wait_for_catchup('memory');
is($copy->safe_psql('postgres', $rows), $node->safe_psql('postgres', $rows), 'replication: inserts, updates and deletes');
my $search = "SELECT string_agg(id, ' ' ORDER BY distance) FROM ruvector.vector_search('[1,2,3,4,5,6,7,8]', 10)";
is($copy->safe_psql('postgres', $search), $node->safe_psql('postgres', $search), 'replication: the same answer');
is($copy->safe_psql('postgres', 'SELECT valid, checked FROM ruvector.verify_witness_chain()'), 't|5', 'replication: the witness chain holds');
$copy->safe_psql('postgres', 'DROP SUBSCRIPTION memory');

quiet_log($node, 'store');
quiet_log($copy, 'copy');
$copy->stop;
$node->stop;
done_testing();
