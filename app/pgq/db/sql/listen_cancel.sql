LISTEN pgq_cancel
