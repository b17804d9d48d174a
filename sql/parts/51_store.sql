-- 51_store.sql - the store of agent memory: settings, namespaces, row-level security, embedding.
--
-- The extension brings functions; ruvector.init() creates the tables, in the schema ruvector, as ordinary tables of the
-- caller. So dump, replication, added columns, triggers and policies work as for any table.

CREATE FUNCTION ruvector.current_namespace() RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	RETURN coalesce(nullif(pg_catalog.current_setting('ruvector.namespace', true), ''), 'default');
COMMENT ON FUNCTION ruvector.current_namespace() IS
	'namespace that the functions of agent memory work on: the setting ruvector.namespace, or ''default''';

CREATE DOMAIN ruvector.unit_interval AS float8 CHECK (VALUE BETWEEN 0 AND 1);
COMMENT ON DOMAIN ruvector.unit_interval IS 'number from 0 to 1';

CREATE DOMAIN ruvector.memory_ref AS text CHECK (VALUE ~ '^[a-z_]+:.+$');
COMMENT ON DOMAIN ruvector.memory_ref IS 'reference to a memory or a concept, type:id, as in episode:42 or action:add_tests';

CREATE FUNCTION ruvector.ref(memory_type text, memory_id bigint) RETURNS ruvector.memory_ref
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN (memory_type || ':' || memory_id)::ruvector.memory_ref;
COMMENT ON FUNCTION ruvector.ref(text, bigint) IS 'reference to a memory: ref(''episode'', 42) is ''episode:42''';

CREATE FUNCTION ruvector.ref(memory_type text, memory_id text) RETURNS ruvector.memory_ref
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN (memory_type || ':' || memory_id)::ruvector.memory_ref;
COMMENT ON FUNCTION ruvector.ref(text, text) IS 'reference to a memory or a concept: ref(''action'', ''add_tests'')';

-- Settings --------------------------------------------------------------------------------------------------------

CREATE FUNCTION ruvector._schema_version() RETURNS int
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN 1;
COMMENT ON FUNCTION ruvector._schema_version() IS 'internal: version of the tables that ruvector.init() creates';

CREATE FUNCTION ruvector._settings(
	OUT dimensions int, OUT metric text, OUT embedding_model text, OUT embedder text,
	OUT index_method text, OUT index_options jsonb, OUT text_search_config text, OUT store_id uuid, OUT schema_version int)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF to_regclass('ruvector.store_settings') IS NOT NULL THEN
		SELECT s.dimensions, s.metric, s.embedding_model, s.embedder, s.index_method, s.index_options,
			s.text_search_config, s.store_id, s.schema_version
		INTO dimensions, metric, embedding_model, embedder, index_method, index_options,
			text_search_config, store_id, schema_version
		FROM ruvector.store_settings s;
	END IF;
	IF dimensions IS NULL THEN
		RAISE EXCEPTION 'ruvector.init() has not been called in this database'
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'SELECT ruvector.init(384) creates the tables, for embeddings of 384 dimensions.';
	END IF;
END $$;
COMMENT ON FUNCTION ruvector._settings() IS 'internal: the settings of the store; an error (55000) before ruvector.init()';

CREATE FUNCTION ruvector._embedding_type() RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT format('%s.vector(%s)', '@extschema@', dimensions) FROM ruvector._settings()
$$;
COMMENT ON FUNCTION ruvector._embedding_type() IS 'internal: type of the embedding columns, as in public.vector(384)';

CREATE FUNCTION ruvector._distance_operator() RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN format('OPERATOR(%s.%s)', '@extschema@',
		CASE (ruvector._settings()).metric WHEN 'cosine' THEN '<=>' WHEN 'l2' THEN '<->' WHEN 'ip' THEN '<#>' WHEN 'l1' THEN '<+>' END);
END $$;
COMMENT ON FUNCTION ruvector._distance_operator() IS
	'internal: distance operator of the store''s metric, ready for EXECUTE, as in OPERATOR(public.<=>)';

CREATE FUNCTION ruvector._similarity(distance float8, metric text) RETURNS float8
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE metric WHEN 'cosine' THEN 1 - distance WHEN 'ip' THEN - distance ELSE 1 / (1 + distance) END;
COMMENT ON FUNCTION ruvector._similarity(float8, text) IS
	'internal: similarity from what the distance operator returns: cosine 1 - d, inner product - d, l2 and l1 1 / (1 + d)';

-- Embedding -------------------------------------------------------------------------------------------------------

CREATE FUNCTION ruvector.embed(content text, kind text DEFAULT 'passage') RETURNS @extschema@.vector
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	s record := ruvector._settings();
	schema_name name;
	function_name name;
	result @extschema@.vector;
BEGIN
	IF content IS NULL THEN
		RETURN NULL;
	END IF;
	IF s.embedder IS NULL THEN
		RAISE EXCEPTION 'no vector given and no embedder registered'
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Pass a vector, or register a function: SELECT ruvector.init(embedder => ''my_embed(text,text)'').';
	END IF;
	SELECT n.nspname, p.proname INTO schema_name, function_name
	FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
	WHERE p.oid = to_regprocedure(s.embedder);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'embedder % does not exist', s.embedder
			USING ERRCODE = 'undefined_function',
			HINT = 'SELECT ruvector.init(embedder => ''my_embed(text,text)'') registers another one.';
	END IF;
	-- The embedder finds what is in its own schema and the extension's; restored at the end, see SET above.
	PERFORM set_config('search_path', format('%I, %s, pg_temp', schema_name, '@extschema@'), true);
	EXECUTE format('SELECT %I.%I($1, $2)', schema_name, function_name) INTO result USING content, kind;
	IF result IS NULL THEN
		RAISE EXCEPTION 'embedder % returned NULL', s.embedder USING ERRCODE = 'null_value_not_allowed';
	END IF;
	RETURN ruvector._checked_vector(result, s.dimensions, s.metric);
END $$;
COMMENT ON FUNCTION ruvector.embed(text, text) IS
	'vector of a text by the store''s embedder, kind ''passage'' or ''query''; NULL for NULL. The embedder runs with search_path = its own schema, the extension''s. Errors: no embedder (55000), dimensions (22000)';

CREATE FUNCTION ruvector._checked_vector(v @extschema@.vector, dimensions int, metric text) RETURNS @extschema@.vector
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF @extschema@.vector_dims(v) <> dimensions THEN
		RAISE EXCEPTION 'expected % dimensions, not %', dimensions, @extschema@.vector_dims(v)
			USING ERRCODE = 'data_exception',
			HINT = 'The number of dimensions was set by ruvector.init(); all embeddings come from one model.';
	END IF;
	IF metric = 'cosine' AND @extschema@.vector_norm(v) = 0 THEN
		RAISE EXCEPTION 'a vector of zeros has no direction'
			USING ERRCODE = 'data_exception', HINT = 'The metric of this store is cosine. Use NULL for a missing embedding.';
	END IF;
	RETURN v;
END $$;
COMMENT ON FUNCTION ruvector._checked_vector(@extschema@.vector, int, text) IS
	'internal: the vector, or an error (22000) if its dimensions are wrong or it has no direction under cosine';

CREATE FUNCTION ruvector._query_vector(query @extschema@.vector, content text) RETURNS @extschema@.vector
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	s record;
BEGIN
	IF query IS NOT NULL THEN
		s := ruvector._settings();
		RETURN ruvector._checked_vector(query, s.dimensions, s.metric);
	END IF;
	IF content IS NULL THEN
		RAISE EXCEPTION 'nothing to search for: neither a text nor a vector given'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'Pass a vector, or a text and register an embedder.';
	END IF;
	RETURN ruvector.embed(content, 'query');
END $$;
COMMENT ON FUNCTION ruvector._query_vector(@extschema@.vector, text) IS
	'internal: the vector to search with: the one given, else the embedded text, else an error (22004, 55000, 22000)';

-- Trigger of every table with embeddings. Arguments: the expression over its columns that is embedded, and whether a
-- row may have no embedding.
CREATE FUNCTION ruvector._guard() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	s record := ruvector._settings();
	content text;
	old_content text;
BEGIN
	-- Under row-level security the policy decides, and has the better error.
	IF NOT EXISTS (SELECT FROM ruvector.namespaces n WHERE n.namespace = NEW.namespace)
			AND NOT row_security_active('ruvector.namespaces') THEN
		RAISE EXCEPTION 'namespace "%" does not exist', NEW.namespace
			USING ERRCODE = 'undefined_object', HINT = format('SELECT ruvector.create_namespace(%L);', NEW.namespace);
	END IF;

	-- A changed text takes its old vector with it.
	IF TG_OP = 'UPDATE' AND s.embedder IS NOT NULL AND NEW.embedding OPERATOR(@extschema@.=) OLD.embedding THEN
		EXECUTE format('SELECT %s FROM (SELECT ($1).*) AS r', TG_ARGV[0]) INTO content USING NEW;
		EXECUTE format('SELECT %s FROM (SELECT ($1).*) AS r', TG_ARGV[0]) INTO old_content USING OLD;
		IF content IS DISTINCT FROM old_content THEN
			NEW.embedding := NULL;
			NEW.embedding_model := NULL;
		END IF;
	END IF;
	IF NEW.embedding IS NULL AND s.embedder IS NOT NULL THEN
		IF content IS NULL THEN
			EXECUTE format('SELECT %s FROM (SELECT ($1).*) AS r', TG_ARGV[0]) INTO content USING NEW;
		END IF;
		NEW.embedding := ruvector.embed(content, 'passage');
	ELSE
		PERFORM ruvector._checked_vector(NEW.embedding, s.dimensions, s.metric);
	END IF;

	IF NEW.embedding IS NULL THEN
		IF TG_ARGV[1]::boolean THEN
			RAISE EXCEPTION 'no embedding for a row of %', TG_RELID::regclass
				USING ERRCODE = 'null_value_not_allowed',
				HINT = CASE WHEN s.embedder IS NULL
					THEN 'Pass embedding =>, or register a function: SELECT ruvector.init(embedder => ''my_embed(text,text)'').'
					ELSE 'There is no text to embed either.' END;
		END IF;
		NEW.embedding_model := NULL;
	ELSIF NEW.embedding_model IS NULL THEN
		NEW.embedding_model := s.embedding_model;
	ELSIF NEW.embedding_model <> s.embedding_model THEN
		RAISE EXCEPTION 'embedding of model "%" in a store of model "%"', NEW.embedding_model, s.embedding_model
			USING ERRCODE = 'data_exception', HINT = 'Vectors of different models cannot be compared. Embed the text with the store''s model.';
	END IF;
	RETURN NEW;
END $$;
COMMENT ON FUNCTION ruvector._guard() IS
	'internal: trigger of tables with embeddings; fills the embedding, checks namespace, dimensions, norm and model';

CREATE FUNCTION ruvector._guard_embedding(rel regclass, content_expr text, required boolean DEFAULT true) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = rel AND tgname = 'ruvector_guard') THEN
		RETURN;
	END IF;
	EXECUTE format('CREATE TRIGGER ruvector_guard BEFORE INSERT OR UPDATE ON %s
		FOR EACH ROW EXECUTE FUNCTION ruvector._guard(%L, %L)', rel, content_expr, required);
	PERFORM ruvector._keep_inline(rel, 'embedding');
END $$;
COMMENT ON FUNCTION ruvector._guard_embedding(regclass, text, boolean) IS
	'internal: puts the trigger ruvector._guard on a table with the columns namespace, embedding and embedding_model; content_expr is what is embedded';

CREATE FUNCTION ruvector._keep_inline(rel regclass, col name) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STORAGE MAIN', rel, col);
	EXECUTE format('ALTER TABLE %s SET (toast_tuple_target = 4080)', rel);
END $$;
COMMENT ON FUNCTION ruvector._keep_inline(regclass, name) IS
	'internal: keeps the vectors of a table in its rows, not in the TOAST table, where each distance costs a look-up (1,000 distances: 3 ms instead of 8); long texts go there first';

CREATE FUNCTION ruvector._create_vector_index(rel regclass, col name DEFAULT 'embedding') RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	s record := ruvector._settings();
	options text;
	table_name name;
	index_name name;
	ns text;
BEGIN
	IF s.index_method = 'none' THEN
		RETURN;
	END IF;
	SELECT string_agg(format('%I = %L', o.key, o.value), ', ') INTO options FROM jsonb_each_text(s.index_options) o;
	SELECT relname INTO table_name FROM pg_class WHERE oid = rel;
	-- One index for all namespaces, and one for each that asked for its own.
	FOR ns, index_name IN
		SELECT NULL, format('%s_%s_idx', table_name, col)
		UNION ALL
		SELECT n.namespace, format('%s_%s_%s', table_name, col, left(md5(n.namespace), 12))
		FROM ruvector.namespaces n WHERE n.dedicated_index
	LOOP
		IF to_regclass(format('ruvector.%I', index_name)) IS NULL THEN
			EXECUTE format('CREATE INDEX %I ON %s USING %s (%I %s.vector_%s_ops)%s%s',
				index_name, rel, s.index_method, col, '@extschema@', s.metric,
				' WITH (' || options || ')', ' WHERE namespace = ' || quote_literal(ns));
		END IF;
	END LOOP;
END $$;
COMMENT ON FUNCTION ruvector._create_vector_index(regclass, name) IS
	'internal: the index of an embedding column with the store''s metric, method and options, and a partial one per namespace with a dedicated index';

-- init ------------------------------------------------------------------------------------------------------------

CREATE FUNCTION ruvector._memory_tables() RETURNS SETOF regclass
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT c.oid::regclass
	FROM pg_class c
	WHERE c.relnamespace = 'ruvector'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
		AND c.relname NOT IN ('namespaces', 'namespace_grants')
		AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'namespace' AND NOT a.attisdropped)
		AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
	ORDER BY c.relname
$$;
COMMENT ON FUNCTION ruvector._memory_tables() IS 'internal: the tables of the store whose rows belong to a namespace';

CREATE FUNCTION ruvector._check_embedder(embedder regprocedure) RETURNS text
	LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	f record;
BEGIN
	SELECT p.*, n.nspname INTO f
	FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
	WHERE p.oid = embedder;
	IF NOT FOUND OR f.prokind <> 'f' OR f.proretset OR f.prorettype <> '@extschema@.vector'::regtype
			OR oidvectortypes(f.proargtypes) <> 'text, text' THEN
		RAISE EXCEPTION 'an embedder takes (content text, kind text) and returns vector; % does not', embedder
			USING ERRCODE = 'invalid_function_definition',
			HINT = 'kind is ''passage'' for what is stored and ''query'' for what is searched.';
	END IF;
	RETURN format('%I.%I(text,text)', f.nspname, f.proname);
END $$;
COMMENT ON FUNCTION ruvector._check_embedder(regprocedure) IS
	'internal: qualified signature of an embedder; an error (42P13) if it is none';

CREATE FUNCTION ruvector.init(
	dimensions int DEFAULT NULL, metric text DEFAULT NULL, embedding_model text DEFAULT NULL,
	embedder regprocedure DEFAULT NULL, index_method text DEFAULT NULL, index_options jsonb DEFAULT NULL)
	RETURNS jsonb
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
#variable_conflict use_variable
DECLARE
	existed boolean;
	old record;
	area text;
	version int := ruvector._schema_version();
BEGIN
	IF dimensions NOT BETWEEN 1 AND 2000 THEN
		RAISE EXCEPTION 'dimensions must be from 1 to 2000, not %', dimensions USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF metric NOT IN ('cosine', 'l2', 'ip', 'l1') THEN
		RAISE EXCEPTION 'unknown metric "%"', metric
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Metrics: cosine, l2, ip, l1.';
	END IF;
	IF index_method NOT IN ('hnsw', 'none') THEN
		RAISE EXCEPTION 'unknown index method "%"', index_method
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Methods: hnsw, none (searches read all rows and are exact).';
	END IF;
	IF index_options IS NOT NULL AND jsonb_typeof(index_options) <> 'object' THEN
		RAISE EXCEPTION 'index_options must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF embedding_model = '' THEN
		RAISE EXCEPTION 'embedding_model is empty' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF NOT has_schema_privilege('ruvector', 'CREATE') THEN
		RAISE EXCEPTION 'permission denied for schema ruvector'
			USING ERRCODE = 'insufficient_privilege',
			HINT = format('The owner of the extension runs: GRANT CREATE ON SCHEMA ruvector TO %I;', current_user);
	END IF;

	PERFORM pg_advisory_xact_lock(hashtextextended('ruvector.init', 0));
	existed := to_regclass('ruvector.store_settings') IS NOT NULL;
	IF NOT existed THEN
		CREATE TABLE ruvector.store_settings (
			only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
			dimensions int NOT NULL CHECK (dimensions > 0),
			metric text NOT NULL CHECK (metric IN ('cosine', 'l2', 'ip', 'l1')),
			embedding_model text NOT NULL,
			embedder text, -- a signature, not a regprocedure, which pg_upgrade refuses
			index_method text NOT NULL,
			index_options jsonb NOT NULL,
			text_search_config text NOT NULL, -- that of the database, when the store was made
			store_id uuid NOT NULL DEFAULT gen_random_uuid(), -- origin of exported memories
			schema_version int NOT NULL,
			created_at timestamptz NOT NULL DEFAULT now());
		CREATE TABLE ruvector.namespaces (
			namespace text PRIMARY KEY CHECK (namespace <> ''),
			owner_role regrole NOT NULL,
			dedicated_index boolean NOT NULL DEFAULT false,
			created_at timestamptz NOT NULL DEFAULT now());
		-- A row lets the grantee and the roles that have its privileges read.
		CREATE TABLE ruvector.namespace_grants (
			namespace text NOT NULL REFERENCES ruvector.namespaces ON DELETE CASCADE,
			grantee regrole NOT NULL,
			can_write boolean NOT NULL DEFAULT false,
			PRIMARY KEY (namespace, grantee));
	END IF;

	SELECT * INTO old FROM ruvector.store_settings;
	IF NOT FOUND THEN
		INSERT INTO ruvector.store_settings
			(dimensions, metric, embedding_model, embedder, index_method, index_options, text_search_config, schema_version)
		VALUES (coalesce(dimensions, 384), coalesce(metric, 'cosine'), coalesce(embedding_model, 'external'),
			ruvector._check_embedder(embedder), coalesce(index_method, 'hnsw'),
			coalesce(index_options, CASE WHEN index_method = 'none' THEN '{}' ELSE '{"m": 16, "ef_construction": 128}' END::jsonb),
			get_current_ts_config(), version);
		INSERT INTO ruvector.namespaces (namespace, owner_role) VALUES ('default', quote_ident(current_user)::regrole)
			ON CONFLICT DO NOTHING;
	ELSE
		IF dimensions <> old.dimensions OR metric <> old.metric OR embedding_model <> old.embedding_model THEN
			RAISE EXCEPTION 'the store has % dimensions, metric % and model "%"', old.dimensions, old.metric, old.embedding_model
				USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Another model needs another store: a database of its own, or this one emptied and dropped.';
		END IF;
		IF index_method <> old.index_method OR index_options <> old.index_options THEN
			RAISE EXCEPTION 'the store has index method % with %', old.index_method, old.index_options
				USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Indexes are changed with DROP INDEX and CREATE INDEX.';
		END IF;
		IF old.schema_version > version THEN
			RAISE EXCEPTION 'the tables are of version %, newer than version % of this extension', old.schema_version, version
				USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'ALTER EXTENSION ruvector UPDATE;';
		END IF;
		IF embedder IS NOT NULL THEN
			UPDATE ruvector.store_settings SET embedder = ruvector._check_embedder(embedder)
			WHERE store_settings.embedder IS DISTINCT FROM ruvector._check_embedder(embedder);
		END IF;
		UPDATE ruvector.store_settings SET schema_version = version WHERE schema_version < version;
	END IF;

	-- Each area creates what is missing; children after their parents.
	FOREACH area IN ARRAY ARRAY['vectors', 'reflexion', 'skills', 'causal', 'recall', 'working_memory', 'sync', 'learning'] LOOP
		IF to_regprocedure(format('ruvector._create_%s()', area)) IS NOT NULL THEN
			EXECUTE format('SELECT ruvector._create_%s()', area);
		END IF;
	END LOOP;
	IF (SELECT relrowsecurity FROM pg_class WHERE oid = 'ruvector.namespaces'::regclass) THEN
		PERFORM ruvector.enable_rls();
	END IF;

	RETURN (SELECT to_jsonb(s) - 'only_row' FROM ruvector.store_settings s) || jsonb_build_object('created', NOT existed);
END $$;
COMMENT ON FUNCTION ruvector.init(int, text, text, regprocedure, text, jsonb) IS
	'creates the tables of agent memory, owned by the caller, or completes those of an older version. Arguments left out are those of the existing store, or 384, cosine, external, none, hnsw, {"m": 16, "ef_construction": 128}. Returns the settings. Only the embedder can be changed later (else 55000)';

CREATE FUNCTION ruvector.upgrade() RETURNS jsonb
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM ruvector._settings();
	RETURN ruvector.init();
END $$;
COMMENT ON FUNCTION ruvector.upgrade() IS
	'brings the tables to the version of the extension, after ALTER EXTENSION ruvector UPDATE; an error (55000) without a store';

-- Namespaces ------------------------------------------------------------------------------------------------------

CREATE FUNCTION ruvector._check_namespace(namespace text) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM ruvector._settings();
	IF NOT EXISTS (SELECT FROM ruvector.namespaces n WHERE n.namespace = _check_namespace.namespace) THEN
		RAISE EXCEPTION 'namespace "%" does not exist', namespace
			USING ERRCODE = 'undefined_object', HINT = format('SELECT ruvector.create_namespace(%L);', namespace);
	END IF;
END $$;
COMMENT ON FUNCTION ruvector._check_namespace(text) IS 'internal: an error (42704) if the caller sees no such namespace';

CREATE FUNCTION ruvector.set_namespace(namespace text, is_local boolean DEFAULT false) RETURNS text
	LANGUAGE plpgsql AS $$
BEGIN
	PERFORM ruvector._check_namespace(namespace);
	RETURN pg_catalog.set_config('ruvector.namespace', namespace, is_local);
END $$;
COMMENT ON FUNCTION ruvector.set_namespace(text, boolean) IS
	'sets the namespace of the session, or of the transaction if is_local; an error (42704) if the caller sees no such namespace';

CREATE FUNCTION ruvector.create_namespace(namespace text, owner regrole DEFAULT NULL, dedicated_index boolean DEFAULT false)
	RETURNS boolean
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	is_new boolean;
	rel regclass;
	col name;
BEGIN
	PERFORM ruvector._settings();
	IF namespace IS NULL OR namespace = '' THEN
		RAISE EXCEPTION 'the name of a namespace is empty' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	owner := coalesce(owner, quote_ident(current_user)::regrole);
	INSERT INTO ruvector.namespaces AS n (namespace, owner_role, dedicated_index)
	VALUES (create_namespace.namespace, create_namespace.owner, create_namespace.dedicated_index)
	ON CONFLICT DO NOTHING;
	is_new := FOUND;
	IF is_new THEN
		PERFORM ruvector.grant_namespace(namespace, owner, true);
	ELSIF dedicated_index THEN
		UPDATE ruvector.namespaces n SET dedicated_index = true
		WHERE n.namespace = create_namespace.namespace AND NOT n.dedicated_index;
	END IF;
	IF dedicated_index THEN
		FOR rel, col IN
			SELECT DISTINCT t.t, a.attname
			FROM ruvector._memory_tables() t(t)
			JOIN pg_index i ON i.indrelid = t.t AND i.indnkeyatts = 1
			JOIN pg_class c ON c.oid = i.indexrelid
			JOIN pg_am am ON am.oid = c.relam AND am.amname = 'hnsw'
			JOIN pg_attribute a ON a.attrelid = t.t AND a.attnum = i.indkey[0] AND a.attname <> 'key' -- that of recall is searched by <->
		LOOP
			PERFORM ruvector._create_vector_index(rel, col);
		END LOOP;
	END IF;
	RETURN is_new;
END $$;
COMMENT ON FUNCTION ruvector.create_namespace(text, regrole, boolean) IS
	'creates a namespace that owner (default: the caller) may read and write; dedicated_index gives it vector indexes of its own. false: it exists (a dedicated index is still added)';

CREATE FUNCTION ruvector.drop_namespace(namespace text) RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	waiting regclass[];
	failed regclass[];
	rel regclass;
	n bigint;
	total bigint := 0;
BEGIN
	PERFORM ruvector._check_namespace(namespace);
	-- Rows that others refer to wait until these are gone.
	waiting := ARRAY(SELECT t FROM ruvector._memory_tables() t WHERE t <> 'ruvector.text_statistics'::regclass);
	WHILE cardinality(waiting) > 0 LOOP
		failed := '{}';
		FOREACH rel IN ARRAY waiting LOOP
			BEGIN
				EXECUTE format('DELETE FROM %s WHERE namespace = $1', rel) USING namespace;
				GET DIAGNOSTICS n = ROW_COUNT;
				total := total + n;
			EXCEPTION WHEN foreign_key_violation THEN
				IF cardinality(failed) + 1 = cardinality(waiting) THEN
					RAISE;
				END IF;
				failed := failed || rel;
			END;
		END LOOP;
		waiting := failed;
	END LOOP;
	-- Last: the deletes were counted in it.
	DELETE FROM ruvector.text_statistics s WHERE s.namespace = drop_namespace.namespace;
	FOR rel IN
		SELECT c.oid::regclass FROM pg_class c
		WHERE c.relnamespace = 'ruvector'::regnamespace AND c.relkind = 'i' AND c.relname LIKE '%\_' || left(md5(namespace), 12)
	LOOP
		EXECUTE format('DROP INDEX %s', rel);
	END LOOP;
	DELETE FROM ruvector.namespaces s WHERE s.namespace = drop_namespace.namespace;
	RETURN total;
END $$;
COMMENT ON FUNCTION ruvector.drop_namespace(text) IS
	'deletes all rows of a namespace, its own indexes, its grants and the namespace, and returns how many rows; an error (42704) if there is none';

-- Privileges on the tables, which the policies then narrow to rows.
CREATE FUNCTION ruvector._grant_tables(grantee regrole, can_write boolean) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	tables text;
	view regclass;
BEGIN
	SELECT string_agg(t::text, ', ') INTO tables FROM ruvector._memory_tables() t;
	EXECUTE format('GRANT SELECT ON ruvector.store_settings, ruvector.namespaces, ruvector.namespace_grants, %s TO %s', tables, grantee);
	-- Views of the store ask with the rights of who uses them; any other would go past the policies.
	FOR view IN
		SELECT c.oid::regclass FROM pg_class c
		WHERE c.relnamespace = 'ruvector'::regnamespace AND c.relkind = 'v' AND 'security_invoker=true' = ANY (c.reloptions)
			AND pg_has_role(c.relowner, 'USAGE')
	LOOP
		EXECUTE format('GRANT SELECT ON %s TO %s', view, grantee);
	END LOOP;
	IF can_write THEN
		EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s TO %s', tables, grantee);
	END IF;
END $$;
COMMENT ON FUNCTION ruvector._grant_tables(regrole, boolean) IS 'internal: table privileges of a role that has a namespace';

CREATE FUNCTION ruvector.grant_namespace(namespace text, grantee regrole, can_write boolean DEFAULT false) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM ruvector._check_namespace(namespace);
	INSERT INTO ruvector.namespace_grants AS g (namespace, grantee, can_write)
	VALUES (grant_namespace.namespace, grant_namespace.grantee, grant_namespace.can_write)
	ON CONFLICT ON CONSTRAINT namespace_grants_pkey DO UPDATE SET can_write = excluded.can_write;
	-- Without row-level security a privilege on the tables would open all namespaces.
	IF (SELECT relrowsecurity FROM pg_class WHERE oid = 'ruvector.namespaces'::regclass) THEN
		PERFORM ruvector._grant_tables(grantee, can_write);
	END IF;
END $$;
COMMENT ON FUNCTION ruvector.grant_namespace(text, regrole, boolean) IS
	'lets a role read a namespace, and write it if can_write, once ruvector.enable_rls() has been called; can_write => false takes the writing back';

CREATE FUNCTION ruvector.revoke_namespace(namespace text, grantee regrole) RETURNS boolean
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM ruvector._check_namespace(namespace);
	DELETE FROM ruvector.namespace_grants g
	WHERE g.namespace = revoke_namespace.namespace AND g.grantee = revoke_namespace.grantee;
	RETURN FOUND;
END $$;
COMMENT ON FUNCTION ruvector.revoke_namespace(text, regrole) IS 'takes a namespace away from a role; false: it had none';

-- Row-level security ----------------------------------------------------------------------------------------------

CREATE FUNCTION ruvector.enable_rls() RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	-- The subquery does not depend on the row, so it is evaluated once, and the comparison can be an index condition. It
	-- names no function of ours: current_user is the role that runs the query, not the owner of some function.
	readable constant text :=
		'namespace = ANY (ARRAY(SELECT g.namespace FROM ruvector.namespace_grants g WHERE pg_has_role(g.grantee, ''USAGE'')))';
	writable constant text :=
		'namespace = ANY (ARRAY(SELECT g.namespace FROM ruvector.namespace_grants g WHERE g.can_write AND pg_has_role(g.grantee, ''USAGE'')))';
	rel regclass;
	policy_name name;
	rule text;
	grantee regrole;
	can_write boolean;
BEGIN
	PERFORM ruvector._settings();
	FOR rel, policy_name, rule IN
		SELECT t.rel, p.name, p.rule
		FROM (SELECT r, true AS memory FROM ruvector._memory_tables() r
			UNION ALL VALUES ('ruvector.namespaces'::regclass, false), ('ruvector.namespace_grants', false)) t(rel, memory)
		CROSS JOIN LATERAL (VALUES
			('ruvector_select', format('SELECT USING (%s)',
				CASE t.rel WHEN 'ruvector.namespace_grants'::regclass THEN 'pg_has_role(grantee, ''USAGE'')' ELSE readable END)),
			('ruvector_insert', format('INSERT WITH CHECK (%s)', writable)),
			('ruvector_update', format('UPDATE USING (%s) WITH CHECK (%s)', writable, writable)),
			('ruvector_delete', format('DELETE USING (%s)', writable))) p(name, rule)
		WHERE t.memory OR p.name = 'ruvector_select'
	LOOP
		IF NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = rel AND p.polname = policy_name) THEN
			EXECUTE format('CREATE POLICY %I ON %s FOR %s', policy_name, rel, rule);
		END IF;
		IF NOT (SELECT relrowsecurity FROM pg_class WHERE oid = rel) THEN
			EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', rel);
		END IF;
	END LOOP;
	FOR grantee, can_write IN
		SELECT g.grantee, bool_or(g.can_write) FROM ruvector.namespace_grants g JOIN pg_roles r ON r.oid = g.grantee GROUP BY 1
	LOOP
		PERFORM ruvector._grant_tables(grantee, can_write);
	END LOOP;
END $$;
COMMENT ON FUNCTION ruvector.enable_rls() IS
	'row-level security on all tables of the store: current_user reads and writes the namespaces granted to it or to a role whose privileges it has, whatever ruvector.namespace says. The owner of the tables is not restricted. Can be repeated';

CREATE FUNCTION ruvector.readable_namespaces() RETURNS SETOF text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY SELECT DISTINCT g.namespace FROM ruvector.namespace_grants g WHERE pg_has_role(g.grantee, 'USAGE');
END $$;
COMMENT ON FUNCTION ruvector.readable_namespaces() IS 'namespaces that are granted to current_user or a role whose privileges it has';

CREATE FUNCTION ruvector.writable_namespaces() RETURNS SETOF text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY SELECT DISTINCT g.namespace FROM ruvector.namespace_grants g WHERE g.can_write AND pg_has_role(g.grantee, 'USAGE');
END $$;
COMMENT ON FUNCTION ruvector.writable_namespaces() IS 'namespaces that current_user may write, see readable_namespaces()';

-- Who creates the extension may create the store; the extension is trusted, so its schema can belong to another role.
GRANT CREATE ON SCHEMA ruvector TO @extowner@;
