ALTER INDEX pgq.task_history_workflow ATTACH PARTITION pgq.{partition}_workflow;
