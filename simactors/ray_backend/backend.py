"""`RayBackend`: every promise of `core.backend.Backend` and of `core.abilities`, kept by Ray.

In the driver `init(backend="ray")` opens it; in Ray's workers it is there by itself (`core.backend.around`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import ray
import ray.exceptions
import ray.util
from ray.util.placement_group import placement_group, placement_group_table, remove_placement_group

from simactors.core.abilities import GroupInfo
from simactors.core.backend import Settings
from simactors.core.calls import (
    BUILT_IN_METHODS,
    ActorClass,
    ActorExit,
    Creation,
    Function,
    MethodCall,
    TaskCall,
)
from simactors.core.interface import MethodSpec
from simactors.core.options import PLAIN_METHOD, ActorOptions, TaskOptions
from simactors.core.outcome import Outcome
from simactors.core.refs import ActorRef, ObjectRef, foreign
from simactors.ray_backend.chronicle import write_deaths
from simactors.ray_backend.entries import RayActor, RayObject, RayPeek, actor_of, object_of, outcome_of
from simactors.ray_backend.errors import Raised, translated, translating
from simactors.ray_backend.joining import join
from simactors.ray_backend.knowing import Knowing
from simactors.ray_backend.options import group_of, number_of, to_ray


def open_backend(settings: Settings) -> RayBackend:
    """Join Ray; raises what `join` does."""
    return RayBackend(owns=join(settings))


class RayBackend(Knowing):
    """The Ray that this process is connected to. Safe for threads, as Ray is.

    Args:
        owns: `close` ends the connection.
    """

    name = "ray"

    def __init__(self, *, owns: bool) -> None:
        self._owns = owns
        self._functions: WeakKeyDictionary[Function, Any] = WeakKeyDictionary()
        self._classes: WeakKeyDictionary[ActorClass, Any] = WeakKeyDictionary()
        # What `wait` has read already on behalf of the `read`s that follow it in the same thread; by entry, and not by
        # its `id`: what an interrupt leaves there must not be found by another entry at that address.
        self._got = threading.local()

    # Submission

    def submit_task(self, call: TaskCall) -> list[ObjectRef[Any]]:
        """See `Backend`."""
        function = self._function(call.function, call.options)
        options = {} if call.options == _PLAIN_TASK else to_ray(call.options)
        options.pop("max_calls", None)
        if call.function.spec.is_generator:  # Ray's default for those is another one
            options["num_returns"] = call.options.num_returns
        if options:
            function = function.options(**options)
        with translating():
            return _refs(function.remote(*map(_argument, call.args), **_keyword_arguments(call.kwargs)))

    def _function(self, described: Function, options: TaskOptions) -> Any:
        """Ray's own, with what only its decorator may be told."""
        found = self._functions.get(described)
        if found is None:
            decorate = ray.remote(max_calls=options.max_calls) if options.max_calls else ray.remote
            found = self._functions[described] = decorate(described.function)
        return found

    def submit_method(self, call: MethodCall) -> list[ObjectRef[Any]]:
        """See `Backend`."""
        method = _entry(call.actor).method(call.method.name)
        options = call.options
        if options is not call.method.options and options != call.method.options:
            method = method.options(**to_ray(options, call.method.options))
        if call.kwargs:
            with translating():
                return _refs(method.remote(*map(_argument, call.args), **_keyword_arguments(call.kwargs)))
        try:  # as `translating` does, but faster: this is the call that there are most of
            return _refs(method.remote(*map(_argument, call.args)))
        except ray.exceptions.RayError as error:
            raise translated(error) from None

    # Actors

    def create_actor(self, creation: Creation) -> ActorRef:
        """See `Backend`."""
        actor_class = self._class(creation.actor_class, creation.options)
        options = to_ray(creation.options)
        options.pop("concurrency_groups", None)
        if options:
            actor_class = actor_class.options(**options)
        with translating():
            handle = actor_class.remote(*map(_argument, creation.args), **_keyword_arguments(creation.kwargs))
        return ActorRef(RayActor(handle), creation.actor_class.interface)

    def _class(self, described: ActorClass, options: ActorOptions) -> Any:
        """Ray's own, with what only its decorator may be told. One for all, because each is sent as it then is."""
        found = self._classes.get(described)
        if found is None:
            for spec in described.interface.methods.values():
                _declare(described.cls, spec)
            cls = described.cls if described.around is None else _with_around(described)
            groups = options.concurrency_groups
            decorate = ray.remote(concurrency_groups=groups) if groups else ray.remote
            found = self._classes[described] = decorate(cls)
        return found

    def find_actor(self, name: str, namespace: str | None) -> ActorRef | None:
        """See `Backend`."""
        try:
            return actor_of(ray.get_actor(name, namespace))
        except ValueError:
            return None

    def kill(self, actor: ActorRef, *, no_restart: bool) -> None:
        """See `Backend`."""
        ray.kill(_entry(actor).handle, no_restart=no_restart)

    def cancel(self, ref: ObjectRef[Any], *, force: bool, recursive: bool) -> None:
        """See `Cancels`."""
        ray.cancel(_object(ref).ref, force=force, recursive=recursive)

    def end_this_actor(self) -> BaseException:
        """See `EndsActors`."""
        ray.actor.exit_actor()
        return ActorExit()  # Ray has raised its own

    # Objects

    def put(self, value: object) -> ObjectRef[Any]:
        """See `Backend`."""
        with translating():
            return object_of(ray.put(value))

    def adopt(self, ref: Any) -> ObjectRef[Any] | None:
        """See `Adopts`."""
        return object_of(ref) if isinstance(ref, ray.ObjectRef) else None

    def register_serializer(
        self, cls: type, serializer: Callable[[Any], object], deserializer: Callable[[Any], Any]
    ) -> None:
        """See `TakesSerializers`."""
        ray.util.register_serializer(cls, serializer=serializer, deserializer=deserializer)

    def deregister_serializer(self, cls: type) -> None:
        """See `TakesSerializers`."""
        ray.util.deregister_serializer(cls)

    def wait(
        self,
        refs: Sequence[ObjectRef[Any]],
        num_returns: int,
        timeout_s: float | None,
        *,
        stop_at_error: bool = False,
    ) -> list[ObjectRef[Any]]:
        """See `Backend`."""
        if stop_at_error and num_returns == len(refs):
            return self._get(refs, timeout_s)
        return self._wait(refs, num_returns, timeout_s)

    def _get(self, refs: Sequence[ObjectRef[Any]], timeout_s: float | None) -> list[ObjectRef[Any]]:
        """What `get` waits for is read here, in one question to Ray; `read` finds it."""
        entries = [_object(ref) for ref in refs]
        try:
            values = ray.get([entry.plain for entry in entries], timeout=timeout_s)
        except ray.exceptions.GetTimeoutError:
            return self._wait(refs, len(refs), 0)
        except Exception as error:  # whatever the remote code raised
            if len(refs) == 1:
                self._got.outcomes = {entries[0]: Raised(error)}
                return list(refs)
            return self._failed_of(refs)
        self._got.outcomes = {
            entry: outcome_of(lambda value=value: value)  # type: ignore[misc]
            for entry, value in zip(entries, values, strict=True)
        }
        return list(refs)

    def _failed_of(self, refs: Sequence[ObjectRef[Any]]) -> list[ObjectRef[Any]]:
        """Those that are ready, one of which has failed, alone: which one, Ray does not say."""
        ready = self._wait(refs, len(refs), 0)
        failed = [ref for ref in ready if not self.read(ref).ok]
        return failed[:1] or ready

    def _wait(
        self, refs: Sequence[ObjectRef[Any]], num_returns: int, timeout_s: float | None
    ) -> list[ObjectRef[Any]]:
        waitables = [_waitable(ref) for ref in refs]
        ready, _ = ray.wait(waitables, num_returns=num_returns, timeout=timeout_s)
        done = {id(waitable) for waitable in ready}
        return [ref for ref, waitable in zip(refs, waitables, strict=True) if id(waitable) in done]

    def read(self, ref: ObjectRef[Any]) -> Outcome:
        """See `Backend`."""
        entry: Any = ref.entry
        outcomes: dict[RayObject, Outcome] = getattr(self._got, "outcomes", {})
        found = outcomes.pop(entry, None)
        return outcome_of(lambda: ray.get(entry.plain)) if found is None else found

    # Generators

    def next_item(self, stream: ObjectRef[Any], timeout_s: float | None) -> ObjectRef[Any] | None:
        """See `Streams`."""
        generator = _object(stream).ref
        if timeout_s is not None and not ray.wait([generator], timeout=timeout_s)[0]:
            return None
        item = next(generator)
        if item == generator.completed():  # so Ray tells of a call that has failed: `api` does that
            raise StopIteration
        return object_of(item)

    def peek(self, stream: ObjectRef[Any]) -> ObjectRef[Any]:
        """See `Streams`."""
        return ObjectRef(RayPeek(_object(stream).ref))

    def is_finished(self, stream: ObjectRef[Any]) -> bool:
        """See `Streams`."""
        return bool(_object(stream).ref.is_finished())

    # Placement groups

    def create_group(
        self,
        bundles: Sequence[Mapping[str, float]],
        strategy: str,
        *,
        name: str,
        detached: bool,
        bundle_label_selector: Sequence[Mapping[str, str]] = (),
    ) -> int:
        """See `PlacesGroups`."""
        more: dict[str, Any] = {}
        if bundle_label_selector:
            more["bundle_label_selector"] = [dict(selector) for selector in bundle_label_selector]
        lifetime = "detached" if detached else None
        made = placement_group(
            [dict(b) for b in bundles], strategy=strategy, name=name, lifetime=lifetime, **more
        )
        return number_of(made.id.hex())

    def placed(self, group_id: int) -> ObjectRef[Any]:
        """See `TellsOfPlacing`."""
        return object_of(group_of(group_id).ready())

    def remove_group(self, group_id: int) -> None:
        """See `PlacesGroups`."""
        remove_placement_group(group_of(group_id))

    def groups(self) -> list[GroupInfo]:
        """See `PlacesGroups`."""
        table: Mapping[str, Any] = placement_group_table()
        return [_group_info(row) for row in table.values()]

    # The end

    def close(self) -> None:
        """See `Backend`."""
        if ray.is_initialized():
            write_deaths()
        if self._owns and ray.is_initialized():
            ray.shutdown(_exiting_interpreter=True)  # which waits for what workers have printed last


_PLAIN_TASK = TaskOptions()


def _declare(cls: type, spec: MethodSpec) -> None:
    """Say to Ray what `simactors.method` has said of a method."""
    said = {} if spec.options is PLAIN_METHOD else to_ray(spec.options)
    if spec.is_generator:
        said["num_returns"] = spec.options.num_returns
        if spec.options.num_returns == "streaming":
            del said["num_returns"]  # its default
    function = getattr(cls, spec.name, None)
    if said and function is not None:
        ray.method(**said)(getattr(function, "__func__", function))


def _with_around(described: ActorClass) -> type:
    """The class with something around its methods: one of the same name, derived from it, as Ray itself derives one.

    The user's own stays as it is: it may be used in this process as well.
    """
    cls, around = described.cls, described.around
    assert around is not None
    own = {
        name: around(function, described.interface.methods[name])
        for name, function in described.functions.items()
        if name not in BUILT_IN_METHODS
    }
    names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    return type(cls)(cls.__name__, (cls,), {**names, **own})


def _argument(value: Any) -> Any:
    """Ray resolves refs at top level, if they are its own."""
    return value.entry.plain if type(value) is ObjectRef and isinstance(value.entry, RayObject) else value


def _keyword_arguments(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _argument(value) for name, value in kwargs.items()}


def _refs(given: Any) -> list[ObjectRef[Any]]:
    """What ``.remote()`` of Ray's gave."""
    if given is None:
        return []
    return list(map(object_of, given)) if isinstance(given, list) else [object_of(given)]


def _object(ref: ObjectRef[Any]) -> RayObject:
    entry = ref.entry
    if not isinstance(entry, RayObject):
        raise foreign(ref)
    return entry


def _waitable(ref: ObjectRef[Any]) -> Any:
    return ref.entry.waitable if isinstance(ref.entry, RayPeek) else _object(ref).plain


def _entry(actor: ActorRef) -> RayActor:
    if not isinstance(actor.entry, RayActor):
        raise foreign(actor)
    return actor.entry


def _group_info(row: Mapping[str, Any]) -> GroupInfo:
    numbers = sorted(row["bundles"])
    nodes = row.get("bundles_to_node_id", {})
    return GroupInfo(
        group_id=number_of(row["placement_group_id"]),
        name=row["name"],
        strategy=row["strategy"],
        state=row["state"],
        bundles=[row["bundles"][number] for number in numbers],
        nodes=[int(nodes[number], 16) if nodes.get(number) else None for number in numbers],
    )
