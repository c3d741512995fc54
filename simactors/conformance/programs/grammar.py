"""What generated programs are made of, as frozen data. Not how they are drawn, and not their text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["plain", "async", "threaded"]

METHODS = ("m0", "m1", "m2")
"""Of each actor class; who calls what: see `RANKS`."""

FUNCTIONS = ("f0", "f1")
"""The tasks."""

RANKS = {"m0": 0, "f0": 1, "m1": 2, "f1": 3, "m2": 4}
"""Code calls only what has a higher rank: there is no endless recursion."""


# Steps: what bodies are made of


@dataclass(frozen=True)
class Sleep:
    """Stand still; in a body or in the driver."""

    ms: int


@dataclass(frozen=True)
class Yield:
    """``await asyncio.sleep(0)``."""


@dataclass(frozen=True)
class Add:
    """Read the actor's total, perhaps wait, and store one more: what others add meanwhile is lost.

    Attributes:
        pause: between reading and storing.
        locked: under the actor's lock.
    """

    pause: Sleep | Yield | None = None
    locked: bool = False


@dataclass(frozen=True)
class Gather:
    """Run a coroutine method of the same actor twice at the same time."""

    method: str


@dataclass(frozen=True)
class CallPeer:
    """Call the peer, if there is one.

    Attributes:
        waits: for the result; it is fire and forget otherwise.
    """

    method: str
    waits: bool


@dataclass(frozen=True)
class CallTask:
    """Start a task; see `CallPeer`."""

    function: str
    waits: bool


@dataclass(frozen=True)
class Crash:
    """``os._exit(1)``.

    Attributes:
        times: only in the first so many runs of a call; None: in each.
    """

    times: int | None = None


@dataclass(frozen=True)
class Raise:
    """``raise ValueError``; see `Crash`."""

    times: int | None = None


@dataclass(frozen=True)
class Leave:
    """``ray.exit_actor()``."""


Step = Sleep | Yield | Add | Gather | CallPeer | CallTask | Crash | Raise | Leave


@dataclass(frozen=True)
class Body:
    """The code of a method or a task.

    Attributes:
        is_async: a coroutine function.
    """

    steps: tuple[Step, ...] = ()
    is_async: bool = False


@dataclass(frozen=True)
class Actor:
    """An actor class, and the one actor that is made of it.

    Attributes:
        options: of the class, as they are written.
        bodies: of `METHODS`.
        items: the steps before each item of its generator method.
        is_named: the actor has a name.
        retries_errors: its methods run again when they have raised, as often as `max_task_retries` says.
        peer: whose handle its constructor gets, one that was made before; empty for nobody's.
    """

    name: str
    kind: Kind
    options: tuple[tuple[str, int | bool], ...]
    bodies: tuple[Body, ...]
    items: Body
    is_named: bool = False
    retries_errors: bool = False
    peer: str = ""


@dataclass(frozen=True)
class Task:
    """A remote function."""

    name: str
    options: tuple[tuple[str, int | bool], ...]
    body: Body


# Statements: what the driver does


@dataclass(frozen=True)
class Call:
    """Make a call; its ref gets a name.

    Attributes:
        target: an actor's name; empty for a task.
        code: a method or function.
        arg: the name of a ref that is an argument; empty for none.
        is_boxed: it travels in a list, so that the callee gets the ref itself.
        peer: for a task: whose handle it gets; empty for none.
    """

    ref: str
    target: str
    code: str
    arg: str = ""
    is_boxed: bool = False
    peer: str = ""


@dataclass(frozen=True)
class Put:
    """``ray.put``."""

    ref: str


@dataclass(frozen=True)
class Get:
    """Wait for the values of calls, and see them."""

    refs: tuple[str, ...]


@dataclass(frozen=True)
class Wait:
    """``ray.wait``, and see which are ready.

    Attributes:
        count: how many.
        is_patient: until so many are ready, or just to look.
    """

    refs: tuple[str, ...]
    count: int
    is_patient: bool


@dataclass(frozen=True)
class Peek:
    """``ray.get(ref, timeout=0)``."""

    ref: str


@dataclass(frozen=True)
class Cancel:
    """``ray.cancel``."""

    ref: str
    force: bool
    recursive: bool


@dataclass(frozen=True)
class Kill:
    """``ray.kill``."""

    actor: str
    no_restart: bool


@dataclass(frozen=True)
class Meet:
    """Tell an actor who its peer is."""

    actor: str
    peer: str


@dataclass(frozen=True)
class LookUp:
    """``ray.get_actor`` of a named actor."""

    actor: str


@dataclass(frozen=True)
class Stream:
    """Call an actor's generator method, and take all items."""

    name: str
    actor: str
    count: int


@dataclass(frozen=True)
class Drop:
    """Let go of an actor's handle."""

    actor: str


Statement = Sleep | Call | Put | Get | Wait | Peek | Cancel | Kill | Meet | LookUp | Stream | Drop


@dataclass(frozen=True)
class Program:
    """A whole program.

    Attributes:
        seed: what it was drawn from.
    """

    seed: int
    actors: tuple[Actor, ...]
    tasks: tuple[Task, ...]
    statements: tuple[Statement, ...]

    @property
    def bodies(self) -> Iterator[Body]:
        """All code that runs in workers."""
        for actor in self.actors:
            yield from actor.bodies
            yield actor.items
        for task in self.tasks:
            yield task.body

    @property
    def has_ledger(self) -> bool:
        """Whether somebody must count how often calls have run: state in a process that crashes can't."""
        return any(counts(body) for body in self.bodies)


def counts(body: Body) -> bool:
    """Whether its runs are to be counted."""
    return any(isinstance(step, Crash | Raise) and step.times is not None for step in body.steps)
