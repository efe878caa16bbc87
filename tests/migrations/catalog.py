"""A schema as the server's catalogs describe it, in a form that two databases can be compared by."""

from typing import Any

import psycopg

PARTITION = r"_\d{8}(_|$)"

QUESTIONS = {
    "columns": """
        SELECT c.relname || '.' || a.attname,
               concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                         'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated)
        FROM   pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
               LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE  c.relnamespace = 'pgq'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
        AND    c.relname !~ '{partition}'""",
    "constraints": """
        SELECT c.relname || '.' || k.conname, pg_get_constraintdef(k.oid)
        FROM   pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid
        WHERE  c.relnamespace = 'pgq'::regnamespace AND c.relname !~ '{partition}' AND k.contype NOT IN ('n', 't')""",
    "indexes": """
        SELECT c.relname, pg_get_indexdef(c.oid)
        FROM   pg_class AS c
        WHERE  c.relnamespace = 'pgq'::regnamespace AND c.relkind IN ('i', 'I') AND c.relname !~ '{partition}'""",
    "tables": """
        SELECT c.relname, concat_ws(' ', c.relkind, pg_get_partkeydef(c.oid))
        FROM   pg_class AS c
        WHERE  c.relnamespace = 'pgq'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname !~ '{partition}'""",
    "views": """
        SELECT c.relname, pg_get_viewdef(c.oid)
        FROM   pg_class AS c WHERE c.relnamespace = 'pgq'::regnamespace AND c.relkind = 'v'""",
    "functions": """
        SELECT p.oid::regprocedure::text,
               CASE p.prokind WHEN 'a' THEN 'aggregate' ELSE pg_get_functiondef(p.oid) END
        FROM   pg_proc AS p WHERE p.pronamespace = 'pgq'::regnamespace""",
    "triggers": """
        SELECT t.tgrelid::regclass || '.' || t.tgname, pg_get_triggerdef(t.oid)
        FROM   pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
        WHERE  c.relnamespace = 'pgq'::regnamespace AND NOT t.tgisinternal AND c.relname !~ '{partition}'""",
    "storage": """
        SELECT c.relname, array_to_string(c.reloptions, ' ')
        FROM   pg_class AS c WHERE c.relnamespace = 'pgq'::regnamespace AND c.relname !~ '{partition}'
        AND    c.reloptions IS NOT NULL""",
    "grants": """
        SELECT name, array_to_string(ARRAY(SELECT unnest(acl)::text ORDER BY 1), ' ')
        FROM   (SELECT c.oid::regclass::text, c.relacl FROM pg_class AS c
                WHERE c.relnamespace = 'pgq'::regnamespace AND c.relname !~ '{partition}'
                UNION ALL
                SELECT p.oid::regprocedure::text, p.proacl FROM pg_proc AS p WHERE p.pronamespace = 'pgq'::regnamespace
                UNION ALL
                SELECT c.relname || '.' || a.attname, a.attacl
                FROM   pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
                WHERE  c.relnamespace = 'pgq'::regnamespace AND a.attacl IS NOT NULL AND NOT a.attisdropped)
               AS granted (name, acl)""",
}
TABLE_SHAPE = ("columns", "constraints", "indexes", "tables")


def described(conninfo: str, *aspects: str) -> dict[str, dict[str, Any]]:
    """What the schema pgq holds, per aspect (all of them when none is named). Partitions are left out."""
    with psycopg.connect(conninfo, options="-c search_path= -c TimeZone=UTC") as connection:
        return {
            aspect: dict(connection.execute(QUESTIONS[aspect].replace("{partition}", PARTITION).encode()).fetchall())
            for aspect in aspects or QUESTIONS
        }
