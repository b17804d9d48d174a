-- Everything that pgvector does not have is in a schema of its own.
CREATE SCHEMA ruvector;
COMMENT ON SCHEMA ruvector IS 'functions, tables and views of ruvector that pgvector does not have';
