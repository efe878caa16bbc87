"""${message}"""

from pathlib import Path

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}

STATEMENTS = Path(__file__).parents[1] / "sql" / revision


def upgrade() -> None:
    for file in sorted((STATEMENTS / "up").glob("*.sql")):
        op.execute(file.read_text())


def downgrade() -> None:
    for file in sorted((STATEMENTS / "down").glob("*.sql")):
        op.execute(file.read_text())
