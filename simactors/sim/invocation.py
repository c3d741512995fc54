"""One call under way: a single object from ``.remote()`` to `get`.

It is the message, the mailbox entry, the reply and the state of its ref, because a call is what a simulation is made
of and every further object would cost each of them. Who acts on it is not here: network, actors, executor and
objects each touch the part that is theirs.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import Any

from simactors.core import codec
from simactors.core.calls import Arguments
from simactors.core.current import running
from simactors.core.environments import Variables
from simactors.core.outcome import Outcome, failure, is_one_of
from simactors.core.refs import ActorRef, ObjectRef, Origin, foreign
from simactors.exceptions import OwnerDiedError
from simactors.sim.cluster import Link, Process, context_of
from simactors.sim.offer import ALL


class StoredObject:
    """The state of a ref that no call of its own stands behind: `put`, and the further returns of a call.

    Attributes:
        caller: the process that owns it.
        outcome: None until it is ready.
        waiters: whom to tell then.
        label: what traces call it.
        call: whose return it is; None for `put`.
        position: which of the call's returns, from 1.
    """

    __slots__ = ("__weakref__", "call", "caller", "id", "label", "outcome", "position", "waiters")

    def __init__(
        self,
        number: int,
        label: str,
        caller: Process,
        outcome: Outcome | None = None,
        call: Invocation | None = None,
        position: int = 1,
    ) -> None:
        self.caller = caller
        self.id = number
        self.label = label
        self.outcome = outcome
        self.waiters: list[Any] | None = None
        self.call = call
        self.position = position

    @property
    def session(self) -> object:
        """See `core.refs.OfSession`."""
        return self.caller.backend

    @property
    def origin(self) -> Origin:
        """See `core.refs.Originated`."""
        if self.call is None:
            return Origin(self.id)
        return self.call.origin._replace(position=self.position)

    def when_done(self, action: Callable[[Outcome], None]) -> None:
        """See `core.refs.Watchable`."""
        _when_done(self, action)

    def wait_done(self, timeout_s: float | None) -> bool:
        """See `core.refs.Watchable`."""
        return bool(self.caller.backend.wait([ObjectRef(self)], 1, timeout_s))

    def __str__(self) -> str:
        return f"{self.label} #{self.id}"


FIRST_ITEM = 2
"""The position of a generator's first item among the returns of its call; the generator itself has the first."""


class Leaves(enum.Enum):
    """Whether the call with which an actor ends is answered before."""

    ANSWERED = enum.auto()
    UNANSWERED = enum.auto()


class Particulars:
    """What only some calls have.

    Attributes:
        num_returns: how many refs it has.
        more: the states of its second and further refs.
        options: of the task or the construction; of a method only if it may be retried or has a name of its own.
        retries: how often it may still be run again; negative for no limit.
        request: what a task or an actor asks of the cluster.
        group: the concurrency group of a method's call; None for the one that the method names.
        stream: the items of a streaming call; see `streams.py`.
        variables: what its process is to have in its environment because of a `runtime_env`.
        is_dynamic: its result is a generator of refs, made when all items are there.
        attempt: how often it was begun before.
        is_canceled: somebody has cancelled it.
        is_told: its running code can know that.
        remade: items of its generator that were lost and are made again, by their number.
        is_remade: it is under way once more, because something that it had come to was lost.
        lost_meanwhile: those of `remade` that were lost when it was under way already, perhaps beyond them.
        children: the calls that its code has made, as long as somebody may cancel them together with it.
        coroutine: the asyncio task that runs it, and is cancelled with it.
        is_ghost: a second execution of a call whose caller has given it up; nobody hears of its result.
        leaves: its actor ends together with it.
        answered_ns: when its answer came, in virtual time; 0 before.
    """

    __slots__ = (
        "answered_ns",
        "attempt",
        "children",
        "coroutine",
        "group",
        "is_canceled",
        "is_dynamic",
        "is_ghost",
        "is_remade",
        "is_told",
        "leaves",
        "lost_meanwhile",
        "more",
        "num_returns",
        "options",
        "remade",
        "request",
        "retries",
        "stream",
        "variables",
    )

    def __init__(self) -> None:
        self.num_returns = 1
        self.more: tuple[StoredObject, ...] = ()
        self.options: Any = None
        self.retries = 0
        self.request: Any = None
        self.group: str | None = None
        self.stream: Any = None
        self.variables: Variables = ()
        self.is_dynamic = False
        self.attempt = 0
        self.remade: dict[int, StoredObject] = {}
        self.is_remade = False
        self.lost_meanwhile: list[StoredObject] = []
        self.is_canceled = False
        self.is_told = False
        self.children: list[Invocation] | None = None
        self.coroutine: Any = None
        self.is_ghost = False
        self.leaves: Leaves | None = None
        self.answered_ns = 0


class Invocation:
    """A call of a method or a task, or the construction of an actor.

    Attributes:
        id, label, outcome, waiters: the state of its (first) ref, as in `StoredObject`.
        caller: the process that made the call and owns the result.
        process: where it runs, or was sent to; None before it is placed.
        actor: the `SimActor` it goes to; None for a task.
        handle: keeps that actor alive until the answer is home.
        then: what happens when it is next ready, as a step of the kernel.
        function: the name of the method, or the task's `calls.Function`; None for a construction.
        reply: the outcomes on their way back, one for each return value.
        link: the way there and back.
        extra: what only some calls have; None for the others, which have one ref and are never made again.
    """

    __slots__ = (
        "actor",
        "arguments",
        "caller",
        "extra",
        "function",
        "handle",
        "id",
        "label",
        "link",
        "outcome",
        "process",
        "reply",
        "then",
        "waiters",
    )
    callbacks = None  # it simply becomes ready when it is due; see `agenda.Scheduled`

    def __init__(
        self,
        number: int,
        label: str,
        caller: Process,
        arguments: Arguments | tuple[Any, ...],
        link: Link | None = None,
        actor: Any = None,
        handle: ActorRef | None = None,
        function: Any = None,
        then: Any = None,
    ) -> None:
        self.id = number
        self.label = label
        self.caller = caller
        self.arguments = arguments
        self.outcome: Outcome | None = None
        self.waiters: list[Any] | None = None
        self.process: Process | None = None
        self.actor = actor
        self.handle = handle
        self.function = function
        self.extra: Particulars | None = None
        self.link = link
        self.then: Callable[[Any], None] = then
        # Set by the network before anybody looks.
        self.reply: tuple[Outcome, ...]

    def particulars(self) -> Particulars:
        """Its `extra`, made if it has none yet."""
        if self.extra is None:
            self.extra = Particulars()
        return self.extra

    @property
    def num_returns(self) -> int:
        """How many refs it has."""
        return 1 if self.extra is None else self.extra.num_returns

    @property
    def options(self) -> Any:
        """See `Particulars`."""
        return None if self.extra is None else self.extra.options

    @property
    def retries(self) -> int:
        """How often it may still be run again; negative for no limit."""
        return 0 if self.extra is None else self.extra.retries

    @property
    def leaves(self) -> Leaves | None:
        """See `Particulars`."""
        return None if self.extra is None else self.extra.leaves

    @property
    def stream(self) -> Any:
        """The items of a streaming call; None for others."""
        return None if self.extra is None else self.extra.stream

    @property
    def is_canceled(self) -> bool:
        """Whether somebody has cancelled it."""
        return self.extra is not None and self.extra.is_canceled

    def may_retry(self, error: BaseException) -> bool:
        """Whether its options want it to be run again after `error`."""
        if self.options is None or self.retries == 0 or not isinstance(error, Exception):
            return False
        if self.is_canceled:
            return False
        wanted: bool | list[Any] | tuple[Any, ...] = self.options.retry_exceptions
        if not isinstance(wanted, list | tuple):
            return bool(wanted)
        return is_one_of(error, self._as_its_process_knows(tuple(wanted)))

    def _as_its_process_knows(
        self, classes: tuple[type[BaseException], ...]
    ) -> tuple[type[BaseException], ...]:
        """The copies of the caller's `classes` that its process has, which may be the same."""
        process = self.process
        if process is None or process.home is None:
            return classes
        sent = context_of(self.caller).run(codec.encode, classes)
        received: tuple[type[BaseException], ...] = context_of(process).run(codec.decode, sent)
        return received

    def begin_again(self) -> None:
        """It is to be run once more: one retry fewer is left."""
        extra = self.particulars()
        extra.retries -= 1
        extra.attempt += 1

    @property
    def refs(self) -> tuple[ObjectRef[Any], ...]:
        """The refs among its arguments, whose values it needs to run."""
        return self.arguments.refs if isinstance(self.arguments, Arguments) else ()

    @property
    def session(self) -> object:
        """See `core.refs.OfSession`."""
        return self.caller.backend

    @property
    def origin(self) -> Origin:
        """See `core.refs.Originated`."""
        return Origin(self.id, None if self.actor is None else self.actor.id)

    def when_done(self, action: Callable[[Outcome], None]) -> None:
        """See `core.refs.Watchable`."""
        _when_done(self, action)

    def wait_done(self, timeout_s: float | None) -> bool:
        """See `core.refs.Watchable`."""
        return bool(self.caller.backend.wait([ObjectRef(self)], 1, timeout_s))

    def __str__(self) -> str:
        return f"{self.label} #{self.id}"


class Watch:
    """Something to do once several refs are ready, without code that waits for it.

    A waiter like `objects._RefWaiter`, as far as `Objects` looks at it.
    """

    __slots__ = ("action", "missing")
    stop_at_error = False
    timer = None

    def __init__(self, missing: int, action: Callable[[], None]) -> None:
        self.missing = missing
        self.action = action

    def then(self, _: object) -> None:
        """All of them are."""
        self.action()


def add_waiter(state: State, waiter: Any) -> None:
    """Tell `waiter` when `state` is ready."""
    if state.waiters is None:
        state.waiters = [waiter]
    else:
        state.waiters.append(waiter)


def _when_done(state: State, action: Callable[[Outcome], None]) -> None:
    offers = state.caller.backend.kernel.offers  # type: ignore[attr-defined]  # our own backend
    if offers is not None:
        offers.touch_replies(state.caller)
        if running.get() is not state.caller:
            action = _foreign(action, offers)
    if state.outcome is not None:
        action(outcome_of(state))
    else:
        add_waiter(state, Watch(1, lambda: action(outcome_of(state))))


def _foreign(action: Callable[[Outcome], None], offers: Any) -> Callable[[Outcome], None]:
    """As `action`, of a process that waits for the ref of another one: for who explores the order of a run."""

    def noted(outcome: Outcome) -> None:
        offers.touch(ALL)
        action(outcome)

    return noted


OWNER_DIED = failure(OwnerDiedError("The object's owner has exited, and the object is lost with it."))


def outcome_of(state: State) -> Outcome:
    """How the object behind a ref came out, for any process but its dead owner."""
    assert state.outcome is not None
    return OWNER_DIED if state.caller.gone else state.outcome


def check_session(process: Process, travellers: Iterable[ObjectRef[Any] | ActorRef]) -> None:
    """Refuse refs and handles of a simulation that is over, or of another backend: nobody would ever answer.

    Raises:
        ValueError: a ref is not of the session of `process`.
        RuntimeError: a handle is not.
    """
    for traveller in travellers:
        if getattr(traveller.entry, "session", None) is not process.backend:
            raise foreign(traveller)


def check_packed(process: Process, packed: object) -> None:
    """As `check_session`, for what a packed value carries."""
    if type(packed) is codec.Encoded and packed.carried:
        check_session(process, packed.carried)


State = StoredObject | Invocation
"""What stands behind an `ObjectRef` in the simulator."""
