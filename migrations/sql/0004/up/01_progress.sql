-- What the running attempt said last of how far it is: {value, message, at}. In no index, so that an update stays heap-only.
ALTER TABLE pgq.tasks ADD COLUMN progress jsonb;
