DROP FUNCTION pgq.refuse_wrong_type;
