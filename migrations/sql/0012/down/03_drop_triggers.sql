DROP FUNCTION pgq.join_workflow, pgq.count_ended, pgq.count_dead CASCADE;
