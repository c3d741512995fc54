"""A short notation for histories: who asked what, from which place to which, and what came of it."""

from __future__ import annotations

from typing import Any

from simactors.core.history import History, Operation


def did(client: str, name: str, *args: Any, at: tuple[int, int], says: Any = None, on: str = "") -> Operation:
    """An operation with an answer, which is raised if it is an exception."""
    status: Any = "raised" if isinstance(says, BaseException) else "returned"
    return Operation(
        client=client,
        name=name,
        args=args,
        target=on,
        called=at[0],
        returned=at[1],
        status=status,
        result=says,
    )


def lost(client: str, name: str, *args: Any, at: int, on: str = "") -> Operation:
    """An operation that was never answered."""
    return Operation(client=client, name=name, args=args, target=on, called=at)


def in_turn(*asked: tuple[Any, ...]) -> History:
    """One client's operations, one after the other: the name, the arguments, and last the answer."""
    return History.of(
        did("ann", name, *args, at=(2 * place, 2 * place + 1), says=says)
        for place, (name, *args, says) in enumerate(asked)
    )
