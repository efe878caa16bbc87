-- The embedded server's database; not made by initdb, which knows only postgres.
CREATE DATABASE pgq
