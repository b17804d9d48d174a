-- 58_sync.sql - moving memories between stores, the witness log, expiry, statistics of the store.

CREATE FUNCTION ruvector._create_sync() RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	rel regclass;
BEGIN
	IF to_regclass('ruvector.witness_log') IS NULL THEN
		CREATE TABLE ruvector.witness_log (
			namespace text NOT NULL DEFAULT ruvector.current_namespace(),
			seq bigint NOT NULL CHECK (seq > 0),
			agent_id text NOT NULL,
			action_type text NOT NULL,
			details text NOT NULL,
			metadata jsonb NOT NULL,
			recorded_by name NOT NULL,
			recorded_at timestamptz NOT NULL,
			prev_hash bytea NOT NULL CHECK (octet_length(prev_hash) = 32),
			hash bytea NOT NULL CHECK (octet_length(hash) = 32),
			PRIMARY KEY (namespace, seq));
	END IF;
	-- Whatever has full text is counted for BM25.
	FOR rel IN SELECT t FROM ruvector._memory_tables() t
		JOIN pg_attribute a ON a.attrelid = t AND a.attname = 'content_tsv' AND NOT a.attisdropped
	LOOP
		PERFORM ruvector._guard_text(rel);
	END LOOP;
END $$;
COMMENT ON FUNCTION ruvector._create_sync() IS 'internal: part of ruvector.init()';

-- Witness log -----------------------------------------------------------------------------------------------------

-- jsonb has one text for one value: sorted keys, one form of numbers. Times as microseconds, free of the session's time zone.
CREATE FUNCTION ruvector._witness_hash(
	prev_hash bytea, namespace text, seq bigint, agent_id text, action_type text, details text, metadata jsonb,
	recorded_by name, recorded_at timestamptz)
	RETURNS bytea
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN sha256(prev_hash || convert_to(jsonb_build_object(
		'namespace', namespace, 'seq', seq, 'agent_id', agent_id, 'action_type', action_type, 'details', details,
		'metadata', metadata, 'recorded_by', recorded_by,
		'recorded_at_us', (extract(epoch FROM recorded_at) * 1000000)::bigint)::text, 'UTF8'));
COMMENT ON FUNCTION ruvector._witness_hash(bytea, text, bigint, text, text, text, jsonb, name, timestamptz) IS
	'internal: SHA-256 of the previous hash and the canonical JSON of an entry of the witness log';

CREATE FUNCTION ruvector.witness_append(agent_id text, action_type text, details text, metadata jsonb DEFAULT '{}') RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	ns text := ruvector.current_namespace();
	last_seq bigint;
	last_hash bytea;
	moment timestamptz;
BEGIN
	PERFORM ruvector._settings();
	IF NOT row_security_active('ruvector.witness_log') THEN
		PERFORM ruvector._check_namespace(ns);
	END IF;
	-- One writer a namespace until it commits, so the chain has no gaps and no forks.
	PERFORM pg_advisory_xact_lock(hashtextextended('ruvector.witness_log/' || ns, 0));
	SELECT w.seq, w.hash INTO last_seq, last_hash
	FROM ruvector.witness_log w WHERE w.namespace = ns ORDER BY w.seq DESC LIMIT 1;
	last_seq := coalesce(last_seq, 0) + 1;
	last_hash := coalesce(last_hash, decode(repeat('00', 32), 'hex'));
	moment := clock_timestamp();
	INSERT INTO ruvector.witness_log AS w
	VALUES (ns, last_seq, witness_append.agent_id, witness_append.action_type, witness_append.details,
		coalesce(witness_append.metadata, '{}'), current_user, moment, last_hash,
		ruvector._witness_hash(last_hash, ns, last_seq, witness_append.agent_id, witness_append.action_type,
			witness_append.details, coalesce(witness_append.metadata, '{}'), current_user, moment));
	RETURN last_seq;
END $$;
COMMENT ON FUNCTION ruvector.witness_append(text, text, text, jsonb) IS
	'appends to the witness log of the namespace, whose entries each hold the SHA-256 of the one before, and returns the number of the entry. Holds a lock on the namespace''s log until the transaction ends';

CREATE FUNCTION ruvector.verify_witness_chain(from_seq bigint DEFAULT NULL, to_seq bigint DEFAULT NULL)
	RETURNS TABLE(valid boolean, first_bad_seq bigint, checked bigint, head_hash bytea)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM ruvector._settings();
	RETURN QUERY
	WITH entry AS (
		SELECT w.seq, w.hash,
			w.hash = ruvector._witness_hash(w.prev_hash, w.namespace, w.seq, w.agent_id, w.action_type, w.details, w.metadata,
				w.recorded_by, w.recorded_at)
			AND w.seq = lag(w.seq, 1, coalesce(from_seq, 1) - 1) OVER chain + 1
			AND w.prev_hash = coalesce(lag(w.hash) OVER chain, (SELECT p.hash FROM ruvector.witness_log p
				WHERE p.namespace = w.namespace AND p.seq = w.seq - 1), decode(repeat('00', 32), 'hex')) AS good
		FROM ruvector.witness_log w
		WHERE w.namespace = ruvector.current_namespace()
			AND w.seq >= coalesce(from_seq, 1) AND (to_seq IS NULL OR w.seq <= to_seq)
		WINDOW chain AS (ORDER BY w.seq))
	SELECT coalesce(bool_and(e.good), true), min(e.seq) FILTER (WHERE NOT e.good), count(*),
		(array_agg(e.hash ORDER BY e.seq DESC))[1]
	FROM entry e;
END $$;
COMMENT ON FUNCTION ruvector.verify_witness_chain(bigint, bigint) IS
	'recomputes the hashes of the witness log of the namespace: the first entry that was changed, or follows a gap. What was cut off at the end shows only against a head_hash that was kept elsewhere';

-- Expiry ----------------------------------------------------------------------------------------------------------

CREATE FUNCTION ruvector.cleanup_expired() RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	rel regclass;
	n bigint;
	total bigint := 0;
BEGIN
	PERFORM ruvector._settings();
	FOR rel IN SELECT t FROM ruvector._memory_tables() t
		JOIN pg_attribute a ON a.attrelid = t AND a.attname = 'expires_at' AND NOT a.attisdropped
	LOOP
		EXECUTE format('DELETE FROM %s WHERE expires_at <= statement_timestamp()', rel);
		GET DIAGNOSTICS n = ROW_COUNT;
		total := total + n;
	END LOOP;
	RETURN total;
END $$;
COMMENT ON FUNCTION ruvector.cleanup_expired() IS
	'deletes what has expired, in all namespaces that the caller may write, and returns how many rows; searches do not see them anyway';

-- Statistics of the store -----------------------------------------------------------------------------------------

CREATE FUNCTION ruvector.stats(detailed boolean DEFAULT false)
	RETURNS TABLE(relation text, row_count bigint, total_bytes bigint, index_bytes bigint, detail jsonb)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	rel regclass;
BEGIN
	PERFORM ruvector._settings();
	FOR rel IN SELECT t FROM ruvector._memory_tables() t LOOP
		SELECT c.relname, pg_total_relation_size(rel), pg_indexes_size(rel) INTO relation, total_bytes, index_bytes
		FROM pg_class c WHERE c.oid = rel;
		IF detailed THEN
			EXECUTE format('SELECT coalesce(sum(n), 0), coalesce(jsonb_object_agg(namespace, n), ''{}'')
				FROM (SELECT namespace, count(*) AS n FROM %s GROUP BY namespace) x', rel) INTO row_count, detail;
		ELSE
			EXECUTE format('SELECT count(*) FROM %s', rel) INTO row_count;
		END IF;
		RETURN NEXT;
	END LOOP;
END $$;
COMMENT ON FUNCTION ruvector.stats(boolean) IS
	'the tables of the store: rows that the caller sees, in all namespaces, and bytes; detailed: rows by namespace. Counts by reading';

-- Export and import -----------------------------------------------------------------------------------------------

-- What can be moved: memories that have a key of their own, independent of the numbers that a store gives.
CREATE FUNCTION ruvector._portable() RETURNS TABLE(memory_type text, rel regclass, key name, columns name[], changed text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT p.memory_type, c.oid::regclass, p.key,
		-- Not generated, not numbered here, not pointing to other rows.
		ARRAY(SELECT a.attname FROM pg_attribute a
			WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = ''
				AND a.attname NOT IN ('namespace', p.key)
				AND NOT EXISTS (SELECT FROM pg_constraint f WHERE f.conrelid = c.oid AND f.contype = 'f' AND a.attnum = ANY (f.conkey))
			ORDER BY a.attnum),
		(SELECT string_agg(a.attname, ', ' ORDER BY a.attname DESC) FROM pg_attribute a
			WHERE a.attrelid = c.oid AND a.attname IN ('updated_at', 'created_at') AND NOT a.attisdropped)
	FROM (VALUES ('vector', 'vectors_table', 'id'), ('episode', 'reflexion_episodes', 'external_id'),
		('skill', 'skills_library', 'name')) p(memory_type, relname, key)
	JOIN pg_class c ON c.relname = p.relname AND c.relnamespace = 'ruvector'::regnamespace
$$;
COMMENT ON FUNCTION ruvector._portable() IS 'internal: memory types that export_memories knows, their tables, keys and columns';

CREATE FUNCTION ruvector._check_memory_types(memory_types text[]) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	unknown text;
BEGIN
	PERFORM ruvector._settings();
	SELECT t INTO unknown FROM unnest(memory_types) t WHERE t IS NULL OR t NOT IN (SELECT p.memory_type FROM ruvector._portable() p);
	IF FOUND THEN
		RAISE EXCEPTION 'memories of type "%" cannot be moved', unknown USING ERRCODE = 'invalid_parameter_value',
			HINT = format('Types: %s.', (SELECT string_agg(p.memory_type, ', ') FROM ruvector._portable() p));
	END IF;
END $$;
COMMENT ON FUNCTION ruvector._check_memory_types(text[]) IS 'internal: an error (22023) for a type that export_memories does not know';

CREATE FUNCTION ruvector.export_memories(since timestamptz DEFAULT NULL, memory_types text[] DEFAULT NULL) RETURNS SETOF jsonb
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	p record;
BEGIN
	PERFORM ruvector._check_memory_types(memory_types);
	FOR p IN SELECT * FROM ruvector._portable() x WHERE memory_types IS NULL OR x.memory_type = ANY (memory_types) LOOP
		RETURN QUERY EXECUTE format('
			SELECT jsonb_build_object(''type'', $1, ''external_id'', %1$s, ''changed_at'', %2$s,
				''data'', (SELECT jsonb_object_agg(d.key, d.value) FROM jsonb_each(to_jsonb(t)) d WHERE d.key = ANY ($2)))
			FROM %3$s t
			WHERE t.namespace = ruvector.current_namespace() AND ($3 IS NULL OR %2$s >= $3)
			ORDER BY %2$s, 1',
			CASE p.key WHEN 'external_id' THEN 'coalesce(t.external_id, (SELECT s.store_id FROM ruvector._settings() s) || '':'' || t.id)'
				ELSE format('t.%I', p.key) END,
			format('coalesce(%s)', (SELECT string_agg('t.' || c, ', ') FROM unnest(string_to_array(p.changed, ', ')) c)), p.rel)
		USING p.memory_type, p.columns, since;
	END LOOP;
END $$;
COMMENT ON FUNCTION ruvector.export_memories(timestamptz, text[]) IS
	'the memories (vector, episode, skill) of the namespace changed since a time, one JSON object each, for import_memories. An episode without external_id gets one from this store''s identity. Counters, links and causal edges stay: use logical replication or dump for these';

CREATE FUNCTION ruvector.import_memories(memories jsonb, on_conflict text DEFAULT 'newest',
	OUT imported bigint, OUT skipped bigint, OUT conflicts bigint)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	s record := ruvector._settings();
	ns text := ruvector.current_namespace();
	memory jsonb;
	p record;
	unknown text;
	existing timestamptz;
	exists_already boolean;
	columns text;
	key_columns text;
BEGIN
	PERFORM ruvector._check_choice('on_conflict', on_conflict, 'newest', 'replace', 'skip', 'error');
	memories := coalesce(memories, '[]'); -- jsonb_agg of no rows
	IF jsonb_typeof(memories) <> 'array' THEN
		RAISE EXCEPTION 'memories must be a JSON array' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'SELECT jsonb_agg(m) FROM ruvector.export_memories() m;';
	END IF;
	PERFORM ruvector._check_memory_types(ARRAY(SELECT m->>'type' FROM jsonb_array_elements(memories) m));
	imported := 0; skipped := 0; conflicts := 0;
	FOR memory IN SELECT m FROM jsonb_array_elements(memories) m LOOP
		SELECT * INTO p FROM ruvector._portable() x WHERE x.memory_type = memory->>'type';
		IF memory->>'external_id' IS NULL OR jsonb_typeof(memory->'data') IS DISTINCT FROM 'object' THEN
			RAISE EXCEPTION 'a memory needs external_id and data' USING ERRCODE = 'invalid_parameter_value';
		END IF;
		SELECT k INTO unknown FROM jsonb_object_keys(memory->'data') k WHERE k <> ALL (p.columns);
		IF FOUND THEN
			RAISE EXCEPTION 'column "%" of a memory does not exist in %', unknown, p.rel USING ERRCODE = 'undefined_column',
				HINT = 'Add the column here, or remove it from the exported data.';
		END IF;
		-- An episode that comes home.
		IF p.key = 'external_id' AND memory->>'external_id' ~ ('^' || s.store_id || ':\d+$') THEN
			EXECUTE format('UPDATE %s SET external_id = $1 WHERE namespace = $2 AND id = $3 AND external_id IS NULL', p.rel)
			USING memory->>'external_id', ns, split_part(memory->>'external_id', ':', 2)::bigint;
		END IF;

		SELECT string_agg(format('%I', k), ', '), string_agg(format('r.%I', k), ', ') INTO columns, key_columns
		FROM jsonb_object_keys(memory->'data') k;
		EXECUTE format('SELECT true, greatest(%s) FROM %s WHERE namespace = $1 AND %I = $2 FOR UPDATE', p.changed, p.rel, p.key)
		INTO exists_already, existing USING ns, memory->>'external_id';
		IF exists_already IS NOT TRUE THEN
			EXECUTE format('INSERT INTO %1$s (namespace, %2$I, %3$s) SELECT $1, $2, %4$s FROM jsonb_populate_record(NULL::%1$s, $3) r',
				p.rel, p.key, columns, key_columns) USING ns, memory->>'external_id', memory->'data';
			imported := imported + 1;
			CONTINUE;
		END IF;
		conflicts := conflicts + 1;
		IF on_conflict = 'error' THEN
			RAISE EXCEPTION '% "%" already exists', p.memory_type, memory->>'external_id'
				USING ERRCODE = 'unique_violation', HINT = 'on_conflict => ''newest'', ''replace'' or ''skip''.';
		ELSIF on_conflict = 'replace' OR on_conflict = 'newest' AND (memory->>'changed_at')::timestamptz > existing THEN
			EXECUTE format('UPDATE %1$s SET (%2$s) = (SELECT %3$s FROM jsonb_populate_record(NULL::%1$s, $3) r)
				WHERE namespace = $1 AND %4$I = $2', p.rel, columns, key_columns, p.key)
			USING ns, memory->>'external_id', memory->'data';
			imported := imported + 1;
		ELSE
			skipped := skipped + 1;
		END IF;
	END LOOP;
END $$;
COMMENT ON FUNCTION ruvector.import_memories(jsonb, text) IS
	'stores an array of what export_memories returns in the current namespace. A memory that exists (same type and external_id): newest takes the one changed later, replace, skip, error (23505). Repeating an import changes nothing';
