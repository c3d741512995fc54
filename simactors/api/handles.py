"""`ActorHandle` and its methods: where ``h.m.remote(x)`` becomes a frozen call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simactors.api import session
from simactors.api.generators import settle_returns, unwrap_refs
from simactors.core.calls import MethodCall
from simactors.core.ids import ActorID
from simactors.core.interface import MethodSpec
from simactors.core.options import MethodOptions, with_options
from simactors.core.refs import ActorRef

_new = tuple.__new__

NO_GRAPHS = (
    "simactors has no .bind(): it covers tasks and actors, not graphs (ray.dag); call .remote() instead"
)
"""What is said of what only Ray's graphs need."""


class ActorHandle:
    """A way to call an actor; copies of it may live in any process.

    Two handles are equal if they lead to the same actor.
    """

    __slots__ = ("__dict__", "__weakref__", "_actor")

    def __init__(self, actor: ActorRef) -> None:
        self._actor = actor

    def __getattr__(self, name: str) -> ActorMethod:
        if name == "_actor":  # a half-made handle is being looked at
            raise AttributeError(name)
        spec = self._actor.interface.methods.get(name)
        if spec is None:
            raise AttributeError(f"'ActorHandle' object has no attribute '{name}'")
        method = ActorMethod(self._actor, spec, spec.options)
        self.__dict__[name] = method  # the next time, Python finds it without asking here
        return method

    @property
    def _actor_id(self) -> ActorID:
        """Which actor; Ray programs look at it though it is private."""
        return self._actor.actor_id()

    @property
    def _ray_actor_id(self) -> ActorID:
        """The same, as older programs ask for it."""
        return self._actor.actor_id()

    def __dir__(self) -> list[str]:
        return sorted(self._actor.interface.methods)

    def __eq__(self, other: object) -> bool:
        return type(other) is ActorHandle and self._actor == other._actor

    def __hash__(self) -> int:
        return hash(self._actor)

    def __repr__(self) -> str:
        return f"Actor({self._actor.interface.class_name}, actor-{self._actor.entry.id})"

    # Not by way of __reduce__, which is for the way to other processes: a copy leads to the same actor.
    def __copy__(self) -> ActorHandle:
        return ActorHandle(self._actor)

    def __deepcopy__(self, memo: object) -> ActorHandle:
        return ActorHandle(self._actor)

    def __reduce__(self) -> tuple[Any, ...]:
        return ActorHandle, (self._actor,)


class ActorMethod:
    """A method of an actor, ready to be called with ``.remote(...)``."""

    __slots__ = ("_actor", "_arity", "_options", "_returns_ref", "_spec")

    def __init__(self, actor: ActorRef, spec: MethodSpec, options: MethodOptions) -> None:
        self._actor = actor
        self._spec = spec
        self._options = options
        self._arity = spec.signature.arity
        self._returns_ref = options.num_returns in (1, "dynamic")  # as nearly every method

    def remote(self, *args: Any, **kwargs: Any) -> Any:
        """Call the method; returns at once.

        Returns:
            A ref; a list of refs if `num_returns` > 1; None if it is 0; an `ObjectRefGenerator` if the method is a
            generator.

        Raises:
            TypeError: the arguments don't fit the method, or can't be serialized.
        """
        spec = self._spec
        if kwargs or len(args) != self._arity:
            spec.signature.check(args, kwargs)
        # A MethodCall like any other, without the Python frame of its constructor: this line runs for every call.
        call = _new(MethodCall, (self._actor, spec, args, kwargs, self._options))
        submit = session.active().submit_method
        refs = submit(call)
        return refs[0] if self._returns_ref else unwrap_refs(refs, self._options.num_returns)

    @property
    def actor(self) -> ActorHandle:
        """Whose method it is."""
        return ActorHandle(self._actor)

    @property
    def spec(self) -> MethodSpec:
        """What is known of it."""
        return self._spec

    @property
    def class_name(self) -> str:
        """Of the actor."""
        return self._actor.interface.class_name

    def __copy__(self) -> ActorMethod:
        return ActorMethod(self._actor, self._spec, self._options)

    def __deepcopy__(self, memo: object) -> ActorMethod:
        return ActorMethod(self._actor, self._spec, self._options)

    def __reduce__(self) -> tuple[Any, ...]:
        return ActorMethod, (self._actor, self._spec, self._options)

    def options(self, **changes: Any) -> ActorMethod:
        """The same method with other options for the calls made through it.

        Raises:
            ValueError, TypeError: an unknown option or a wrong value.
        """
        for name in changes:
            if (
                name not in MethodOptions.__struct_fields__
            ):  # a TypeError, though elsewhere Ray has a ValueError
                raise TypeError(f"options() of an actor method got an unexpected keyword argument {name!r}")
        settled = settle_returns(changes, is_generator=self._spec.is_generator, declared=False)
        changed = with_options(self._options, settled, what="actor methods")
        return ActorMethod(self._actor, self._spec, changed)

    def _remote(
        self, args: Sequence[Any] | None = None, kwargs: Mapping[str, Any] | None = None, **changes: Any
    ) -> Any:
        """``h.m.options(**changes).remote(*args, **kwargs)``; Ray programs use it though it is private."""
        method = self.options(**changes) if changes else self
        return method.remote(*(args or ()), **(kwargs or {}))

    def __getattr__(self, name: str) -> Any:
        if name == "bind":
            raise AttributeError(NO_GRAPHS)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __call__(self, *_: Any, **__: Any) -> None:
        """Refuse, as Ray does."""
        name = self._spec.name
        raise TypeError(
            f"Actor methods cannot be called directly. Instead of running 'object.{name}()', "
            f"try 'object.{name}.remote()'."
        )
