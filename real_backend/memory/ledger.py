"""`Ledger`: how much shared memory each process of the session takes; one page that all of them see.

Each process writes its own account, the supervisor closes those of the dead: so a killed process can't leave
anything behind in the sum.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from msgspec import Struct

from simactors.exceptions import ObjectStoreFullError

Fd = int

_SHARE = 0.3
"""Of the machine's memory, unless `init` says otherwise; Ray's share."""
_MOUNT, _MEMBERSHIP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_ACCOUNTS = 1 << 16
_WORDS = 3  # bytes, objects, how often it was trimmed
_LIMIT, _TOP, _FIRST = 0, 1, 2  # words before the accounts: the limit, the number of accounts ever in use
_SIZE = (_FIRST + _ACCOUNTS * _WORDS) * 8


class Usage(Struct, frozen=True):
    """What all processes take together."""

    bytes: int
    objects: int


class Ledger:
    """The accounts; see above.

    Args:
        fd: of the page, from `Ledger.create`.
    """

    def __init__(self, fd: Fd) -> None:
        self.fd = fd
        self._words = memoryview(mmap.mmap(fd, _SIZE)).cast("Q")

    @classmethod
    def create(cls, limit: int) -> Ledger:
        """A new one; all processes together may take `limit` bytes."""
        fd = os.memfd_create("simactors-ledger", os.MFD_CLOEXEC)
        try:
            os.ftruncate(fd, _SIZE)
            ledger = cls(fd)
            ledger._words[_LIMIT] = limit
        except BaseException:
            os.close(fd)
            raise
        return ledger

    def close(self) -> None:
        """The session is over; what is given back from now on is nobody's. Harmless if repeated."""
        if self.fd < 0:
            return
        os.close(self.fd)
        self.fd = -1
        # Unmapped with the last view on it: another thread may be about to write to it.
        self._words = memoryview(bytearray(_SIZE)).cast("Q")

    @property
    def limit(self) -> int:
        """What all processes may take together, in bytes."""
        return self._words[_LIMIT]

    def open_account(self, number: int) -> None:
        """Account `number` is in use from now on; the supervisor's to say, as is the next."""
        self._set(number, 0, 0, 1)
        self._words[_TOP] = max(self._words[_TOP], number + 1)

    def close_account(self, number: int) -> None:
        """Its process is dead."""
        self._set(number, 0, 0, 0)

    def usage(self) -> Usage:
        """The sum of all accounts."""
        words = self._words[_FIRST : _FIRST + self._words[_TOP] * _WORDS].tolist()
        return Usage(sum(words[::_WORDS]), sum(words[1::_WORDS]))

    def bytes_of(self, number: int) -> int:
        """What one account says."""
        return int(self._words[_FIRST + number * _WORDS])

    def has_room(self, size: int) -> bool:
        """Whether `size` more bytes are allowed now."""
        return self.usage().bytes + size <= self.limit

    def take(self, number: int, size: int, objects: int) -> bool:
        """Add to an account, unless that is too much for all.

        Returns:
            Whether it was added.
        """
        if not self.has_room(size):
            return False
        # Without a lock, for its holder may be stopped: two that add at once may both be refused, never both allowed.
        self.add(number, size, objects)
        if self.has_room(0):
            return True
        self.add(number, -size, -objects)
        return False

    def add(self, number: int, size: int, objects: int) -> None:
        """Add to an account, or take away; only its own process does."""
        words, at = self._words, _FIRST + number * _WORDS
        words[at] = max(words[at] + size, 0)  # never less, but for an account that is closed
        words[at + 1] = max(words[at + 1] + objects, 0)

    def has_trimmed(self, number: int) -> None:
        """The process of this account has given back what it did not need."""
        self._words[_FIRST + number * _WORDS + 2] += 1

    def trims(self) -> list[int]:
        """How often each of the accounts was trimmed, plus one; 0 for those that are closed."""
        return self._words[_FIRST + 2 : _FIRST + self._words[_TOP] * _WORDS : _WORDS].tolist()

    def full(self, size: int) -> ObjectStoreFullError:
        """The error for `size` bytes that are too many."""
        if size > self.limit:  # nobody was asked to give anything back: what is taken says nothing
            return ObjectStoreFullError(
                f"The object store is too small: an object needs {size} bytes, and {self.limit} are allowed for all "
                "together. Say init(object_store_memory=BYTES)."
            )
        usage = self.usage()
        return ObjectStoreFullError(
            f"The object store is full: {usage.objects} large objects take {usage.bytes} bytes, {size} more are "
            f"needed, and {self.limit} are allowed. Drop refs and arrays that are no longer needed, or say "
            "init(object_store_memory=BYTES). What a process that does not answer keeps for its next objects is "
            "counted, too."
        )

    def _set(self, number: int, *words: int) -> None:
        at = _FIRST + number * _WORDS
        for index, word in enumerate(words):
            self._words[at + index] = word


def default_limit() -> int:
    """A share of the memory that this process may have: of the machine's, or of its control group's."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(min([total, *group_limits()]) * _SHARE)


def group_limits(mount: Path = _MOUNT, membership: Path = _MEMBERSHIP) -> list[int]:
    """The memory limits of this process's control group and of those above it, in bytes; those that are there."""
    limits = []
    for directory, name in groups(mount, membership):
        try:
            text = (directory / name).read_text().strip()
        except OSError:
            continue
        if text.isdigit():  # "max" is none
            limits.append(int(text))
    return limits


def groups(mount: Path = _MOUNT, membership: Path = _MEMBERSHIP) -> list[tuple[Path, str]]:
    """Directories and the file of the limit in each: of version 2, and of version 1's memory controller."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        hierarchy, controllers, path = line.split(":", 2)
        if hierarchy == "0":
            root, name = mount, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = mount / "memory", "memory.limit_in_bytes"
        else:
            continue
        # In a container the path may be the host's, while the mount shows only our part of it.
        group = root / path.lstrip("/")
        found += [(d, name) for d in (group, *group.parents) if d.is_relative_to(root)]
    return found
