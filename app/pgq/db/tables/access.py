"""Who may use the API, and what was done with it."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Double, Identity, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from pgq.db.tables.common import MOMENT, NO_OBJECT, NO_TAGS, NOW, metadata

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("queues", ARRAY(Text), nullable=False, server_default=NO_TAGS),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("previous_hash", LargeBinary),
    Column("previous_until", MOMENT),
    Column("created_at", MOMENT, nullable=False, server_default=NOW),
    Column("created_by", Text, nullable=False),
    Column("rotated_at", MOMENT),
    Column("expires_at", MOMENT),
    Column("revoked_at", MOMENT),
    CheckConstraint("id ~ '^[0-9a-f]{16}$'", name="token_id"),
    CheckConstraint("char_length(name) BETWEEN 1 AND 128", name="token_name"),
    CheckConstraint(
        "cardinality(scopes) > 0 AND scopes <@ ARRAY['submit', 'read', 'operate', 'work', 'exec', 'admin']",
        name="token_scopes",
    ),
    CheckConstraint("cardinality(queues) <= 100", name="token_queues"),
    CheckConstraint("octet_length(secret_hash) = 32 AND octet_length(previous_hash) = 32", name="token_hash"),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", MOMENT, nullable=False, server_default=NOW),
    Column("actor", Text, nullable=False),
    Column("token_id", Text),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("details", JSONB, nullable=False, server_default=NO_OBJECT),
    Column("request_id", Text, nullable=False, server_default=text("''")),
    Column("address", Text, nullable=False, server_default=text("''")),
)

rate_limits = Table(
    "rate_limits",
    metadata,
    Column("bucket", Text, primary_key=True),
    Column("tokens", Double, nullable=False),
    Column("granted", Double, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    CheckConstraint("char_length(bucket) BETWEEN 1 AND 200", name="bucket_length"),
    prefixes=["UNLOGGED"],
)
