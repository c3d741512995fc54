"""How a call ended, as a value: `Value` or `Failure`.

A user's exception travels as an `Outcome` and is raised in one place only, `unwrap()`, in the process
that asked. Each `unwrap()` gives a fresh copy.
"""

from __future__ import annotations

import traceback
from types import TracebackType
from typing import Any

from simactors import exceptions
from simactors.core import codec


class Value:
    """The call returned."""

    __slots__ = ("packed",)
    ok = True

    def __init__(self, packed: object) -> None:
        self.packed = packed

    def unwrap(self) -> Any:
        """A copy of the value; an error of Ray's is raised, as on Ray, though code has returned or put it."""
        packed = self.packed
        if type(packed) is not codec.Encoded:
            return packed
        value = codec.decode(packed)
        if isinstance(value, exceptions.RayError):
            raise value
        return value


class Failure:
    """The call raised, or will never answer.

    Attributes:
        packed: the packed exception, or None if it can't be packed.
        text: what to show instead if the exception can't be rebuilt in the process that asks.
    """

    __slots__ = ("packed", "text")
    ok = False

    def __init__(self, packed: object, text: str) -> None:
        self.packed = packed
        self.text = text

    def error(self) -> Exception:
        """The exception to raise: a new object at each call."""
        if self.packed is None:
            return exceptions.UnserializableException(self.text)
        try:
            error = codec.unpack(self.packed)
        except Exception:  # a user's exception class may do anything when it is rebuilt
            return exceptions.UnserializableException(self.text)
        if isinstance(error, exceptions.RayTaskError):
            return error.as_instanceof_cause()
        return error  # type: ignore[no-any-return]  # packed by `failure`, so it is an exception

    def unwrap(self) -> Any:
        """Raise the error."""
        raise self.error()


Outcome = Value | Failure


def failure(error: Exception, *, by_value: bool = False) -> Failure:
    """`error`, packed for its way to whoever asks."""
    text = f"{_name_of(error)}: {text_of(error)}"
    try:
        return Failure(codec.encode(error, by_value=by_value), text)
    except KeyboardInterrupt:
        raise
    except BaseException:  # as above: pickling runs the user's code
        return Failure(None, text)


def task_failure(function_name: str, error: BaseException, where: str, *, by_value: bool = False) -> Failure:
    """What a call ends with if the user's code raised `error` in the process called `where`."""
    try:
        return _described(function_name, error, where, by_value=by_value)
    except (Exception, SystemExit) as fault:  # describing runs the user's code, on whatever stack it has left
        return in_words(function_name, error, where, fault)


def in_words(function_name: str, error: BaseException, where: str, fault: BaseException) -> Failure:
    """The last resort where describing `error` has failed by `fault`: nothing but texts that can be sent."""
    words = f"{_name_of(error)}: {text_of(error)}"
    text = f"{words}\n(Where it was raised can't be told: that has raised {_name_of(fault)}.)"
    told = exceptions.RayError(words)
    cause = _interruption(function_name) if isinstance(error, KeyboardInterrupt) else told
    return failure(exceptions.RayTaskError(function_name, text, cause, where))


def _described(function_name: str, error: BaseException, where: str, *, by_value: bool) -> Failure:
    # As in Ray, a remote error that passes through unhandled keeps its first cause, so that
    # `except ValueError` works however many processes lie in between.
    cause = error.cause if isinstance(error, exceptions.RayTaskError) else error
    if isinstance(cause, KeyboardInterrupt):
        cause = _interruption(function_name)
    text = format_user_traceback(error)
    told = exceptions.RayTaskError(function_name, text, cause, where)
    if by_value:  # it leaves this process, and its frames with it
        told.frames = error.frames if isinstance(error, exceptions.RayTaskError) else _frames_of(error)
    packed = failure(told, by_value=by_value)
    if packed.packed is None:  # as on Ray, what was raised is told in words then
        words = f"Exception {_name_of(cause)} isn't serializable: {text_of(cause)}"
        told.cause = exceptions.RayError(words)
        told.args = (function_name, text, told.cause, where)
        told.frames = None
        packed = failure(told, by_value=by_value)
    return packed


def _interruption(function_name: str) -> exceptions.TaskCancelledError:
    return exceptions.TaskCancelledError(f"{function_name} raised KeyboardInterrupt")


def dependency_failure(function_name: str, cause: Exception, *, by_value: bool = False) -> Failure:
    """What a call ends with if one of its ref arguments failed with `cause`, whatever that is; the code never ran."""
    kind = "RayTaskError" if isinstance(cause, exceptions.RayTaskError) else type(cause).__name__
    text = (
        "  At least one of the input arguments for this task could not be computed:\n"
        f"{type(cause).__module__}.{kind}: {cause}"
    )
    first = cause.cause if isinstance(cause, exceptions.RayTaskError) else cause
    return failure(exceptions.RayTaskError(function_name, text, first), by_value=by_value)


def is_one_of(error: BaseException, classes: tuple[type[BaseException], ...]) -> bool:
    """Whether it is an instance of one of the user's `classes`, as far as they can say."""
    try:
        return isinstance(error, classes)
    except Exception:  # their metaclass may do anything when it is asked
        return False


def format_user_traceback(error: BaseException) -> str:
    """The traceback from the user's first frame on: ours above it say nothing to the user."""
    try:
        told = traceback.TracebackException(
            type(error), error, _first_of_user(error), lookup_lines=False, compact=True
        )
        _shorten(told)
        return "".join(told.format()).rstrip()
    except (Exception, SystemExit):  # an exception may be anything the user has made of it
        return f"{_name_of(error)}: {text_of(error)}"


def text_of(error: BaseException) -> str:
    """`str`, even if the user's own raises."""
    try:
        return str(error)
    except BaseException as fault:  # as `traceback` does
        return f"<its __str__ raised {_name_of(fault)}>"


_KEPT = 50
"""So many frames, and errors in a chain, are told from the beginning, and as many from the end.

Python shortens only what repeats line by line: two functions that call each other for ever give a thousand frames.
"""


class _Shortened(traceback.StackSummary):
    """The first and the last frames."""

    def format(self, **options: Any) -> list[str]:
        begin, end = self.from_list(self[:_KEPT]), self.from_list(self[-_KEPT:])
        left_out = f"  [{len(self) - 2 * _KEPT} frames are left out here]\n"
        return [*begin.format(**options), left_out, *end.format(**options)]


def _shorten(told: traceback.TracebackException) -> None:
    chain = [told]
    while (before := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(before)
    if len(chain) > 2 * _KEPT:
        chain[_KEPT - 1].__cause__ = chain[-_KEPT]
        chain[_KEPT:-_KEPT] = []
    for each in chain:
        if len(each.stack) > 2 * _KEPT:
            each.stack = _Shortened(each.stack)
        for part in getattr(each, "exceptions", None) or ():  # of a group
            _shorten(part)


def _name_of(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _frames_of(error: BaseException) -> dict[str, Any] | None:
    """Where `error` was raised, from the user's first frame on, as data that can be sent."""
    try:
        import tblib  # type: ignore[import-untyped]
    except OSError:  # no descriptor is left to read it with; the text says the same
        return None
    first = _first_of_user(error)
    if first is None:
        return None
    frames = [frame := tblib.Traceback(first)]
    while frame := frame.tb_next:
        frames.append(frame)
    if (
        len(frames) > 2 * _KEPT
    ):  # what it is made into is nested frame by frame, so as deep as the user's stack was
        frames[_KEPT - 1].tb_next = frames[-_KEPT]
    return frames[0].to_dict()  # type: ignore[no-any-return]  # tblib has no types


def _first_of_user(error: BaseException) -> TracebackType | None:
    frame: TracebackType | None = error.__traceback__
    while frame is not None and _is_ours(frame):
        frame = frame.tb_next
    return error.__traceback__ if frame is None else frame


def _is_ours(frame: TracebackType) -> bool:
    module: str = frame.tb_frame.f_globals.get("__name__", "")
    return module.partition(".")[0] in ("simactors", "real_backend")
