-- The same columns, defaults and indexes as the live tasks; no trigger and no CHECK.
CREATE TABLE bare_tasks (LIKE pgq.tasks INCLUDING DEFAULTS INCLUDING INDEXES)
