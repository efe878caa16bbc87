-- What still waits for its parents stays as it is: older versions leave such tasks alone, and they can be cancelled.
DROP TRIGGER await_parents ON pgq.tasks;

DROP TRIGGER note_children ON pgq.tasks;

DROP FUNCTION pgq.await_parents, pgq.note_children, pgq.look_after_children, pgq.wait_again, pgq.unblock_stranded, pgq.settle_children,
              pgq.cancel_tasks, pgq.release_children, pgq.settle_parents, pgq.end_waiting, pgq.parent_states;

DELETE FROM pgq.maintenance WHERE duty = 'unblocker';
