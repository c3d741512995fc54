"""`Orders`: what this process is asked to run, made ready on receipt: what it carries counts from then on.

Not running it: `worker` takes it from the inbox, in the order of arrival.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from real_backend.client import births
from real_backend.client.exports import Imports
from real_backend.client.travel import Travel
from real_backend.control import Birth, Retire, Terminate
from real_backend.messages import Call, Define, Message, Task
from real_backend.transport import Channel
from simactors.core.codec import Encoded


class Orders:
    """Under the lock of the process.

    Attributes:
        inbox: from whom, and what.
        imports: the code for it.
        birth: how this process became an actor, without what that is made of; None if it is none.
    """

    def __init__(self, travel: Travel) -> None:
        self.inbox: deque[tuple[int, Message]] = deque()
        self.imports = Imports()
        self.birth: Birth | None = None
        self._travel = travel

    def handlers(self) -> dict[type, Callable[[Channel, Any], None]]:
        """What to call when a message comes, by its type."""
        return {
            Call: self._on_call,
            Task: self._on_call,
            Birth: self._on_birth,
            Terminate: self._on_other,
            Retire: self._on_other,
            Define: self._on_define,
        }

    def _on_other(self, channel: Channel, message: Any) -> None:
        """Nothing is to be made ready."""
        self.inbox.append((channel.peer, message))

    def _on_call(self, channel: Channel, message: Any) -> None:
        """A `Call` or a `Task`."""
        sender = channel.peer
        if not message.bare:
            packed, values = message.packed, message.values
            if values or (type(packed) is Encoded and (packed.carried or packed.buffers)):
                live = tuple(self._travel.incoming(v, sender) for v in values)
                message = replace(message, packed=self._travel.incoming(packed, sender), values=live)
        self.inbox.append((sender, message))

    def _on_birth(self, channel: Channel, message: Birth) -> None:
        """This process becomes an actor."""
        self.birth = replace(message, creation=b"")
        self.inbox.append((channel.peer, births.unpack(message, self.imports, self._travel)))

    def _on_define(self, channel: Channel, message: Define) -> None:
        """Code for what comes later."""
        definition = self._travel.incoming(message.definition, channel.peer)
        self.imports.add(message.digest, definition, message.sys_path)
