-- Enter a worker that works over HTTP, and those of its kinds that nobody has published. What a handler says of its own
-- kind stays as it is.
WITH known AS (
    INSERT INTO pgq.kinds AS k (kind)
    SELECT given.kind FROM unnest(%(kinds)s::text[]) AS given (kind) ORDER BY given.kind
    ON CONFLICT (kind) DO NOTHING
)
INSERT INTO pgq.workers (id, name, hostname, version, queues, kinds, capacity, remote, token_id)
VALUES (%(id)s, %(name)s, %(hostname)s, %(version)s, %(queues)s, %(kinds)s, 1, true, %(token_id)s)
