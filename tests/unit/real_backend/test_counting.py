"""Who still holds what: the counts of several processes whose messages are late.

Goal: an object is freed when nobody holds it, and never before. Method: `World` is a few processes with a channel for
each direction of each pair; a seeded choice says which channel delivers next, who sends a copy, who drops its ref, who
is killed. The truth is known at each step: where live refs are, and which copies are on their way.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import pytest

from real_backend.client.counting import Counting
from real_backend.client.peers import SUPERVISOR
from real_backend.messages import PROCESS_SHIFT, Audit, Audited, Lend, Release

OWNER = 1
REF = (OWNER << PROCESS_SHIFT) + 1
COPY = "copy"


class World:
    """Processes that pass copies of one ref around."""

    def __init__(self, count: int) -> None:
        self.channels: dict[tuple[int, int], deque[Any]] = {}
        self.freed = 0
        self.dead: set[int] = set()
        self.watching: set[tuple[int, int]] = set()
        self.counting = {number: self._process(number) for number in range(1, count + 1)}
        self.live = dict.fromkeys(self.counting, 0)
        self.live[OWNER] = 1

    def _process(self, number: int) -> Counting:
        def freed(ref_id: int) -> None:
            assert (number, ref_id) == (OWNER, REF)
            self.freed += 1

        return Counting(
            number,
            lambda to, message: self.post(number, to, message),
            lambda process: self.watching.add((number, process)),
            freed,
        )

    def post(self, sender: int, to: int, message: Any) -> None:
        self.channels.setdefault((sender, to), deque()).append(message)

    def send_copy(self, sender: int, to: int) -> None:
        assert self.live[sender]
        self.counting[sender].leaves(REF, to)
        self.post(sender, to, COPY)

    def drop(self, process: int) -> None:
        self.live[process] -= 1
        if not self.live[process] and process != OWNER:
            self.counting[process].give_back(REF)
            self.counting[process].flush()

    def deliver(self, sender: int, to: int) -> None:
        message = self.channels[sender, to].popleft()
        if to in self.dead:
            return
        counting = self.counting[to]
        if message == COPY:
            self.live[to] += 1
            counting.arrives(REF, sender)
        elif isinstance(message, Lend):
            counting.on_lend(sender, message)
        elif isinstance(message, Release):
            counting.on_release(sender, message)
        elif isinstance(message, Audit):
            counting.on_audit(sender, message)
        else:
            counting.on_audited(sender, message)

    def kill(self, process: int, choose: random.Random) -> None:
        """What it has told the owner is in the socket; anything that it had for others may be lost."""
        self.dead.add(process)
        self.live[process] = 0
        for (sender, to), channel in self.channels.items():
            if sender == process and to != OWNER:
                for _ in range(choose.randint(0, len(channel))):
                    channel.pop()

    def hear(self, survivor: int, process: int) -> None:
        """Who watches hears of a death once it has read all that came before."""
        self.watching.discard((survivor, process))
        if survivor not in self.dead:
            while self.channels.get((process, survivor)):
                self.deliver(process, survivor)
            self.counting[survivor].process_gone(process)

    def news(self) -> list[tuple[int, int]]:
        return sorted(pair for pair in self.watching if pair[1] in self.dead)

    def is_needed(self) -> bool:
        """By others than the owner's own refs."""
        on_the_way = any(m == COPY and to not in self.dead for (_, to), c in self.channels.items() for m in c)
        return on_the_way or any(n for p, n in self.live.items() if p != OWNER)

    def waiting(self) -> list[tuple[int, int]]:
        return [pair for pair, channel in self.channels.items() if channel]

    def settle(self) -> None:
        """Let everything arrive, and all refs be dropped."""
        while True:
            holders = [p for p, n in self.live.items() if n]
            if waiting := self.waiting():
                self.deliver(*waiting[0])
            elif news := self.news():
                self.hear(*news[0])
            elif holders:
                self.drop(holders[-1])
            else:
                return


@pytest.mark.parametrize("kills", [0, 1, 3])
@pytest.mark.parametrize("seed", range(150))
def test_an_object_is_held_as_long_as_others_need_it_and_no_longer(seed: int, kills: int) -> None:
    choose = random.Random(f"{seed} {kills}")
    world = World(6)
    for step in range(120):
        alive = sorted(set(world.counting) - world.dead)
        holders = [p for p in alive if world.live[p]]
        actions = (
            ["deliver"] * 3 * bool(world.waiting())
            + ["send", "drop"] * bool(holders)
            + ["hear"] * bool(world.news())
        )
        if not actions:
            break
        action = choose.choice(actions)
        if step % 30 == 29 and len(world.dead) < kills:
            world.kill(choose.choice(alive[1:]), choose)
        elif action == "deliver":
            world.deliver(*choose.choice(world.waiting()))
        elif action == "hear":
            world.hear(*choose.choice(world.news()))
        elif action == "send":
            world.send_copy(choose.choice(holders), choose.choice(alive))
        else:
            world.drop(choose.choice(holders))
        if world.is_needed():
            assert world.counting[OWNER].is_held(REF)
    world.settle()
    assert not world.counting[OWNER].is_held(REF)


def test_a_release_may_be_faster_than_the_news_of_the_loan() -> None:
    freed: list[int] = []
    owner = Counting(OWNER, lambda *_: None, lambda _: None, freed.append)
    owner.leaves(REF, 2)
    owner.on_release(
        3, Release(((REF, 2, 1),))
    )  # 2 has lent it to 3, and its word of that is still on its way
    assert owner.is_held(REF)
    owner.on_lend(2, Lend(REF, 3, 1))
    assert owner.is_held(REF)
    owner.on_release(2, Release(((REF, OWNER, 1),)))
    assert freed == [REF]


def test_the_supervisor_holds_and_needs_no_watching() -> None:
    watched: list[int] = []
    freed: list[int] = []
    owner = Counting(OWNER, lambda *_: None, watched.append, freed.append)
    owner.leaves(REF, SUPERVISOR)
    owner.on_lend(SUPERVISOR, Lend(REF, 4, 2))
    assert watched == [4]
    owner.on_release(SUPERVISOR, Release(((REF, OWNER, 1),)))
    assert owner.is_held(REF)
    owner.process_gone(4)
    assert freed == [REF]


def test_what_comes_too_late_brings_nothing_back() -> None:
    owner = Counting(OWNER, lambda *_: None, lambda _: None, lambda _: None)
    owner.on_lend(3, Lend(REF, 2, 1))
    owner.on_release(2, Release(((REF, OWNER, 1),)))
    assert not owner.is_held(REF)


def test_who_got_nothing_from_a_killed_process_says_so_once_it_knows_of_the_death() -> None:
    said: list[Any] = []
    freed: list[int] = []
    owner = Counting(OWNER, lambda to, message: said.append((to, message)), lambda _: None, freed.append)
    owner.leaves(REF, 2)
    owner.on_lend(2, Lend(REF, 3, 1))
    owner.process_gone(2)
    assert said == [(3, Audit(2, (REF,)))]
    assert owner.is_held(REF)
    watched: list[int] = []
    other = Counting(3, lambda to, message: said.append((to, message)), watched.append, freed.append)
    other.on_audit(OWNER, Audit(2, (REF,)))
    assert watched == [2]
    other.process_gone(2)
    to, answer = said[-1]
    assert (to, answer) == (OWNER, Audited(2, ((REF, 0),)))
    owner.on_audited(3, answer)
    assert freed == [REF]
