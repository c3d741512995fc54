"""Deliveries of a history, from what the actors have written down. Not what should hold of them: `ordering.py`."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

from simactors.core.history import Delivery, History, Operation


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
