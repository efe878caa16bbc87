"""What all tables share."""

from sqlalchemy import MetaData, text
from sqlalchemy.dialects.postgresql import TIMESTAMP

metadata = MetaData(schema="pgq")

MOMENT = TIMESTAMP(timezone=True)
NOW = text("clock_timestamp()")
NO_TAGS = text("'{}'::text[]")
NO_OBJECT = text("'{}'::jsonb")
A_TIMEOUT = "timeout_seconds > 0 AND timeout_seconds <= 315360000"
