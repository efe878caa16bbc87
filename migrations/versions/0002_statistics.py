"""What happened, counted: per minute, queue, kind and worker, with histograms; and how deep the queues were."""

from alembic import op

from pgq.db.migrate import statements_of

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for statement in statements_of(revision, "up"):
        op.execute(statement)


def downgrade() -> None:
    for statement in statements_of(revision, "down"):
        op.execute(statement)
