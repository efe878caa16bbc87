DROP FUNCTION pgq.refuse_at;
