-- Older versions know no worker without a process. What these run is taken back when its leases run out.
DELETE FROM pgq.workers WHERE remote;
