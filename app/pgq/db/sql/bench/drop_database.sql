-- The measurement is over; whoever is still connected is cut off.
DROP DATABASE IF EXISTS {name} WITH (FORCE)
