"""`pgq bench`."""

from typing import Annotated

import typer

from pgq.cli.command import command
from pgq.cli.failures import FAILED, WrongUsage
from pgq.cli.output import say, show_json
from pgq.cli.session import Session
from pgq.cli.verdicts import show_verdicts


def add_to(app: typer.Typer) -> None:
    command(app, "bench")(bench)


def bench(
    session: Session,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="drain, submit, latency, snapshot, idle, running, fairness, "
            "urgency, fan-in, schedules, api, protocol.",
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="How often each is measured; medians count.")] = 3,
) -> int | None:
    """Measure pgq on this machine, on a PostgreSQL of its own. All takes minutes. Exit 1 when a goal is missed."""
    from pgq.bench.figure import Figure
    from pgq.bench.measurements import MEASUREMENTS
    from pgq.bench.server import own_server
    from pgq.fleet import interruptible

    if unknown := [name for name in names or () if name not in MEASUREMENTS]:
        raise WrongUsage(f"there is no measurement {unknown[0]!r}; there are {', '.join(MEASUREMENTS)}")
    figures: list[Figure] = []
    try:
        with interruptible(), own_server() as server:
            for name in dict.fromkeys(names or MEASUREMENTS):
                say(f"measuring {name} ...")
                for figure in MEASUREMENTS[name](server, rounds):
                    figures.append(figure)  # noqa: PERF402 (one by one: a Ctrl-C loses none)
    finally:  # what was measured before a Ctrl-C is not lost
        if session.json:
            show_json([figure.to_json() for figure in figures])
        else:
            show_verdicts(
                ["figure", "measured", "goal", "that is"],
                (
                    (figure.met, (figure.name, figure.value_in_words, figure.goal_in_words, figure.detail))
                    for figure in figures
                ),
            )
    return None if all(figure.met for figure in figures) else FAILED
