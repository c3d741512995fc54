"""What is behind refs and handles on Ray: Ray's own, and how they travel.

Ray counts its refs by pickling them. So a ref or handle of ours inside a value is pickled as Ray's, dressed up again
where it arrives.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ray

from simactors.core.ids import ActorID, ObjectID
from simactors.core.interface import ActorInterface, MethodSpec, Signature
from simactors.core.options import PLAIN_METHOD, MethodOptions
from simactors.core.outcome import Outcome, Value
from simactors.core.refs import ActorRef, DynamicObjectRefGenerator, ObjectRef
from simactors.ray_backend.errors import Raised


class RayObject:
    """An object of Ray's, or the stream of a generator.

    Attributes:
        ref: what Ray gave: an `ObjectRef`, or an `ObjectRefGenerator`.
    """

    __slots__ = ("ref",)

    def __init__(self, ref: Any) -> None:
        self.ref = ref

    @property
    def plain(self) -> Any:
        """The `ObjectRef`; of a generator, that of its end."""
        return self.ref.completed() if isinstance(self.ref, ray.ObjectRefGenerator) else self.ref

    @property
    def waitable(self) -> Any:
        """What `ray.wait` is to wait for."""
        return self.plain

    @property
    def id(self) -> int:
        """See `core.refs.Entry`."""
        return int.from_bytes(self.plain.binary(), "big")

    @property
    def object_id(self) -> ObjectID:
        """See `core.refs.Identified`."""
        return ObjectID(self.plain.binary())

    def travel(self) -> tuple[Any, ...]:
        """See `core.refs.Travels`."""
        return object_of, (self.plain,)

    def when_done(self, action: Callable[[Outcome], None]) -> None:
        """See `core.refs.Watchable`."""
        self.plain.future().add_done_callback(lambda future: action(outcome_of(future.result)))

    def wait_done(self, timeout_s: float | None) -> bool:
        """See `core.refs.Watchable`."""
        return bool(ray.wait([self.plain], timeout=timeout_s)[0])


class RayPeek:
    """The next item of a stream, as something to wait for; see `core.abilities.Streams.peek`."""

    __slots__ = ("waitable",)

    def __init__(self, generator: Any) -> None:
        self.waitable = generator

    @property
    def id(self) -> int:
        """See `core.refs.Entry`."""
        return int.from_bytes(self.waitable.completed().binary(), "big")

    def when_done(self, action: Callable[[Outcome], None]) -> None:
        """See `core.refs.Watchable`."""
        # Ray tells nobody when an item comes but who waits for it.
        threading.Thread(target=self._tell, args=(action,), daemon=True).start()

    def _tell(self, action: Callable[[Outcome], None]) -> None:
        self.wait_done(None)
        action(Value(None))

    def wait_done(self, timeout_s: float | None) -> bool:
        """See `core.refs.Watchable`."""
        return bool(ray.wait([self.waitable], timeout=timeout_s)[0])


class RayActor:
    """An actor of Ray's.

    Attributes:
        handle: Ray's.
    """

    __slots__ = ("_methods", "handle")

    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self._methods: dict[str, Any] = {}

    @property
    def id(self) -> int:
        """See `core.refs.Entry`."""
        return int.from_bytes(self.handle._actor_id.binary()[:12], "big")

    @property
    def actor_id(self) -> ActorID:
        """See `core.refs.IdentifiedActor`."""
        return ActorID(self.handle._actor_id.binary())

    def method(self, name: str) -> Any:
        """Ray's own of that name."""
        try:
            return self._methods[name]
        except KeyError:
            found = self._methods[name] = getattr(self.handle, name)
            return found

    def travel(self) -> tuple[Any, ...]:
        """See `core.refs.Travels`."""
        return actor_of, (self.handle,)


def outcome_of(read: Callable[[], Any]) -> Outcome:
    """What comes of reading a value, as an outcome."""
    try:
        return Value(_dressed(read()))
    except Exception as error:  # whatever the remote code raised
        return Raised(error)  # type: ignore[return-value]  # a failure in all that is asked of one


def _dressed(value: Any) -> Any:
    if isinstance(value, ray.DynamicObjectRefGenerator):
        return DynamicObjectRefGenerator(map(object_of, value))
    return value


def object_of(ref: Any) -> ObjectRef[Any]:
    """A ref of Ray's as one of ours."""
    return ObjectRef(RayObject(ref))


def actor_of(handle: Any, *, on_loop: bool = False) -> ActorRef:
    """A handle of Ray's as a ref of ours; see `interface_of`."""
    return ActorRef(RayActor(handle), interface_of(handle, on_loop=on_loop))


def interface_of(handle: Any, *, on_loop: bool = False) -> ActorInterface:
    """What can be called on an actor: Ray's handle knows.

    Args:
        on_loop: the actor is an async one, which its handle does not tell.
    """
    class_name = handle._ray_actor_creation_function_descriptor.class_name.rpartition(".")[2]
    return ActorInterface(
        class_name=class_name,
        methods={
            name: MethodSpec(
                name=name,
                label=f"{class_name}.{name}",
                signature=Signature(parameters),
                options=_options_of(handle, name),
                module=handle._ray_actor_creation_function_descriptor.module_name,
                needs_event_loop=on_loop,
                is_generator=bool(handle._ray_method_is_generator.get(name)),
            )
            for name, parameters in handle._ray_method_signatures.items()
        },
    )


def _options_of(handle: Any, name: str) -> MethodOptions:
    returns = handle._ray_method_num_returns.get(name)
    if handle._ray_method_is_generator.get(name) and returns in (None, 1, "streaming"):
        return MethodOptions(num_returns="streaming")
    return PLAIN_METHOD if returns in (None, 1) else MethodOptions(num_returns=returns)
