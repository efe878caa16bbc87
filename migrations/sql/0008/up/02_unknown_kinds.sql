-- Tasks that no live worker can run: how many of each kind wait, and since when no worker has had the kind.
CREATE OR REPLACE VIEW pgq.unknown_kinds AS
SELECT t.queue, t.kind, count(*) AS pending, min(t.created_at) AS oldest_created_at, max(k.seen_at) AS seen_at
FROM   pgq.tasks AS t LEFT JOIN pgq.kinds AS k ON k.kind = t.kind
WHERE  t.state = 'pending'
AND    NOT EXISTS (SELECT FROM pgq.workers AS w WHERE w.beat_at > clock_timestamp() - interval '15 s'
                   AND (t.kind = ANY (w.kinds) OR w.kinds = '{}' AND t.queue = ANY (w.queues)))
GROUP  BY t.queue, t.kind;
