CREATE TRIGGER accept_schedule
BEFORE INSERT OR UPDATE OF name, cron, timezone, kind, payload, queue, priority, misfire, overlap, jitter_seconds, source, paused_at
ON pgq.schedules FOR EACH ROW EXECUTE FUNCTION pgq.accept_schedule();
