"""A call and an actor's creation as frozen data: what `api` builds and every backend takes.

Nothing here runs anything.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import reprlib
import traceback
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from types import FunctionType, GeneratorType
from typing import Any, NamedTuple

from msgspec import Struct

from simactors.core import codec
from simactors.core.interface import ActorInterface, MethodSpec, Signature
from simactors.core.options import PLAIN_METHOD, ActorOptions, MethodOptions, TaskOptions
from simactors.core.outcome import text_of
from simactors.core.refs import ActorRef, ObjectRef
from simactors.exceptions import ObjectStoreFullError, RayError


class Function(Struct, frozen=True, kw_only=True, eq=False, weakref=True):
    """A remote function as backends see it: compared by identity, shipped once."""

    function: Callable[..., Any]
    spec: MethodSpec


class ActorClass(Struct, frozen=True, kw_only=True, eq=False, weakref=True):
    """An actor class as backends see it: compared by identity, shipped once.

    Attributes:
        attributes: what the class defines under the name of each method, as it stands there.
        functions: those of them that are plain functions, to be called with the instance.
        origin: what was exported, if this describes one process's own copy of it.
        around: where calls run, makes of the class, and of each bound method, what is called in its place; None: they
            are called themselves. For real backends.
    """

    cls: type
    interface: ActorInterface
    constructor: MethodSpec
    attributes: Mapping[str, Any]
    functions: Mapping[str, Callable[..., Any]]
    origin: ActorClass | None = None
    around: Callable[[Callable[..., Any], MethodSpec], Callable[..., Any]] | None = None

    def bind(self, instance: Any, name: str) -> Callable[..., Any]:
        """The method `name` of `instance`; see `bind`, which is for those who hold no description of the class."""
        attribute: Any = self.attributes[name]
        return attribute.__get__(instance, self.cls)  # type: ignore[no-any-return]

    def called(self, function: Callable[..., Any], spec: MethodSpec) -> Callable[..., Any]:
        """What is called in the place of the class, or of a bound method: see `around`."""
        return function if self.around is None else self.around(function, spec)


class Described(Struct, frozen=True):
    """A description that goes along with its remote function or actor class where a backend knows it there, too.

    Elsewhere it arrives as None, and what it described is described, and shipped, anew.
    """

    code: Function | ActorClass | None

    def __reduce__(self) -> tuple[Any, ...]:
        return _nothing, ()


def _nothing() -> None:
    return None


class TaskCall(NamedTuple):
    """Run a function somewhere."""

    function: Function
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    options: TaskOptions


class MethodCall(NamedTuple):
    """Run a method on an actor."""

    actor: ActorRef
    method: MethodSpec
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    options: MethodOptions


class Creation(NamedTuple):
    """Start an actor."""

    actor_class: ActorClass
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    options: ActorOptions


class Arguments(NamedTuple):
    """Packed arguments of one call.

    Attributes:
        packed: the pair (args, kwargs) in the codec's form, with placeholders for refs.
        refs: the refs that stood at top level; the callee gets their values.
    """

    packed: object
    refs: tuple[ObjectRef[Any], ...]

    def unpack(self, values: Sequence[Any] = ()) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Fresh args and kwargs; `values` are those of `refs`, in their order.

        Raises:
            RayError: an argument is one; as on Ray, that counts as a failed argument.
        """
        args, kwargs = codec.unpack(self.packed)

        def stand_aside(value: Any) -> Any:
            if type(value) is _Placeholder:
                value = values[value.index]
            elif type(value) is codec.Encoded:
                value = codec.decode(value)
            if isinstance(value, RayError):
                raise value
            return value

        return tuple(map(stand_aside, args)), {k: stand_aside(v) for k, v in kwargs.items()}


class _Placeholder(Struct, frozen=True):
    index: int


def pack_arguments(
    label: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, by_value: bool = False
) -> Arguments | tuple[Any, ...]:
    """Copy the arguments of a call to `label`, as of now.

    Returns:
        A plain tuple if the arguments are positional and nobody can change them: it needs no copy and is the
        common case. Otherwise `Arguments`.

    Raises:
        TypeError: one of them can't be serialized; the message names it.
    """
    if not kwargs:
        if len(args) == 1:  # most calls by far; a third of the price of the general test
            if type(args[0]) in codec.ATOMS:
                return args
        elif codec.ATOMS.issuperset(map(type, args)):
            return args
    refs: list[ObjectRef[Any]] = []
    # As on Ray, arguments travel one by one: what two of them share arrives twice.
    several = sum(type(v) not in codec.ATOMS for v in (*args, *kwargs.values())) > 1

    def stand_in(value: Any) -> Any:
        if type(value) is not ObjectRef:
            return codec.pack(value, by_value=by_value) if several else value
        refs.append(value)
        return _Placeholder(len(refs) - 1)

    try:
        pair = tuple(map(stand_in, args)), {k: stand_in(v) for k, v in kwargs.items()}
        return Arguments(codec.encode(pair, by_value=by_value), tuple(refs))
    except ObjectStoreFullError:
        raise  # the argument could be serialized
    except Exception as error:  # pickling runs the user's code
        culprit = _unserializable((*args, *kwargs.values()), by_value=by_value)
        raise unserializable("argument", culprit, error, f" for a task or actor {label}") from error


def unserializable(what: str, value: object, error: Exception, whither: str = "") -> TypeError:
    """The error for a value that can't be packed because of `error`; it can be made whatever the value is."""
    reason = f"{type(error).__name__}: {text_of(error)}"
    if isinstance(error, RecursionError):  # the words that Ray and cloudpickle have for it
        reason = "PicklingError: Could not pickle object as excessively deep recursion required."
    return TypeError(f"Could not serialize the {what} {_shown(value)}{whither}: {reason}")


_repr = reprlib.Repr()
_repr.maxother = _repr.maxstring = _repr.maxlong = 200


def _shown(value: object) -> str:
    """`value` in short: it may be nested too deeply, may be huge, and its own `__repr__` may raise."""
    try:
        return _repr.repr(value)
    except Exception:  # the user's code runs here
        return f"<{type(value).__qualname__}>"


def _unserializable(values: Sequence[Any], *, by_value: bool) -> Any:
    """The first of `values` that can't be packed by itself."""
    for value in values:
        try:
            codec.encode(value, by_value=by_value)
        except Exception:  # as in pack_arguments
            return value
    return values


def pack_results(value: Any, num_returns: int, *, by_value: bool = False) -> tuple[object, ...]:
    """The packed return values of a call with `num_returns` refs.

    Raises:
        ValueError: the call returned another number of values.
        TypeError: it returned something without a length, or unpicklable.
    """
    if type(value) is GeneratorType:
        value = take_items(value, num_returns)
    if num_returns == 1:
        return (codec.pack(value, by_value=by_value),)
    if num_returns == 0:
        return ()
    if inspect.isasyncgen(value):
        raise TypeError("'async_generator' object is not iterable")
    if len(value) != num_returns:
        raise ValueError(f"Task returned {len(value)} objects, but num_returns={num_returns}.")
    return tuple(codec.pack(v, by_value=by_value) for v in value)


def take_items(generator: Iterator[Any], num_returns: int) -> Any:
    """The return values that a returned generator stands for: as many items as there are refs, as on Ray."""
    items = list(itertools.islice(generator, num_returns))
    return items[0] if num_returns == 1 and items else items


class StreamingGeneratorStats(Struct):
    """What the ``yield`` of a streaming generator gives, as on Ray.

    That is why ``yield from range(3)`` fails there, and here: nothing can be sent to what is no generator.

    Attributes:
        object_creation_dur_s: how long it took to pack the item and to hand it on.
    """

    object_creation_dur_s: float = 0.0


_STATS = StreamingGeneratorStats()


def streamed(generator: Generator[Any, Any, Any]) -> Iterator[Any]:
    """The items of a streaming generator, which is told something after each as on Ray."""
    try:
        item = next(generator)
        while True:
            yield item
            item = generator.send(_STATS)
    except StopIteration:
        return


async def following(generator: AsyncGenerator[Any, Any], *, is_first: bool) -> Any:
    """The next item of an ``async`` one; `StopAsyncIteration` at the end."""
    return await generator.asend(None if is_first else _STATS)


def bind(instance: Any, name: str) -> Callable[..., Any]:
    """The method `name` of an actor's class, bound to `instance`.

    As in Ray, what the class defines is called, even if an attribute of the instance hides it
    (``self.total = 0`` beside ``def total(self)``): so no plain ``getattr(instance, name)``.
    """
    cls = type(instance)
    attribute: Any = BUILT_IN_METHODS.get(name) or _attribute(cls, name)
    return attribute.__get__(instance, cls)  # type: ignore[no-any-return]


def has_farewell(instance: Any) -> bool:
    """Whether an actor is to be told that its process ends, though nobody has killed it: as on Ray."""
    return callable(getattr(type(instance), "__ray_shutdown__", None))


def say_farewell(instance: Any) -> None:
    """Tell it; what that raises is printed, and changes nothing, unless it is Ctrl-C or ends a simulation."""
    try:
        bind(instance, "__ray_shutdown__")()
    except (Exception, SystemExit):  # the user's code may raise anything
        traceback.print_exc()


def _attribute(cls: type, name: str) -> Any:
    """What the class or one of its bases defines, as it stands there."""
    for base in cls.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")


def _attributes(cls: type) -> list[tuple[str, Any]]:
    """All that the class and its bases define, by name; what every object has is nobody's."""
    found: dict[str, Any] = {}
    for base in cls.__mro__:
        if base is not object:
            for name, attribute in base.__dict__.items():
                found.setdefault(name, attribute)
    return sorted(found.items(), key=lambda item: item[0])


class ActorExit(SystemExit):
    """Ends the actor whose method raises it, without a restart; ends a thread without a word."""

    def __init__(self) -> None:
        super().__init__(0)


def _ray_ready(self: object) -> bool:
    """Answers as soon as the actor is there."""
    return True


def _ray_call(self: object, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(self, *args, **kwargs)


def _ray_terminate(self: object) -> None:
    raise ActorExit


BUILT_IN_METHODS: Mapping[str, Any] = {
    "__ray_ready__": _ray_ready,
    "__ray_call__": _ray_call,
    "__ray_terminate__": _ray_terminate,
}
"""Methods that every actor has, as on Ray."""


@functools.lru_cache(maxsize=1000)
def _built_in_specs(class_name: str, module: str) -> Mapping[str, MethodSpec]:
    return {
        name: MethodSpec.of(
            function, name, f"{class_name}.{name}", options=PLAIN_METHOD, skip_first=True, module=module
        )
        for name, function in BUILT_IN_METHODS.items()
    }


def describe_class(cls: type, method_options: Callable[[Any], MethodOptions]) -> ActorClass:
    """Read an actor class: its functions, class methods and static methods, not its properties."""
    methods: dict[str, MethodSpec] = {}
    for name, found in _attributes(cls):
        member = getattr(cls, name, None)
        if not inspect.isfunction(member) and not inspect.ismethod(member):
            continue  # slots and C functions inherited from object
        methods[name] = MethodSpec.of(
            member,
            name,
            f"{cls.__name__}.{name}",
            options=method_options(member),
            skip_first=inspect.isfunction(member) and not isinstance(found, staticmethod),
            module=cls.__module__,
        )
    methods.update(_built_in_specs(cls.__name__, cls.__module__))
    constructor = methods.get("__init__") or MethodSpec(
        name="__init__",
        label=f"{cls.__name__}.__init__",
        signature=Signature([]),
        options=PLAIN_METHOD,
        module=cls.__module__,
    )
    interface = ActorInterface(class_name=cls.__name__, methods=methods)
    attributes = {name: BUILT_IN_METHODS.get(name) or _attribute(cls, name) for name in methods}
    functions = {name: found for name, found in attributes.items() if type(found) is FunctionType}
    return ActorClass(
        cls=cls, interface=interface, constructor=constructor, attributes=attributes, functions=functions
    )
