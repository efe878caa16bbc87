"""What handlers say while they run: progress and log lines."""

from alembic import op

from pgq.db.migrate import statements_of

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for statement in statements_of(revision, "up"):
        op.execute(statement)


def downgrade() -> None:
    for statement in statements_of(revision, "down"):
        op.execute(statement)
