-- Keep the workflows: add up what has happened to them, and end the tasks of those that are to stop. A failure under
-- on_failure = 'cancel' stops a workflow, unless an operator let it run again since; what is added to one that has stopped
-- is ended, too. Runs only under the turn that pgq.take_turn() gave.
-- Arrays, not joins, which the planner may work out by comparing each with each, or by reading a whole table. Waits for nobody: what an operator is at
-- is looked at in the next turn.
WITH due AS MATERIALIZED (
    SELECT w.id FROM pgq.workflows AS w
    WHERE  w.id = ANY (ARRAY(SELECT DISTINCT c.workflow_id FROM pgq.workflow_changes AS c
                             WHERE  current_setting('pgq.turn', true) = 'workflows'
                             AND    (%(only)s::uuid IS NULL OR c.workflow_id = %(only)s::uuid)
                             ORDER  BY c.workflow_id LIMIT 10000))
    ORDER  BY w.id FOR NO KEY UPDATE SKIP LOCKED
), stuck AS MATERIALIZED (
    SELECT w.id FROM pgq.workflows AS w
    WHERE  current_setting('pgq.turn', true) = 'workflows' AND w.stopping AND (%(only)s::uuid IS NULL OR w.id = %(only)s::uuid)
    ORDER  BY w.id FOR NO KEY UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM pgq.workflow_changes AS c
    WHERE  c.ctid = ANY (ARRAY(
             SELECT one.place FROM due
             CROSS  JOIN LATERAL (SELECT d.ctid AS place FROM pgq.workflow_changes AS d WHERE d.workflow_id = due.id OFFSET 0) AS one))
    RETURNING c.*
), summed AS MATERIALIZED (
    SELECT gone.workflow_id, sum(gone.total) AS total, sum(gone.succeeded) AS succeeded, sum(gone.cancelled) AS cancelled,
           sum(gone.expired) AS expired, sum(gone.dead) AS dead,
           max(gone.at) FILTER (WHERE gone.queue IS NULL) AS ended_at,
           max(gone.at) FILTER (WHERE gone.dead > 0 OR gone.expired > 0) AS failed_at,
           array_agg(DISTINCT gone.queue) FILTER (WHERE gone.queue IS NOT NULL) AS queues
    FROM   gone GROUP BY gone.workflow_id
), kept AS (
    UPDATE pgq.workflows AS w
    SET    total = w.total + s.total, succeeded = w.succeeded + s.succeeded, cancelled = w.cancelled + s.cancelled,
           expired = w.expired + s.expired, dead = w.dead + s.dead, ended_at = greatest(w.ended_at, s.ended_at),
           queues = CASE WHEN s.queues IS NULL OR s.queues <@ w.queues THEN w.queues ELSE ARRAY(SELECT DISTINCT q FROM unnest(w.queues || s.queues) AS q) END,
           stopped_at = CASE WHEN w.on_failure = 'cancel' AND s.failed_at > coalesce(w.reopened_at, '-infinity')
                        THEN coalesce(w.stopped_at, clock_timestamp()) ELSE w.stopped_at END,
           stopping = w.stopping OR w.on_failure = 'cancel' AND coalesce(s.failed_at > coalesce(w.reopened_at, '-infinity'), false)
                      OR coalesce(w.stopped_at IS NOT NULL AND s.total > 0, false)
    FROM   summed AS s WHERE w.id = s.workflow_id AND w.id = ANY (ARRAY(SELECT due.id FROM due))
    RETURNING w.id, w.stopping
), to_stop AS MATERIALIZED (
    SELECT kept.id FROM kept WHERE kept.stopping UNION SELECT stuck.id FROM stuck
), stopped AS MATERIALIZED (
    SELECT to_stop.id, pgq.stop_workflow(to_stop.id) AS tasks FROM to_stop
)
SELECT (SELECT count(*) FROM kept) + coalesce(sum(stopped.tasks), 0) AS changed, '{}'::uuid[] AS ids,
       pgq.end_turn('workflows', (SELECT count(*) FROM kept) + coalesce(sum(stopped.tasks), 0)::bigint)
FROM   stopped
