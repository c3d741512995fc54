"""Audits: what makes runs differ is found, named, and told from what does not."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import simactors
from simactors.exceptions import NondeterminismError
from simactors.exploration import determinism, suspects
from simactors.exploration.recipe import Recipe
from simactors.exploration.runner import RunResult
from simactors.exploration.target import Program, Target

PROGRAMS = """
import json
import time

import simactors

left = json.__dict__.setdefault("_left_behind", [])


@simactors.remote
class Echo:
    def say(self, word):
        return word


def repeats():
    simactors.init()
    echo = Echo.remote()
    assert simactors.get([echo.say.remote({"a", "b"}), echo.say.remote([Echo, {1: (2, None)}])])


def loops_over_a_set():
    simactors.init()
    echo = Echo.remote()
    names = {"alpha", "beta", "gamma", "delta", "epsilon"}
    for name in names:
        echo.say.remote(name)


def sends_an_address():
    simactors.init()
    Echo.remote().say.remote(id(object()) + time.process_time_ns())


def leaves_something_behind():
    simactors.init()
    echo = Echo.remote()
    left.append(1)
    if len(left) == 1:
        echo.say.remote("first")
    echo.say.remote("always")


def fails_in_another_way():
    left.append(1)
    raise ValueError(len(left))


def always_fails():
    simactors.init()
    raise ValueError(Echo.remote())
"""


def audited(tmp_path: Path, function: str, *, in_fresh_processes: bool = True) -> RunResult:
    import json

    vars(json).pop("_left_behind", None)
    file = tmp_path / "programs.py"
    file.write_text(PROGRAMS)
    program = Program(target=Target(str(file), function))
    return determinism.audit(Recipe(program=program, seed=3), in_fresh_processes=in_fresh_processes)


def test_a_run_that_repeats_passes_and_one_that_fails_alike_fails_as_it_did(tmp_path: Path) -> None:
    assert audited(tmp_path, "repeats").ending.outcome == "passed"
    assert audited(tmp_path, "always_fails", in_fresh_processes=False).ending.kind == "ValueError"


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (
            "loops_over_a_set",
            ["another PYTHONHASHSEED", "order of a set", "for name in names", "a loop over a set"],
        ),
        (
            "sends_an_address",
            ["in the same process", "address of an object", "Echo.remote().say", "id() is an"],
        ),
        ("leaves_something_behind", ["in the same process", "left behind", 'say("first")', 'say("always")']),
        ("fails_in_another_way", ["in the same process", "ended in another way"]),
    ],
)
def test_what_does_not_repeat_is_told_with_its_likely_cause(
    tmp_path: Path, function: str, words: list[str]
) -> None:
    ending = audited(tmp_path, function).ending
    assert (ending.outcome, ending.kind) == ("failed", "NondeterminismError")
    for word in words:
        assert word.replace('("', "('").replace('")', "')") in ending.traceback.replace('("', "('").replace(
            '")', "')"
        )


def test_the_same_for_a_function_in_a_test() -> None:
    def repeats() -> None:
        time.sleep(1)

    def does_not() -> None:
        time.sleep(1e-9 * (1 + time.process_time_ns() % 1_000_000))

    simactors.check_determinism(repeats)
    with pytest.raises(
        NondeterminismError, match=r"(?s)another run in the same process.*time\.process_time_ns"
    ):
        simactors.check_determinism(does_not)


def test_a_function_may_end_its_program_as_long_as_it_does_so_again() -> None:
    codes = iter([3, 3, 3, 4, 4])

    def ends() -> None:
        raise SystemExit(next(codes))

    determinism.check_determinism(ends)
    with pytest.raises(NondeterminismError, match="left behind"):
        determinism.check_determinism(ends)


def test_suspects_are_found_in_the_source(tmp_path: Path) -> None:
    file = tmp_path / "odd.py"
    file.write_text(
        "import glob, os, time\n"
        "seen = set()\n"
        "class A:\n"
        "    def __init__(self): self.peers = set()\n"
        "    def a(self):\n"
        "        for peer in self.peers: pass\n"
        "        return list(seen), seen.pop(), [x for x in seen | {1}]\n"
        "    def fine(self):\n"
        "        for x in sorted(seen): pass\n"
        "        return 1 in seen, len(self.peers), [].pop()\n"
        "    def b(self): return os.listdir('.'), hash('x'), time.process_time()\n"
    )
    lines = [suspect.line for suspect in suspects.of_file(str(file))]
    assert lines == [6, 7, 7, 7, 11, 11, 11]
