"""`@simulated` under pytest, under unittest and by itself."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time

import pytest

import simactors
from simactors import simulated
from tests.end_to_end.deposits import BANK


@simactors.remote
class Account:
    def __init__(self):
        self.balance = 0

    def read(self):
        return self.balance

    def write(self, balance):
        self.balance = balance


@simactors.remote
def deposit(account, amount):
    balance = simactors.get(account.read.remote())
    simactors.get(account.write.remote(balance + amount))


def lose_an_update(amount: int = 5) -> None:
    account = Account.remote()
    simactors.get([deposit.remote(account, 10), deposit.remote(account, amount)])
    if simactors.get(account.read.remote()) != 10 + amount:
        raise LookupError(amount)


def test_a_failure_keeps_its_kind_and_says_how_to_make_it_happen():
    with pytest.raises(LookupError) as caught:
        simulated(seeds=50)(lose_an_update)(7)
    assert caught.value.args == (7,)
    (note,) = caught.value.__notes__
    assert re.match(r"run \d+ failed: seed \d+", note)
    assert "How to make it happen" in note
    assert "SIMACTORS_REPLAY=sim5-" in note  # pytest runs another test, which calls it
    assert caught.traceback[-1].name == "lose_an_update"


def test_what_never_fails_is_run_as_often_as_was_asked_for():
    seen = []

    @simulated(seeds=30)
    def test(what, *, how):
        seen.append((what, how))

    assert test("a", how="b") is None
    assert set(seen) == {("a", "b")}
    assert 30 <= len(seen) <= 40  # some are made twice, to see whether they repeat


def test_it_needs_no_brackets():
    calls = []
    simulated(lambda: calls.append(1))()
    assert len(calls) >= 200


def test_a_coroutine_may_use_threads():
    @simulated(seeds=5)
    async def test():
        await asyncio.to_thread(time.sleep, 1000)

    test()


def test_a_coroutine_is_run_to_its_end():
    @simulated(seeds=20)
    async def test():
        account = Account.remote()
        await account.write.remote(3)
        assert await account.read.remote() == 4

    with pytest.raises(AssertionError):
        test()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seeds": 0}, "seeds must be a number of runs >= 1, not 0"),
        ({"faults": "crahs"}, "there is no kind of fault 'crahs'; did you mean 'crash'?"),
        ({"strategy": "ptc"}, "there is no strategy 'ptc'"),
        ({"nodes": 0}, "nodes is a number of machines >= 1, not 0"),
        ({"shrink_s": -1}, "shrink_s is a number of seconds"),
    ],
)
def test_wrong_arguments_are_told_where_they_stand(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        simulated(**arguments)
    assert caught.value.__context__ is None
    assert len(caught.traceback.filter(caught)) == 1, "the line of the user's"


@pytest.mark.parametrize("wrong", [5, type("TestAll", (), {})])
def test_what_is_no_function_is_refused_where_it_stands(wrong):
    with pytest.raises(TypeError, match="@simulated is for functions") as caught:
        simulated(wrong)
    assert len(caught.traceback.filter(caught)) == 1


def test_faults_and_nodes_are_those_that_were_asked_for():
    nodes = []
    simulated(seeds=3, nodes=4)(lambda: nodes.append(len(simactors.nodes())))()
    assert set(nodes) == {4}

    def crashes():
        account = Account.remote()
        simactors.get([account.write.remote(n) for n in range(5)])

    with pytest.raises(simactors.exceptions.RayActorError) as caught:
        simulated(seeds=100, faults="crash")(crashes)()
    assert "1. crash the process of " in caught.value.__notes__[0]


TESTS = (
    BANK
    + """
    import asyncio
    import unittest
    from simactors.testing import simulated

    def lose_an_update(amount):
        account = Account.remote()
        ray.get([deposit.remote(account, amount), deposit.remote(account, 5, 0.5)])
        assert ray.get(account.read.remote()) == amount + 5

    @pytest.fixture
    def amount(): return 10

    @simulated(seeds=40, shrink_s=10)
    def test_fixture(amount, tmp_path): lose_an_update(amount)

    @pytest.mark.parametrize("by", [20, 30])
    @simulated(seeds=40, shrink_s=10)
    async def test_parameter(by):
        await asyncio.sleep(1)
        lose_an_update(by)

    class TestOne(unittest.TestCase):
        @simulated(seeds=40, shrink_s=10)
        def test_method(self): lose_an_update(40)
"""
)


def test_fixtures_parameters_and_methods_are_as_ever_and_the_token_makes_the_run_again(run):
    result = run(TESTS)
    result.assert_outcomes(failed=4)
    text = result.stdout.str()
    assert text.count("1. delay Account.write (message 1)") == 4
    assert "decorator.py" not in text
    assert "hunts.py" not in text
    commands = re.findall(r"pytest '?(test_it.py::[^ ']+)'? --sim-replay (\S+)", text)
    assert [test for test, _ in commands] == [
        "test_it.py::test_fixture",
        "test_it.py::test_parameter[20]",
        "test_it.py::test_parameter[30]",
        "test_it.py::TestOne::test_method",
    ]
    for test, word in commands[1:2] + commands[3:]:
        again = run(None, test, "--sim-replay", word)
        again.assert_outcomes(failed=1)
        again.stdout.fnmatch_lines(["*reproduced exactly: same ending, same digest*"])


def test_a_run_made_again_that_passes_now_says_so_where_it_is_seen(run):
    text = TESTS.partition("    @pytest.mark.parametrize")[0]
    word = re.search(r"--sim-replay (\S+)", run(text).stdout.str())
    assert word is not None
    mended = text.replace("== amount + 5", ">= 5")
    arguments = mended, "test_it.py::test_fixture", "--sim-replay", word[1]
    shown = run(*arguments, "-W", "default")
    shown.assert_outcomes(passed=1, warnings=1)
    shown.stdout.fnmatch_lines(["*NOT reproduced*"])
    run(*arguments, "-W", "error").assert_outcomes(passed=1)  # to be told something is no failure


def test_unittest_runs_it_and_a_variable_makes_the_run_again(pytester, folder):
    pytester.makepyfile(test_it=TESTS)
    command = [sys.executable, "-m", "unittest", "test_it.TestOne"]
    first = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert "FAILED (failures=1)" in first.stderr
    assert "hunts.py" not in first.stderr
    word = re.search(r"SIMACTORS_REPLAY=(\S+)", first.stderr)
    assert word is not None
    environment = {**os.environ, "SIMACTORS_REPLAY": word[1]}
    again = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, env=environment)
    assert "reproduced exactly" in again.stderr
