-- 41_index_inspection.sql - what an hnsw index consists of, and whether it is consistent. The schema ruvector exists already.

CREATE FUNCTION ruvector.index_check(index regclass, heap_all_indexed boolean DEFAULT false,
	OUT block bigint, OUT slot integer, OUT problem text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'ruvector_index_check' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector.index_check(regclass, boolean) IS
	'problems of an hnsw or ivfflat index, one a row; none if it is sound. Reads the whole index and keeps writers out meanwhile; with heap_all_indexed also reads the table and reports rows that are not in the index, or of which it has another code. For the owner of the index';

CREATE FUNCTION ruvector.index_stats(index regclass,
	OUT format_version integer, OUT element text, OUT metric text, OUT codec text, OUT dimensions integer,
	OUT m integer, OUT ef_construction integer, OUT degree integer, OUT edge_bits integer, OUT code_dims integer,
	OUT external boolean, OUT slot_bytes integer, OUT slots_per_page integer,
	OUT pages bigint, OUT slot_pages bigint, OUT chunk_pages bigint,
	OUT vertices bigint, OUT dead bigint, OUT free_slots bigint, OUT duplicates bigint, OUT tids bigint,
	OUT levels integer, OUT vertices_by_level bigint[], OUT avg_degree double precision, OUT unreachable bigint,
	OUT entry_level integer, OUT bytes bigint)
	AS 'MODULE_PATHNAME', 'ruvector_index_stats' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION ruvector.index_stats(regclass) IS
	'layout and counts of an hnsw index; reads the whole index. dead: vertices without rows that vacuum will unlink; duplicates: rows beyond one per vertex; unreachable: vertices that no search finds. For the owner of the index';
