-- The queues that a workflow's tasks were submitted or moved to; no row: there is no such workflow.
SELECT s.queues FROM pgq.workflow_status AS s WHERE s.id = %(id)s
