"""What Ray raises in the words of `simactors.exceptions`: programs catch the same classes on every backend."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray.exceptions

from simactors import exceptions

_HEAD = re.compile(r".*?ray::(?P<function>.*?)\(\)(?: \((?P<where>.*)\))?")
"""How the text of a remote error begins."""

_ORPHANS = re.compile(r"\A(?:[ ]*[~^]+\n)+")
"""What Ray leaves of its own frames: the carets of Python 3.11 under lines that are not there."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Raised:
    """The outcome of a call that failed; see `core.outcome.Failure`."""

    __slots__ = ("_error",)
    ok = False

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def error(self) -> BaseException:
        """The exception to raise."""
        return translated(self._error)

    def unwrap(self) -> Any:
        """Raise it."""
        raise self.error() from None


def translated(error: BaseException) -> BaseException:
    """`error`, or what stands for it here if it is one of Ray's."""
    if isinstance(error, ray.exceptions.RayTaskError):
        return _task_error(error).as_instanceof_cause()
    if not isinstance(error, ray.exceptions.RayError):
        return error
    for kind in type(error).__mro__:  # Ray has some that we have not: then what they are instances of
        ours = getattr(exceptions, kind.__name__, None)
        if ours is not None and kind.__module__.startswith("ray."):
            made: BaseException = ours(str(error))
            if isinstance(made, exceptions.RayActorError):
                made.actor_id = getattr(error, "actor_id", None)
            return made
    return exceptions.RaySystemError(f"{type(error).__name__}: {error}")


def _task_error(error: Any) -> exceptions.RayTaskError:
    cause: BaseException = translated(error.cause)
    # What passed through a process of ours unhandled was translated there, and holds its first cause.
    if isinstance(cause, exceptions.RayTaskError):
        cause = cause.cause
    # What Ray raises, as an instance of its cause's class, has lost its fields; the text has them.
    head, _, text = _COLOURS.sub("", str(error)).partition("\n")
    found = _HEAD.fullmatch(head)
    if found is None:
        return exceptions.RayTaskError("a task", str(error), cause)
    return exceptions.RayTaskError(found["function"], _ORPHANS.sub("", text), cause, found["where"])


@contextmanager
def translating() -> Iterator[None]:
    """Inside, what Ray raises comes out as ours."""
    try:
        yield
    except ray.exceptions.RayError as error:
        raise translated(error) from None
