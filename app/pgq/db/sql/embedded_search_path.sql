-- The user is called like pgq's schema, which would otherwise come first: tables of the user's own belong into public.
ALTER ROLE pgq SET search_path = public
