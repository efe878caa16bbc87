"""What befalls the fleet. An act that lasts answers how long (seconds) and how it is undone."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.fleet import ChaosFleet, Member
from tests.chaos.schedule import Act
from tests.proxy import Proxy
from tests.tasks import tasks_of
from tests.workers import LEASE


@dataclass(frozen=True, slots=True)
class Lasting:
    """To be undone later."""

    seconds: float
    undo: Callable[[], None]


def perform(act: Act, fleet: ChaosFleet) -> Lasting | None:
    """Do it."""
    doing: Callable[[Act, ChaosFleet], Lasting | None] = globals()[act.name]
    return doing(act, fleet)


def member(act: Act, fleet: ChaosFleet) -> Member:
    """Which worker it befalls."""
    return fleet.members[int(act.target * len(fleet.members))]


def proxy(act: Act, fleet: ChaosFleet) -> Proxy:
    """Whose connections it befalls: a worker's, or the submitters'."""
    proxies = fleet.proxies()
    return proxies[int(act.target * len(proxies))]


def kill(act: Act, fleet: ChaosFleet) -> None:
    """kill -9, and another worker in its place."""
    victim = member(act, fleet)
    victim.process.kill()
    fleet.members.remove(victim)
    fleet.gone.append(victim)
    victim.proxy.close()
    fleet.add_worker()


def freeze(act: Act, fleet: ChaosFleet) -> Lasting | None:
    """SIGSTOP for longer than a lease: it comes back and believes that it still has its tasks."""
    victim = member(act, fleet).process
    if victim.frozen:
        return None
    victim.freeze()
    return Lasting(LEASE * (1.2 + act.share), lambda: victim.thaw() if victim.lives else None)


def stop(act: Act, fleet: ChaosFleet) -> None:
    """SIGTERM, and another worker in its place, as in a deployment."""
    victim = member(act, fleet)
    victim.process.tell_to_stop()
    fleet.members.remove(victim)
    fleet.leaving.append(victim)
    fleet.add_worker()


def crash_server(act: Act, fleet: ChaosFleet) -> None:
    """PostgreSQL ends at once and recovers."""
    fleet.outside.write("crashed")
    fleet.server.crash()
    fleet.outside.write("crashed")
    fleet.server.start()


def restart_server(act: Act, fleet: ChaosFleet) -> None:
    """PostgreSQL is restarted in order."""
    fleet.server.stop()
    fleet.server.start()


def terminate_backends(act: Act, fleet: ChaosFleet) -> None:
    """Some or all sessions are ended by an administrator."""
    with tasks_of(fleet.server.conninfo) as tasks:
        tasks.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND (pid * 7919) %% 100 < %s",
            [30 + 70 * act.share],
        )


def cut(act: Act, fleet: ChaosFleet) -> None:
    """All connections of one break."""
    proxy(act, fleet).cut()


def refuse(act: Act, fleet: ChaosFleet) -> Lasting:
    """They break, and no new ones are to be had for a while."""
    chosen = proxy(act, fleet)
    chosen.refusing = True
    chosen.cut()
    return Lasting(1 + 2 * act.share, lambda: setattr(chosen, "refusing", False))


def silence(act: Act, fleet: ChaosFleet) -> None:
    """Connections stay open for ever, and nothing goes through any more; new ones do."""
    proxy(act, fleet).swallow()


def silence_answers(act: Act, fleet: ChaosFleet) -> None:
    """What they ask is done, and they never learn."""
    proxy(act, fleet).swallow(requests=False)


def silence_network(act: Act, fleet: ChaosFleet) -> Lasting:
    """Neither old connections nor new ones get an answer for a while; the old ones never again."""
    chosen = proxy(act, fleet)
    chosen.silent = True
    chosen.swallow()
    return Lasting(2 + 4 * act.share, lambda: setattr(chosen, "silent", False))


def lose_an_outcome(act: Act, fleet: ChaosFleet) -> None:
    """The next outcome that a worker tells of is written, and the answer to it lost."""
    member(act, fleet).proxy.swallow_answer_to("INSERT INTO pgq.task_history")
