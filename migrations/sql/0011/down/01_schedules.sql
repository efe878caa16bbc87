DROP TABLE pgq.schedules, pgq.schedule_ticks;
