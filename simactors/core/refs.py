"""What programs hold instead of values and instances: `ObjectRef`, `ActorRef`, `DynamicObjectRefGenerator`.

Not the object store and not the actors: a ref points at its backend's own entry and knows nothing of it but an id, and
what an `Originated` or `Watchable` one tells. `api/handles.py` dresses an `ActorRef` up as the handle that users call.
"""

from __future__ import annotations

import concurrent.futures
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

from simactors.core import codec, ids
from simactors.core.ids import ActorID, JobID, ObjectID, TaskID
from simactors.core.interface import ActorInterface
from simactors.core.outcome import Outcome

if TYPE_CHECKING:  # a third of the time of `import simactors`, and few programs need it
    import asyncio

T_co = TypeVar("T_co", covariant=True)


class Entry(Protocol):
    """What a backend keeps for one object or one actor in one process."""

    @property
    def id(self) -> int:
        """Unique in the session; a counter, so that it prints short and repeats from run to run."""
        ...


class Origin(NamedTuple):
    """The call that an object comes from; its id as programs see it is made of this.

    Attributes:
        task: what `RuntimeInfo.task_id` says inside the call.
        actor: the id of the actor whose method it was.
        position: 1 for the first return value or the stream; the items of a stream follow.
    """

    task: int
    actor: int | None = None
    position: int = 1


@runtime_checkable
class Originated(Protocol):
    """An entry that knows where its object comes from; without it, the entry's own id stands for the task's."""

    @property
    def origin(self) -> Origin:
        """Where it comes from."""
        ...


@runtime_checkable
class Identified(Protocol):
    """An entry that knows what its object's id looks like to programs; without it, it is made of numbers."""

    @property
    def object_id(self) -> ObjectID:
        """The id."""
        ...


@runtime_checkable
class IdentifiedActor(Protocol):
    """As `Identified`, of an actor."""

    @property
    def actor_id(self) -> ActorID:
        """The id."""
        ...


@runtime_checkable
class OfSession(Protocol):
    """An entry that knows its session; ids start again with each. Without it, equal ids are one object or one actor."""

    @property
    def session(self) -> object:
        """The same object for all entries of a session in a process, and for no others."""
        ...


@runtime_checkable
class Travels(Protocol):
    """An entry whose refs and handles can be pickled by themselves: somebody else counts them then."""

    def travel(self) -> tuple[Any, ...]:
        """What `__reduce__` of the ref says."""
        ...


@runtime_checkable
class Watchable(Protocol):
    """An entry that can tell when its object is ready: what ``await ref`` needs."""

    def when_done(self, action: Callable[[Outcome], None]) -> None:
        """Call `action` with the outcome once it is there, at once if it is; must not raise."""
        ...

    def wait_done(self, timeout_s: float | None) -> bool:
        """Block until the outcome is there; false if the time was up before."""
        ...


@runtime_checkable
class Tells(Protocol):
    """A session that lets code of the user's run when an object is ready only in a thread of the process that asked."""

    def teller(self) -> Callable[[Callable[[], None]], None]:
        """What has code run in a thread of the process whose code runs now, which does nothing else."""
        ...


class Answer:
    """Tells a coroutine that awaits a ref; a class, so that a loop may know it among what it is to call."""

    __slots__ = ("_future", "_outcome")

    def __init__(self, future: asyncio.Future[Outcome], outcome: Outcome) -> None:
        self._future = future
        self._outcome = outcome

    def __call__(self) -> None:
        """What the loop does in one of its turns."""
        if not self._future.done():  # whoever awaited it may have been cancelled
            self._future.set_result(self._outcome)


class _Nothing:
    """The entry of the ref of nothing."""

    id = -1


_NOTHING = _Nothing()


class ObjectRef(Generic[T_co]):
    """A reference to a value that exists already or will exist later.

    Two refs are equal if they name the same object. A backend makes refs; programs only hold them,
    pass them on, and give them to `get` and `wait`.
    """

    __slots__ = ("__weakref__", "entry")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry

    def hex(self) -> str:
        """The id as 56 hexadecimal digits; the first 48 are those of the task that it comes from."""
        return self._id().hex()

    def binary(self) -> bytes:
        """The id as 28 bytes."""
        return self._id().binary()

    def task_id(self) -> TaskID:
        """The id of the call that it comes from."""
        if self.is_nil():
            return TaskID.nil()
        if isinstance(self.entry, Identified):
            return self.entry.object_id.task_id()
        origin = self._origin()
        return ids.task_id(origin.task, origin.actor)

    def job_id(self) -> JobID:
        """The id of the driver's program."""
        return ids.job_id() if self.is_nil() else self.task_id().job_id()

    @staticmethod
    def nil() -> ObjectRef[Any]:
        """The ref of nothing; it can only be compared."""
        return ObjectRef(_NOTHING)

    def is_nil(self) -> bool:
        """Whether it is the ref of nothing."""
        return self.entry is _NOTHING

    def future(self) -> concurrent.futures.Future[T_co]:
        """A future of the value.

        Raises:
            ValueError: the backend can't tell when the object is ready.
        """
        future: concurrent.futures.Future[T_co] = _RefFuture(self, self._watchable())
        return future

    def as_future(self) -> asyncio.Future[T_co]:
        """A future of the value for the running event loop; Ray prefers ``asyncio.wrap_future(ref.future())``."""
        import asyncio

        return asyncio.ensure_future(self)

    def __await__(self) -> Generator[Any, None, T_co]:
        """``await ref`` is the value, without blocking the event loop meanwhile."""
        outcome: Outcome = yield from self.outcome_future()
        for look in onlookers:
            look(self, outcome)
        return outcome.unwrap()  # type: ignore[no-any-return]  # what the ref promises

    def outcome_future(self) -> asyncio.Future[Outcome]:
        """A future of the outcome for the running event loop: it never raises what the remote code raised."""
        import asyncio

        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._watchable().when_done(lambda outcome: _call_in(loop, Answer(future, outcome)))
        return future

    def _id(self) -> ObjectID:
        if self.is_nil():
            return ObjectID.nil()
        if isinstance(self.entry, Identified):
            return self.entry.object_id
        return ids.object_id(self.task_id(), self._origin().position)

    def _origin(self) -> Origin:
        return self.entry.origin if isinstance(self.entry, Originated) else Origin(self.entry.id)

    def _watchable(self) -> Watchable:
        if not isinstance(self.entry, Watchable):
            raise ValueError(f"{self!r}: this backend does not support `await ref` and `ref.future()` yet")
        return self.entry

    def __eq__(self, other: object) -> bool:
        if type(other) is not ObjectRef or self.entry.id != other.entry.id:
            return False
        return self.entry is other.entry or _of_one_session(self.entry, other.entry)

    def __hash__(self) -> int:
        return hash(self.entry.id)

    def __repr__(self) -> str:
        return f"ObjectRef({self.hex()})"

    def __copy__(self) -> ObjectRef[T_co]:
        return self

    def __deepcopy__(self, memo: object) -> ObjectRef[T_co]:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return self.entry.travel() if isinstance(self.entry, Travels) else codec.carry(self)

    # A ref is no sequence: without this, `for x in ref` would try `ref[0]` and confuse.
    def __iter__(self) -> Iterator[Any]:
        raise TypeError("'ObjectRef' object is not iterable; call get() on it first")


def foreign(traveller: ObjectRef[Any] | ActorRef) -> Exception:
    """What to raise for a ref or a handle of another session; for refs, it is a `ValueError` on Ray."""
    text = f"{traveller} belongs to another session, which is over or on another backend"
    return ValueError(text) if isinstance(traveller, ObjectRef) else RuntimeError(text)


def _of_one_session(one: Entry, other: Entry) -> bool:
    if not isinstance(one, OfSession) or not isinstance(other, OfSession):
        return True
    return one.session is other.session


onlookers: list[Callable[[ObjectRef[Any], Outcome], None]] = []
"""Are told when code that awaits a ref, or has a future of it, learns its outcome; of `get`, the backend knows."""


class ActorRef:
    """A reference to an actor, with the description of its methods that a handle needs."""

    __slots__ = ("entry", "interface")

    def __init__(self, entry: Entry, interface: ActorInterface) -> None:
        self.entry = entry
        self.interface = interface

    def actor_id(self) -> ActorID:
        """The id as programs see it."""
        return self.entry.actor_id if isinstance(self.entry, IdentifiedActor) else ids.actor_id(self.entry.id)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ActorRef) or self.entry.id != other.entry.id:
            return False
        return self.entry is other.entry or _of_one_session(self.entry, other.entry)

    def __hash__(self) -> int:
        return hash(self.entry.id)

    def __repr__(self) -> str:
        return f"ActorRef(actor-{self.entry.id})"

    def __reduce__(self) -> tuple[Any, ...]:
        return self.entry.travel() if isinstance(self.entry, Travels) else codec.carry(self)


class DynamicObjectRefGenerator:
    """The value of a call with ``num_returns="dynamic"``: the refs of the items, each given once.

    A backend makes it, and packs it as it packs any value.
    """

    def __init__(self, refs: Iterable[ObjectRef[Any]]) -> None:
        self._refs = deque(refs)

    def __iter__(self) -> Iterator[ObjectRef[Any]]:
        while self._refs:
            yield self._refs.popleft()

    def __len__(self) -> int:
        return len(self._refs)


class _RefFuture(concurrent.futures.Future[Any]):
    """A future whose `result` waits as `get` does: whoever is to tell it may not have come to that yet."""

    def __init__(self, ref: ObjectRef[Any], entry: Watchable) -> None:
        super().__init__()
        self._ref = ref
        self._entry = entry
        self._untold = [True]
        session = entry.session if isinstance(entry, OfSession) else None
        tell = session.teller() if isinstance(session, Tells) else None
        entry.when_done(self._finish if tell is None else lambda outcome: tell(lambda: self._finish(outcome)))

    def _finish(self, outcome: Outcome) -> None:
        try:
            self._untold.pop()  # several threads may come to tell, and only one can pop
        except IndexError:
            return
        if not self.set_running_or_notify_cancel():
            return
        for look in onlookers:
            look(self._ref, outcome)
        try:
            value = outcome.unwrap()
        except BaseException as error:  # whatever the remote code raised
            self.set_exception(error)
        else:
            self.set_result(value)

    def result(self, timeout: float | None = None) -> Any:
        """The value; see `concurrent.futures.Future.result`."""
        self._wait(timeout)
        return super().result()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """The error; see `concurrent.futures.Future.exception`."""
        self._wait(timeout)
        return super().exception()

    def _wait(self, timeout: float | None) -> None:
        if self.done():
            return
        if not self._entry.wait_done(timeout):
            raise TimeoutError
        # The outcome is there, though nobody may have told us yet: here and now, but on Ray, where that takes a moment.
        self._entry.when_done(self._finish)


def _call_in(loop: Any, answer: Answer) -> None:
    if not loop.is_closed():  # nobody is left to be told
        loop.call_soon_threadsafe(answer)
