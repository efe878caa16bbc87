"""Every door takes dependencies."""

from alembic import op

from pgq.db.migrate import statements_of

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    for statement in statements_of(revision, "up"):
        op.execute(statement)


def downgrade() -> None:
    for statement in statements_of(revision, "down"):
        op.execute(statement)
