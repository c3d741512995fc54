"""Messages on the wire."""

from __future__ import annotations

from real_backend.frames import from_wire, to_wire
from real_backend.messages import Call, Message


def test_a_message_survives_its_way_as_a_plain_tuple() -> None:
    message: Message = Call(7, "add", (1, 2), True, (), 1, None)
    wire = to_wire(message)
    assert type(wire) is tuple
    assert from_wire(wire) == message
    assert type(from_wire(wire)) is Call
