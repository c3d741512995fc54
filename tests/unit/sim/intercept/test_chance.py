"""`random`, `os.urandom`, `uuid`, `secrets` and NumPy: from the run's choices, different in each process."""

from __future__ import annotations

import os
import random
import secrets
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable
from os import urandom as early_urandom
from random import random as early_random
from random import shuffle as early_shuffle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import simactors


def shuffled() -> list[int]:
    numbers = list(range(30))
    early_shuffle(numbers)
    return numbers


DRAWS: dict[str, Callable[[], Any]] = {
    "random": lambda: random.random(),
    "random, early": lambda: early_random(),
    "randint": lambda: random.randint(0, 10**9),
    "randrange": lambda: random.randrange(10**9),
    "uniform": lambda: random.uniform(0, 1),
    "choice": lambda: random.choice(range(10**9)),
    "choices": lambda: random.choices(range(10**9), k=2),
    "sample": lambda: random.sample(range(10**9), 2),
    "shuffle, early": shuffled,
    "gauss": lambda: random.gauss(0, 1),
    "normalvariate": lambda: random.normalvariate(0, 1),
    "expovariate": lambda: random.expovariate(1),
    "getrandbits": lambda: random.getrandbits(64),
    "randbytes": lambda: random.randbytes(8),
    "seed": lambda: (random.seed(), random.random()),
    "Random()": lambda: random.Random().random(),
    "SystemRandom()": lambda: random.SystemRandom().random(),
    "os.urandom": lambda: os.urandom(8),
    "os.urandom, early": lambda: early_urandom(8),
    "os.getrandom": lambda: os.getrandom(8),
    "uuid1": lambda: uuid.uuid1(),
    "uuid4": lambda: uuid.uuid4(),
    "token_bytes": lambda: secrets.token_bytes(8),
    "token_hex": lambda: secrets.token_hex(),
    "token_urlsafe": lambda: secrets.token_urlsafe(),
    "randbelow": lambda: secrets.randbelow(10**9),
    "randbits": lambda: secrets.randbits(64),
    "secrets.choice": lambda: secrets.choice(range(10**9)),
    "np.random.rand": lambda: np.random.rand(),
    "np.random.randint": lambda: int(np.random.randint(10**9)),
    "np.random.normal": lambda: np.random.normal(),
    "np.random.permutation": lambda: np.random.permutation(30).tolist(),
    "np.random.sample": lambda: np.random.sample(),
    "np.random.ranf": lambda: np.random.ranf(),
    "np.random.seed": lambda: (np.random.seed(), np.random.rand()),
    "default_rng": lambda: np.random.default_rng().random(),
    "SeedSequence": lambda: np.random.SeedSequence().entropy,
    "RandomState": lambda: np.random.RandomState().rand(),
}


@simactors.remote
class Draws:
    def draw(self, how: Callable[[], Any]) -> Any:
        return how()


def drawn(seed: int, how: Callable[[], Any]) -> list[Any]:
    """Two by the driver, two by one actor, one by another."""
    with simactors.simulate(seed=seed):
        one, other = Draws.remote(), Draws.remote()
        return [
            how(),
            how(),
            *simactors.get([one.draw.remote(how), one.draw.remote(how), other.draw.remote(how)]),
        ]


@pytest.mark.parametrize("name", DRAWS)
def test_equal_seeds_give_equal_numbers_other_seeds_and_other_processes_others(name: str) -> None:
    first = drawn(1, DRAWS[name])
    assert drawn(1, DRAWS[name]) == first
    different = [repr(value) for value in (*first, *drawn(2, DRAWS[name]))]
    assert len(set(different)) == 10


@pytest.mark.parametrize("name", DRAWS)
def test_outside_it_is_real_again(name: str) -> None:
    drawn(1, DRAWS[name])
    before = random.getstate(), str(np.random.get_state())
    inside = drawn(1, DRAWS[name])
    assert (random.getstate(), str(np.random.get_state())) == before
    assert DRAWS[name]() not in inside


def test_everything_is_restored_after_errors_nesting_and_repeated_use() -> None:
    def all_names() -> list[Any]:
        found: list[Any] = [os.urandom, os.getrandom, uuid.uuid1, uuid.getnode, random.Random.seed]
        return [*found, *vars(random).values(), *vars(np.random).values(), *sys.meta_path]

    def fail() -> None:
        with simactors.simulate(), simactors.simulate(seed=1):
            random.random()
            raise KeyError

    before = all_names()
    for _ in range(2):
        with pytest.raises(KeyError):
            fail()
        assert all(now is then for now, then in zip(all_names(), before, strict=True))


@simactors.remote(max_restarts=-1, max_task_retries=-1)
class Phoenix:
    def draw(self) -> float:
        return random.random()

    def seeded(self) -> tuple[float, float, uuid.UUID]:
        random.seed(7)
        np.random.seed(7)
        return random.random(), np.random.rand(), uuid.uuid4()

    def state(self) -> bool:
        state = random.getstate()
        first = random.random()
        random.setstate(state)
        return random.random() == first


def test_a_restarted_actor_has_other_numbers() -> None:
    def run() -> list[float]:
        with simactors.simulate(seed=3):
            phoenix = Phoenix.remote()
            before = simactors.get(phoenix.draw.remote())
            simactors.kill(phoenix, no_restart=False)
            return [before, simactors.get(phoenix.draw.remote())]

    first, second = run()
    assert first != second
    assert run() == [first, second]


def test_who_seeds_gets_what_the_seed_gives_and_still_unique_identifiers() -> None:
    expected = random.Random(7).random(), np.random.RandomState(7).rand()
    with simactors.simulate():
        one, other = simactors.get([Phoenix.remote().seeded.remote() for _ in range(2)])
        assert one[:2] == other[:2] == expected
        assert one[2] != other[2]
        assert simactors.get(Phoenix.remote().state.remote())
        random.seed(7)
        assert random.random() == random.Random(7).random() == expected[0]


class Dull:
    """The dullest answer to everything."""

    def number(self, label: str, bound: int) -> int:
        return 0

    def sampler(self, label: str, bound: int) -> Callable[[], int]:
        return lambda: 0

    def pick(self, label: str, options: object) -> int:
        return 0


def test_dull_choices_give_no_two_processes_the_same_numbers() -> None:
    with simactors.simulate(choices=Dull()):
        drawn = simactors.get([Phoenix.remote().draw.remote() for _ in range(3)])
        assert len({*drawn, random.random()}) == 4


def test_chance_that_is_asked_for_leaves_the_schedule_as_it_was() -> None:
    def digest(body: Callable[[], object]) -> str:
        with simactors.simulate(seed=5) as sim:
            actors = [Draws.remote() for _ in range(3)]
            simactors.get([actor.draw.remote(body) for actor in actors for _ in range(3)])
            return sim.digest

    assert digest(lambda: None) == digest(lambda: random.random() and None)


def test_identifiers_with_a_time_never_repeat_and_name_the_machine() -> None:
    with simactors.simulate():
        made = [uuid.uuid1() for _ in range(100)]
        assert len(set(made)) == 100
        assert made[0].version == 1
        assert made[0].node == uuid.getnode() == uuid.uuid1().node
        assert uuid.uuid1(node=1, clock_seq=2).fields[3:] == (0x80, 2, 1)


def test_wrong_arguments_are_refused_as_ever() -> None:
    with simactors.simulate():
        with pytest.raises(ValueError, match="negative"):
            os.urandom(-1)
        with pytest.raises(TypeError):
            os.urandom("1")  # type: ignore[arg-type]
        with pytest.raises(IndexError):
            random.choice([])


def test_names_of_temporary_files_stay_real() -> None:
    def names() -> list[str]:
        with simactors.simulate():
            return [os.path.basename(tempfile.mktemp()) for _ in range(2)]

    assert not set(names()) & set(names())


@settings(max_examples=5, deadline=None)
@given(st.integers(), st.randoms(use_true_random=False))
def test_hypothesis_is_undisturbed(number: int, given_random: random.Random) -> None:
    with simactors.simulate():
        inside = random.random(), given_random.random()
    with simactors.simulate():
        assert random.random() == inside[0]


PROGRAM = """
import random, uuid, os, secrets, simactors
import numpy as np
@simactors.remote
class A:
    def draw(self):
        mine = random.random(), uuid.uuid4().hex, os.urandom(2).hex(), secrets.token_hex(2)
        return mine, np.random.rand(), np.random.default_rng().random()
with simactors.simulate(seed=4) as sim:
    print(simactors.get([A.remote().draw.remote() for _ in range(3)]), random.random(), sim.digest)
"""


@pytest.mark.parametrize(
    "program",
    [
        PROGRAM,
        PROGRAM.replace("import numpy as np\n", "").replace(
            "    def draw(self):\n", "    def draw(self):\n        import numpy as np\n"
        ),
    ],
)
def test_equal_seeds_give_equal_numbers_in_other_processes_too(program: str) -> None:
    def output(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", program]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, timeout=60
        ).stdout

    assert output("1") == output("2") != ""


def test_numpy_that_arrives_during_a_simulation_is_replaced_and_restored() -> None:
    program = """
import sys, simactors
before = list(sys.meta_path)
with simactors.simulate():
    import numpy as np
    first = np.random.rand(), np.random.default_rng().random()
real = {'deep inside': [np.random.rand]}
assert type(np.random.rand.__self__).__name__ == 'RandomState'
with simactors.simulate():
    assert np.random.rand is not real['deep inside'][0]
    assert (np.random.rand(), np.random.default_rng().random()) == first
assert np.random.rand is real['deep inside'][0] and sys.meta_path == before
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
