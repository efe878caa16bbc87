-- The workflows that a turn of keep.sql would look at.
SELECT c.workflow_id AS id FROM pgq.workflow_changes AS c GROUP BY c.workflow_id
UNION
SELECT w.id FROM pgq.workflows AS w WHERE w.stopping
