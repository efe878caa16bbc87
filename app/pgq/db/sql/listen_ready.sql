LISTEN pgq_ready
