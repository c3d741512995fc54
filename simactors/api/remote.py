"""`remote` and `method`: how plain functions and classes become tasks and actors."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from simactors import exceptions
from simactors.api import placement, session
from simactors.api.generators import settle_returns, unwrap_refs
from simactors.api.handles import NO_GRAPHS, ActorHandle
from simactors.core import calls
from simactors.core.interface import MethodSpec, is_generator
from simactors.core.options import PLAIN_METHOD, ActorOptions, MethodOptions, TaskOptions, with_options

_METHOD_OPTIONS = "__simactors_method_options__"
_PLAIN_ACTOR, _PLAIN_TASK = ActorOptions(), TaskOptions()


def remote(*args: Any, **options: Any) -> Any:
    """Make a function a task or a class an actor: ``@remote``, ``@remote(num_cpus=2)``, ``remote(f)``.

    Returns:
        A `RemoteFunction` or an `ActorClass`; called with options only, the decorator that makes one.

    Raises:
        ValueError: an unknown option; the valid ones are listed.
        TypeError: neither a function nor a class.
    """
    if len(args) == 1 and not options and (inspect.isclass(args[0]) or callable(args[0])):
        return _make_remote(args[0], {})
    if args or not options:
        raise AssertionError(
            "The @remote decorator must be applied either with no arguments and no parentheses, for example "
            "'@remote', or it must be applied using some of the options of tasks or actors, for example "
            "'@remote(num_returns=2, num_cpus=1)'."
        )
    return functools.partial(_make_remote, options=options)


def method(*args: Any, **options: Any) -> Any:
    """Options for one method of an actor class: ``@method(num_returns=2)``.

    Raises:
        AssertionError: an option that methods have not; the valid ones are listed.
        ValueError, TypeError: a wrong value.
    """
    if len(args) == 1 and not options and callable(args[0]):
        return args[0]
    unknown = [name for name in options if name not in _OPTIONS_OF_METHODS]
    if args or unknown:
        problem = f"Unexpected keyword argument to @ray.method: '{unknown[0]}'. " if unknown else ""
        raise AssertionError(
            f"{problem}The @ray.method decorator must be applied using no arguments or at least one of the arguments "
            f"in the list {_OPTIONS_OF_METHODS}, for example '@ray.method(num_returns=2)'."
        )

    def annotate(function: Callable[..., Any]) -> Callable[..., Any]:
        settled = settle_returns(options, is_generator=is_generator(function), declared=True)
        setattr(function, _METHOD_OPTIONS, with_options(MethodOptions(), settled, what="actor methods"))
        return function

    return annotate


_OPTIONS_OF_METHODS = [
    "num_returns",
    "concurrency_group",
    "max_task_retries",
    "retry_exceptions",
    "_generator_backpressure_num_objects",
    "enable_task_events",
]


def _make_remote(target: Any, options: dict[str, Any]) -> Any:
    if inspect.isclass(target):
        if inspect.isabstract(target):  # as on Ray, which makes an instance of a class derived from it
            names = ", ".join(sorted(vars(target)["__abstractmethods__"]))
            raise TypeError(
                f"Can't instantiate abstract class {target.__name__}: it has abstract methods, {names}"
            )
        return ActorClass(target, with_options(_PLAIN_ACTOR, options, what="actors"))
    if not inspect.isfunction(target):
        raise TypeError(
            f"The @remote decorator must be applied to either a function or a class, not to {target!r}."
        )
    if inspect.iscoroutinefunction(target):
        raise ValueError(
            "'async def' should not be used for remote tasks. You can wrap the async function with "
            "`asyncio.run(f())`."
        )
    settled = settle_returns(options, is_generator=is_generator(target), declared=True)
    if settled.get("num_gpus") and settled.get("max_calls") is None:
        # As on Ray, where the decorator says so, and not `options`: the GPU's memory is free again after each call.
        settled = {**settled, "max_calls": 1}
    return RemoteFunction(target, with_options(_PLAIN_TASK, settled, what="remote functions"))


class RemoteFunction:
    """A function that runs as a task somewhere else: ``f.remote(...)``."""

    def __init__(
        self, function: Callable[..., Any], options: TaskOptions, made: calls.Function | None = None
    ) -> None:
        self._function = function
        self._options = options
        self._made = made
        functools.update_wrapper(self, function, updated=())

    def _described(self) -> calls.Function:
        # At the first use, not in the constructor: a function that refers to itself is unpickled together with this
        # object, and has neither defaults nor closure yet while this object is made.
        if self._made is None:
            name = self._function.__name__
            spec = MethodSpec.of(self._function, name, name, options=PLAIN_METHOD, skip_first=False)
            self._made = calls.Function(function=self._function, spec=spec)
        return self._made

    def remote(self, *args: Any, **kwargs: Any) -> Any:
        """Start the task; returns at once.

        Returns:
            A ref; a list of refs if `num_returns` > 1; None if it is 0; an `ObjectRefGenerator` if the function is a
            generator.

        Raises:
            TypeError: the arguments don't fit the function, or can't be serialized.
        """
        made = self._made or self._described()
        made.spec.signature.check(args, kwargs)
        options = self._options
        if options.scheduling_strategy is not None or options.num_gpus is not None:
            options = placement.check_task(made.spec.label, options)
        call = calls.TaskCall(made, args, kwargs, options)
        return unwrap_refs(session.active().submit_task(call), options.num_returns)

    def options(self, **changes: Any) -> RemoteFunction:
        """The same function with other options.

        Raises:
            ValueError, TypeError: an unknown option or a wrong value.
        """
        if "max_calls" in changes:
            raise ValueError("Setting 'max_calls' is not supported in '.options()'.")
        settled = settle_returns(changes, is_generator=is_generator(self._function), declared=False)
        changed = with_options(self._options, settled, what="remote functions")
        return RemoteFunction(self._function, changed, self._described())

    def _remote(
        self, args: Sequence[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **changes: Any
    ) -> Any:
        """``f.options(**changes).remote(*args, **kwargs)``; Ray programs use it though it is private."""
        function = self.options(**changes) if changes else self
        return function.remote(*(args or ()), **(kwargs or {}))

    def __getattr__(self, name: str) -> Any:
        if name == "bind":
            raise AttributeError(NO_GRAPHS)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __call__(self, *_: Any, **__: Any) -> None:
        """Refuse, as Ray does."""
        name = f"{self._function.__module__}.{self._function.__name__}"
        raise TypeError(
            f"Remote functions cannot be called directly. Instead of running '{name}()', "
            f"try '{name}.remote()'."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return RemoteFunction, (self._function, self._options, calls.Described(self._made))


class ActorClassMetadata(NamedTuple):
    """What Ray programs ask of an actor class.

    Attributes:
        class_name: its name.
        modified_class: the plain class that it was made of, which can be instantiated in the same process.
    """

    class_name: str
    modified_class: type


class ActorClass:
    """A class whose instances live in processes of their own: ``Cls.remote(...)``."""

    def __new__(cls, *args: Any) -> ActorClass:
        """Refuse a class statement that names an actor class as its base."""
        if len(args) == 3 and isinstance(args[1], tuple) and isinstance(args[2], dict):
            parents = " and ".join(repr(b.__name__) for b in args[1] if isinstance(b, ActorClass))
            raise exceptions.ActorClassInheritanceException(
                f"Attempted to define subclass '{args[0]}' of actor class {parents}. Inheriting from actor "
                "classes is not currently supported. You can instead inherit from a non-actor base class and "
                "make the derived class an actor class (with @remote)."
            )
        return super().__new__(cls)

    def __init__(self, cls: type, options: ActorOptions, made: calls.ActorClass | None = None) -> None:
        self._class = cls
        self._options = options
        self._made = made
        functools.update_wrapper(self, cls, updated=())

    def _described(self) -> calls.ActorClass:
        # At the first use, as in RemoteFunction: a class that refers to itself has no methods yet here.
        if self._made is None:
            self._made = calls.describe_class(self._class, _options_of_method)
        return self._made

    def remote(self, *args: Any, **kwargs: Any) -> ActorHandle:
        """Start an actor; returns its handle at once, the constructor runs later.

        Raises:
            TypeError: the arguments don't fit the constructor, or can't be serialized.
            ActorAlreadyExistsError: its name is taken (and not `get_if_exists`).
        """
        if self._options.get_if_exists and self._options.name is None:
            raise ValueError("The actor name must be specified to use `get_if_exists`.")
        made = self._described()
        made.constructor.signature.check(args, kwargs)
        creation = calls.Creation(made, args, kwargs, placement.check_actor(made, self._options))
        return ActorHandle(session.active().create_actor(creation))

    def options(self, **changes: Any) -> ActorClass:
        """The same class with other options.

        Raises:
            ValueError, TypeError: an unknown option or a wrong value.
        """
        if "concurrency_groups" in changes:
            raise ValueError("Setting 'concurrency_groups' is not supported in '.options()'.")
        changed = with_options(self._options, changes, what="actors")
        return ActorClass(self._class, changed, self._described())

    def _remote(
        self, args: Sequence[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **changes: Any
    ) -> ActorHandle:
        """``Cls.options(**changes).remote(*args, **kwargs)``; Ray programs use it though it is private."""
        cls = self.options(**changes) if changes else self
        return cls.remote(*(args or ()), **(kwargs or {}))

    @property
    def __ray_metadata__(self) -> ActorClassMetadata:
        """The plain class behind it; unit tests of Ray programs look there though it is private."""
        return ActorClassMetadata(self._class.__name__, self._class)

    def __dir__(self) -> list[str]:
        methods = (name for name in self._described().interface.methods if not name.startswith("_"))
        return sorted({*object.__dir__(self), *methods})

    def __getattr__(self, name: str) -> Any:
        if name == "bind" and not hasattr(self._class, name):
            raise AttributeError(NO_GRAPHS)
        if name.startswith("_"):
            raise AttributeError(f"'ActorClass' object has no attribute '{name}'")
        return getattr(self._class, name)  # constants and class methods of the plain class

    def __call__(self, *_: Any, **__: Any) -> None:
        """Refuse, as Ray does."""
        name = self._class.__name__
        raise TypeError(
            f"Actors cannot be instantiated directly. Instead of '{name}()', use '{name}.remote()'."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return ActorClass, (self._class, self._options, calls.Described(self._made))


def _options_of_method(member: Any) -> MethodOptions:
    found = getattr(member, _METHOD_OPTIONS, None)
    if isinstance(found, MethodOptions):
        return found
    return _STREAMING_METHOD if is_generator(inspect.unwrap(member)) else PLAIN_METHOD


_STREAMING_METHOD = MethodOptions(num_returns="streaming")
