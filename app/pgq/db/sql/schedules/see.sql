-- A live worker has these in its code: it shows those that stand in the table as it has them, every 15 seconds at most. What
-- another version of the code has written is for that version's workers to show; when none has for a while (it was taken back),
-- ours takes its place, before it stops firing. One that somebody holds at the moment is skipped: a lease keeper must not wait.
-- (A clock may have been put back: what lies ahead is old.)
WITH declared AS MATERIALIZED (
    SELECT p.*
    FROM   jsonb_to_recordset(%(schedules)s::jsonb) AS p (name text, cron text, timezone text, kind text, payload jsonb, queue text,
               priority integer, misfire text, overlap text, jitter_seconds double precision)
), there AS MATERIALIZED (
    SELECT s.name, s.source,
           (s.cron, s.timezone, s.kind, s.payload, s.queue, s.priority, s.misfire, s.overlap, s.jitter_seconds) IS NOT DISTINCT FROM
           (d.cron, d.timezone, d.kind, d.payload, d.queue, d.priority, d.misfire, d.overlap, d.jitter_seconds) AS same
    FROM   pgq.schedules AS s JOIN declared AS d ON d.name = s.name
), seen AS (
    UPDATE pgq.schedules AS s SET seen_at = clock_timestamp()
    WHERE  s.name = ANY (ARRAY(
             SELECT c.name FROM pgq.schedules AS c JOIN there AS t ON t.name = c.name
             WHERE  c.source = 'code' AND t.same AND c.seen_at NOT BETWEEN clock_timestamp() - interval '15 s' AND clock_timestamp()
             ORDER  BY c.name FOR NO KEY UPDATE OF c SKIP LOCKED))
), taken AS (
    UPDATE pgq.schedules AS s
    SET    cron = d.cron, timezone = d.timezone, kind = d.kind, payload = d.payload, queue = d.queue, priority = d.priority,
           misfire = d.misfire, overlap = d.overlap, jitter_seconds = d.jitter_seconds, seen_at = clock_timestamp()
    FROM   declared AS d
    WHERE  s.name = d.name
    AND    s.name = ANY (ARRAY(
             SELECT c.name FROM pgq.schedules AS c JOIN there AS t ON t.name = c.name
             WHERE  c.source = 'code' AND NOT t.same AND c.seen_at NOT BETWEEN clock_timestamp() - interval '45 s' AND clock_timestamp()
             ORDER  BY c.name FOR NO KEY UPDATE OF c SKIP LOCKED))
)
SELECT t.name, t.source FROM there AS t
