"""Tasks that wait for other tasks."""

from alembic import op

from pgq.db.migrate import statements_of

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    for statement in statements_of(revision, "up"):
        op.execute(statement)


def downgrade() -> None:
    for statement in statements_of(revision, "down"):
        op.execute(statement)
