DROP FUNCTION pgq.accept_schedule();
