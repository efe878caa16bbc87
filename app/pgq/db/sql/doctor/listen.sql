-- A channel of doctor's own.
LISTEN pgq_doctor
