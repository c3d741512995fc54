"""Beside other plugins, and beside none: xdist, randomly, timeout, asyncio. Each test starts a pytest of its own."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.end_to_end.deposits import BANK, LOST_UPDATE

HEAVY = (
    "simpy", "greenlet", "hypothesis", "pydantic", "numpy", "rich", "click", "psutil",
    "simactors.exploration", "simactors.sim", "simactors.reports", "simactors.testing",
)  # fmt: skip

DIGESTS = (
    BANK
    + """
    import random

    def test_a(sim):
        account = Account.remote()
        ray.get([deposit.remote(account, random.randrange(10)) for _ in range(3)])
        print("digest", sim.seed, sim.digest)
"""
)


def digests(result: pytest.RunResult) -> set[str]:
    return {line for line in result.outlines if line.startswith("digest ")}


def test_nothing_heavy_is_imported_where_no_test_asks_for_sim(start):
    result = start(
        f"""
        import sys
        def test_a():
            assert "simactors.pytest_plugin" in sys.modules
            assert [name for name in {HEAVY!r} if name in sys.modules] == []
        """,
        "-p", "no:hypothesispytest",
    )  # fmt: skip
    result.assert_outcomes(passed=1)


def test_neither_order_nor_reseeding_nor_several_processes_change_the_run_of_a_seed(run, start):
    plain = digests(run(DIGESTS, "-rP"))
    assert len(plain) == 10
    assert digests(start(None, "-rP", used=("randomly",))) == plain
    assert digests(start(None, "-rP", "-n", "2", used=("xdist", "randomly"))) == plain


def test_workers_tell_what_a_failure_needs_to_be_made_again(start):
    result = start(LOST_UPDATE, "-n", "2", "--sim-seeds", "2..3", "-o", "sim_shrink_s=20", used=("xdist",))
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        ["*1. delay Account.write*", "*pytest 'test_it.py::*seed=3?'", "*--sim-replay sim5-*"]
    )
    word = re.search(r"--sim-replay (\S+)", result.stdout.str())
    assert word is not None
    again = start(None, "-n", "1", "--sim-replay", word[1], used=("xdist",))
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["*simactors: reproduced exactly*"])


SPINNING = """
    import time
    import pytest
    import simactors

    @simactors.remote
    class Actor:
        def spin(self):
            while True: pass

    @pytest.mark.sim(seeds=1)
    def test_driver(sim):
        while True: pass

    @pytest.mark.sim(seeds=1)
    def test_actor(sim):
        simactors.get(Actor.remote().spin.remote())

    @pytest.mark.sim(seeds=1)
    def test_unread(sim):
        Actor.remote().spin.remote()
        time.sleep(10)

    @pytest.mark.sim(seeds=1)
    def test_forever(sim):
        while True: time.sleep(1)
"""


def test_a_timeout_ends_what_spins_or_never_ends_and_names_the_line(start):
    result = start(SPINNING, "--timeout", "1", "--timeout-method", "signal", used=("timeout",))
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines([">*while True: pass", "E*Failed: Timeout*from pytest-timeout."])
    text = result.stdout.str()
    assert len(re.findall(r"^E +Failed: Timeout", text, re.M)) == 4
    assert "pytest 'test_it.py::test_unread[seed=0]'" in text
    assert "made small" not in text


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_a_timeout_of_the_body_alone_shows_where_it_spins(start, method):
    more = ["--timeout", "1", "--timeout-method", method, "-o", "timeout_func_only=true"]
    result = start(SPINNING, "-k", "actor", *more, used=("timeout",))
    assert result.ret == 1
    text = result.stdout.str() + result.stderr.str()
    assert "in spin\n" in text
    assert "Timeout" in text
    assert ("1 failed" in text) == (method == "signal")  # the other one ends the whole process


def test_shrinking_is_not_part_of_the_time_that_a_test_has(start):
    result = start(LOST_UPDATE, "--sim-seed", "3", "--timeout", "2", used=("timeout",))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*made small in*"])
    assert "Timeout" not in result.stdout.str().replace("timeout: 2", "")


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_coroutines_that_ask_for_sim_are_ours_and_all_others_theirs(start, mode):
    result = start(
        BANK
        + """
    import asyncio

    async def test_ours(sim):
        await Account.remote().write.remote(3)
        await asyncio.sleep(1000)
        assert sim.now_s > 1000

    @pytest.mark.asyncio
    async def test_marked(sim):
        await asyncio.sleep(1000)

    @pytest.mark.asyncio
    async def test_theirs():
        began = time.monotonic()
        await asyncio.sleep(0.01)
        assert time.monotonic() - began >= 0.01
    """,
        "--asyncio-mode", mode, "-W", "error", "-o", "asyncio_default_fixture_loop_scope=function", "--sim-seeds", "2",
        used=("asyncio",),
    )  # fmt: skip
    result.assert_outcomes(passed=5)


def test_the_plugin_can_be_left_out(pytester):
    pytester.makepyfile(
        """
        from simactors import simulated
        @simulated(seeds=2)
        def test_a(): pass
        def test_b(request): assert not request.config.pluginmanager.hasplugin("simactors")
        """
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:simactors", "-p", "no:asyncio", "-q"]
    done = subprocess.run(command, cwd=pytester.path, capture_output=True, text=True, timeout=60)
    assert "2 passed" in done.stdout
