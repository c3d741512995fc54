"""`Pump`: moves messages between this process's channels and its state, whichever thread runs it.

Not what messages mean: `handlers`, by the type of a message, `lost` and `settle` are given by the client.

The thread that waits for something pumps: it sits in the epoll itself, so that an answer reaches it without a hand-over
between threads. One thread at a time has the *turn*; others that wait sleep until it wakes them. While no thread waits
(the main thread runs user code), a service thread pumps. So that it costs nothing in a sequence of short calls, it only
*ticks* while turns are taken, and sits in the epoll once nobody has pumped for a tick, or somebody waits for long.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext, suppress
from typing import Any

from real_backend.client.change import Change
from real_backend.client.shield import Shield
from real_backend.messages import Message
from real_backend.transport import Channel

BATCH = 16  # so many messages go out together at most when nobody waits for the first of them
TICK_S = 0.002
_DROWSY_TICKS = 20
_EVENTS = 64
_IN = select.EPOLLIN
_OUT = select.EPOLLOUT
_PARTING_S = 1.0
_FOREVER = threading.TIMEOUT_MAX


class Pump:
    """The channels of one process and the threads that serve them.

    Attributes:
        change: around whatever changes the state of the client, and while messages are handled.
        lock: that of `change`.
        noted: somebody has called `note` or `settle_soon` since things were settled.
    """

    def __init__(
        self,
        shield: Shield,
        handlers: Mapping[type, Callable[[Channel, Any], None]],
        lost: Callable[[Channel], None],
        settle: Callable[[], None],
        failed: Callable[[Message, Exception], None],
    ) -> None:
        self.change = Change(shield, self.settle)
        self.lock = self.change.lock
        self.shield = shield
        self.noted = False
        self._handlers = handlers
        self._lost = lost
        self._settle = settle
        self._failed = failed
        self._channels: dict[int, Channel] = {}
        self._dirty: list[Channel] = []
        self._inner = select.epoll()
        # Wakes whoever pumps, for good: its condition is true, but no message will come and say so.
        self._alarm = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._inner.register(self._alarm, _IN)
        # Wakes whoever pumps, once: something else than a message may have made a condition true.
        self._poke = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._inner.register(self._poke, _IN)
        # Held by the thread that pumps.
        self._turn = threading.Lock()
        self._turns = 0
        self._pumping: int | None = None
        self._sleepers: deque[threading.Lock] = deque()
        # The service thread sits in `_outer`, which holds `_inner` (armed or not) and `_bell`.
        self._outer = select.epoll()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._outer.register(self._bell, _IN)
        self._outer.register(self._inner.fileno(), 0)
        self._armed = False
        self._sitting = False
        self._closing = False
        self._service = threading.Thread(target=self._serve, name="simactors-service", daemon=True)

    def start(self) -> None:
        """Start the service thread."""
        self._service.start()

    def close(self) -> None:
        """Stop the service thread and close every channel. Nobody may be waiting any more."""
        self._closing = True
        self.ring()
        os.eventfd_write(self._alarm, 1)
        # A signal handler of the user may call this in the middle of anything, even of our own turn.
        self._service.join(_PARTING_S)
        with nullcontext() if self.is_interrupted() else self._turn, self.lock:
            for channel in self._channels.values():
                channel.close()
            self._channels.clear()
            self._inner.close()
            self._outer.close()
            os.close(self._bell)
            os.close(self._alarm)
            os.close(self._poke)

    def is_interrupted(self) -> bool:
        """Whether the caller is a signal handler in the middle of this thread's own turn: it must not wait."""
        return self._pumping == threading.get_ident()

    def add(self, channel: Channel) -> None:
        """Serve this channel from now on."""
        fd = channel.fileno()
        self._channels[fd] = channel
        channel.watched = _IN
        self._inner.register(fd, _IN)

    def drop(self, channel: Channel) -> None:
        """Close this channel."""
        fd = channel.fileno()
        if self._channels.pop(fd, None) is not None:
            self._inner.unregister(fd)
        channel.close()

    def take_rest(self, channel: Channel) -> None:
        """Handle what a dead process has sent, and close the channel.

        All of it is in the socket. The end of the stream may never come: a child that the process has forked
        holds the other end open as well.
        """
        self._handle(channel, channel.receive(everything=True))
        self.drop(channel)

    def send(self, channel: Channel, message: Message, *, now: bool) -> None:
        """Send a message; under the lock.

        Args:
            now: do it at once; otherwise it may wait for others, at most until somebody waits or a tick passes.
        """
        if channel.closed:
            return
        if channel.post(message) >= BATCH or now:
            self.flush(channel)
        elif not channel.dirty:
            channel.dirty = True
            self._dirty.append(channel)
            if self._sitting:
                self.ring()

    def flush(self, channel: Channel) -> None:
        """Send what is queued; what the socket does not take now follows when it does."""
        if channel.closed:
            return
        wanted = _IN if channel.flush() else _IN | _OUT
        if channel.watched != wanted:
            channel.watched = wanted
            self._inner.modify(channel.fileno(), wanted)

    def ring(self) -> None:
        """Wake the service thread if it sits; it then looks at whatever is to be done."""
        os.eventfd_write(self._bell, 1)

    def poke(self) -> None:
        """Let all who wait look again."""
        os.eventfd_write(self._poke, 1)

    def ring_if_sitting(self) -> None:
        """Like `ring`, cheaper; may be called from anywhere, even from a destructor."""
        if self._sitting and not self._closing:
            os.eventfd_write(self._bell, 1)

    def flush_all(self) -> None:
        """Send what waits for company; under the lock."""
        if self._dirty:
            self._flush_dirty()

    def note(self) -> None:
        """Have `settle` called soon, by whoever pumps or by the service thread; may be called from anywhere."""
        self.noted = True
        self.ring_if_sitting()  # also if it was noted before: whoever did that need not have rung

    def settle_soon(self) -> None:
        """The same inside a `change`, whose end it is."""
        self.noted = True

    def settle(self) -> None:
        """Do what was noted, if anything was; under the lock."""
        while self.noted:
            self.noted = False
            self._settle()

    def drained(self) -> bool:
        """Whether everything posted was taken by the sockets."""
        return not self._dirty and all(c.watched == _IN for c in self._channels.values())

    # Waiting

    def wait_until(self, done: Callable[[], object], timeout_s: float | None) -> bool:
        """Pump, or let others pump, until `done()` or the time is up; pumps at least once.

        Returns:
            Whether `done()`.

        Raises:
            RuntimeError: called where nobody can wait: in a forked child, or in the middle of a change.
        """
        if done():
            return True
        self.change.check_process()
        me = threading.get_ident()
        if self.change.owner == me:
            raise RuntimeError(
                "get() and wait() can't be called here, in a callback of a ref's future or in a signal handler: "
                "messages are being handled. Do it in a thread of its own."
            )
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self.shield:
            if self._pumping == me:  # interrupted by a signal handler, which waits for something, too
                try:
                    return self._pump_until(done, deadline)
                finally:
                    self.poke()  # what the interrupted wait is for may have come meanwhile
            while True:
                if self._turn.acquire(blocking=False):
                    try:
                        return self._pump_until(done, deadline)
                    finally:
                        self._give_turn()
                left = _FOREVER if deadline is None else deadline - time.monotonic()
                if left <= 0:
                    return bool(done())
                self._sleep(done, left)
                if done():
                    return True

    def _pump_until(self, done: Callable[[], object], deadline: float | None) -> bool:
        self._turns += 1
        self._pumping = threading.get_ident()
        if self._armed:
            self._armed = False
            self._outer.modify(self._inner.fileno(), 0)
        while not self._closing:
            if self._dirty or self.noted:
                self._tidy()
            if done():  # before the first step, too: it may have come true before this thread had its turn
                return True
            if deadline is None:
                self._step(None)
            else:
                left = deadline - time.monotonic()
                self._step(max(left, 0))
                if left <= 0:
                    return bool(done())
        return bool(done())

    def _give_turn(self) -> None:
        self._pumping = None
        self._turn.release()
        if self._sleepers:
            self._wake_sleepers()
        # Nobody waits now: the service thread has to look after the channels.
        self.ring_if_sitting()

    def _sleep(self, done: Callable[[], object], left: float) -> None:
        bed = threading.Lock()
        bed.acquire()
        self._sleepers.append(bed)
        # The turn may have been given back before we lay down.
        if done() or not self._turn.locked():
            return
        covered = self.shield.covers_this_thread()
        try:
            if covered:
                self.shield.open()
            bed.acquire(timeout=min(left, _FOREVER))
        finally:
            if covered:
                self.shield.close()

    def _wake_sleepers(self) -> None:
        # Also without the turn: another thread may take the last one between a look and a `popleft`.
        with suppress(IndexError):
            while True:
                self._sleepers.popleft().release()

    def _step(self, timeout_s: float | None) -> None:
        """Wait for events once and handle them; the caller has the turn."""
        if self.shield.covers_this_thread():
            try:
                self.shield.open()
                events = self._inner.poll(timeout_s, _EVENTS)
            finally:
                self.shield.close()
        else:
            events = self._inner.poll(timeout_s, _EVENTS)
        self.change.begin()
        try:
            for fd, mask in events:
                channel = self._channels.get(fd)
                if channel is not None:
                    self._serve_channel(channel, mask)
                elif fd == self._poke:
                    with suppress(BlockingIOError):  # another thread may have done it
                        os.eventfd_read(self._poke)
        finally:
            self.change.end()
        if self._sleepers:
            self._wake_sleepers()

    def _serve_channel(self, channel: Channel, mask: int) -> None:
        if mask & _OUT:
            self.flush(channel)
        if mask & ~_OUT:
            self._handle(channel, channel.receive())
            if channel.closed:
                self.drop(channel)
                self._lost(channel)

    def _handle(self, channel: Channel, messages: Iterable[Message]) -> None:
        handlers = self._handlers
        for message in messages:
            try:
                handlers[type(message)](channel, message)
            except Exception as error:  # a fault of ours: what follows must not be taken for the truth
                self._failed(message, error)

    def _tidy(self) -> bool:
        """Settle, and send what waits for company.

        Returns:
            Whether something was settled: then somebody's condition may be true now.
        """
        self.change.begin()
        try:
            had_noted = self.noted
            self.settle()
            self._flush_dirty()
        finally:
            self.change.end()
        if had_noted:
            self._wake_sleepers()
        return had_noted

    def _flush_dirty(self) -> None:
        dirty, self._dirty = self._dirty, []
        for channel in dirty:
            channel.dirty = False
            self.flush(channel)

    # The service thread

    def _serve(self) -> None:
        seen, drowsy = -1, 0
        while not self._closing:
            time.sleep(TICK_S)
            if (self._dirty or self.noted) and self._tidy():
                self.poke()
            if self._turn.locked():
                drowsy = drowsy + 1 if self._turns == seen else 0
                if drowsy >= _DROWSY_TICKS:
                    self._sit()
                    drowsy = 0
            elif self._turns == seen:
                self._serve_alone()
            seen = self._turns

    def _serve_alone(self) -> None:
        """Nobody has pumped for a tick: pump, until somebody else does."""
        while not self._closing and self._turn.acquire(blocking=False):
            try:
                if self._dirty or self.noted:
                    self._tidy()
                self._step(0)
                self._outer.modify(self._inner.fileno(), _IN | select.EPOLLONESHOT)
                self._armed = True
            finally:
                self._turn.release()
            if self._sleepers:
                self._wake_sleepers()
            if self._sit():
                return

    def _sit(self) -> bool:
        """Sleep in the outer epoll until the bell rings, or messages come while `_inner` is armed.

        Returns:
            Whether it was not only messages.
        """
        self._sitting = True
        # Who gives its turn back before it sees `_sitting` does not ring: look again. The same for who posts.
        if (not self._armed and not self._turn.locked()) or self._closing or self._dirty or self.noted:
            self._sitting = False
            return True
        events = self._outer.poll()
        self._sitting = False
        if any(fd == self._bell for fd, _ in events):
            os.eventfd_read(self._bell)
            return True
        return False
