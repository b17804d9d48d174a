-- sql_objects.sql - what check_sql_objects.sh complains about; each row is a complaint.
WITH member AS (
	SELECT d.classid, d.objid
	FROM pg_catalog.pg_depend d
	JOIN pg_catalog.pg_extension e ON e.oid OPERATOR(pg_catalog.=) d.refobjid
	WHERE d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'ruvector'
)
SELECT 'no COMMENT: ' || pg_catalog.pg_describe_object(classid, objid, 0)
FROM member
WHERE classid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_am'::regclass, 'pg_catalog.pg_operator'::regclass)
	AND pg_catalog.obj_description(objid, classid::regclass::text) IS NULL
UNION ALL
SELECT 'no COMMENT: type ' || t.typname
FROM member JOIN pg_catalog.pg_type t ON t.oid = objid
WHERE classid = 'pg_catalog.pg_type'::regclass AND t.typtype = 'b' AND t.typelem = 0
	AND pg_catalog.obj_description(objid, 'pg_type') IS NULL
UNION ALL
SELECT 'no PARALLEL label: ' || p.oid::regprocedure
FROM member JOIN pg_catalog.pg_proc p ON p.oid = objid
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE classid = 'pg_catalog.pg_proc'::regclass AND p.proparallel = 'u' AND p.provolatile = 'i' AND l.lanname = 'c'
	AND p.prorettype NOT IN ('index_am_handler'::regtype, 'internal'::regtype)
ORDER BY 1;
