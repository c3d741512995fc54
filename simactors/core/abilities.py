"""What some backends can do and others can't: each ability is a small Protocol of its own.

Not the promises that all backends keep (`backend.py`). `api/session.able` finds out whether the open backend has
one, and says so by name if it hasn't.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from msgspec import Struct, field

from simactors.core.refs import ActorRef, ObjectRef

if TYPE_CHECKING:  # below us as well, but every interpreter would load it, and few need it
    from simactors.core.history import Delivery, History


class RuntimeInfo(Struct, frozen=True, kw_only=True):
    """Where the code that asks is running; ids are counters of the session.

    Attributes:
        job_id: of the driver's program.
        node_id, worker_id: of the node and of the process.
        task_id: of the running call; None in the driver. `Origin.task` of what the call returns is the same; of a
            constructor it does not matter.
        task_name: as the option `name` says, else the label of the method or function: ``Log.add``, ``boom``.
        function_name: the same behind its module: ``bank.Log.add``; None in the driver.
        attempt: how often this call was begun before.
        actor: the actor whose code this is, if any.
        actor_name: None if it has none.
        placement_group_id: of the group that the process was placed in, if any.
        captures_child_tasks: what this code starts belongs to that group, unless it says otherwise.
        assigned: what the process holds, by resource: ``{"CPU": 1.0}``.
        gpu_ids: which GPUs of the node it may use.
        was_reconstructed: the actor has been restarted.
        is_canceled: somebody has cancelled the running call.
    """

    job_id: int
    node_id: int
    worker_id: int
    namespace: str
    task_id: int | None = None
    task_name: str | None = None
    function_name: str | None = None
    attempt: int = 0
    actor: ActorRef | None = None
    actor_name: str | None = None
    placement_group_id: int | None = None
    captures_child_tasks: bool = False
    assigned: Mapping[str, float] = field(default_factory=dict)
    gpu_ids: tuple[int, ...] = ()
    was_reconstructed: bool = False
    is_canceled: bool = False


class NodeInfo(Struct, frozen=True, kw_only=True):
    """A node as the cluster knows it.

    Attributes:
        alive: not declared dead.
        total, available: quantities by resource; bytes for memory.
        labels: what label selectors match.
        name: for people: ``node-1``.
    """

    node_id: int
    name: str
    alive: bool
    total: Mapping[str, float]
    available: Mapping[str, float]
    labels: Mapping[str, str]


class GroupInfo(Struct, frozen=True, kw_only=True):
    """A placement group.

    Attributes:
        bundles: what each bundle reserves, by resource.
        nodes: the id of the node of each bundle; None as long as it is not placed.
        state: ``PENDING``, ``CREATED``, ``REMOVED`` or ``RESCHEDULING``, Ray's words.
    """

    group_id: int
    name: str
    strategy: str
    state: str
    bundles: Sequence[Mapping[str, float]]
    nodes: Sequence[int | None]


@runtime_checkable
class Cancels(Protocol):
    """Can stop calls that are under way."""

    def cancel(self, ref: ObjectRef[Any], *, force: bool, recursive: bool) -> None:
        """Ask for the call behind `ref` to be stopped; returns at once. No effect on a finished one.

        Raises:
            ValueError: `force` for a call of an actor.
        """
        ...


@runtime_checkable
class Adopts(Protocol):
    """Knows refs that are not ours: those of the runtime that it stands for."""

    def adopt(self, ref: Any) -> ObjectRef[Any] | None:
        """The same as a ref of ours; None if it is no ref."""
        ...


@runtime_checkable
class TakesSerializers(Protocol):
    """Packs values by itself, and must be told of serializers of the user's own."""

    def register_serializer(
        self, cls: type, serializer: Callable[[Any], object], deserializer: Callable[[Any], Any]
    ) -> None:
        """Send instances of exactly `cls` as ``serializer(instance)``; `deserializer` makes them anew."""
        ...

    def deregister_serializer(self, cls: type) -> None:
        """Undo it; no effect without it."""
        ...


@runtime_checkable
class EndsActors(Protocol):
    """Can end the actor that wants it, whatever its code then does with the exception that `exit_actor` raises."""

    def end_this_actor(self) -> BaseException:
        """Called by its code; returns what that is to raise: as on Ray, `AsyncioActorExit` if the actor is async."""
        ...


@runtime_checkable
class JoinsThreads(Protocol):
    """Runs the threads that the driver starts, and must be told when its program has come to its end."""

    def join_threads(self) -> None:
        """Wait for those that are no daemons, as an interpreter does before it ends; not for a program that failed."""
        ...


@runtime_checkable
class KnowsItself(Protocol):
    """Can say where code runs and what the cluster is made of."""

    def runtime_info(self) -> RuntimeInfo:
        """About the code that asks."""
        ...

    def running_call(self) -> tuple[int, int] | None:
        """`RuntimeInfo.task_id` and `attempt` alone, for who asks at every call; None in the driver."""
        ...

    def nodes(self) -> list[NodeInfo]:
        """Every node there ever was, oldest first."""
        ...

    def named_actors(self) -> list[tuple[str, str]]:
        """The (namespace, name) of every living named actor, oldest first."""
        ...

    def timeline(self) -> list[dict[str, Any]]:
        """What ran where and when, as complete events in Chrome's trace format."""
        ...


@runtime_checkable
class PlacesGroups(Protocol):
    """Can reserve bundles of resources."""

    def create_group(
        self,
        bundles: Sequence[Mapping[str, float]],
        strategy: str,
        *,
        name: str,
        detached: bool,
        bundle_label_selector: Sequence[Mapping[str, str]] = (),
    ) -> int:
        """Reserve `bundles` as soon as all of them fit; returns the group's id at once.

        Args:
            strategy: ``PACK``, ``SPREAD``, ``STRICT_PACK`` or ``STRICT_SPREAD``.
            detached: it outlives the process that makes it.
        """
        ...

    def remove_group(self, group_id: int) -> None:
        """Give the reservation back; what runs in it ends. Harmless if repeated."""
        ...

    def groups(self) -> list[GroupInfo]:
        """All groups, removed ones too, oldest first."""
        ...


@runtime_checkable
class TellsOfPlacing(Protocol):
    """Knows by itself when a placement group has its bundles; on others, a task that runs in the group tells it."""

    def placed(self, group_id: int) -> ObjectRef[Any]:
        """A ref that is ready then, with any value; it fails with `TaskPlacementGroupRemoved`."""
        ...


@runtime_checkable
class ChangesNodes(Protocol):
    """Can add and remove nodes while programs run, as Ray's tests do."""

    def clear_nodes(self) -> None:
        """Remove the nodes that were there from the start, before anything was asked of them."""
        ...

    def add_node(self, resources: Mapping[str, float], labels: Mapping[str, str]) -> int:
        """A new node; its id. The first one is the head: the driver runs there.

        Args:
            resources: quantities by resource: ``{"CPU": 4, "GPU": 1, "memory": 2**30, "custom": 2}``.
        """
        ...

    def remove_node(self, node_id: int) -> None:
        """Take a node away together with all that runs and lies there; returns before others have noticed."""
        ...


@runtime_checkable
class Streams(Protocol):
    """Can run generators whose items arrive one by one.

    A call whose `num_returns` is ``streaming`` gives one ref, that of the stream. It is ready when the generator has
    ended: its value is None if it ran out or raised (the error is the last item then), else it is the failure of the
    call: a crash, a cancellation, a failed argument. `api` gives that failure out once as one more item.
    """

    def next_item(self, stream: ObjectRef[Any], timeout_s: float | None) -> ObjectRef[Any] | None:
        """The ref of the next item behind a stream's ref; blocks until it is there.

        Returns:
            None if the time was up before.

        Raises:
            StopIteration: there are no more.
        """
        ...

    def peek(self, stream: ObjectRef[Any]) -> ObjectRef[Any]:
        """A ref that is ready as soon as `next_item` need not block; returns at once and takes nothing.

        That is the ref of the next item, be it there or not; when no more items come, any ref that is ready, that of
        the stream, say. A ref that was given before the end was known becomes ready at the end, with any outcome.
        """
        ...

    def is_finished(self, stream: ObjectRef[Any]) -> bool:
        """Whether every item has been taken, and there will be no more."""
        ...


class CallLog(Protocol):
    """The calls of actors' methods that a run has made so far; to be read by the driver, at any moment."""

    @property
    def history(self) -> History:
        """What was asked, and what was told: an operation for each call, however often it was made again."""
        ...

    @property
    def deliveries(self) -> list[Delivery]:
        """Who sent which call to whom, and when it began to run there."""
        ...


@runtime_checkable
class RecordsCalls(Protocol):
    """Can write down all calls of actors' methods with everything that was asked and told."""

    def record_calls(self) -> CallLog:
        """From the first time that this is asked on; there is one log of a run."""
        ...
