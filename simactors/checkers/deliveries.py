"""Deliveries: who sent a message to whom, and when it was received. Not what should hold of them: `ordering.py`."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simactors.core.history import History, Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message, or one call, on its way from a sender to a receiver.

    A place is a number that grows with time. For `fifo` it is enough that places are in order within each process; for
    `causal` one count must go through all sendings and receipts of all processes.

    Attributes:
        sender, receiver: processes by name: ``client-1``, ``Account#1``.
        message: which; only printed.
        sent: the place of its sending at the sender. What is sent to many at once is one delivery for each, all of the
            same place.
        received: the place at the receiver where it was received, or began to be executed; None if it never was.
    """

    sender: str
    receiver: str
    message: Any = ""
    sent: int
    received: int | None = None

    def __str__(self) -> str:
        return f"{self.message} from {self.sender} to {self.receiver}"


def _first_argument(operation: Operation) -> Hashable:
    if not operation.args:
        raise ValueError(f"no argument that could name the message: {operation}; give message=")
    return operation.args[0]  # type: ignore[no-any-return]  # whatever the program calls it by


def deliveries(
    history: History,
    logs: Mapping[str, Sequence[Hashable]],
    message: Callable[[Operation], Hashable] = _first_argument,
) -> Iterator[Delivery]:
    """The deliveries of a history, if the actors have written down what they executed; good for `fifo`.

    Args:
        history: what was asked of them. What was certainly refused is no delivery.
        logs: for each `Operation.target` the messages that it executed, in order.
        message: what names an operation in the log; its first argument, if not given.
    """
    places = {
        (target, name): place
        for target, log in logs.items()
        for place, name in reversed(list(enumerate(log)))  # of several executions the first counts
    }
    for operation in history:
        if operation.status != "refused":
            name = message(operation)
            yield Delivery(
                sender=operation.client,
                receiver=operation.target,
                message=name,
                sent=operation.called,
                received=places.get((operation.target, name)),
            )
