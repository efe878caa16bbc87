ALTER TABLE pgq.tasks DISABLE TRIGGER notify_ready
