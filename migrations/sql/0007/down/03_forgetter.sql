DELETE FROM pgq.maintenance WHERE duty = 'forgetter';
