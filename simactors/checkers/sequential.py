"""A plain class as a specification: what its methods do when nobody else calls any.

States are pictures of an object, taken with `copy.deepcopy`, and compared by what is in them. Not for objects that
reach outside of themselves: files, sockets, locks, other actors.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Coroutine
from typing import Any

from simactors.checkers.values import ATOMS, has_own
from simactors.core.history import Operation
from simactors.exceptions import SpecificationError


class Picture:
    """An object as it once was; equal to another one if the same is in both, in the same order."""

    __slots__ = ("_form", "_object")

    def __init__(self, pictured: Any) -> None:
        self._object = pictured
        self._form = _form(pictured, [])

    def revive(self) -> Any:
        """A copy of the object as it was, to be changed."""
        return copy.deepcopy(self._object)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Picture) and bool(self._form == other._form)

    def __hash__(self) -> int:
        return hash(self._form)

    def __repr__(self) -> str:
        if has_own(type(self._object), "__repr__"):
            return repr(self._object)
        inside = getattr(self._object, "__dict__", {})
        return f"{type(self._object).__name__}({', '.join(f'{name}={value!r}' for name, value in inside.items())})"


class Sequential:
    """A specification made of a class: each operation is a call of the method of the same name.

    Args:
        cls: a plain class, or an actor class, whose plain class is taken.
        args, kwargs: for its constructor.

    Raises:
        TypeError: it is no class.
        SpecificationError: an object of it can't be copied; or, when it is used, it has no such method, or one that
            waits.

    Examples:
        >>> class Account:
        ...     def __init__(self, balance):
        ...         self.balance = balance
        ...     def withdraw(self, amount):
        ...         self.balance -= amount
        ...         return self.balance
        >>> account = Sequential(Account, 100)
        >>> account.apply(account.initial, Operation(client="ann", name="withdraw", args=(30,), called=0))
        (Account(balance=70), 70)
    """

    def __init__(self, cls: Any, *args: Any, **kwargs: Any) -> None:
        self._class = _plain(cls)
        try:
            self.initial = Picture(copy.deepcopy(self._class(*args, **kwargs)))
        except TypeError as error:
            raise SpecificationError(f"{self._class.__name__} can't be a specification: {error}") from error

    def apply(self, state: Picture, operation: Operation) -> tuple[Picture, Any]:
        """Call the method, on a copy; what it raises is an answer, and what it changed before does not count.

        Raises:
            SpecificationError: there is no such method, or it waits for something.
        """
        method = getattr(self._class, operation.name, None)
        if not callable(method) or operation.name.startswith("_"):
            raise SpecificationError(
                f"{self._class.__name__} does not know `{operation.name}`; it knows {', '.join(self._methods())}"
            )
        revived = state.revive()
        result = getattr(revived, operation.name)(*copy.deepcopy(operation.args))
        if inspect.iscoroutine(result):
            result = self._finished(result, operation)
        return Picture(revived), copy.deepcopy(result)

    def kind(self, operation: Operation) -> Any:
        """Who asks does not matter."""
        return operation.name, operation.args

    def _methods(self) -> list[str]:
        return sorted(
            name
            for name in dir(self._class)
            if not name.startswith("_") and callable(getattr(self._class, name))
        )

    def _finished(self, waiting: Coroutine[Any, Any, Any], operation: Operation) -> Any:
        """What an ``async`` method returns; there is no loop that it could wait on, and nobody else to wait for."""
        try:
            waiting.send(None)
        except StopIteration as end:
            return end.value
        except RuntimeError as error:
            if str(error) != "no running event loop":
                raise
        waiting.close()
        raise SpecificationError(
            f"{self._class.__name__}.{operation.name} waits for something: nothing else runs here"
        )


def _plain(cls: Any) -> Any:
    """The class itself, also of one that was made an actor class, here or by Ray."""
    if isinstance(cls, type):
        return cls
    plain = getattr(cls, "__wrapped__", None) or getattr(
        getattr(cls, "__ray_metadata__", None), "modified_class", None
    )
    if not isinstance(plain, type):
        raise TypeError(f"Sequential needs a class, not {cls!r}")
    return plain


def _form(value: Any, around: list[Any]) -> Any:
    """What is in a value, as something hashable: in its order, and with its types, for both may matter to a method."""
    kind = type(value)
    if kind in ATOMS:
        return value if kind in (int, str, type(None)) else (kind.__name__, repr(value))
    if isinstance(value, type) or callable(value):
        return value
    for depth, outer in enumerate(around):
        if outer is value:
            return ("around", depth)
    around = [*around, value]
    if kind in (list, tuple):
        return (kind.__name__, *(_form(item, around) for item in value))
    if kind in (set, frozenset):
        return (kind.__name__, frozenset(_form(item, around) for item in value))
    if kind is dict:
        return ("dict", *((_form(key, around), _form(item, around)) for key, item in value.items()))
    return _form_of_parts(value, around)


def _form_of_parts(value: Any, around: list[Any]) -> Any:
    """An object, by what `copy` would make it of."""
    parts = value.__reduce_ex__(4)
    if isinstance(parts, str):
        return parts
    made = (list(part) if number >= 3 and part is not None else part for number, part in enumerate(parts))
    return (type(value), *(_form(part, around) for part in made))
