INSERT INTO pgq.maintenance (duty) VALUES ('reaper'), ('expirer'), ('pruner'), ('partitioner'), ('undertaker');
