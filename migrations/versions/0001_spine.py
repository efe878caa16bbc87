"""The spine: tasks, history, dead letters, every way to submit, workers and their duties."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS = Path(__file__).parents[1] / "sql" / revision


def upgrade() -> None:
    for file in sorted((STATEMENTS / "up").glob("*.sql")):
        op.execute(file.read_text())


def downgrade() -> None:
    for file in sorted((STATEMENTS / "down").glob("*.sql")):
        op.execute(file.read_text())
