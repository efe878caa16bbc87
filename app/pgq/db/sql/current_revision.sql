SELECT version_num FROM pgq.alembic_version
