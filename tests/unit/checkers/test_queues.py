"""Queues with many clients: the guess that leads the search, and the mistakes that are seen without one.

Goal: no verdict that trying everything does not give, also where elements are unique, so that both have much to say;
and long histories with many clients, lost answers and one mistake are judged within few steps.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from simactors.checkers import History, Ok, Operation, Queue, Violated, linearizable
from tests.unit.checkers.campaign import disagreement
from tests.unit.checkers.histories import Subject, history_of

PUTS = [("put", (number,)) for number in range(1, 7)]
GETS = [("get", ())] * 5


def subject(spec: Queue) -> Subject:
    return Subject(spec, lambda chance: chance.choice([*PUTS, *GETS]), (1, 2, 3, 4, None, False))


SPECS = [
    pytest.param(Queue(), id="empty"),
    pytest.param(Queue([9, 8]), id="filled"),
    pytest.param(Queue([9], maxsize=2), id="bounded"),
]


@pytest.mark.parametrize("spec", SPECS)
def test_the_judge_agrees_with_trying_everything_on_queues_of_unique_elements(spec: Queue):
    kind = subject(spec)
    found = ((seed, disagreement(history_of(kind, seed), spec)) for seed in range(700))
    assert [each for each in found if each[1]] == []


def test_a_put_that_answers_with_what_it_has_put_may_have_put_it():
    # 1 counts as True, as everywhere in Python: once it was taken for a put that found the queue full.
    put = Operation(client="a", name="put", args=(1,), called=0, returned=1, status="returned", result=1)
    got = Operation(client="a", name="get", called=2, returned=3, status="returned", result=1)
    assert linearizable([put, got], Queue())


def long_history(clients: int, *, lost: float = 0.0, length: int = 3_000) -> History:
    """Of a queue that worked: what runs takes effect at some moment, and a few answers get lost."""
    chance = random.Random(clients)
    queue: list[int] = []
    running: dict[str, Operation] = {}
    effected: set[str] = set()
    done: list[Operation] = []
    for place in range(length):
        client = f"c{chance.randrange(clients)}"
        now = running.get(client)
        if now is None:
            name, args = ("get", ()) if chance.random() < 0.5 else ("put", (place,))
            running[client] = Operation(client=client, name=name, args=args, called=place)
        elif client not in effected:
            effected.add(client)
            result = None
            if now.name == "put":
                queue.append(now.args[0])
            elif queue:
                result = queue.pop(0)
            running[client] = replace(now, status="returned", result=result)
        else:
            del running[client]
            effected.remove(client)
            is_lost = chance.random() < lost
            done.append(
                replace(now, status="unknown", result=None) if is_lost else replace(now, returned=place)
            )
    return History.of([*done, *(replace(each, status="unknown", result=None) for each in running.values())])


@pytest.mark.parametrize(("clients", "lost"), [(3, 0.0), (3, 0.01), (10, 0.0), (10, 0.01), (30, 0.0)])
def test_a_long_history_of_many_clients_takes_few_steps(clients: int, lost: float):
    history = long_history(clients, lost=lost)
    assert isinstance(linearizable(history, Queue(), budget=20 * len(history)), Ok)


@pytest.mark.parametrize("clients", [3, 10])
@pytest.mark.parametrize("kind", ["swapped", "twice", "empty"])
def test_one_mistake_among_many_clients_is_seen_within_few_steps(clients: int, kind: str):
    operations = list(long_history(clients))
    gets = [n for n, each in enumerate(operations) if each.name == "get" and isinstance(each.result, int)]
    one, other = gets[len(gets) // 2], gets[len(gets) // 2 + 2 * clients]
    early, late = operations[one], operations[other]
    if kind == "swapped":
        operations[one], operations[other] = (
            replace(early, result=late.result),
            replace(late, result=early.result),
        )
    elif kind == "twice":
        operations[other] = replace(late, result=early.result)
    else:
        operations[one] = replace(early, result=None)
    verdict = linearizable(History(tuple(operations)), Queue(), budget=40 * len(operations))
    assert isinstance(verdict, Violated)
