"""A TCP port in front of PostgreSQL, to cut connections and to let them fall silent when a test wants it."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.conninfo import conninfo_to_dict, make_conninfo

SOCKET_ERRORS = (OSError, ValueError)
REMEMBERED = 200_000
"""Bytes of what a client has said, by which it is known later."""


class Line:
    """One client's connection. What a direction swallows is read and thrown away: the sender notices nothing."""

    def __init__(self, proxy: "Proxy", client: socket.socket, server: socket.socket | None) -> None:
        self.proxy = proxy
        self.client = client
        self.server = server
        self.said = bytearray()
        self.reaches_server = server is not None
        self.reaches_client = True
        self.open = True
        self.ended = threading.Lock()

    def has_said(self, text: str) -> bool:
        """Whether the client has sent this; statements that it has prepared are sent only once."""
        return text.encode() in self.said

    def swallow(self, *, requests: bool = True, answers: bool = True) -> None:
        """From now on nothing arrives: the client's requests, the server's answers, or both."""
        self.reaches_server &= not requests
        self.reaches_client &= not answers

    def cut(self) -> None:
        """End it, on both sides."""
        with self.ended:
            if not self.open:
                return
            self.open = False
            for end in (self.client, self.server):
                if end is not None:
                    with contextlib.suppress(*SOCKET_ERRORS):
                        end.shutdown(socket.SHUT_RDWR)
                    end.close()
        self.proxy.forget(self)

    def to_server(self) -> None:
        """Pass requests on."""
        with contextlib.suppress(*SOCKET_ERRORS):
            while sent := self.client.recv(65_536):
                if len(self.said) < REMEMBERED:
                    self.said += sent
                self.proxy.look_at(self, sent)
                if self.reaches_server and self.server is not None:
                    self.server.sendall(sent)
        self.cut()

    def to_client(self) -> None:
        """Pass answers on."""
        with contextlib.suppress(*SOCKET_ERRORS):
            while self.server is not None and (answered := self.server.recv(65_536)):
                if self.reaches_client:
                    self.client.sendall(answered)
        if self.reaches_client:  # the end of a server that the client does not hear is not heard either
            self.cut()


class Proxy:
    """Listens on loopback. `conninfo` leads through it to where the given one leads."""

    def __init__(self, conninfo: str) -> None:
        parts = conninfo_to_dict(conninfo)
        self.behind = str(parts.get("host") or "127.0.0.1"), int(parts.get("port") or 5432)
        self.listening = socket.create_server(("127.0.0.1", 0))
        port = self.listening.getsockname()[1]
        self.conninfo = make_conninfo(
            conninfo, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable", connect_timeout=2
        )
        self.lock = threading.Lock()
        self.all: list[Line] = []
        self.refusing = False
        self.silent = False
        self.closed = False
        self.deaf_after: list[tuple[bytes, threading.Event]] = []
        threading.Thread(target=self.accept, name="proxy", daemon=True).start()

    def accept(self) -> None:
        """Take connections until closed."""
        with contextlib.suppress(*SOCKET_ERRORS):
            while True:
                client, _ = self.listening.accept()
                if self.refusing:
                    client.close()
                    continue
                server = None if self.silent else self.connected()
                if server is None and not self.silent:
                    client.close()
                    continue
                line = Line(self, client, server)
                with self.lock:
                    self.all.append(line)
                for pump in (line.to_server, line.to_client) if server else (line.to_server,):
                    threading.Thread(target=pump, name="proxy-line", daemon=True).start()
                if self.closed:  # meanwhile: nobody else cuts it
                    line.cut()

    def connected(self) -> socket.socket | None:
        """A connection to the server, if it is up."""
        host, port = self.behind
        server = socket.socket(socket.AF_UNIX if host.startswith("/") else socket.AF_INET)
        try:
            server.connect(f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port))
        except OSError:
            server.close()
            return None
        return server

    def lines(self, said: str = "") -> list[Line]:
        """The open lines; only those whose client has said this."""
        with self.lock:
            return [line for line in self.all if line.open and line.has_said(said)]

    def cut(self, said: str = "") -> int:
        """Cut all open lines, or those whose client has said this; answers how many."""
        lines = self.lines(said)
        for line in lines:
            line.cut()
        return len(lines)

    def swallow(self, said: str = "", *, requests: bool = True, answers: bool = True) -> int:
        """Let them fall silent; answers how many."""
        lines = self.lines(said)
        for line in lines:
            line.swallow(requests=requests, answers=answers)
        return len(lines)

    def swallow_answer_to(self, text: str) -> threading.Event:
        """The next request with this text is delivered; from its answer on, its client hears nothing more."""
        delivered = threading.Event()
        self.deaf_after.append((text.encode(), delivered))
        return delivered

    def look_at(self, line: Line, sent: bytes) -> None:
        """Called with every request, before it is passed on."""
        for wanted in list(self.deaf_after):
            if wanted[0] in sent:
                self.deaf_after.remove(wanted)
                line.swallow(requests=False)
                wanted[1].set()

    def forget(self, line: Line) -> None:
        """A line has ended."""
        with self.lock, contextlib.suppress(ValueError):
            self.all.remove(line)

    def close(self) -> None:
        """Cut everything."""
        self.closed = True
        with contextlib.suppress(*SOCKET_ERRORS):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.cut()


@contextmanager
def proxy_to(conninfo: str) -> Iterator[Proxy]:
    """A proxy for the block."""
    proxy = Proxy(conninfo)
    try:
        yield proxy
    finally:
        proxy.close()
