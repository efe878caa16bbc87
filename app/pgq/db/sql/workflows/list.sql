-- The newest workflows with an id below %(before)s, as in status.sql. `visible` are patterns for LIKE: each queue of a workflow
-- must fit one.
SELECT s.id, s.name, s.state, s.on_failure, s.created_at, s.finished_at, s.cancel_requested_at, s.total, s.ended, s.live,
       s.succeeded, s.cancelled, s.expired, s.dead, s.progress
FROM   pgq.workflow_status AS s
WHERE  (%(before)s::uuid IS NULL OR s.id < %(before)s::uuid)
AND    (%(states)s::text[] IS NULL OR s.state = ANY (%(states)s::text[]))
AND    (%(names)s::text[] IS NULL OR s.name = ANY (%(names)s::text[]))
AND    (%(visible)s::text[] IS NULL
        OR NOT EXISTS (SELECT FROM unnest(s.queues) AS q WHERE NOT q LIKE ANY (%(visible)s::text[])))
ORDER  BY s.id DESC
LIMIT  %(limit)s
