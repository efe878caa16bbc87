INSERT INTO pgq.maintenance (duty) VALUES ('workflows'), ('workflow_pruner');
