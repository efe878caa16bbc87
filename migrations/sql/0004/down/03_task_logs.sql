DROP TABLE pgq.task_logs;
