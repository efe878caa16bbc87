-- How far a duty has come that walks over a table a part at a time.
ALTER TABLE pgq.maintenance ADD COLUMN place uuid[];
