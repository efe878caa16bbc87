-- As a company has them: a tenth every minute, the others spread over the hour (six in ten) and over the day.
INSERT INTO pgq.schedules (name, cron, kind, queue)
SELECT 'schedule ' || n,
       CASE WHEN n %% 10 = 0 THEN '* * * * *' WHEN n %% 10 <= 6 THEN format('%%s * * * *', n %% 60)
            ELSE format('%%s %%s * * *', n %% 60, n / 60 %% 24) END,
       'bench_tick', 'bench_schedules'
FROM   generate_series(1, %(schedules)s) AS n
