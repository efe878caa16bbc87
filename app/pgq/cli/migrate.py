"""`pgq migrate`."""

from typing import Annotated

import typer

from pgq.cli.command import command
from pgq.cli.failures import WrongUsage
from pgq.cli.options import Yes, duration
from pgq.cli.output import show, show_json
from pgq.cli.session import Session
from pgq.cli.verbs import agree

NOTHING = "base"
"""Alembic's word for a database before its first migration."""


def add_to(app: typer.Typer) -> None:
    command(app, "migrate")(migrate)


def migrate(
    session: Session,
    sql: Annotated[bool, typer.Option("--sql", help="Print the statements, from nothing on; run none.")] = False,
    to: Annotated[
        str, typer.Option(metavar="REV", help="The revision to go to; an older one, or base, removes what came after.")
    ] = "head",
    wait: Annotated[
        float | None, typer.Option(metavar="SECONDS", parser=duration, help="Wait so long for the database to answer.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Bring the database's schema to this version of pgq. Safe from many processes at once."""
    from pgq.db.migrate import upgrade_sql

    revisions = in_order()
    target = revisions[-1] if to == "head" else to
    if target not in revisions:
        raise WrongUsage(f"there is no revision {to!r}; there are {', '.join(revisions)} and head")
    if sql:
        show(upgrade_sql(target))
        return
    before, after = go(session.conninfo(direct=True), revisions, target, wait or 0, yes)
    if session.json:
        show_json({"revision": after, "was": before})
    else:
        show(f"the database is at revision {after}" + ("" if before == after else f" (it was at {before})"))


def go(conninfo: str, revisions: list[str], target: str, wait: float, yes: bool) -> tuple[str, str]:
    """Go up or down to a revision; the revisions before and after. Going down is asked about."""
    import psycopg

    from pgq.db.migrate import downgrade, upgrade, wait_for_database
    from pgq.db.revision import current_revision

    wait_for_database(conninfo, wait)
    with psycopg.connect(conninfo) as connection:
        before = current_revision(connection) or NOTHING
    if before in revisions and revisions.index(target) < revisions.index(before):
        agree(f"Go back from revision {before} to {target}, and lose what only the newer ones can hold?", yes)
        downgrade(conninfo, target)
    elif target != NOTHING:
        upgrade(conninfo, target)
    return before, target


def in_order() -> list[str]:
    """All revisions, oldest first."""
    from alembic.script import ScriptDirectory

    from pgq.db.migrate import migrations_config

    newest_first = ScriptDirectory.from_config(migrations_config()).walk_revisions()
    return [NOTHING, *reversed([script.revision for script in newest_first])]
