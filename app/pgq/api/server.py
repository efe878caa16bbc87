"""A process that serves the API: its socket, TLS, signals, and its end."""

import contextlib
import errno
import gc
import logging
import resource
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from types import FrameType

import uvicorn
from fastapi import FastAPI

from pgq.api.app import create_app
from pgq.api.protocol import bounded
from pgq.api.services import Services
from pgq.api.upkeep import Upkeep
from pgq.supervisor.link import SupervisorLink
from pgq.values.errors import SettingsError
from pgq.values.settings import Settings, is_loopback

log = logging.getLogger("pgq.api")

BACKLOG = 2_048
COLLECT_AFTER = 20_000
"""New objects after which Python looks for cycles among them (700 unless told otherwise)."""
KEEP_ALIVE = 65
"""Seconds that an idle connection is kept: longer than the 60 of usual proxies, so that they close it, not we."""


def serve(settings: Settings, *, conninfo: str, listening: socket.socket, supervisor: SupervisorLink | None) -> int:
    """Serve until SIGTERM, SIGINT or SIGHUP, or until the supervisor ends; answers the exit code.

    What is being answered then is finished, for `grace_seconds` at most; who waits for a task is answered at once.
    """
    allow_many_files()
    app = create_app(settings, conninfo=conninfo)
    config = uvicorn.Config(
        app,
        http=bounded(settings.header_seconds),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=max(1, round(settings.grace_seconds)),
    )
    config.load()
    config.ssl = tls(settings)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    server = Server(config, app, lambda: log.info("serves %s", address_of(settings, listening)))
    if supervisor is not None:
        supervisor.watch(server.stop)
        supervisor.ready()
    server.run([listening])
    log.info("has stopped")
    return 0


class Server(uvicorn.Server):
    """uvicorn's, which ends without a signal of its own and tells those who wait."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, say: Callable[[], None] = lambda: None) -> None:
        """`say` is called once requests are taken, and a signal ends the server as it should."""
        super().__init__(config)
        self.services: Services = app.state.services
        self.say = say

    def stop(self) -> None:
        """End, from any thread."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve, and take turns at maintenance."""
        await super().startup(sockets)
        self.services.part(Upkeep)
        calm_garbage_collection()
        self.say()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer those who wait for a task, then the rest as uvicorn does."""
        self.services.stopping.set()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM, SIGINT and SIGHUP end the server; a second one does not wait for what is being answered."""
        numbers = [
            n for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) if signal.getsignal(n) is not signal.SIG_IGN
        ]
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  (uvicorn's signature)
        """The first signal stops, the second one ends."""
        self.force_exit = self.should_exit
        self.should_exit = True


def calm_garbage_collection() -> None:
    """What is there now stays, and need not be looked through; requests leave few cycles behind."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


def bind(settings: Settings) -> socket.socket:
    """The socket to listen on. Raises SettingsError, in one line that says what to do."""
    host, port = settings.host, settings.port
    try:
        # localhost is two addresses: the older one, which every client tries.
        found = sorted(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), key=lambda one: one[0])
    except socket.gaierror as error:
        raise SettingsError(f"PGQ_HOST: {host!r} is no address of this machine ({error.strerror})") from None
    family, kind, protocol, _, address = found[0]
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise SettingsError(why_not(error, host, port)) from None
    listening.setblocking(False)
    return listening


def why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is taken by another process: stop that, or choose another with PGQ_PORT (--port)"
    if error.errno == errno.EACCES:
        return f"port {port} may not be used by this user: choose one from 1024 with PGQ_PORT (--port)"
    return f"cannot listen on {host} port {port} (PGQ_HOST, PGQ_PORT): {error.strerror}"


def refuse_open_doors(settings: Settings, *, embedded: bool) -> None:
    """Raise SettingsError for a service that strangers could use, unless it is meant: --insecure."""
    if is_loopback(settings.host) or settings.insecure:
        return
    if settings.auth_is_off:
        raise SettingsError(
            f"PGQ_AUTH=off would let everybody who reaches {settings.host} do everything: "
            "set PGQ_AUTH=required, listen on 127.0.0.1, or say --insecure"
        )
    if embedded:
        raise SettingsError(
            f"the local database is for this machine only: to listen on {settings.host} set PGQ_DATABASE_URL, "
            "or say --insecure"
        )


def tls(settings: Settings) -> ssl.SSLContext | None:
    """What speaks https; None: http. Raises SettingsError."""
    if settings.tls_cert is None:
        if settings.tls_key or settings.tls_client_ca:
            raise SettingsError("PGQ_TLS_KEY and PGQ_TLS_CLIENT_CA need PGQ_TLS_CERT, too")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password=no_password)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"PGQ_TLS_CERT, PGQ_TLS_KEY: cannot be used: {error.strerror or error}") from None
    if settings.tls_client_ca is not None:
        try:
            context.load_verify_locations(settings.tls_client_ca)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"PGQ_TLS_CLIENT_CA: cannot be used: {error.strerror or error}") from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def no_password() -> str:
    raise SettingsError("PGQ_TLS_KEY: the key has a password; nobody is there to type it")


def address_of(settings: Settings, listening: socket.socket) -> str:
    """The URL that people type."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://{host}:{listening.getsockname()[1]}{settings.root_path}"


def allow_many_files() -> None:
    """Each client is an open file, and the usual soft limit is for 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 65_536) if hard != resource.RLIM_INFINITY else 65_536
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
