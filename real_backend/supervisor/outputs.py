"""`Outputs`: what workers print, line by line on its way to the driver, with who has printed it.

Whatever writes to the descriptors 1 and 2 of a worker counts: prints, C code, child processes. Not how it is shown:
`client/console.py`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
from collections.abc import Callable

from msgspec import Struct

from real_backend.control import NAME_MARK, Printed

_AT_ONCE = 1 << 16
_LONGEST = 1 << 20
"""A line that is longer is shown in pieces."""


class _Stream(Struct):
    pid: int
    is_error: bool
    name: str
    begun: bytes = b""


class Outputs:
    """The pipes of all workers.

    Args:
        tell: sends to the driver.
    """

    def __init__(self, epoll: select.epoll, tell: Callable[[Printed], None]) -> None:
        self._epoll = epoll
        self._tell = tell
        self._streams: dict[int, _Stream] = {}
        self._is_paused = False

    def open(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """New pipes for the standard output and the standard error of a worker, each as (read end, write end)."""
        out = os.pipe2(os.O_CLOEXEC)
        try:
            return out, os.pipe2(os.O_CLOEXEC)
        except OSError:
            for fd in out:
                os.close(fd)
            raise

    def follow(self, out: int, err: int, pid: int) -> None:
        """Read what the process `pid` writes into the other ends."""
        for fd, is_error in ((out, False), (err, True)):
            os.set_blocking(fd, False)
            self._streams[fd] = _Stream(pid, is_error, "worker")
            self._epoll.register(fd, 0 if self._is_paused else select.EPOLLIN)

    def descriptors(self) -> list[int]:
        """The read ends: a forked child has to close them."""
        return list(self._streams)

    def read(self, fd: int) -> None:
        """Take what is there, if `fd` is one of ours and was not closed meanwhile."""
        stream = self._streams.get(fd)
        if stream is None:
            return
        try:
            data = os.read(fd, _AT_ONCE)
        except BlockingIOError:
            return
        if data:
            self._take(stream, data)
        else:
            self._end(fd, stream)

    def pause(self, is_paused: bool) -> None:
        """Whether the driver is behind with what it is told, as when it is stopped: then who prints waits, too."""
        if is_paused != self._is_paused:
            self._is_paused = is_paused
            for fd in self._streams:
                self._epoll.modify(fd, 0 if is_paused else select.EPOLLIN)

    def finish(self) -> None:
        """All workers have ended: show the rest, and what was begun."""
        for fd, stream in list(self._streams.items()):
            # A child of a worker may have it open still, and print without pause: what the dead have written is at
            # most what fits into the pipe.
            left = fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
            with contextlib.suppress(BlockingIOError):
                while left > 0 and (data := os.read(fd, min(left, _AT_ONCE))):
                    left -= len(data)
                    self._take(stream, data)
            self._end(fd, stream)

    def name_of(self, pid: int) -> str:
        """What a process has last called itself."""
        return next((s.name for s in self._streams.values() if s.pid == pid), "worker")

    def _take(self, stream: _Stream, data: bytes) -> None:
        *lines, begun = (stream.begun + data).split(b"\n")
        if len(begun) > _LONGEST:
            lines.append(begun)
            begun = b""
        stream.begun = begun
        shown: list[bytes] = []
        for line in lines:
            before, mark, name = line.partition(NAME_MARK)
            if before or not mark:
                shown.append(before)
            if mark:
                self._show(stream, shown)
                shown = []
                stream.name = name.decode(errors="replace")
        self._show(stream, shown)

    def _show(self, stream: _Stream, lines: list[bytes]) -> None:
        if lines:
            text = b"\n".join(lines).decode(errors="replace")
            self._tell(Printed(stream.name, stream.pid, stream.is_error, text))

    def _end(self, fd: int, stream: _Stream) -> None:
        if stream.begun:
            self._show(stream, [stream.begun])
        del self._streams[fd]
        self._epoll.unregister(fd)
        os.close(fd)
