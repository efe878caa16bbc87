"""`pgq tokens create|list|rotate|revoke`."""

from dataclasses import asdict
from typing import Annotated

import typer

from pgq.cli.audit import record, who
from pgq.cli.command import command
from pgq.cli.failures import Failed
from pgq.cli.options import duration
from pgq.cli.output import row_json, say, show, show_json, show_json_line, show_table
from pgq.cli.session import Session

SCOPES = "submit, read, operate, work, exec, admin"
GRACE = 86_400.0
Id = Annotated[str, typer.Argument(metavar="ID", help="The token's id: what stands between pgq_ and the next _.")]


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="Who may use the HTTP API.", no_args_is_help=True)
    for name, function in (("create", create), ("list", list_tokens), ("rotate", rotate), ("revoke", revoke)):
        command(group, name)(function)
    app.add_typer(group, name="tokens")


def create(
    session: Session,
    name: Annotated[str, typer.Option(metavar="NAME", help="Whose it is, for lists and the audit log.")],
    scope: Annotated[list[str], typer.Option(metavar="SCOPE", help=f"What it may do; repeatable. One of {SCOPES}.")],
    queue: Annotated[
        list[str] | None,
        typer.Option("--queue", "-q", metavar="PATTERN", help="For these queues only ('mail-*'); repeatable."),
    ] = None,
    expires: Annotated[
        float | None, typer.Option(metavar="TIME", parser=duration, help="Valid for 90d, 12h, ...; default: for ever.")
    ] = None,
) -> None:
    """Make a token, and show it, once: only its hash is kept."""
    from pgq.operate.tokens import create_token

    with session.connect() as connection, connection.transaction():
        stored, token = create_token(
            connection, name=name, scopes=scope, queues=queue or [], created_by=who(), expires_in=expires
        )
        details = {"name": stored.name, "scopes": stored.scopes, "queues": stored.queues}
        record(connection, "token.create", stored.id, details)
    show_token(session, stored.id, str(token))


def list_tokens(session: Session) -> None:
    """List the tokens, without their secrets; expired and revoked ones too."""
    from pgq.db.tokens import list_tokens

    with session.connect() as connection:
        found = [asdict(one) for one in list_tokens(connection, before=None, limit=None)]
    if session.json:
        show_json([row_json(one) for one in found])
    else:
        names = ("id", "name", "scopes", "queues", "created_at", "expires_at", "revoked_at")
        show_table(names, ([one[name] for name in names] for one in found))


def rotate(
    session: Session,
    token: Id,
    grace: Annotated[
        float | None,
        typer.Option(metavar="TIME", parser=duration, help="How long the secret before stays valid (1d)."),
    ] = None,
) -> None:
    """Give a token a new secret, and show it, once; the one before stays valid for a while."""
    from pgq.operate.tokens import rotate_token

    grace = GRACE if grace is None else grace
    with session.connect() as connection, connection.transaction():
        rotated = rotate_token(connection, token, grace=grace)
        if rotated is None:
            raise Failed(f"no token has the id {token}, or it was revoked")
        record(connection, "token.rotate", token, {"grace_seconds": grace})
    show_token(session, token, str(rotated[1]))


def revoke(session: Session, token: Id) -> None:
    """End a token at once, for good."""
    from pgq.operate.tokens import revoke_token

    with session.connect() as connection, connection.transaction():
        name = revoke_token(connection, token)
        if name is None:
            raise Failed(f"no token has the id {token}; 'pgq tokens list' shows them")
        record(connection, "token.revoke", token, {"name": name})
    if session.json:
        show_json_line({"id": token, "revoked": True})
    else:
        show(f"{token} ({name}) is revoked")


def show_token(session: Session, token_id: str, token: str) -> None:
    if session.json:
        show_json({"id": token_id, "token": token})
    else:
        show(token)
        say("Keep it: it is not shown again. It goes into the header 'Authorization: Bearer ...'.")
