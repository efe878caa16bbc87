SELECT queue, kind, pending, oldest_created_at, seen_at FROM pgq.unknown_kinds ORDER BY queue, kind
