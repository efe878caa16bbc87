-- Each round begins with statistics that fit, as a table that has been in use has them.
VACUUM ANALYZE pgq.tasks
