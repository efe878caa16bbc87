-- A view loses a column only by being made anew.
DROP VIEW pgq.task_status;
