-- A view loses columns only by being made anew.
DROP VIEW pgq.worker_utilization;
