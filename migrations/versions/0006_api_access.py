"""Tokens, their rate limits, and the audit log."""

from alembic import op

from pgq.db.migrate import statements_of

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for statement in statements_of(revision, "up"):
        op.execute(statement)


def downgrade() -> None:
    for statement in statements_of(revision, "down"):
        op.execute(statement)
