"""What can be called, and with which arguments: the part of a class or function that travels with its handles.

Plain data only: no code of the user's is in here, so that it can be sent anywhere.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CellType, CodeType, FunctionType
from typing import Any

from msgspec import Struct

from simactors.core.options import MethodOptions


class Signature:
    """What arguments a method takes; raises the `TypeError` of a wrong call where the call is written.

    A plain count decides the common case; everything else is `inspect.Signature.bind`.

    Attributes:
        least, most: how many positional arguments fit if there are no others.
        arity: that number, if there is only one that fits; else -1.
    """

    __slots__ = ("_parameters", "arity", "least", "most")

    def __init__(self, parameters: Sequence[inspect.Parameter]) -> None:
        # Defaults and annotations may be unpicklable, and nobody needs them: only "has one" counts.
        self._parameters = [
            inspect.Parameter(p.name, p.kind, default=p.empty if p.default is p.empty else None)
            for p in parameters
        ]
        positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        must_name = any(p.kind is p.KEYWORD_ONLY and p.default is p.empty for p in parameters)
        endless = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        self.least = sum(p.default is p.empty for p in positional)
        self.most = -1 if must_name else 2**31 if endless else len(positional)
        self.arity = self.least if self.least == self.most else -1

    @classmethod
    def of(cls, function: Callable[..., object], *, skip_first: bool) -> Signature:
        """The signature of `function`, without its `self` or `cls` if `skip_first`."""
        if type(function) is FunctionType and not function.__dict__.keys() & _OTHER_SIGNATURES:
            # A hunt defines the same functions anew for each run, of the same code.
            defaults, named = function.__defaults__, function.__kwdefaults__
            return _of_code(function.__code__, len(defaults or ()), tuple(named or ()), skip_first)
        return cls._read(function, skip_first=skip_first)

    @classmethod
    def _read(cls, function: Callable[..., object], *, skip_first: bool) -> Signature:
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):  # built-ins without one take what they take
            return cls.anything()
        if skip_first and parameters and parameters[0].kind is not inspect.Parameter.VAR_POSITIONAL:
            del parameters[0]
        return cls(parameters)

    @classmethod
    def anything(cls) -> Signature:
        """``(*args, **kwargs)``."""
        kinds = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
        return cls([inspect.Parameter(f"x{kind.value}", kind) for kind in kinds])

    def check(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Raise `TypeError` if the arguments don't fit."""
        if kwargs or not self.least <= len(args) <= self.most:
            inspect.Signature(self._parameters).bind(*args, **kwargs)

    @property
    def inspected(self) -> inspect.Signature:
        """The same as the standard library has it; defaults are there, but all None."""
        return inspect.Signature(self._parameters)

    def __reduce__(self) -> tuple[Any, ...]:
        return Signature, (self._parameters,)


_OTHER_SIGNATURES = {"__wrapped__", "__signature__"}


@functools.lru_cache(maxsize=4096)
def _of_code(
    code: CodeType, defaults: int, named_defaults: tuple[str, ...], skip_first: bool
) -> Signature:  # a key of the cache
    kwdefaults = dict.fromkeys(named_defaults)
    function = FunctionType(code, {}, None, (None,) * defaults, (CellType(),) * len(code.co_freevars) or None)
    function.__kwdefaults__ = kwdefaults or None
    return Signature._read(function, skip_first=skip_first)


def is_generator(function: Callable[..., object]) -> bool:
    """Whether `function` has a ``yield``, be it ``async`` or not."""
    if type(function) is FunctionType:  # as `inspect` says, too, after a long look
        return bool(function.__code__.co_flags & _GENERATORS)
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


_GENERATORS = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
_COROUTINES = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def _needs_event_loop(function: Callable[..., object]) -> bool:
    if type(function) is FunctionType and not function.__dict__:  # it may say otherwise, from Python 3.12 on
        return bool(function.__code__.co_flags & _COROUTINES)
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


class MethodSpec(Struct, frozen=True, kw_only=True):
    """One callable method of an actor class, or a remote function.

    Attributes:
        name: as written in the class.
        label: what errors and traces call it: ``Log.add``, ``boom``.
        module: where it was written; `RuntimeInfo.function_name` is ``module.label``.
        options: what `ray.method` said.
        needs_event_loop: written with ``async def``.
        is_generator: has a ``yield``; with `needs_event_loop`, an async generator.
    """

    name: str
    label: str
    signature: Signature
    options: MethodOptions
    module: str = ""
    needs_event_loop: bool = False
    is_generator: bool = False

    @classmethod
    def of(
        cls,
        function: Callable[..., Any],
        name: str,
        label: str,
        *,
        options: MethodOptions,
        skip_first: bool,
        module: str | None = None,
    ) -> MethodSpec:
        """The description of `function`.

        Args:
            skip_first: its first parameter is `self` or `cls`.
            module: that of the class, for a method; None for that of the function.
        """
        return cls(
            name=name,
            label=label,
            signature=Signature.of(function, skip_first=skip_first),
            options=options,
            module=module or function.__module__ or "",
            needs_event_loop=_needs_event_loop(function),
            is_generator=is_generator(function),
        )


class ActorInterface(Struct, frozen=True, kw_only=True):
    """What can be called on an actor; travels inside its handles."""

    class_name: str
    methods: Mapping[str, MethodSpec]


def in_places(
    signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    """Arguments with the names of their parameters: keywords at their parameters' places, and defaults only where
    something comes after them.

    What only ``**kwargs`` takes comes last, as pairs of name and value.

    Raises:
        TypeError: they don't fit.
    """
    bound = signature.bind(*args, **kwargs)
    given = set(bound.arguments)
    bound.apply_defaults()
    arguments = list(bound.arguments.items())
    while arguments and arguments[-1][0] not in given:
        arguments.pop()
    for name, value in arguments:
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            yield from ((name, item) for item in value)
        elif kind is inspect.Parameter.VAR_KEYWORD:
            yield from ((name, item) for item in value.items())
        else:
            yield name, value
