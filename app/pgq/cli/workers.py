"""`pgq workers list`."""

import typer

from pgq.cli.command import command
from pgq.cli.output import row_json, say, show_json, show_table
from pgq.cli.session import Session

FACTS = ("listener", "listener_since", "queues", "kinds", "hostname", "pid", "version", "started_at")
HEADS = ("listener", "since", "queues", "kinds", "host", "pid", "version", "started")


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="Look at the workers.", no_args_is_help=True)
    command(group, "list")(list_workers)
    app.add_typer(group, name="workers")


def list_workers(session: Session) -> None:
    """List the live workers: what they serve, how busy they are, and whether notifications reach them."""
    from pgq.db.overview import worker_utilization

    with session.connect() as connection:
        workers = worker_utilization(connection)
    if session.json:
        show_json([row_json(worker) for worker in workers])
    else:
        show_table(
            ["worker id", "name", "state", "busy", *HEADS],
            (
                [w["worker_id"], w["name"], w["state"], f"{w['busy']}/{w['capacity']}", *(w[name] for name in FACTS)]
                for w in workers
            ),
        )
    if not workers:
        say("no worker is alive; start one with: pgq worker MODULE")
