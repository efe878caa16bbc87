DELETE FROM pgq.maintenance WHERE duty IN ('sampler', 'accountant');
