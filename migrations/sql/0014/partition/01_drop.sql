-- Half made, if this revision was broken off.
DROP INDEX CONCURRENTLY IF EXISTS pgq.{partition}_workflow;
