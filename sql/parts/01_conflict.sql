-- 01_conflict.sql - refuses where pgvector is installed, before anything is created.
DO $$
DECLARE
	installed record;
BEGIN
	SELECT e.extversion AS version, n.nspname AS schema INTO installed
	FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
	WHERE e.extname OPERATOR(pg_catalog.=) 'vector';
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_object',
			MESSAGE = 'extension "ruvector" cannot be installed beside extension "vector"',
			DETAIL = pg_catalog.format('Version %s of "vector" is in schema "%s" of this database; both extensions define the types vector, halfvec and sparsevec, the access methods hnsw and ivfflat and the settings hnsw.* and ivfflat.*.',
				installed.version, installed.schema),
			HINT = 'Move this database with dump and restore, or create "ruvector" in another database: see "Migrating from pgvector" (docs/migrating-from-pgvector.md).';
	END IF;
END $$;
