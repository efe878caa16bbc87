DELETE FROM pgq.maintenance WHERE duty = 'scheduler';
