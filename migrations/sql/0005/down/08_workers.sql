ALTER TABLE pgq.workers DROP COLUMN listener, DROP COLUMN listener_since;
