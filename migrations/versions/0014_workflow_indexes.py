"""Indexes for what waits and for workflows, made while everybody goes on writing."""

from alembic import context, op
from sqlalchemy import text

from pgq.db.migrate import statements_of

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    drop, create, attach, without_index = statements_of(revision, "partition")
    printed = context.is_offline_mode()  # for a new database, whose partitions nobody knows yet, and all are empty
    with op.get_context().autocommit_block():
        for statement in statements_of(revision, "up"):
            op.execute(statement.replace("ON ONLY", "ON") if printed else statement)
        for partition in () if printed else op.get_bind().execute(text(without_index)).scalars().all():
            for statement in (drop, create, attach):
                op.execute(statement.format(partition=partition))


def downgrade() -> None:
    for statement in statements_of(revision, "down"):
        op.execute(statement)
