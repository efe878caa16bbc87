-- A channel on which a listener hears nobody but itself and others that begin.
LISTEN pgq_proof
