SELECT to_regclass('pgq.alembic_version') IS NOT NULL
