-- Does an object hold numbers of a few bytes that unfold into 131,000 digits each? Their text could not even be measured.
-- Not asked of small objects, whose text can. || '{}' undoes compression: a staging table's value looks small otherwise.
CREATE FUNCTION pgq.has_huge_numbers(object jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN pg_column_size(object || '{}') > 2000 THEN jsonb_path_exists(object,
        '$.** ? (@.type() == "number" && (@ > 1e308 || @ < -1e308 || (@ <> 0 && @ < 1e-308 && @ > -1e-308)))') ELSE false END
$$;
