SELECT pgq.make_partitions();
