DROP TRIGGER refuse_when_full ON pgq.tasks;
DROP FUNCTION pgq.refuse_when_full();
