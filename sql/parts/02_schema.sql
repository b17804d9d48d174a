-- 02_schema.sql - the schema of everything that pgvector does not have.
CREATE SCHEMA ruvector;
COMMENT ON SCHEMA ruvector IS 'ruvector: what goes beyond pgvector';
