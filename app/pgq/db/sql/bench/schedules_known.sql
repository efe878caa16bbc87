SELECT NOT EXISTS (SELECT FROM pgq.schedules AS s WHERE s.next_tick_at IS NULL)
