"""`Knowing`: what code can ask about itself and about the session; a part of `Client`.

See `KnowsItself` and `PlacesGroups` in `simactors.core.abilities`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from real_backend.client.actors import Actors
from real_backend.client.orders import Orders
from real_backend.client.peers import Peers
from real_backend.client.pending import Calls
from real_backend.client.questions import Questions
from real_backend.client.running import CallsHere, Running
from real_backend.control import (
    Ask,
    Birth,
    CreateGroup,
    Grant,
    HowAreYou,
    RemoveGroup,
    StatusIs,
    Surroundings,
)
from real_backend.messages import NODE
from simactors.core.abilities import GroupInfo, NodeInfo, RuntimeInfo
from simactors.core.refs import ActorRef
from simactors.core.requests import Bundle
from simactors.core.resources import quantities_of

_JOB = 1


class Knowing:
    """What a client must have for that is set by `Client`; safe for threads.

    Attributes:
        namespace: where names of actors live unless said otherwise.
        grant: what it holds.
        surroundings: what it was started in.
    """

    process: int
    here: CallsHere
    namespace: str
    orders: Orders
    grant: Grant
    surroundings: Surroundings | None
    _questions: Questions
    _actors: Actors
    _calls: Calls
    peers: Peers

    @property
    def birth(self) -> Birth | None:
        """How this process became an actor; None if it is none."""
        return self.orders.birth

    def runtime_info(self) -> RuntimeInfo:
        """See `KnowsItself`."""
        running, birth, grant = self.here.current(), self.birth, self.grant
        return RuntimeInfo(
            job_id=_JOB,
            node_id=NODE,
            worker_id=self.process,
            namespace=self.namespace,
            task_id=None if running is None else running.id,
            task_name=None if running is None else running.name,
            function_name=None if running is None else running.function_name,
            attempt=0 if running is None else _attempt(running),
            actor=None if birth is None else self._itself(birth),
            actor_name=None if birth is None else birth.start.name,
            placement_group_id=grant.group,
            captures_child_tasks=grant.captures,
            assigned=quantities_of(grant.amounts),
            gpu_ids=grant.gpus,
            was_reconstructed=birth is not None and birth.incarnation > 0,
            is_canceled=running is not None and running.is_canceled,
        )

    def running_call(self) -> tuple[int, int] | None:
        """See `KnowsItself`."""
        running = self.here.current()
        return None if running is None else (running.id, _attempt(running))

    def _itself(self, birth: Birth) -> ActorRef:
        return self._actors.itself(birth.actor_id, birth.start.described)

    @property
    def captured(self) -> Bundle | None:
        """The placement group that captures what this process starts."""
        grant = self.grant
        return Bundle(grant.group, -1) if grant.captures and grant.group is not None else None

    def nodes(self) -> list[NodeInfo]:
        """See `KnowsItself`."""
        total, available, labels = self._told("node")
        return [
            NodeInfo(node_id=NODE, name="node-1", alive=True, total=total, available=available, labels=labels)
        ]

    def named_actors(self) -> list[tuple[str, str]]:
        """See `KnowsItself`."""
        return list(self._told("names"))

    def timeline(self) -> list[dict[str, Any]]:
        """See `KnowsItself`."""
        return list(self._told("timeline"))

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
        wanted, selectors = tuple(map(dict, bundles)), tuple(map(dict, bundle_label_selector))
        made = self._questions.ask(
            lambda request: CreateGroup(request, wanted, strategy, name, detached, selectors)
        )
        return int(made.request)

    def remove_group(self, group_id: int) -> None:
        """See `PlacesGroups`."""
        self._questions.ask(lambda request: RemoveGroup(request, group_id))

    def groups(self) -> list[GroupInfo]:
        """See `PlacesGroups`."""
        return [GroupInfo(**fields) for fields in self._told("groups")]

    def tell_how_it_is(self, message: HowAreYou) -> None:
        """The supervisor asks; under the lock of the pump."""
        here, running = self.here, self.here.main
        told = StatusIs(
            message.edition,
            len(self.orders.inbox) + here.under_way() + (running is not None),
            here.done,
            len(self._calls.pending),
            "" if running is None else running.name,
            here.events() if message.wants_events else (),
        )
        self.peers.tell_supervisor(told)

    def _told(self, what: str) -> Any:
        return self._questions.ask(lambda request: Ask(request, what)).answer


def _attempt(running: Running) -> int:
    return 0 if running.options is None else running.options.attempt
