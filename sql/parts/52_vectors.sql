-- 52_vectors.sql - vectors with metadata and text: filters, search, full text with BM25, hybrid search.

-- Filters ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION ruvector.filter_match(item jsonb, filter jsonb) RETURNS boolean
	AS 'MODULE_PATHNAME', 'ruvector_filter_match' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ruvector.filter_match(jsonb, jsonb) IS
	'whether an object satisfies a filter such as {"year": {"$gte": 2020}, "user.name": "ann"}. Operators $eq $ne $gt $gte $lt $lte $in $nin $contains $exists $regex, combined by $and $or $not. A missing key satisfies only $ne, $nin, $exists: false and what $not turns round; values of different types are unequal and have no order. NULL filter: true; else unknown operators and wrong operands are errors (22023)';

CREATE FUNCTION ruvector._filter_containment(filter jsonb) RETURNS jsonb[]
	AS 'MODULE_PATHNAME', 'ruvector_filter_containment' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ruvector._filter_containment(jsonb) IS
	'internal: what every matching object contains in the sense of @>, for the GIN index; an error (22023) if the filter is wrong';

-- Tables ----------------------------------------------------------------------------------------------------------

CREATE FUNCTION ruvector._touch() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NEW.updated_at = OLD.updated_at THEN
		NEW.updated_at := clock_timestamp();
	END IF;
	RETURN NEW;
END $$;
COMMENT ON FUNCTION ruvector._touch() IS 'internal: trigger that sets updated_at, unless the statement does';

CREATE FUNCTION ruvector._add_text(relation name, namespace text, shard int, documents bigint, tokens bigint) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
	IF _add_text.documents <> 0 OR _add_text.tokens <> 0 THEN
		INSERT INTO ruvector.text_statistics AS s (relation, namespace, shard, documents, tokens)
		VALUES (_add_text.relation, _add_text.namespace, _add_text.shard, _add_text.documents, _add_text.tokens)
		ON CONFLICT (relation, namespace, shard) DO UPDATE
		SET documents = s.documents + excluded.documents, tokens = s.tokens + excluded.tokens;
	END IF;
END $$;
COMMENT ON FUNCTION ruvector._add_text(name, text, int, bigint, bigint) IS 'internal: adds to ruvector.text_statistics';

-- Documents and tokens per namespace, for BM25. A transaction adds to rows of a shard that no other one is writing to, so writers
-- neither wait for each other nor run into deadlocks.
CREATE FUNCTION ruvector._count_text() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	shard int := pg_backend_pid() % 64;
	c record;
BEGIN
	FOR attempt IN 1 .. 64 LOOP
		EXIT WHEN pg_try_advisory_xact_lock(hashtext('ruvector.text_statistics'), shard);
		shard := (shard + 1) % 64;
	END LOOP;
	-- Not one statement with EXECUTE, which would be planned anew for every row that is stored.
	CASE TG_OP
	WHEN 'INSERT' THEN
		FOR c IN SELECT n.namespace, count(*) AS documents, sum(ruvector._bm25_length(n.content_tsv)) AS tokens
			FROM new_rows n WHERE length(n.content_tsv) > 0 GROUP BY 1 ORDER BY 1
		LOOP
			PERFORM ruvector._add_text(TG_TABLE_NAME, c.namespace, shard, c.documents, c.tokens);
		END LOOP;
	WHEN 'DELETE' THEN
		FOR c IN SELECT o.namespace, - count(*) AS documents, - sum(ruvector._bm25_length(o.content_tsv)) AS tokens
			FROM old_rows o WHERE length(o.content_tsv) > 0 GROUP BY 1 ORDER BY 1
		LOOP
			PERFORM ruvector._add_text(TG_TABLE_NAME, c.namespace, shard, c.documents, c.tokens);
		END LOOP;
	WHEN 'UPDATE' THEN
		FOR c IN SELECT r.namespace, sum(r.sign) AS documents, sum(r.sign * ruvector._bm25_length(r.content_tsv)) AS tokens
			FROM (SELECT 1 AS sign, n.namespace, n.content_tsv FROM new_rows n
				UNION ALL SELECT -1, o.namespace, o.content_tsv FROM old_rows o) r
			WHERE length(r.content_tsv) > 0 GROUP BY 1 ORDER BY 1
		LOOP
			PERFORM ruvector._add_text(TG_TABLE_NAME, c.namespace, shard, c.documents, c.tokens);
		END LOOP;
	WHEN 'TRUNCATE' THEN
		DELETE FROM ruvector.text_statistics s WHERE s.relation = TG_TABLE_NAME;
	END CASE;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION ruvector._count_text() IS 'internal: statement triggers that keep ruvector.text_statistics';

CREATE FUNCTION ruvector.refresh_text_statistics(rel regclass) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', rel);
	DELETE FROM ruvector.text_statistics s WHERE s.relation = (SELECT relname FROM pg_class WHERE oid = rel);
	EXECUTE format('INSERT INTO ruvector.text_statistics (relation, namespace, shard, documents, tokens)
		SELECT (SELECT relname FROM pg_class WHERE oid = $1), t.namespace, 0, count(*), sum(ruvector._bm25_length(t.content_tsv))
		FROM %s t WHERE length(t.content_tsv) > 0 GROUP BY t.namespace', rel) USING rel;
END $$;
COMMENT ON FUNCTION ruvector.refresh_text_statistics(regclass) IS
	'counts documents and tokens of a memory table again; needed only after rows were loaded with its triggers disabled';

CREATE FUNCTION ruvector._guard_text(rel regclass) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = rel AND tgname = 'ruvector_text_truncate') THEN
		RETURN;
	END IF;
	EXECUTE format('CREATE TRIGGER ruvector_text_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows
		FOR EACH STATEMENT EXECUTE FUNCTION ruvector._count_text()', rel);
	EXECUTE format('CREATE TRIGGER ruvector_text_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
		FOR EACH STATEMENT EXECUTE FUNCTION ruvector._count_text()', rel);
	EXECUTE format('CREATE TRIGGER ruvector_text_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows
		FOR EACH STATEMENT EXECUTE FUNCTION ruvector._count_text()', rel);
	EXECUTE format('CREATE TRIGGER ruvector_text_truncate AFTER TRUNCATE ON %s
		FOR EACH STATEMENT EXECUTE FUNCTION ruvector._count_text()', rel);
	PERFORM ruvector.refresh_text_statistics(rel);
END $$;
COMMENT ON FUNCTION ruvector._guard_text(regclass) IS
	'internal: keeps ruvector.text_statistics for a table with the columns namespace and content_tsv';

CREATE FUNCTION ruvector._create_vectors() RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	s record := ruvector._settings();
BEGIN
	IF to_regclass('ruvector.vectors_table') IS NULL THEN
		CREATE TABLE ruvector.text_statistics (
			relation name NOT NULL,
			namespace text NOT NULL,
			shard int NOT NULL,
			documents bigint NOT NULL,
			tokens bigint NOT NULL,
			PRIMARY KEY (relation, namespace, shard)) WITH (fillfactor = 50);
		EXECUTE format('CREATE TABLE ruvector.vectors_table (
			namespace text NOT NULL DEFAULT ruvector.current_namespace(),
			id text NOT NULL DEFAULT gen_random_uuid()::text CHECK (id <> ''''),
			embedding %s NOT NULL,
			embedding_model text NOT NULL,
			metadata jsonb NOT NULL DEFAULT ''{}'' CHECK (jsonb_typeof(metadata) = ''object''),
			content text,
			content_tsv tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector(%L::regconfig, coalesce(content, ''''))) STORED,
			created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
			updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
			expires_at timestamptz,
			PRIMARY KEY (namespace, id))', ruvector._embedding_type(), s.text_search_config);
		CREATE INDEX vectors_table_metadata_idx ON ruvector.vectors_table USING gin (metadata jsonb_path_ops);
		CREATE INDEX vectors_table_content_idx ON ruvector.vectors_table USING gin (content_tsv);
		CREATE INDEX vectors_table_updated_idx ON ruvector.vectors_table (namespace, updated_at);
		CREATE INDEX vectors_table_expires_idx ON ruvector.vectors_table (expires_at) WHERE expires_at IS NOT NULL;
		CREATE TRIGGER ruvector_touch BEFORE UPDATE ON ruvector.vectors_table
			FOR EACH ROW EXECUTE FUNCTION ruvector._touch();
	END IF;
	PERFORM ruvector._guard_embedding('ruvector.vectors_table', 'content');
	PERFORM ruvector._guard_text('ruvector.vectors_table');
	PERFORM ruvector._create_vector_index('ruvector.vectors_table');
END $$;
COMMENT ON FUNCTION ruvector._create_vectors() IS 'internal: part of ruvector.init()';

-- Write -----------------------------------------------------------------------------------------------------------

CREATE FUNCTION ruvector._check_choice(argument text, value text, VARIADIC choices text[]) RETURNS void
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF value IS NULL OR value <> ALL (choices) THEN
		RAISE EXCEPTION 'unknown % "%"', argument, value
			USING ERRCODE = 'invalid_parameter_value', HINT = format('One of %s.', array_to_string(choices, ', '));
	END IF;
END $$;
COMMENT ON FUNCTION ruvector._check_choice(text, text, text[]) IS 'internal: an error (22023) unless the value is one of the choices';

CREATE FUNCTION ruvector.vector_insert(
	embedding @extschema@.vector DEFAULT NULL, metadata jsonb DEFAULT '{}', id text DEFAULT NULL, content text DEFAULT NULL,
	on_conflict text DEFAULT 'error', ttl interval DEFAULT NULL)
	RETURNS text
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	result text;
BEGIN
	PERFORM ruvector._check_choice('on_conflict', on_conflict, 'error', 'replace', 'skip');
	PERFORM ruvector._settings();
	INSERT INTO ruvector.vectors_table AS v (id, embedding, metadata, content, expires_at)
	VALUES (coalesce(vector_insert.id, gen_random_uuid()::text), vector_insert.embedding,
		coalesce(vector_insert.metadata, '{}'), vector_insert.content, clock_timestamp() + ttl)
	ON CONFLICT (namespace, id) DO UPDATE SET embedding = excluded.embedding, embedding_model = excluded.embedding_model,
		metadata = excluded.metadata, content = excluded.content, expires_at = excluded.expires_at
		WHERE on_conflict = 'replace'
	RETURNING v.id INTO result;
	IF on_conflict = 'error' AND result IS NULL THEN
		RAISE EXCEPTION 'vector "%" already exists', vector_insert.id
			USING ERRCODE = 'unique_violation', HINT = 'on_conflict => ''replace'' or ''skip''.';
	END IF;
	RETURN result;
END $$;
COMMENT ON FUNCTION ruvector.vector_insert(@extschema@.vector, jsonb, text, text, text, interval) IS
	'stores a vector and returns its id (a UUID if none is given). Without a vector, content is embedded. on_conflict: error (23505), replace, skip (returns NULL). After ttl searches no longer see it';

CREATE FUNCTION ruvector.vector_insert_batch(entries jsonb, on_conflict text DEFAULT 'error') RETURNS SETOF text
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	unknown text;
	ids text[];
BEGIN
	PERFORM ruvector._check_choice('on_conflict', on_conflict, 'error', 'replace', 'skip');
	PERFORM ruvector._settings();
	IF jsonb_typeof(entries) IS DISTINCT FROM 'array' THEN
		RAISE EXCEPTION 'entries must be a JSON array' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'As in [{"id": "a", "vector": [0.1, 0.2], "metadata": {}, "content": "text"}].';
	END IF;
	SELECT k INTO unknown FROM jsonb_array_elements(entries) e, jsonb_object_keys(e) k
	WHERE k NOT IN ('id', 'vector', 'embedding', 'metadata', 'content', 'expires_at', 'expiresAt') LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'unknown field "%" in an entry', unknown USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Fields: id, vector (or embedding), metadata, content, expires_at.';
	END IF;
	WITH stored AS (
		INSERT INTO ruvector.vectors_table AS v (id, embedding, metadata, content, expires_at)
		SELECT coalesce(e->>'id', gen_random_uuid()::text), coalesce(e->>'vector', e->>'embedding')::@extschema@.vector,
			coalesce(e->'metadata', '{}'), e->>'content', coalesce(e->>'expires_at', e->>'expiresAt')::timestamptz
		FROM jsonb_array_elements(entries) WITH ORDINALITY a(e, position)
		ORDER BY position
		ON CONFLICT (namespace, id) DO UPDATE SET embedding = excluded.embedding, embedding_model = excluded.embedding_model,
			metadata = excluded.metadata, content = excluded.content, expires_at = excluded.expires_at
			WHERE on_conflict = 'replace'
		RETURNING v.id)
	SELECT coalesce(array_agg(s.id), '{}') INTO ids FROM stored s;
	IF on_conflict = 'error' AND cardinality(ids) < jsonb_array_length(entries) THEN
		RAISE EXCEPTION 'vector "%" already exists', (SELECT e->>'id' FROM jsonb_array_elements(entries) e WHERE e->>'id' <> ALL (ids) LIMIT 1)
			USING ERRCODE = 'unique_violation', HINT = 'on_conflict => ''replace'' or ''skip''.';
	END IF;
	RETURN QUERY SELECT unnest(ids);
END $$;
COMMENT ON FUNCTION ruvector.vector_insert_batch(jsonb, text) IS
	'stores an array of entries {"id", "vector", "metadata", "content", "expires_at"} and returns the ids of those stored, in order; on_conflict as in vector_insert';

CREATE FUNCTION ruvector.vector_update_metadata(id text, metadata jsonb, merge boolean DEFAULT true) RETURNS boolean
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM ruvector._settings();
	UPDATE ruvector.vectors_table v
	SET metadata = CASE WHEN merge THEN v.metadata ELSE '{}' END || vector_update_metadata.metadata
	WHERE v.namespace = ruvector.current_namespace() AND v.id = vector_update_metadata.id;
	RETURN FOUND;
END $$;
COMMENT ON FUNCTION ruvector.vector_update_metadata(text, jsonb, boolean) IS
	'sets the given keys of a vector''s metadata, the others stay unless merge is false; false: no such vector';

CREATE FUNCTION ruvector.vector_delete(id text DEFAULT NULL, filter jsonb DEFAULT NULL) RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	n bigint;
BEGIN
	PERFORM ruvector._settings();
	IF id IS NULL AND filter IS NULL THEN
		RAISE EXCEPTION 'neither an id nor a filter given'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'The filter ''{}'' deletes all vectors of the namespace.';
	END IF;
	EXECUTE format('DELETE FROM ruvector.vectors_table m WHERE m.namespace = $1%s%s',
		CASE WHEN id IS NOT NULL THEN ' AND m.id = $2' END, ruvector._filter_condition('ruvector.vectors_table', filter))
	USING ruvector.current_namespace(), id;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END $$;
COMMENT ON FUNCTION ruvector.vector_delete(text, jsonb) IS
	'deletes one vector, or all of the namespace that match a filter, and returns how many; an error (22004) if neither is given';

-- Read ------------------------------------------------------------------------------------------------------------

CREATE FUNCTION ruvector.vector_get(vector_id text) RETURNS TABLE(
	id text, embedding @extschema@.vector, metadata jsonb, content text,
	created_at timestamptz, updated_at timestamptz, expires_at timestamptz)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
	PERFORM ruvector._settings();
	RETURN QUERY
	SELECT v.id, v.embedding::@extschema@.vector, v.metadata, v.content, v.created_at, v.updated_at, v.expires_at
	FROM ruvector.vectors_table v
	WHERE v.namespace = ruvector.current_namespace() AND v.id = vector_id AND (v.expires_at IS NULL OR v.expires_at > statement_timestamp());
END $$;
COMMENT ON FUNCTION ruvector.vector_get(text) IS 'the vector of an id; no row if there is none or it has expired';

-- Conditions are written with their values (quoted by format): the planner sees how selective they are.
CREATE FUNCTION ruvector._filter_condition(rel regclass, filter jsonb) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	result text := '';
	contained jsonb;
	one_of text;
	ranges text;
BEGIN
	IF filter IS NOT NULL THEN
		-- A selective filter can so be served by the GIN index.
		FOREACH contained IN ARRAY ruvector._filter_containment(filter) LOOP
			result := result || format(' AND m.metadata @> %L::jsonb', contained);
		END LOOP;
		FOR one_of IN
			SELECT (SELECT string_agg(format('m.metadata @> %L::jsonb', jsonb_build_object(f.key, v)), ' OR ') FROM jsonb_array_elements(f.value -> '$in') v)
			FROM jsonb_each(filter) f
			WHERE f.key !~ '^\$|\.' AND CASE WHEN jsonb_typeof(f.value) = 'object' AND jsonb_typeof(f.value -> '$in') = 'array'
				THEN jsonb_array_length(f.value -> '$in') BETWEEN 1 AND 100 ELSE false END
		LOOP
			result := result || format(' AND (%s)', one_of);
		END LOOP;
		-- Ranges of numbers, where an index on the key serves them and has told ANALYZE how selective they are. jsonb orders numbers as
		-- filter_match does; what is of another type passes here and not there.
		SELECT string_agg(format(' AND (m.metadata -> %L) %s %L::jsonb', f.key, o.symbol, c.value), '') INTO ranges
			FROM jsonb_each(filter) f, jsonb_each(CASE jsonb_typeof(f.value) WHEN 'object' THEN f.value ELSE '{}' END) c,
				(VALUES ('$lt', '<'), ('$lte', '<='), ('$gt', '>'), ('$gte', '>=')) o(name, symbol)
			WHERE f.key !~ '^\$|\.' AND c.key = o.name AND jsonb_typeof(c.value) = 'number'
				AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = rel AND strpos(pg_get_indexdef(i.indexrelid), format('(metadata -> %L::text)', f.key)) > 0);
		-- In brackets after ranges, of which the planner knows how many rows pass, see _estimate. Of containment it knows less.
		result := result || format(CASE WHEN ranges IS NULL THEN ' AND ruvector.filter_match(m.metadata, %2$L::jsonb)'
			ELSE '%1$s AND (ruvector.filter_match(m.metadata, %2$L::jsonb))' END, ranges, filter);
	END IF;
	RETURN result;
END $$;
COMMENT ON FUNCTION ruvector._filter_condition(regclass, jsonb) IS 'internal: a filter on metadata as a condition on m, a row of rel, that begins with AND; empty for NULL';

-- The fewer the dimensions, the coarser are the index's estimates of a distance, which have one bit for each.
CREATE FUNCTION ruvector._effort(ef_search int, query @extschema@.vector, needed float8) RETURNS int
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF ef_search NOT BETWEEN 1 AND 1000 THEN
		RAISE EXCEPTION 'ef_search must be from 1 to 1000' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'More finds more of the true nearest, and takes longer.';
	END IF;
	RETURN coalesce(ef_search, greatest(current_setting('hnsw.ef_search')::int, least(needed * greatest(1, sqrt(384.0 / @extschema@.vector_dims(query))), 1000)::int));
END $$;
COMMENT ON FUNCTION ruvector._effort(int, @extschema@.vector, float8) IS 'internal: hnsw.ef_search for a search of memory: the one given, else the setting, but at least what is needed (at 384 dimensions or more), up to 1000';

CREATE FUNCTION ruvector._run(as_type anyelement, statement text, VARIADIC arguments "any") RETURNS anyelement
	AS 'MODULE_PATHNAME', 'ruvector_run' LANGUAGE C STABLE;
COMMENT ON FUNCTION ruvector._run(anyelement, text, "any") IS
	'internal: the one value of a statement, whose plan the session keeps: for statements of which there are few';

-- VOLATILE because EXPLAIN asks for it.
CREATE FUNCTION ruvector._estimate(rel regclass, conditions text, joined text, OUT passing float8, OUT total float8, OUT reads_all boolean)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	plan json;
BEGIN
	-- The planner would take a third of the rows that the ranges of a filter leave.
	EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM %s m %s WHERE m.namespace = %L%s', rel, joined, ruvector.current_namespace(),
		replace(conditions, ' AND (ruvector.filter_match(', ' AND (m.metadata IS NOT NULL OR ruvector.filter_match('))
	INTO plan;
	passing := (plan -> 0 -> 'Plan' ->> 'Plan Rows')::float8;
	total := (SELECT greatest(c.reltuples, 1) FROM pg_class c WHERE c.oid = rel);
	reads_all := strpos(plan::text, '"Seq Scan"') > 0;
END $$;
COMMENT ON FUNCTION ruvector._estimate(regclass, text, text) IS
	'internal: how many rows pass the conditions, by the statistics of the table; of how many; whether all of them would be read to find these';

-- The vector index is asked first, unless the conditions leave few rows. If it gives fewer than k rows, because its scan ended
-- before enough of them passed the conditions or because there are no more, an exact search decides.
--
-- With a share s of N rows that pass the index visits about k / s vertices, the exact search s N rows or all; at sqrt(k N) visits
-- both cost the same. Twice that is not exceeded by chance, and keeps a filter that contradicts the query from taking
-- much longer than the better way.
CREATE FUNCTION ruvector._search(as_type anyelement, rel regclass, query @extschema@.vector, k int, columns text, answer text,
		conditions text DEFAULT '', joined text DEFAULT '', usual text DEFAULT '', ef_search int DEFAULT NULL)
	RETURNS anyelement
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	distance text := 'm.embedding ' || ruvector._distance_operator() || ' $1';
	-- Constants, not parameters: the planner sees how much is wanted and of what.
	statement text := format('WITH near AS MATERIALIZED (SELECT %s, %s AS distance FROM %s m %s
			WHERE m.namespace = %L AND m.embedding IS NOT NULL%s%s ORDER BY ', columns, distance, rel, joined, ruvector.current_namespace(), usual, conditions);
	rest text := format(' LIMIT %s) SELECT CASE WHEN (SELECT count(*) FROM near) >= ', k);
	wanted float8 := k; -- rows that the index has to give, so that k of them pass
	exact boolean := false;
	e record;
	saved_ef text;
	saved_limit text;
	saved_mode text;
	result ALIAS FOR $0;
BEGIN
	IF k IS NULL OR k < 0 THEN
		RAISE EXCEPTION 'k must not be negative' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF conditions <> '' THEN
		e := ruvector._estimate(rel, conditions, joined);
		wanted := greatest(k, k * e.total / e.passing);
		-- Microseconds, roughly, from 100,000 rows of 384 dimensions on a busy machine: the index takes about 15 for each vertex with the
		-- widening of its search; an exact search reads the rows that pass, 4 each, and if there is no index for the conditions all rows, 0.5 each.
		exact := 4 * e.passing + CASE WHEN e.reads_all THEN 0.5 * e.total ELSE 0 END < 15 * wanted;
	END IF;
	IF NOT exact THEN
		-- Not SET in the function's definition, whose values are fixed. An error undoes them with the transaction. The answer is
		-- sorted anyway, so rows that the scan finds late are welcome.
		saved_ef := current_setting('hnsw.ef_search');
		saved_limit := current_setting('hnsw.max_scan_tuples');
		saved_mode := current_setting('hnsw.iterative_scan');
		-- Recall of 0.99 and more in bench/memory, with 100,000 sentence embeddings of 384 dimensions.
		PERFORM set_config('hnsw.ef_search', ruvector._effort(ef_search, query, 60 + 2.1 * wanted)::text, true), set_config('hnsw.iterative_scan', 'relaxed_order', true),
			set_config('hnsw.max_scan_tuples', least(saved_limit::float8, greatest(1000,
				2 * sqrt(k * (SELECT greatest(c.reltuples, 0)::float8 FROM pg_class c WHERE c.oid = rel))))::int::text, true);
		IF conditions = '' THEN
			result := ruvector._run(result, statement || distance || rest || k || ' THEN (' || answer || ') END', query);
		ELSE
			EXECUTE statement || distance || rest || k || ' THEN (' || answer || ') END' INTO result USING query;
		END IF;
		PERFORM set_config('hnsw.ef_search', saved_ef, true), set_config('hnsw.max_scan_tuples', saved_limit, true),
			set_config('hnsw.iterative_scan', saved_mode, true);
	END IF;
	IF result IS NULL THEN
		EXECUTE statement || '(' || distance || ') + 0' || rest || 0 || ' THEN (' || answer || ') END' INTO result USING query;
	END IF;
	RETURN result;
END $$;
COMMENT ON FUNCTION ruvector._search(anyelement, regclass, @extschema@.vector, int, text, text, text, text, text, int) IS
	'internal: the answer, a SELECT of one value of as_type from near: columns and distance of the min(k, matches) nearest rows of a memory table m (and what it is joined with) in the namespace. Conditions begin with AND and hold quoted values; usual are those that most rows pass';

CREATE TYPE ruvector.neighbor AS (id text, distance float8);
COMMENT ON TYPE ruvector.neighbor IS 'internal: one of the nearest rows of a table, and its distance';

-- Its value goes into a variable and not straight into unnest: to guess the number of rows the planner would evaluate it, and search twice.
CREATE FUNCTION ruvector._nearest(rel regclass, query @extschema@.vector, k int, conditions text DEFAULT '', usual text DEFAULT '',
		ef_search int DEFAULT NULL) RETURNS ruvector.neighbor[]
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN ruvector._search(NULL::ruvector.neighbor[], rel, query, k, 'm.id',
		'SELECT array_agg(ROW(n.id::text, n.distance)::ruvector.neighbor ORDER BY n.distance, n.id) FROM near n', conditions, '', usual, ef_search);
END $$;
COMMENT ON FUNCTION ruvector._nearest(regclass, @extschema@.vector, int, text, text, int) IS
	'internal: the min(k, matches) nearest rows of a memory table m in the namespace, nearest first; arguments as of _search';

CREATE FUNCTION ruvector._not_expired() RETURNS text
	LANGUAGE sql IMMUTABLE
	RETURN ' AND (m.expires_at IS NULL OR m.expires_at > statement_timestamp())';
COMMENT ON FUNCTION ruvector._not_expired() IS 'internal: the condition that a row m has not expired';

CREATE FUNCTION ruvector._vector_condition(filter jsonb) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN ruvector._not_expired() || ruvector._filter_condition('ruvector.vectors_table', filter);
END $$;
COMMENT ON FUNCTION ruvector._vector_condition(jsonb) IS 'internal: the vectors m that a search may return';

CREATE FUNCTION ruvector.vector_search(
	query @extschema@.vector DEFAULT NULL, k int DEFAULT 10, filter jsonb DEFAULT NULL, threshold float8 DEFAULT NULL,
	ef_search int DEFAULT NULL, include_vectors boolean DEFAULT false, query_text text DEFAULT NULL, mmr_lambda float8 DEFAULT NULL)
	RETURNS TABLE(id text, distance float8, similarity float8, metadata jsonb, content text, embedding @extschema@.vector)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	s record := ruvector._settings();
	ids text[];
	distances float8[];
	nearest ruvector.neighbor[];
BEGIN
	query := ruvector._query_vector(query, query_text);
	nearest := ruvector._nearest('ruvector.vectors_table', query, CASE WHEN mmr_lambda IS NULL THEN k ELSE greatest(5 * k, 50) END,
		ruvector._filter_condition('ruvector.vectors_table', filter), ruvector._not_expired(), ef_search);
	SELECT array_agg(n.id), array_agg(n.distance) INTO ids, distances FROM unnest(nearest) n;
	IF mmr_lambda IS NOT NULL THEN
		SELECT array_agg(m.id ORDER BY m.rank), array_agg(n.distance ORDER BY m.rank) INTO ids, distances
		FROM ruvector.mmr_rerank(ids, ARRAY(
				SELECT v.embedding::@extschema@.vector
				FROM unnest(ids) WITH ORDINALITY u(id, position)
				JOIN ruvector.vectors_table v ON v.namespace = ruvector.current_namespace() AND v.id = u.id
				ORDER BY u.position), query, k, mmr_lambda, s.metric) m
		JOIN unnest(ids, distances) n(id, distance) ON n.id = m.id;
	END IF;
	RETURN QUERY
	SELECT v.id, u.distance, ruvector._similarity(u.distance, s.metric), v.metadata, v.content,
		CASE WHEN include_vectors THEN v.embedding::@extschema@.vector END
	FROM unnest(ids, distances) WITH ORDINALITY u(id, distance, position)
	JOIN ruvector.vectors_table v ON v.namespace = ruvector.current_namespace() AND v.id = u.id
	WHERE threshold IS NULL OR ruvector._similarity(u.distance, s.metric) >= threshold
	ORDER BY u.position;
END $$;
COMMENT ON FUNCTION ruvector.vector_search(@extschema@.vector, int, jsonb, float8, int, boolean, text, float8) IS
	'the min(k, matches) nearest vectors of the namespace that match the filter, nearest first; those of a similarity below threshold are left out. query_text is embedded if there is no query. mmr_lambda from 0 (diverse) to 1 (relevant) picks k of the 5 k nearest by maximal marginal relevance. distance is the operator''s, similarity 1 - distance for cosine, - distance for ip, else 1 / (1 + distance)';

-- Full text -------------------------------------------------------------------------------------------------------

-- Every row that holds one of the terms is scored. How many hold a term is counted on these rows; how many rows there are, and
-- how long they are on average, is in text_statistics. Neither depends on the filter.
CREATE FUNCTION ruvector._bm25_search(
	rel regclass, query_text text, k int, conditions text DEFAULT '', config regconfig DEFAULT NULL,
	k1 float8 DEFAULT 1.2, b float8 DEFAULT 0.75)
	RETURNS TABLE(id text, score float8)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	s record := ruvector._settings();
	terms text[];
	queries tsquery[];
	documents bigint;
	tokens bigint;
BEGIN
	terms := tsvector_to_array(to_tsvector(coalesce(config, s.text_search_config::regconfig), query_text));
	IF coalesce(cardinality(terms), 0) = 0 THEN
		RETURN;
	END IF;
	queries := ARRAY(SELECT ('''' || replace(replace(t, '\', '\\'), '''', '''''') || '''')::tsquery
		FROM unnest(terms) WITH ORDINALITY u(t, position) ORDER BY position);
	SELECT sum(x.documents), sum(x.tokens) INTO documents, tokens
	FROM ruvector.text_statistics x
	WHERE x.relation = (SELECT relname FROM pg_class WHERE oid = rel) AND x.namespace = ruvector.current_namespace();
	RETURN QUERY EXECUTE format('
		WITH candidate AS MATERIALIZED (
			SELECT m.id, m.content_tsv, true%2$s AS passes FROM %1$s m WHERE m.namespace = $1 AND m.content_tsv @@ $2),
		idf AS MATERIALIZED (
			SELECT array_agg(ruvector._bm25_idf(greatest($4, f.df), f.df) ORDER BY f.position) AS idf
			FROM (SELECT q.position, count(c.id) AS df
				FROM unnest($3) WITH ORDINALITY q(query, position) LEFT JOIN candidate c ON c.content_tsv @@ q.query
				GROUP BY q.position) f)
		SELECT c.id::text, ruvector._bm25(c.content_tsv, $5, i.idf, $6, $7, $8) AS score
		FROM candidate c CROSS JOIN idf i WHERE c.passes
		ORDER BY score DESC, c.id LIMIT $9', rel, conditions)
	USING ruvector.current_namespace(), array_to_string(queries, ' | ')::tsquery, queries, documents, terms,
		tokens::float8 / nullif(documents, 0), k1, b, k;
END $$;
COMMENT ON FUNCTION ruvector._bm25_search(regclass, text, int, text, regconfig, float8, float8) IS
	'internal: ids of the k rows of the largest BM25 (any term of the text) in a memory table with content_tsv and _guard_text, best first; config is that of content_tsv, by default the store''s';

CREATE FUNCTION ruvector.keyword_search(query_text text, k int DEFAULT 10, filter jsonb DEFAULT NULL)
	RETURNS TABLE(id text, bm25 float8, metadata jsonb, content text)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY
	SELECT v.id, f.score, v.metadata, v.content
	FROM ruvector._bm25_search('ruvector.vectors_table', query_text, k, ruvector._vector_condition(filter)) f
	JOIN ruvector.vectors_table v ON v.namespace = ruvector.current_namespace() AND v.id = f.id
	ORDER BY f.score DESC, v.id;
END $$;
COMMENT ON FUNCTION ruvector.keyword_search(text, int, jsonb) IS
	'the k vectors of the namespace whose content matches the words best, by BM25 (k1 1.2, b 0.75), best first. Exact: all rows with one of the words are scored';

CREATE FUNCTION ruvector.hybrid_search(
	query_text text, query @extschema@.vector DEFAULT NULL, k int DEFAULT 10,
	vector_weight float8 DEFAULT 0.7, keyword_weight float8 DEFAULT 0.3, fusion text DEFAULT 'rrf', rrf_k int DEFAULT 60,
	filter jsonb DEFAULT NULL, fetch_k int DEFAULT NULL, ef_search int DEFAULT NULL)
	RETURNS TABLE(rank int, id text, score float8, vector_rank int, keyword_rank int, similarity float8, bm25 float8,
		content text, metadata jsonb)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	s record := ruvector._settings();
	nearest ruvector.neighbor[];
BEGIN
	PERFORM ruvector._check_choice('fusion', fusion, 'rrf', 'weighted');
	IF vector_weight < 0 OR keyword_weight < 0 OR vector_weight + keyword_weight = 0 OR rrf_k < 0
			OR vector_weight + keyword_weight + rrf_k IS NULL THEN
		RAISE EXCEPTION 'weights must not be negative nor both 0' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF k IS NULL OR k < 0 THEN
		RAISE EXCEPTION 'k must not be negative' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	fetch_k := coalesce(fetch_k, greatest(5 * k, 50));
	IF vector_weight > 0 THEN
		query := ruvector._query_vector(query, query_text);
		nearest := ruvector._nearest('ruvector.vectors_table', query, fetch_k, ruvector._filter_condition('ruvector.vectors_table', filter), ruvector._not_expired(), ef_search);
	END IF;
	RETURN QUERY
	WITH by_vector AS (
		SELECT n.id, row_number() OVER (ORDER BY n.distance, n.id) AS place, ruvector._similarity(n.distance, s.metric) AS value
		FROM unnest(nearest) n),
	by_keyword AS (
		SELECT f.id, row_number() OVER (ORDER BY f.score DESC, f.id) AS place, f.score AS value
		FROM ruvector._bm25_search('ruvector.vectors_table', query_text, fetch_k, ruvector._vector_condition(filter)) f
		WHERE keyword_weight > 0),
	scaled AS (
		SELECT l.*, CASE fusion WHEN 'rrf' THEN 1.0 / (rrf_k + l.place)
			ELSE coalesce((l.value - min(l.value) OVER list) / nullif(max(l.value) OVER list - min(l.value) OVER list, 0), 1) END AS part
		FROM (SELECT v.*, 1 AS list FROM by_vector v UNION ALL SELECT w.*, 2 FROM by_keyword w) l
		WINDOW list AS (PARTITION BY l.list)),
	fused AS (
		SELECT p.id, sum(p.part * CASE p.list WHEN 1 THEN vector_weight ELSE keyword_weight END) AS total,
			min(p.place) FILTER (WHERE p.list = 1) AS vector_place, min(p.value) FILTER (WHERE p.list = 1) AS vector_value,
			min(p.place) FILTER (WHERE p.list = 2) AS keyword_place, min(p.value) FILTER (WHERE p.list = 2) AS keyword_value
		FROM scaled p GROUP BY p.id ORDER BY total DESC, p.id LIMIT k)
	SELECT row_number() OVER (ORDER BY f.total DESC, f.id)::int, f.id, f.total, f.vector_place::int, f.keyword_place::int,
		f.vector_value, f.keyword_value, v.content, v.metadata
	FROM fused f JOIN ruvector.vectors_table v ON v.namespace = ruvector.current_namespace() AND v.id = f.id
	ORDER BY f.total DESC, f.id;
END $$;
COMMENT ON FUNCTION ruvector.hybrid_search(text, @extschema@.vector, int, float8, float8, text, int, jsonb, int, int) IS
	'the k best of the fetch_k (5 k, at least 50) nearest by vector and the fetch_k best by BM25. fusion rrf: sum of weight / (rrf_k + rank) (Cormack et al. 2009); weighted: sum of weight * value scaled to 0..1 in its list. What is missing in a list adds nothing; ties by id. Without query the text is embedded, unless vector_weight is 0';
