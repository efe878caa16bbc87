-- Apart, so that reading the table stops nobody from writing.
ALTER TABLE pgq.tasks VALIDATE CONSTRAINT task_state;
