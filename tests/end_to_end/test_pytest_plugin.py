"""The fixture `sim`: seeds, ids, options, markers, what stands around a test. Each test runs a pytest of its own."""

from __future__ import annotations

import sys

import pytest

from tests.end_to_end.deposits import BANK

PLAIN = """
    import time
    import pytest

    def test_a(sim):
        time.sleep(100)
        assert sim.now_s == 100 and sim.backend == "sim"
        print("digest", sim.seed, sim.digest)
"""


def ids(result: pytest.RunResult) -> list[str]:
    return [line.split("::", 1)[1] for line in result.outlines if line.startswith("test_it.py::")]


# Seeds


def test_a_test_is_run_once_for_each_of_ten_seeds(run):
    result = run(PLAIN, "--collect-only", "-q")
    assert ids(result) == [f"test_a[seed={seed}]" for seed in range(10)]
    run(None).assert_outcomes(passed=10)


@pytest.mark.parametrize(
    ("arguments", "seeds"),
    [
        (["--sim-seeds", "2"], [0, 1]),
        (["--sim-seeds", "7..9"], [7, 8, 9]),
        (["--sim-seed", "40"], [40]),
        (["-o", "sim_seeds=3"], [0, 1, 2]),
    ],
)
def test_options_and_the_ini_file_say_which_seeds(run, arguments, seeds):
    assert ids(run(PLAIN, "--collect-only", "-q", *arguments)) == [f"test_a[seed={s}]" for s in seeds]


MARKED = "import pytest\n@pytest.mark.sim(seeds='5..6')\ndef test_a(sim): pass"


@pytest.mark.parametrize(
    ("variable", "arguments", "seeds"),
    [
        ("", ["-o", "sim_seeds=3"], [5, 6]),
        ("4", [], [5, 6]),
        ("4", ["--sim-seeds", "1"], [0]),
    ],
)
def test_the_marker_wins_over_ini_and_environment_and_an_option_over_the_marker(
    run, monkeypatch, variable, arguments, seeds
):
    monkeypatch.setenv("SIMACTORS_SEEDS", variable)
    assert ids(run(MARKED, "--collect-only", "-q", *arguments)) == [f"test_a[seed={s}]" for s in seeds]


def test_variables_of_the_environment_win_over_the_ini_file(run, monkeypatch):
    monkeypatch.setenv("SIMACTORS_SEEDS", "8..9")
    assert ids(run(PLAIN, "--collect-only", "-q", "-o", "sim_seeds=1")) == [
        "test_a[seed=8]",
        "test_a[seed=9]",
    ]
    monkeypatch.setenv("SIMACTORS_SEED", "77")
    assert ids(run(None, "--collect-only", "-q")) == ["test_a[seed=77]"]


def test_a_marker_nearer_to_the_test_wins_argument_by_argument(run):
    result = run(
        """
        import pytest
        import simactors
        pytestmark = pytest.mark.sim(nodes=3, seeds=1)

        @pytest.mark.sim(seeds=2)
        class TestA:
            @pytest.mark.sim(strategy="pct")
            def test_nodes(self, sim):
                assert len(simactors.nodes()) == 3
        """
    )
    result.assert_outcomes(passed=2)


def test_an_id_on_the_command_line_is_run_even_outside_the_range(run):
    result = run(PLAIN, "-v", "test_it.py::test_a[seed=17]")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test_a?seed=17? PASSED*"])


def test_ids_go_with_classes_and_other_parameters(run):
    text = """
        import pytest

        @pytest.mark.sim(seeds=2)
        class TestA:
            @pytest.mark.parametrize("size", ["small", "large"])
            def test_b(self, sim, size): print(size, sim.seed)
    """
    assert ids(run(text, "--collect-only", "-q")) == [
        f"TestA::test_b[{size}-seed={seed}]" for size in ("small", "large") for seed in (0, 1)
    ]
    result = run(None, "-s", "test_it.py::TestA::test_b[large-seed=33]")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*large 33*"])


def test_k_takes_a_seed_exactly(run):
    result = run(PLAIN, "--sim-seeds", "40", "-k", "seed=3", "--collect-only", "-q")
    assert ids(result) == ["test_a[seed=3]"]
    assert len(ids(run(None, "--sim-seeds", "40", "-k", "not seed=3", "--collect-only", "-q"))) == 39


def test_lf_runs_a_seed_again_that_is_outside_the_range_by_now(run):
    text = "def test_a(sim):\n    assert sim.seed != 15"
    cached = ["-p", "cacheprovider", "-o", "addopts="]
    run(text, *cached, "--sim-seeds", "14..16").assert_outcomes(passed=2, failed=1)
    run(None, *cached, "--lf", "--sim-seeds", "2").assert_outcomes(failed=1)


def test_the_run_of_a_seed_is_the_same_alone_and_among_others_and_in_any_order(run):
    text = (
        BANK
        + """
    def test_a(sim):
        account = Account.remote()
        ray.get([deposit.remote(account, n) for n in range(4)])
        print("digest", sim.seed, sim.digest)
    """
    )

    def digests(*arguments: str) -> dict[str, str]:
        lines = [line.split() for line in run(text, "-s", *arguments).outlines if "digest" in line]
        return {words[-2]: words[-1] for words in lines}

    together = digests()
    assert len(set(together.values())) > 5
    assert digests("test_it.py::test_a[seed=7]", "test_it.py::test_a[seed=3]") == {
        seed: together[seed] for seed in ("7", "3")
    }


# What stands around a test


def test_fixtures_below_sim_are_simulated_and_those_above_it_are_real(run):
    result = run(
        BANK
        + """
    @pytest.fixture(scope="module")
    def above():
        return time.time()

    @pytest.fixture
    def account(sim):
        began = time.time()
        account = Account.remote()
        yield account
        assert ray.get(account.read.remote()) == 7
        time.sleep(1000)
        assert time.time() - began > 1000
        print("cleaned up at", round(sim.now_s, -3))

    @pytest.mark.sim(seeds=2)
    def test_a(above, account, tmp_path, capsys):
        assert above > 1.74e9 > time.time()
        ray.get(account.write.remote(7))
        print("said")
        assert capsys.readouterr().out == "said\\n"
    """,
        "-rP",
    )
    result.assert_outcomes(passed=2)
    assert result.stdout.str().count("cleaned up at 1000.0") == 2


def test_a_test_leaves_nothing_behind_for_the_next_seed(run):
    result = run(
        """
        import os
        import simactors

        def test_a(sim):
            assert "LEFT" not in os.environ and not simactors.is_initialized()
            os.environ["LEFT"] = "1"
            simactors.init()

        def test_b():
            assert "LEFT" not in os.environ and not simactors.is_initialized()
        """
    )
    result.assert_outcomes(passed=11)


def test_each_test_has_the_nodes_the_cluster_and_the_faults_that_it_asks_for(run):
    result = run(
        """
        import pytest
        import simactors
        from simactors import NodeConfig, SimConfig

        @pytest.mark.sim(nodes=4, seeds=1)
        def test_nodes(sim): assert len(simactors.nodes()) == 4

        @pytest.mark.sim(faults="partition", seeds=1)
        def test_three(sim): assert len(simactors.nodes()) == 3

        @pytest.mark.sim(config=SimConfig(nodes=(NodeConfig(num_cpus=3),)), seeds=1)
        def test_config(sim): assert simactors.cluster_resources()["CPU"] == 3

        @simactors.remote
        class Actor:
            def f(self): return 1

        @pytest.mark.sim(faults="crash", seeds=30)
        def test_crashes(sim):
            actor = Actor.remote()
            simactors.get([actor.f.remote() for _ in range(5)])
        """,
        "-o",
        "sim_shrink_s=0",
        "-q",
    )
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] > 3
    assert outcomes["failed"] > 3
    assert "test_crashes" in result.stdout.str()
    assert "test_nodes" not in result.stdout.str()


def test_what_the_simulation_finds_at_the_end_fails_the_test_and_not_its_teardown(run):
    result = run(
        """
        import time
        import pytest
        import simactors

        @simactors.remote
        def f(): raise ValueError("unread")

        @pytest.mark.sim(seeds=1, fail_on="unread-error")
        def test_a(sim):
            f.remote()
            time.sleep(1)
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["UnreadError: f #1 of driver*", "*- simactors -*", "*pytest 'test_it.py::test_a?seed=0?'"]
    )
    assert "oversights.py" not in result.stdout.str()


def test_skips_and_expected_failures_are_no_failures(run):
    result = run(
        """
        import pytest
        pytestmark = pytest.mark.sim(seeds=1)

        def test_skip(sim): pytest.skip("why not")
        @pytest.mark.xfail
        def test_fails(sim): assert 0
        @pytest.mark.xfail(strict=True)
        def test_passes(sim): pass
        """
    )
    result.assert_outcomes(skipped=1, xfailed=1, failed=1)
    assert "How to make it happen" not in result.stdout.str()


def test_a_fixture_of_a_module_is_torn_down_once_and_its_failure_is_told(run):
    result = run(
        """
        import pytest
        done = []

        @pytest.fixture(scope="module")
        def module():
            done.append("set up")
            yield
            done.append("torn down")
            raise RuntimeError(f"broken after {done}")

        @pytest.mark.sim(seeds=1)
        def test_a(module, sim): assert 0
        """
    )
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines(["E * RuntimeError: broken after ?'set up', 'torn down'?"])


def test_x_ends_after_the_first_failure(run):
    run("def test_a(sim): assert 0", "-x").assert_outcomes(failed=1)


def test_the_debugger_stops_in_the_failing_line_with_the_simulation_still_open(pytester, folder):
    pytester.makepyfile(
        test_it="""
        import time
        def test_a(sim):
            secret = 41
            time.sleep(5)
            assert secret == 42
        """
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--pdb",
        "--sim-seeds",
        "2",
        "-p",
        "no:randomly",
        "-p",
        "no:asyncio",
    ]
    result = pytester.run(*command, stdin=b"p secret + 1000, sim.now_s\nc\np secret + 2000\nc\n")
    result.stdout.fnmatch_lines(["*(1041, 5.0)", "*2041", "* 2 failed*"])


def test_assertions_are_rewritten_as_ever_and_our_own_lines_left_out(run):
    result = run(
        BANK
        + """
    @pytest.mark.sim(seeds=1)
    def test_a(sim):
        left = [1, 2]
        assert left == [1, 3]

    @pytest.mark.sim(seeds=1)
    def test_b(sim):
        Account.remote().nothing_such
    """,
    )
    result.stdout.fnmatch_lines(["E       assert ?1, 2? == ?1, 3?", "E       AttributeError: *nothing_such*"])
    assert "handles.py" not in result.stdout.str()


def test_methods_of_unittest_are_simulated_once(run):
    result = run(
        BANK
        + """
    import unittest

    @pytest.mark.usefixtures("sim")
    class TestOne(unittest.TestCase):
        def test_a(self):
            time.sleep(1000)
            self.assertEqual(ray.get(Account.remote().read.remote()), 1)
    """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*0 != 1*", "*pytest test_it.py::TestOne::test_a"])


def test_seeds_of_methods_of_unittest_are_told_to_have_no_effect(run):
    result = run(
        """
    import pytest, unittest

    @pytest.mark.sim(seeds=5)
    class TestOne(unittest.TestCase):
        @pytest.fixture(autouse=True)
        def simulated(self, sim):
            yield

        def test_a(self):
            pass
    """,
        "-W",
        "default",
    )
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*has no effect on methods of unittest.TestCase*"])


# Misuse


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("seed=3", "it has no argument 'seed'; did you mean 'seeds'?"),
        ("3", "its arguments have names: seeds=3, say"),
        ("seeds=0", "there must be at least one seed, not 0"),
        ("seeds='9..7'", "write the smaller one first, 7..9"),
        ("nodes=0", "nodes is a number of machines >= 1, not 0"),
        ("faults='crahs'", "there is no kind of fault 'crahs'; did you mean 'crash'?"),
        ("faults=3", "faults are words, as in faults='crash,delay', not 3"),
        ("strategy='ptc'", "there is no strategy 'ptc'; did you mean 'pct'?"),
        ("strategy='orders'", "use @simactors.simulated(strategy='orders')"),
        ("config=3", "config is a simactors.SimConfig(...), not 3"),
        ("fail_on='unread'", "there is no kind of failure 'unread'; did you mean 'unread-error'?"),
        ("only='local'", "only='sim' is for tests that need the simulator"),
        ("nodes=2, config=SimConfig(nodes=(NodeConfig(),))", "leave out the number of nodes"),
    ],
)
def test_a_wrong_marker_is_told_when_tests_are_collected_with_the_nearest_right_word(run, marker, message):
    result = run(
        f"""
        import pytest
        from simactors import NodeConfig, SimConfig

        @pytest.mark.sim({marker})
        def test_a(sim): pass
        """
    )
    result.assert_outcomes(errors=1)
    assert "test_it.py::test_a: @pytest.mark.sim: " in result.stdout.str()
    assert message in result.stdout.str()
    assert "Traceback" not in result.stdout.str()
    assert "another exception" not in result.stdout.str()


def test_a_marker_without_the_fixture_says_what_to_write(run):
    result = run("import pytest\n@pytest.mark.sim(seeds=3)\ndef test_a(): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*does not ask for the fixture `sim`: write def test_a(sim)*"])


def test_a_marker_on_what_is_simulated_says_where_it_belongs(run):
    text = "import pytest, simactors\n@pytest.mark.sim(seeds=3)\n@simactors.simulated\ndef test_a(): pass"
    result = run(text)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*write what it says as @simulated(seeds=..., faults=...)*"])


def test_a_marker_of_a_module_may_stand_above_tests_that_are_not_simulated(run):
    text = "import pytest\npytestmark = pytest.mark.sim(seeds=2)\ndef test_a(sim): pass\ndef test_b(): pass"
    run(text).assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sim-seeds", "x"], "--sim-seeds: seeds are so many"),
        (["--sim-seed", "-1"], "--sim-seed: a seed is a number >= 0, not '-1'"),
        (["--sim-seed", "1", "--sim-seeds", "2"], "leave one of them out"),
        (["--sim-backend", "lcoal"], "there is no backend 'lcoal'; did you mean 'local'?"),
        (
            ["--sim-replay", "nothing.json"],
            "--sim-replay: 'nothing.json' is neither a file nor a replay token",
        ),
    ],
)
def test_a_wrong_option_is_told_at_once(run, arguments, message):
    result = run(PLAIN, *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in result.stderr.str()


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("SIMACTORS_SEEDS", "many", "the environment variable SIMACTORS_SEEDS: seeds are so many"),
        (
            "SIMACTORS_BACKEND",
            "spark",
            "the environment variable SIMACTORS_BACKEND: there is no backend 'spark'",
        ),
        ("SIMACTORS_TRACE", "maybe", "the environment variable SIMACTORS_TRACE: write 1 or 0"),
    ],
)
def test_a_wrong_variable_is_told_with_its_name(run, monkeypatch, variable, value, message):
    monkeypatch.setenv(variable, value)
    result = run(PLAIN)
    assert result.ret != pytest.ExitCode.OK
    assert message in result.stderr.str() + result.stdout.str()
    assert "options.py" not in result.stdout.str()


def test_sim_together_with_given_names_what_to_write_instead(run):
    result = run(
        """
        from hypothesis import given, strategies as st

        @given(st.integers())
        def test_a(sim, n): pass
        """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "*from simactors.hypothesis import plans",
            "*@given(plans())",
            "*def test_a(plan):",
            "*with simulate(plan):",
        ]
    )


def test_sim_together_with_simulated_is_one_too_many(run):
    result = run("from simactors import simulated\n@simulated\ndef test_a(sim): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_a is @simulated, and takes the fixture `sim`*"])


def test_somebody_elses_fixture_of_that_name_is_left_alone(run):
    text = """
        import pytest

        @pytest.fixture
        def sim(): return 3

        def test_a(sim): assert sim == 3
    """
    run(text).assert_outcomes(passed=1)


def test_a_fixture_of_that_name_may_build_on_ours(run):
    text = """
        import pytest

        @pytest.fixture
        def sim(sim): return ("wrapped", sim.seed)

        @pytest.mark.sim(seeds=2)
        def test_a(sim): assert sim[0] == "wrapped"
    """
    run(text).assert_outcomes(passed=2)


def test_the_help_has_a_group_and_the_marker_is_told(run):
    result = run(None, "--help")
    text = result.stdout.str()
    assert "simactors: tests on a simulated cluster" in text
    for option in (
        "--sim-seeds=N|A..B",
        "--sim-seed=SEED",
        "--sim-replay=FILE|TOKEN",
        "--sim-check-determinism",
    ):
        assert option in text
    assert "sim_shrink_s" in text
    run(None, "--markers").stdout.fnmatch_lines(["@pytest.mark.sim(seeds=10, *"])


# Coroutines


def test_a_coroutine_that_asks_for_sim_needs_no_other_plugin(run):
    result = run(
        BANK
        + """
    import asyncio
    import time

    @pytest.mark.sim(seeds=2)
    async def test_a(sim):
        account = Account.remote()
        await account.write.remote(3)
        await asyncio.sleep(1000)
        await asyncio.to_thread(time.sleep, 1000)  # in an executor, which asyncio ends after the test
        assert await account.read.remote() == 3
        assert sim.now_s > 2000

    @pytest.mark.sim(seeds=1)
    class TestB:
        async def test_b(self, sim):
            assert 0, "it was awaited"
    """
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*it was awaited*", "*pytest 'test_it.py::TestB::test_b?seed=0?'"])
