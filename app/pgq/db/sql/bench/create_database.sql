-- A database for one measurement.
CREATE DATABASE {name}
