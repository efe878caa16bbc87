-- What the trigger fills in the real table.
ALTER TABLE bare_tasks ALTER run_at SET DEFAULT clock_timestamp()
