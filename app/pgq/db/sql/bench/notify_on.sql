ALTER TABLE pgq.tasks ENABLE TRIGGER notify_ready
