"""The processes of the service (工作进程): one socket, and one or more who answer on it."""

import errno
import gc
import multiprocessing
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import uvicorn
from starlette.types import ASGIApp
from uvicorn import _subprocess
from uvicorn.supervisors import Multiprocess

MAX_HEAD = 256 * 1024  # bytes; a query of 10,000 characters still gets an answer in words


class AddressUnusable(Exception):
    """The service cannot listen where it was told to."""

    REASONS: ClassVar = {
        errno.EADDRINUSE: "端口被别的程序占用",
        errno.EACCES: "没有权限用这个端口",
        errno.EADDRNOTAVAIL: "这台电脑没有这个地址",
    }

    def __init__(self, host: str, port: int, error: Exception) -> None:
        reason = self.REASONS.get(getattr(error, "errno", None) or 0, "地址或端口不对")
        super().__init__(
            f"不能在 {host}:{port} 上提供服务：{reason}。请用 --port 换一个端口，例如 8001。"
        )


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raise AddressUnusable before anything else is started."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise AddressUnusable(host, port, error) from None
    # Connections take this over. Without it the body of an answer waits for the client to confirm
    # its head, 40 ms on many systems; asyncio sees to that only for sockets made otherwise.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def address_of(listener: socket.socket) -> str:
    """Return the address to open in a browser."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(
    make: Callable[[Path | None], ASGIApp],
    listener: socket.socket,
    workers: int,
    ready: Callable[[], None],
) -> None:
    """Serve until stopped: `make` the application, tell that it is `ready`, answer.

    `make` is given the folder where several processes put their counts together; where processes
    are not forked, it is pickled for them. Beside a thread that works (--watch), the answers come
    from a process of their own even if it is the only one: Python runs one thread at a time.
    """
    if workers == 1 and threading.active_count() == 1:
        app = make(None)
        ready()
        uvicorn.Server(_config(lambda: app, 1)).run(sockets=[listener])
        return
    with TemporaryDirectory(prefix="policykb-") as counts:
        config = _config(_for_each_process(make, Path(counts)), workers)
        supervisor = Multiprocess(config, sockets=[listener])
        ready()
        supervisor.run()


def _for_each_process(
    make: Callable[[Path | None], ASGIApp], counts: Path
) -> Callable[[], ASGIApp]:
    """Return what gives each process its application; a mistake in making one is told now.

    On Linux the processes are forked from this one, which has opened everything, so that they share
    the dictionary as well: over 147,283 entries the second one costs 30 MB at its start
    (benchmarks/serving.py). A process with several threads (--watch) cannot be forked safely.
    """
    app = make(counts)
    if sys.platform != "linux" or threading.active_count() > 1:
        return partial(make, counts)
    gc.collect()
    gc.freeze()  # a collection must not write to the pages that the processes share
    # uvicorn looks after processes well, but has no setting for how they start.
    _subprocess.spawn = multiprocessing.get_context("fork")  # type: ignore[assignment]
    return lambda: app


def _config(make: Callable[[], ASGIApp], workers: int) -> uvicorn.Config:
    """Return how to serve. Nothing is logged per request: addresses and queries are personal."""
    return uvicorn.Config(
        make,
        factory=True,
        workers=workers,
        http="h11",  # httptools refuses addresses of 64 kB in English
        access_log=False,
        server_header=False,
        log_level="warning",
        h11_max_incomplete_event_size=MAX_HEAD,
        timeout_keep_alive=15,
        limit_concurrency=200,
    )
