DROP VIEW pgq.workflow_status;
