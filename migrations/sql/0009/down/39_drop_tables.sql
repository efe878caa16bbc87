DROP TABLE pgq.task_dependencies, pgq.new_children;
