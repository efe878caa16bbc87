-- Group roles, for the whole server: made where the migrating user may, left out (with a notice) where it may not.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['pgq_submitter', 'pgq_worker', 'pgq_viewer', 'pgq_admin'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = role);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        EXCEPTION
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'role % was not made: % may not create roles', role, current_user;
            WHEN duplicate_object OR unique_violation THEN
                NULL;  -- another database of this server is being migrated at the same moment
        END;
    END LOOP;
END
$$;
