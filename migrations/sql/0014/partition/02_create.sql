CREATE INDEX CONCURRENTLY {partition}_workflow ON pgq.{partition} (workflow_id) WHERE workflow_id IS NOT NULL;
