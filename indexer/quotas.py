"""Quotas (限次): how often one address may send something, without keeping any address.

What is kept are counters alone. A secret salt, which nobody writes down, decides which counter an
address has; several addresses may share one, and nothing leads back from a counter to an address.
"""

import mmap
import struct
import threading
from contextlib import AbstractContextManager
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

from filelock import FileLock

PERIOD = 600  # seconds
MOST = 5  # of one address in one period
SLOTS = 4096  # with a hundred senders in a period, one in forty shares its counter
_COUNTER = struct.Struct("<II")  # the period it counts in, and how many
_SIZE = SLOTS * _COUNTER.size
FILE = "quotas"


class Quota:
    """Counters that all processes share in the folder `shared`, or that one process has alone."""

    def __init__(self, salt: bytes, shared: Path | None = None, most: int = MOST) -> None:
        self._salt, self._most = salt, most
        self._lock_file, self._lock = shared and shared / f"{FILE}.lock", threading.Lock()
        self._counters = _share(shared / FILE) if shared else mmap.mmap(-1, _SIZE)

    def take(self, address: str, now: float) -> int:
        """Count one thing sent; return 0, or how many seconds to wait if there were too many."""
        period, place = int(now) // PERIOD, self._place_of(address)
        with self._alone():
            last, count = _COUNTER.unpack_from(self._counters, place)
            count = count if last == period else 0
            if count >= self._most:
                return PERIOD - int(now) % PERIOD
            _COUNTER.pack_into(self._counters, place, period, count + 1)
        return 0

    def _alone(self) -> AbstractContextManager[Any]:
        # A lock on a file belongs to the process that made it: each turn has one of its own.
        return FileLock(self._lock_file) if self._lock_file else self._lock

    def _place_of(self, address: str) -> int:
        digest = blake2b(_line_of(address).encode(), key=self._salt, digest_size=8).digest()
        return int.from_bytes(digest, "big") % SLOTS * _COUNTER.size


def _share(path: Path) -> mmap.mmap:
    """Map a file that every process of this service opens; the first one makes it."""
    with path.open("ab") as file:
        file.truncate(_SIZE)
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), _SIZE)


def _line_of(address: str) -> str:
    """Return what stands for a connection: in IPv6 one line has 2**64 addresses."""
    try:
        given = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(given, IPv6Address):
        return str(given)
    if given.ipv4_mapped is not None:
        return str(given.ipv4_mapped)
    return str(ip_network((given, 64), strict=False))
