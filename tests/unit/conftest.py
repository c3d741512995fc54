"""A backend that does nothing by itself: a test says what there is, and reads what was asked of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from simactors.core import current
from simactors.core.abilities import GroupInfo, NodeInfo, RuntimeInfo
from simactors.core.calls import Creation, MethodCall, TaskCall
from simactors.core.outcome import Outcome, Value, failure
from simactors.core.refs import ActorRef, ObjectRef


class Entry:
    """One object or actor."""

    def __init__(self, number: int, outcome: Outcome | None = None) -> None:
        self.id = number
        self.outcome = outcome
        self._actions: list[Callable[[Outcome], None]] = []

    def settle(self, outcome: Outcome) -> None:
        self.outcome = outcome
        for action in self._actions:
            action(outcome)

    def when_done(self, action: Callable[[Outcome], None]) -> None:
        if self.outcome is None:
            self._actions.append(action)
        else:
            action(self.outcome)

    def wait_done(self, timeout_s: float | None) -> bool:
        return self.outcome is not None


class Stream:
    """The items of one generator; `items` may hold refs that are not ready yet."""

    def __init__(self) -> None:
        self.items: list[ObjectRef[Any]] = []
        self.ended = False


class FakeBackend:
    """Has every ability; waiting never blocks, and what is not ready stays so until the test settles it."""

    name = "fake"

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.asked: list[Any] = []
        self.streams: dict[int, Stream] = {}
        self.info = RuntimeInfo(job_id=1, node_id=1, worker_id=1, namespace="default")
        self.node_infos: list[NodeInfo] = []
        self.group_infos: list[GroupInfo] = []
        self.actor_names: list[tuple[str, str]] = []
        self.events: list[dict[str, Any]] = []
        self.closed = False
        self._ids = itertools.count(1)

    def ref(self, *values: Any) -> ObjectRef[Any]:
        """A ref, ready with the value if there is one."""
        return ObjectRef(Entry(next(self._ids), Value(values[0]) if values else None))

    def failed(self, error: Exception) -> ObjectRef[Any]:
        """A ref that is ready with an error."""
        return ObjectRef(Entry(next(self._ids), failure(error)))

    # Backend

    def submit_task(self, call: TaskCall) -> list[ObjectRef[Any]]:
        return self._submitted(call)

    def submit_method(self, call: MethodCall) -> list[ObjectRef[Any]]:
        return self._submitted(call)

    def _submitted(self, call: Any) -> list[ObjectRef[Any]]:
        self.calls.append(call)
        returns = call.options.num_returns
        refs = [self.ref() for _ in range(returns if isinstance(returns, int) else 1)]
        if returns == "streaming":
            self.streams[refs[0].entry.id] = Stream()
        return refs

    def create_actor(self, creation: Creation) -> ActorRef:
        self.calls.append(creation)
        return ActorRef(Entry(next(self._ids)), creation.actor_class.interface)

    def find_actor(self, name: str, namespace: str | None) -> ActorRef | None:
        return None

    def kill(self, actor: ActorRef, *, no_restart: bool) -> None:
        self.asked.append(("kill", actor, no_restart))

    def put(self, value: object) -> ObjectRef[Any]:
        return self.ref(value)

    def wait(
        self,
        refs: Sequence[ObjectRef[Any]],
        num_returns: int,
        timeout_s: float | None,
        *,
        stop_at_error: bool = False,
    ) -> list[ObjectRef[Any]]:
        assert len(set(refs)) == len(refs)
        ready = [ref for ref in refs if ref.entry.outcome is not None]  # type: ignore[attr-defined]
        return ready[:num_returns]

    def read(self, ref: ObjectRef[Any]) -> Outcome:
        return ref.entry.outcome  # type: ignore[attr-defined, no-any-return]

    def close(self) -> None:
        self.closed = True

    # Abilities

    def cancel(self, ref: ObjectRef[Any], *, force: bool, recursive: bool) -> None:
        self.asked.append(("cancel", ref, force, recursive))

    def runtime_info(self) -> RuntimeInfo:
        return self.info

    def running_call(self) -> tuple[int, int] | None:
        return None if self.info.task_id is None else (self.info.task_id, self.info.attempt)

    def nodes(self) -> list[NodeInfo]:
        return self.node_infos

    def named_actors(self) -> list[tuple[str, str]]:
        return self.actor_names

    def timeline(self) -> list[dict[str, Any]]:
        return self.events

    def create_group(
        self,
        bundles: Sequence[Mapping[str, float]],
        strategy: str,
        *,
        name: str,
        detached: bool,
        bundle_label_selector: Sequence[Mapping[str, str]] = (),
    ) -> int:
        self.asked.append(("create_group", strategy, name, detached, tuple(bundle_label_selector)))
        number = len(self.group_infos) + 1
        nodes = [None] * len(bundles)
        self.group_infos.append(
            GroupInfo(
                group_id=number,
                name=name,
                strategy=strategy,
                state="PENDING",
                bundles=[dict(bundle) for bundle in bundles],
                nodes=nodes,
            )
        )
        return number

    def remove_group(self, group_id: int) -> None:
        self.asked.append(("remove_group", group_id))

    def groups(self) -> list[GroupInfo]:
        return self.group_infos

    def clear_nodes(self) -> None:
        self.node_infos.clear()

    def add_node(self, resources: Mapping[str, float], labels: Mapping[str, str]) -> int:
        number = len(self.node_infos) + 1
        self.node_infos.append(
            NodeInfo(
                node_id=number,
                name=f"node-{number}",
                alive=True,
                total=dict(resources),
                available=dict(resources),
                labels=dict(labels),
            )
        )
        return number

    def remove_node(self, node_id: int) -> None:
        self.node_infos = [
            NodeInfo(
                node_id=n.node_id,
                name=n.name,
                alive=n.alive and n.node_id != node_id,
                total=n.total,
                available=n.available,
                labels=n.labels,
            )
            for n in self.node_infos
        ]

    def next_item(self, stream: ObjectRef[Any], timeout_s: float | None) -> ObjectRef[Any] | None:
        there = self.streams[stream.entry.id]
        if there.items:
            return there.items.pop(0)
        if there.ended:
            raise StopIteration
        assert timeout_s is not None, "nobody will ever add an item"
        return None

    def peek(self, stream: ObjectRef[Any]) -> ObjectRef[Any]:
        there = self.streams[stream.entry.id]
        return there.items[0] if there.items else stream

    def is_finished(self, stream: ObjectRef[Any]) -> bool:
        there = self.streams[stream.entry.id]
        return there.ended and not there.items


@pytest.fixture
def backend() -> Iterator[FakeBackend]:
    """A fake backend in an open session."""
    fake = FakeBackend()
    current.open_session(fake, scoped=False)
    yield fake
    for session in list(current.sessions):  # a failed test may have left others
        current.close_session(session)
