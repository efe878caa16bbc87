-- A workflow at this moment, its columns in the order of WorkflowStatus.
SELECT id, name, state, on_failure, created_at, finished_at, cancel_requested_at, total, ended, live, succeeded, cancelled,
       expired, dead, progress
FROM   pgq.workflow_status
WHERE  id = %(id)s
