-- What the workers of a stress published goes with the last of them.
DELETE FROM pgq.kinds AS k
WHERE  k.kind = ANY (%(kinds)s)
AND    NOT EXISTS (SELECT FROM pgq.workers AS w WHERE w.beat_at > clock_timestamp() - interval '15 s' AND w.kinds && %(kinds)s::text[])
