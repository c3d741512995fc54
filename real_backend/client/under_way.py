"""`UnderWay`: what can be done with calls that are under way; a part of `Client`.

See `Cancels`, `Streams` and `EndsActors` in `simactors.core.abilities`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from real_backend.client import streams
from real_backend.client.cancels import Cancels
from real_backend.client.pending import Calls
from real_backend.client.pump import Pump
from real_backend.client.shield import Shield
from real_backend.client.waiting import Waiting
from simactors.core.refs import ObjectRef


class UnderWay:
    """What a client must have for that is set by `Client`; safe for threads.

    Attributes:
        end_actor: what `exit_actor` does here.
    """

    shield: Shield
    pump: Pump
    waiting: Waiting
    end_actor: Callable[[], BaseException]
    _calls: Calls
    _cancels: Cancels
    _streams: streams.Streams
    _check_usable: Callable[[], None]

    def watch_replies(self, heard: Callable[[str], None]) -> None:
        """Tell `heard` of each answer to a call of this process, by the call's label, before anybody else hears."""
        self._calls.heard = heard

    def cancel(self, ref: ObjectRef[Any], *, force: bool, recursive: bool) -> None:
        """See `Cancels`."""
        entry = self.waiting.entry_of(ref)
        with self.pump.change:
            self._check_usable()
            self._cancels.cancel(entry, force=force, recursive=recursive)
        self.pump.poke()  # whoever waits for it, in another thread

    def next_item(self, stream: ObjectRef[Any], timeout_s: float | None) -> ObjectRef[Any] | None:
        """See `Streams`."""
        return self._streams.next_item(stream, timeout_s)

    def peek(self, stream: ObjectRef[Any]) -> ObjectRef[Any]:
        """See `Streams`."""
        return self._streams.peek(stream)

    def is_finished(self, stream: ObjectRef[Any]) -> bool:
        """See `Streams`."""
        return self._streams.find(stream).is_finished

    def end_this_actor(self) -> BaseException:
        """See `EndsActors`."""
        return self.end_actor()
