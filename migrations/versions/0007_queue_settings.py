"""What an operator may set of a queue."""

from alembic import op

from pgq.db.migrate import statements_of

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    for statement in statements_of(revision, "up"):
        op.execute(statement)


def downgrade() -> None:
    for statement in statements_of(revision, "down"):
        op.execute(statement)
