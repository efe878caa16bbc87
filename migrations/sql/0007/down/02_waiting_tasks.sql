DROP FUNCTION pgq.waiting_tasks(text, integer);
