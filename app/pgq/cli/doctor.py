"""`pgq doctor`."""

import typer

from pgq.cli.command import command
from pgq.cli.failures import FAILED
from pgq.cli.output import show_json
from pgq.cli.session import Session
from pgq.cli.verdicts import show_verdicts


def add_to(app: typer.Typer) -> None:
    command(app, "doctor")(doctor)


def doctor(session: Session) -> int | None:
    """Look at the live system: what is wrong, and what to do about it. Changes nothing. Exit 1 if something is."""
    from pgq.db.url import conninfo
    from pgq.doctor.examine import examine

    database = session.conninfo()
    direct = session.settings().direct_url
    findings = list(examine(database, conninfo(direct.get_secret_value()) if direct else database))
    if session.json:
        show_json([finding.to_json() for finding in findings])
    else:
        show_verdicts(
            ["check", "found", "what to do"],
            ((finding.ok, (finding.check, finding.detail, finding.fix or "")) for finding in findings),
        )
    return None if all(finding.ok for finding in findings) else FAILED
