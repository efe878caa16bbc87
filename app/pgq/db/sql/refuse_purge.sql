-- Why a task could not be purged: nobody knows it, or it is no dead letter.
SELECT pgq.refuse_ended(%(id)s, 'only a dead letter can be purged')
