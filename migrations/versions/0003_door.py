"""The insert triggers do less for the tasks that need nothing."""

from alembic import op

from pgq.db.migrate import statements_of

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for statement in statements_of(revision, "up"):
        op.execute(statement)


def downgrade() -> None:
    for statement in statements_of(revision, "down"):
        op.execute(statement)
