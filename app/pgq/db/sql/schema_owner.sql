-- Whether the schema pgq, if there is one, was made by pgq's migrations (or is still empty).
SELECT to_regclass('pgq.alembic_version') IS NOT NULL
       OR (NOT EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = n.oid)
           AND NOT EXISTS (SELECT FROM pg_proc AS p WHERE p.pronamespace = n.oid))
FROM   pg_namespace AS n WHERE n.nspname = 'pgq'
