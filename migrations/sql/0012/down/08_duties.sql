DELETE FROM pgq.maintenance WHERE duty IN ('workflows', 'workflow_pruner');
