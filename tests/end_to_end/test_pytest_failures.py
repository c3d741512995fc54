"""What pytest tells of a simulated test that fails, and what makes it again. Each test runs a pytest of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.deposits import BANK, LOST_UPDATE


def token(result: pytest.RunResult) -> str:
    found = re.search(r"--sim-replay (\S+)", result.stdout.str())
    assert found is not None, result.stdout.str()
    return found[1]


def digest(result: pytest.RunResult) -> str:
    """Of the first run that is told."""
    found = re.search(r"^failed .* digest (\w+)", result.stdout.str(), re.M)
    assert found is not None, result.stdout.str()
    return found[1]


# The report


def test_a_lost_update_is_told_with_the_one_message_that_is_late(run):
    result = run(LOST_UPDATE, "--sim-seed", "3", "-o", "sim_shrink_s=20")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E       assert ?* == 15",
            "*- simactors -*",
            "*calls deposit(ActorHandle(), 10)*",
            "How to make it happen:",
            "  1. delay Account.write (message 1) from deposit#1 to Account#1 past Account.write*",
            "failed (AssertionError) at test_it.py:* in test_no_deposit_is_lost: seed 3, *digest *",
            "made small in * to 1 choice and 0 faults*",
            "  pytest 'test_it.py::test_no_deposit_is_lost[[]seed=3[]]'",
            "  pytest test_it.py::test_no_deposit_is_lost --sim-replay sim5-*",
        ]
    )
    assert "  2. " not in result.stdout.str()


def test_failures_of_one_kind_are_made_small_once_and_others_once_more(run):
    result = run(
        BANK
        + """
    @pytest.mark.sim(seeds=6)
    def test_a(sim):
        if sim.seed % 2:
            raise ValueError("odd")
        assert 0
    """
    )
    result.assert_outcomes(failed=6)
    text = result.stdout.str()
    assert text.count("How to make it happen") == 2
    assert text.count("It fails as test_it.py::test_a[seed=0] does, which was made small.") == 2
    assert text.count("It fails as test_it.py::test_a[seed=1] does, which was made small.") == 2
    assert [f"pytest 'test_it.py::test_a[seed={seed}]'" in text for seed in range(6)] == [True] * 6


def test_what_is_found_in_the_plainest_run_needs_no_second_command(run):
    result = run("def test_a(sim): assert 0", "--sim-seed", "0")
    result.stdout.fnmatch_lines(["How to make it happen: it fails in the plainest order, without any fault."])
    assert "--sim-replay" not in result.stdout.str()


def test_each_run_of_shrinking_has_fresh_fixtures_and_an_instance_of_its_own(run):
    result = run(
        BANK
        + """
    made = []

    @pytest.fixture(scope="module")
    def module():
        made.append("module")

    @pytest.fixture
    def account(module, sim):
        made.append("account")
        yield Account.remote()
        made.append("gone")

    class TestIt:
        seen = 0
        def test_a(self, account):
            self.seen += 1
            assert self.seen == 1
            ray.get([deposit.remote(account, 10), deposit.remote(account, 5, 0.5)])
            assert ray.get(account.read.remote()) == 15

    def test_afterwards():
        assert made.count("module") == 1
        assert made.count("account") == made.count("gone") > 10
    """,
        "--sim-seeds",
        "2..3",
    )
    result.assert_outcomes(failed=1, passed=2)
    result.stdout.fnmatch_lines(["*made small in *", "*pytest test_it.py::TestIt::test_a --sim-replay *"])


def test_runs_of_shrinking_print_warn_and_log_nothing(run):
    result = run(
        BANK
        + """
    import warnings
    def test_a(sim):
        print("printed")
        warnings.warn("warned")
        account = Account.remote()
        ray.get([deposit.remote(account, 10), deposit.remote(account, 5, 0.5)])
        assert ray.get(account.read.remote()) == 15
    """,
        "--sim-seed",
        "3",
        "-s",
        "-W",
        "default",
    )
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "made small" in text
    assert text.count("py printed") == 1
    assert not re.findall("^printed", text, re.M)
    assert text.count("UserWarning: warned") == 1


def test_a_fixture_that_fails_in_the_simulation_says_how_to_run_it_again(run):
    result = run(
        BANK
        + """
    @pytest.fixture
    def account(sim):
        assert ray.get(Account.remote().read.remote()) == 1

    @pytest.mark.sim(seeds=1)
    def test_a(account): pass
    """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["E *assert 0 == 1", "failed (in a fixture): seed 0,*", "*pytest 'test_it.py::test_a*seed=0*"]
    )


def test_shrinking_can_be_turned_off(run):
    result = run(LOST_UPDATE, "--sim-seed", "3", "-o", "sim_shrink_s=0")
    result.stdout.fnmatch_lines(
        ["*To see exactly this run again:", "*pytest 'test_it.py::test_no*[[]seed=3[]]'"]
    )
    assert "How to make it happen" not in result.stdout.str()


def test_a_wrong_number_of_seconds_for_shrinking_is_told(run):
    result = run(LOST_UPDATE, "-o", "sim_shrink_s=long")
    assert "sim_shrink_s in the ini file: write a number of seconds >= 0, not 'long'" in result.stdout.str()


def test_a_token_that_is_too_long_is_a_file(run, folder, monkeypatch):
    monkeypatch.setattr("simactors.testing.sections.LONGEST_TOKEN", 10)
    result = run(LOST_UPDATE, "--sim-seed", "3")
    file = token(result)
    assert re.fullmatch(r"\.simactors/test_it-\w+\.json", file)
    assert json.loads((folder / file).read_text())["run"]["recipe"]["target"].endswith(
        "::test_no_deposit_is_lost"
    )
    again = run(None, "--sim-replay", file)
    again.stdout.fnmatch_lines(["*reproduced exactly: same ending, same digest*"])


# The same run again


def test_an_id_makes_exactly_the_same_run_in_another_process(run, start):
    first = run(LOST_UPDATE, "--sim-seeds", "2..4", "-o", "sim_shrink_s=0")
    again = start(None, "test_it.py::test_no_deposit_is_lost[seed=3]", "-o", "sim_shrink_s=0")
    again.assert_outcomes(failed=1)
    assert digest(again) == digest(first)


def test_a_token_makes_exactly_the_small_run_in_another_process_and_nothing_else(run, start):
    text = LOST_UPDATE + "\n    def test_other(sim): assert 0\n"
    word = token(run(text, "--sim-seed", "3", "-k", "lost", "-o", "sim_shrink_s=20"))
    again = start(None, "test_it.py", "--sim-replay", word)
    again.assert_outcomes(failed=1, deselected=1)
    again.stdout.fnmatch_lines(
        [
            "  1. delay Account.write (message 1) from deposit#1*",
            "reproduced exactly: same ending, same digest",
            "*simactors: reproduced exactly: same ending, same digest",
            "FAILED test_it.py::test_no_deposit_is_lost - *",
        ]
    )


def test_a_token_of_a_method_with_parameters_is_of_these_parameters_only(run):
    text = (
        BANK
        + """
    class TestBank:
        @pytest.mark.parametrize("amount", [10, 20])
        def test_a(self, sim, amount):
            account = Account.remote()
            ray.get([deposit.remote(account, amount), deposit.remote(account, 5, 0.5)])
            assert ray.get(account.read.remote()) == amount + 5
    """
    )
    result = run(text, "test_it.py::TestBank::test_a[20-seed=3]")
    result.stdout.fnmatch_lines(["*pytest 'test_it.py::TestBank::test_a[[]20[]]' --sim-replay *"])
    again = run(None, "--sim-replay", token(result))
    again.assert_outcomes(failed=1, deselected=1)
    again.stdout.fnmatch_lines(["*reproduced exactly*"])


def test_a_variable_names_the_run_as_well(run, monkeypatch):
    word = token(run(LOST_UPDATE, "--sim-seed", "3"))
    monkeypatch.setenv("SIMACTORS_REPLAY", word)
    result = run(None)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*simactors: reproduced exactly*"])


def test_a_test_that_was_changed_says_where_its_run_left_the_path(run):
    word = token(run(LOST_UPDATE, "--sim-seed", "3"))
    result = run(LOST_UPDATE.replace("amount))", "amount)); time.sleep(3)"), "--sim-replay", word)
    result.stdout.fnmatch_lines(
        ["*NOT reproduced:", "*the program has been changed since", "*the first * the same*"]
    )


def test_a_test_that_was_mended_passes_and_says_that_it_was_not_the_same_run(run):
    word = token(run(LOST_UPDATE, "--sim-seed", "3"))
    result = run(LOST_UPDATE.replace("== 15", "> 0"), "--sim-replay", word)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["simactors: NOT reproduced:", "*it ended with success, the first one with AssertionError"]
    )


def test_a_token_of_a_test_that_is_not_there_is_told(run, pytester):
    word = token(run(LOST_UPDATE, "--sim-seed", "3"))
    pytester.makepyfile(test_other="def test_b(sim): pass")
    result = run(None, "test_other.py", "--sim-replay", word)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert (
        "that run is of test_it.py::test_no_deposit_is_lost, which is not among the tests"
        in result.stderr.str()
    )


def test_the_command_replay_sends_who_has_a_token_of_a_test_to_pytest(run, folder):
    word = token(run(LOST_UPDATE, "--sim-seed", "3"))
    command = [sys.executable, "-m", "simactors", "replay", word]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert f"pytest test_it.py::test_no_deposit_is_lost --sim-replay {word}" in done.stderr


# What else can be asked for


def test_a_test_that_does_not_repeat_fails_and_names_the_first_difference(run):
    text = (
        BANK
        + """
    made = []

    @pytest.mark.sim(seeds=1)
    def test_a(sim):
        made.append(1)
        account = Account.remote()
        ray.get(account.write.remote(len(made)))

    @pytest.mark.sim(seeds=1)
    def test_b(sim):
        ray.get(Account.remote().write.remote(3))
    """
    )
    run(text).assert_outcomes(passed=2)
    result = run(None, "--sim-check-determinism")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "*the same choices gave another run in the same process: record * of the trace differs",
            "*once: *write(1)*",
            "*at test_it.py:* in test_a",
            "*again:*write(2)*",
            "*pytest 'test_it.py::test_a?seed=0?'",
        ]
    )


def test_checking_for_determinism_may_be_said_in_the_ini_file_and_by_a_variable(run, monkeypatch):
    text = "made = []\ndef test_a(sim):\n    made.append(1)\n    import time; time.sleep(len(made))"
    run(text, "--sim-seeds", "1", "-o", "sim_check_determinism=true").assert_outcomes(failed=1)
    monkeypatch.setenv("SIMACTORS_CHECK_DETERMINISM", "1")
    run(None, "--sim-seeds", "1").assert_outcomes(failed=1)
    monkeypatch.setenv("SIMACTORS_CHECK_DETERMINISM", "0")
    run(None, "--sim-seeds", "1", "-o", "sim_check_determinism=true").assert_outcomes(passed=1)


@pytest.mark.parametrize("arguments", [["-rP"], ["-s"]])
def test_the_story_of_a_run_that_passes_can_be_asked_for(run, arguments):
    text = (
        BANK
        + """
    def test_a(sim):
        ray.get(Account.remote().write.remote(3))
    """
    )
    result = run(text, "--sim-seed", "0", "--sim-trace", *arguments)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["*calls Account.write(3) #2*", "*starts Account.write #2*", "passed: seed 0, *"]
    )
    assert "starts Account.write" not in run(None, "--sim-seed", "0", *arguments).stdout.str()


def test_the_story_of_a_failing_run_stands_in_its_report(run):
    result = run(LOST_UPDATE, "--sim-seed", "3", "--sim-trace", "-o", "sim_shrink_s=0")
    result.stdout.fnmatch_lines(
        ["*- simactors -*", "*calls deposit(ActorHandle(), 10)*", "failed (AssertionError)*"]
    )


# On real processes


LOCAL = (
    BANK
    + """
    @pytest.mark.sim(seeds=7, faults="crash")
    def test_a(sim):
        account = Account.remote()
        ray.get(deposit.remote(account, 4))
        assert ray.get(account.read.remote()) == 4
        assert sim.backend == "local" and sim.seed is None and 0 < sim.now_s < 60

    @pytest.mark.sim(only="sim")
    def test_b(sim):
        raise AssertionError("never called")

    def test_c():
        assert not ray.is_initialized()
"""
)


def test_the_same_tests_run_on_real_processes_once_each(run, monkeypatch):
    result = run(LOCAL, "--sim-backend", "local", "-v", "-rs")
    result.assert_outcomes(passed=2, skipped=1)
    result.stdout.fnmatch_lines(
        ["test_it.py::test_a PASSED*", "*needs the simulator, and --sim-backend is local"]
    )
    monkeypatch.setenv("SIMACTORS_BACKEND", "local")
    run(None).assert_outcomes(passed=2, skipped=1)


def test_a_coroutine_runs_on_real_processes_too(run):
    text = (
        BANK
        + """
    import asyncio

    async def test_a(sim):
        account = Account.remote()
        ray.get(account.write.remote(3))
        await asyncio.sleep(0.001)
        assert ray.get(account.read.remote()) == 3
    """
    )
    run(text, "-o", "sim_backend=local").assert_outcomes(passed=1)


def test_a_repro_of_a_test_is_loaded_relative_to_where_pytest_was_called(run, folder, pytester, monkeypatch):
    pytester.mkdir("below")
    Path("below/test_deep.py").write_text(Path(pytester.makepyfile(test_it=LOST_UPDATE)).read_text())
    Path("test_it.py").unlink()
    monkeypatch.chdir("below")
    result = run(None, "--sim-seed", "3")
    result.stdout.fnmatch_lines(["*pytest test_deep.py::test_no_deposit_is_lost --sim-replay *"])
    again = run(None, "test_deep.py::test_no_deposit_is_lost", "--sim-replay", token(result))
    again.stdout.fnmatch_lines(["*reproduced exactly*"])
