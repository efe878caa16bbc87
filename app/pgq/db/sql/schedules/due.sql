-- What the scheduler has to look at: schedules that are due, and those whose next tick is not known. Not those of code that
-- no live worker has shown of late, nor for a minute those that were refused. (A clock may have been put back: a moment
-- that lies ahead says nothing.)
SELECT s.name, s.cron, s.timezone, s.misfire, s.jitter_seconds, s.next_tick_at, s.due_at, clock_timestamp() AS now
FROM   pgq.schedules AS s
WHERE  s.paused_at IS NULL AND (s.due_at <= statement_timestamp() OR s.due_at IS NULL)
AND    (s.source = 'user' OR s.seen_at BETWEEN clock_timestamp() - make_interval(secs => %(alive)s) AND clock_timestamp())
AND    (s.error_at BETWEEN clock_timestamp() - interval '1 minute' AND clock_timestamp()) IS NOT TRUE
ORDER  BY s.due_at NULLS FIRST
LIMIT  %(most)s
