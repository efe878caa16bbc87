DROP FUNCTION pgq.join_workflow, pgq.count_ended, pgq.count_dead, pgq.note_move CASCADE;
