"""Workflows."""

from alembic import op

from pgq.db.migrate import statements_of

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    for statement in statements_of(revision, "up"):
        op.execute(statement)


def downgrade() -> None:
    for statement in statements_of(revision, "down"):
        op.execute(statement)
