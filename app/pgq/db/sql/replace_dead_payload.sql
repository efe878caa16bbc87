-- Give a dead letter another payload, which its redrive checks as any submit's.
UPDATE pgq.dead_tasks AS d SET payload = CAST(%(payload)s AS jsonb) WHERE d.id = %(id)s
