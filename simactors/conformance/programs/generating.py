"""From a seed, a program. Each uses a part of the language only, so that small programs come together often."""

from __future__ import annotations

import random

from simactors.conformance.programs.grammar import (
    FUNCTIONS,
    METHODS,
    RANKS,
    Actor,
    Add,
    Body,
    Call,
    CallPeer,
    CallTask,
    Cancel,
    Crash,
    Drop,
    Gather,
    Get,
    Kill,
    Kind,
    Leave,
    LookUp,
    Meet,
    Peek,
    Program,
    Put,
    Raise,
    Sleep,
    Statement,
    Step,
    Stream,
    Task,
    Wait,
    Yield,
)

_FEATURES = {
    "crash": 0.35,
    "raise": 0.35,
    "cancel": 0.3,
    "kill": 0.3,
    "nested": 0.5,
    "tasks": 0.6,
    "wait": 0.6,
    "stream": 0.2,
    "names": 0.15,
    "args": 0.5,
    "leave": 0.1,
    "drop": 0.1,
    "cycle": 0.02,
}
"""How probable it is that a program uses each."""

_MS = (1, 2, 5, 20, 50)


def generate(seed: int, *, most_actors: int = 3, most_statements: int = 7) -> Program:
    """The program of a seed; always the same one.

    Args:
        most_actors, most_statements: no more than so many.
    """
    return _Draft(random.Random(seed), most_actors, most_statements).program(seed)


class _Draft:
    """Draws one program."""

    def __init__(self, rng: random.Random, most_actors: int, most_statements: int) -> None:
        self._rng = rng
        self._most_actors = most_actors
        self._most_statements = most_statements
        self._uses = {feature for feature, chance in _FEATURES.items() if rng.random() < chance}
        self._actors: list[Actor] = []
        self._held: list[str] = []
        self._refs: list[str] = []
        self._streams = 0
        self._of_tasks: set[str] = set()

    def program(self, seed: int) -> Program:
        for name in "abc"[: self._rng.choice((1, 1, 2, self._most_actors))]:
            self._actors.append(self._actor(name))
        self._held = [actor.name for actor in self._actors]
        tasks = tuple(self._task(name) for name in FUNCTIONS) if "tasks" in self._uses else ()
        statements: list[Statement] = []
        for _ in range(self._rng.randint(2, self._most_statements)):
            statements += self._statement()
        return Program(seed, tuple(self._actors), tasks, tuple(statements))

    def _maybe(self, chance: float) -> bool:
        return self._rng.random() < chance

    # Definitions

    def _actor(self, name: str) -> Actor:
        kind: Kind = self._rng.choice(("plain", "plain", "async", "threaded"))
        options: list[tuple[str, int | bool]] = []
        if kind == "threaded":
            options.append(("max_concurrency", self._rng.choice((2, 3))))
        elif kind == "async" and self._maybe(0.3):
            options.append(("max_concurrency", self._rng.choice((1, 2))))
        if {"crash", "kill"} & self._uses and self._maybe(0.7):
            options.append(("max_restarts", self._rng.choice((1, 1, 2, -1))))
            if self._maybe(0.6):
                options.append(("max_task_retries", self._rng.choice((1, 2, -1))))
        bodies = tuple(self._body(method, kind) for method in METHODS)
        if any(isinstance(step, Crash | Raise) and step.times is None for b in bodies for step in b.steps):
            # What fails in each run, and is made again without end, never ends.
            options = [
                (option, 2 if (option, value) == ("max_task_retries", -1) else value)
                for option, value in options
            ]
        peer = self._rng.choice(self._actors).name if self._actors and self._maybe(0.6) else ""
        return Actor(
            name=name,
            kind=kind,
            options=tuple(options),
            bodies=bodies,
            items=Body(tuple(self._pause(kind == "async") for _ in range(self._maybe(0.5))), kind == "async"),
            is_named="names" in self._uses and self._maybe(0.6),
            retries_errors="raise" in self._uses and "max_task_retries" in dict(options) and self._maybe(0.5),
            peer=peer,
        )

    def _task(self, name: str) -> Task:
        options: list[tuple[str, int | bool]] = []
        if self._maybe(0.5):
            options.append(("max_retries", self._rng.choice((0, 1, 2))))
        if "raise" in self._uses and self._maybe(0.5):
            options.append(("retry_exceptions", True))
        return Task(name, tuple(options), self._body(name, None))

    def _body(self, code: str, kind: Kind | None) -> Body:
        is_async = kind == "async" and (code != "m0" or self._maybe(0.8))  # others may be gathered
        steps = tuple(self._step(code, kind, is_async) for _ in range(self._rng.choice((0, 1, 1, 2, 3))))
        return Body(steps, is_async)

    def _step(self, code: str, kind: Kind | None, is_async: bool) -> Step:
        options: list[Step] = [self._pause(is_async)]
        if kind is not None:
            pause = self._pause(is_async) if self._maybe(0.6) else None
            # A plain method of an async actor can't take the lock of the others.
            locked = kind != "plain" and self._maybe(0.3) and is_async == (kind == "async")
            options.append(Add(pause, locked=locked))
        if is_async and code != "m2":
            options.append(Gather("m1" if code == "m0" else "m2"))
        if "nested" in self._uses:
            options += self._calls(code)
        for feature, kind_of in (("crash", Crash), ("raise", Raise)):
            if feature in self._uses and self._maybe(0.4):
                options.append(kind_of(self._rng.choice((None, 1, 1, 2))))
        if "leave" in self._uses and kind is not None and self._maybe(0.2):
            options.append(Leave())
        return self._rng.choice(options)

    def _calls(self, code: str) -> list[Step]:
        """Calls that it may make."""
        waits = self._maybe(0.75)
        later = [other for other, rank in RANKS.items() if rank > RANKS[code]]
        methods = [other for other in later if other in METHODS]
        functions = [other for other in later if other in FUNCTIONS] if "tasks" in self._uses else []
        found: list[Step] = []
        if methods:
            found.append(CallPeer(self._rng.choice(methods), waits))
        if functions:
            found.append(CallTask(self._rng.choice(functions), waits))
        return found

    def _pause(self, is_async: bool) -> Sleep | Yield:
        if is_async and self._maybe(0.5):
            return Yield()
        return Sleep(self._rng.choice(_MS))

    # The driver

    def _statement(self) -> list[Statement]:
        makers = [self._sleep]
        if self._held or "tasks" in self._uses:
            makers += [self._call] * 6
        if self._refs:
            makers += [self._get, self._get, self._peek]
            makers += [self._wait] * 3 if "wait" in self._uses else []
            makers += [self._cancel] * 3 if "cancel" in self._uses else []
        if self._held:
            makers += [self._kill] * 2 if "kill" in self._uses else []
            makers += [self._stream] * 2 if "stream" in self._uses else []
            makers += [self._drop] if "drop" in self._uses else []
            makers += [self._meet] if len(self._actors) > 1 or "cycle" in self._uses else []
        makers += [self._look_up] * 2 if "names" in self._uses else []
        makers += [self._put] if "args" in self._uses else []
        return self._rng.choice(makers)()

    def _new_ref(self) -> str:
        self._refs.append(f"r{len(self._refs) + 1}")
        return self._refs[-1]

    def _call(self) -> list[Statement]:
        arg, is_boxed = "", False
        if self._refs and "args" in self._uses and self._maybe(0.5):
            arg, is_boxed = self._rng.choice(self._refs), self._maybe(0.3)
        if not self._held or ("tasks" in self._uses and self._maybe(0.4)):
            peer = self._rng.choice(self._held) if self._held and self._maybe(0.5) else ""
            ref = self._new_ref()
            self._of_tasks.add(ref)
            return [Call(ref, "", self._rng.choice(FUNCTIONS), arg, is_boxed, peer)]
        target = self._rng.choice(self._held)
        many = self._rng.choice((1, 1, 1, 2))
        code = self._rng.choice(METHODS)
        return [Call(self._new_ref(), target, code, arg, is_boxed) for _ in range(many)]

    def _some_refs(self) -> tuple[str, ...]:
        count = self._rng.randint(1, min(3, len(self._refs)))
        return tuple(sorted(self._rng.sample(self._refs, count), key=self._refs.index))

    def _get(self) -> list[Statement]:
        return [Get(self._some_refs())]

    def _wait(self) -> list[Statement]:
        refs = self._some_refs()
        return [Wait(refs, self._rng.randint(1, len(refs)), self._maybe(0.6))]

    def _peek(self) -> list[Statement]:
        return [Peek(self._rng.choice(self._refs))]

    def _cancel(self) -> list[Statement]:
        ref = self._rng.choice(self._refs[-3:])
        cancel = Cancel(ref, force=ref in self._of_tasks and self._maybe(0.3), recursive=self._maybe(0.7))
        return [*(self._sleep() if self._maybe(0.5) else []), cancel]

    def _kill(self) -> list[Statement]:
        return [Kill(self._rng.choice(self._held), no_restart=self._maybe(0.5))]

    def _sleep(self) -> list[Statement]:
        return [Sleep(self._rng.choice(_MS))]

    def _stream(self) -> list[Statement]:
        self._streams += 1
        return [Stream(f"s{self._streams}", self._rng.choice(self._held), self._rng.randint(0, 3))]

    def _look_up(self) -> list[Statement]:
        named = [actor.name for actor in self._actors if actor.is_named]
        return [LookUp(self._rng.choice(named))] if named else self._sleep()

    def _put(self) -> list[Statement]:
        return [Put(self._new_ref())]

    def _drop(self) -> list[Statement]:
        return [Drop(self._held.pop(self._rng.randrange(len(self._held))))]

    def _meet(self) -> list[Statement]:
        """Who meets whom: only those who were made before, or calls would go in circles, which may never end."""
        actor, peer = self._rng.choice(self._held), self._rng.choice(self._held)
        if "cycle" not in self._uses and peer >= actor:
            return self._sleep()
        return [Meet(actor, peer)]
