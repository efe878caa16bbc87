-- Asked first: IF NOT EXISTS needs the right to create schemas also where an administrator has made this one.
DO $$ BEGIN IF to_regnamespace('pgq') IS NULL THEN CREATE SCHEMA pgq; END IF; END $$
