-- Submit a workflow with its first tasks. One parameter, so that any driver can send it; cast twice as in submit_many.sql.
SELECT pgq.submit_workflow(CAST(CAST(%(workflow)s AS text) AS jsonb))
