"""The plugin of pytest: hooks and the fixture `sim`, and nothing else; what they do is in `simactors.testing`.

Loaded in every session of an environment in which simactors is installed, so nothing heavy is imported before a test
asks for it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

_SEED_IN_KEYWORDS = re.compile(r"\bseed=(\d+)")
_OPTIONS = ("sim_seeds", "sim_seed", "sim_replay", "sim_backend")
_REPLAY = "SIMACTORS_REPLAY"
_MARKER = (
    "sim(seeds=10, nodes=None, faults='delay', strategy='portfolio', config=None, fail_on=(), only=None): how a test "
    "that asks for the fixture `sim` is simulated: once for each seed (a number of them, 'A..B', a list), on so many "
    "nodes, with such kinds of faults (none, delay, crash, node, partition, skew, rpc, all), in orders chosen so "
    "(portfolio, kinds, delays, pct, pos, random, sampled), on the cluster SimConfig(...); it also fails for "
    "unread-error, leaked-actor, starvation, livelock, get-timeout; only='sim' skips it on other backends."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, and what the ini file may say."""
    group = parser.getgroup("simactors", "simactors: tests on a simulated cluster")
    add = group.addoption
    add(
        "--sim-seeds",
        metavar="N|A..B",
        help="Run each test that asks for `sim` with so many seeds, or these.",
    )
    add("--sim-seed", metavar="SEED", help="Run them with this seed only.")
    add("--sim-replay", metavar="FILE|TOKEN", help="Make exactly the run again that a report has named.")
    add(
        "--sim-backend",
        metavar="sim|local|ray",
        help="Where to run them: simulated, on real processes, on Ray.",
    )
    add(
        "--sim-check-determinism",
        action="store_true",
        help="Make each run twice, and fail if the second one goes another way.",
    )
    add(
        "--as-ray",
        action="store_true",
        dest="sim_as_ray",
        help="`import ray` in the tests means simactors, unless they run on the backend ray.",
    )
    add("--sim-trace", action="store_true", help="Tell the story of each run in its report; see -rP and -s.")
    parser.addini(
        "sim_seeds", "as --sim-seeds, for tests whose marker doesn't say; 10 by default", default=""
    )
    parser.addini("sim_backend", "as --sim-backend", default="")
    parser.addini("sim_as_ray", "as --as-ray", type="bool", default=False)
    parser.addini("sim_check_determinism", "as --sim-check-determinism", type="bool", default=False)
    parser.addini("sim_trace", "as --sim-trace", type="bool", default=False)
    parser.addini(
        "sim_shrink_s",
        "seconds for making a failure small and explaining it, once for each test and kind of failure; 10 by default, "
        "0 for not at all",
        default="",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before anything of the user's is imported: what `import ray` means."""
    known = early_config.known_args_namespace
    if not (known.sim_as_ray or early_config.getini("sim_as_ray")):
        return
    backend = known.sim_backend or os.environ.get("SIMACTORS_BACKEND") or early_config.getini("sim_backend")
    if backend != "ray":
        from simactors import as_ray

        as_ray.install()
        early_config.add_cleanup(as_ray.uninstall)


def pytest_configure(config: pytest.Config) -> None:
    """The marker; and ``-k seed=3``, which pytest would not understand."""
    config.addinivalue_line("markers", _MARKER)
    keywords = config.getoption("keyword", "")
    if keywords:
        config.option.keyword = _SEED_IN_KEYWORDS.sub(r"seed:\1:", keywords)
    if any(config.getoption(name) for name in _OPTIONS):
        from simactors.testing import options

        options.options_of(config)  # what means nothing is told at once
    if _replays(config):
        from simactors.testing import replaying

        replaying.wanted(config)
        os.environ[_REPLAY] = replaying.word(config)  # for tests that are @simulated


def pytest_unconfigure(config: pytest.Config) -> None:
    """What was told by an option is no business of other sessions."""
    if config.getoption("sim_replay"):
        os.environ.pop(_REPLAY, None)


def _replays(config: pytest.Config) -> bool:
    return bool(config.getoption("sim_replay") or os.environ.get(_REPLAY))


@pytest.fixture
def sim(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The simulation in which the test runs, and what is set up after this: `now_s`, `seed`, `digest`, `backend`.

    What stands above it, fixtures of larger scopes say, is real.
    """
    from simactors.testing import fixture  # lazily, as all below: most sessions don't need it

    with fixture.opened(request) as opened:
        yield opened


@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each seed."""
    if _asks(metafunc.definition) or any(mark.name == "sim" for mark in metafunc.definition.own_markers):
        from simactors.testing import wishes

        wishes.parametrize(metafunc)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pycollect_makeitem() -> Iterator[Any]:
    """Coroutines that ask for `sim` are ours, whatever other plugins have made of them."""
    made = yield
    if isinstance(made, list) and any(map(_asks, made)):
        from simactors.testing import coroutines

        return [coroutines.claimed(node) if _asks(node) else node for node in made]
    return made


def _asks(item: Any) -> bool:
    """Whether a test, or what else may be collected, asks for our `sim`, and not for somebody else's of that name."""
    info = getattr(item, "_fixtureinfo", None)
    definitions = () if info is None else info.name2fixturedefs.get("sim", ())
    for definition in reversed(definitions):
        if definition.func.__module__ == __name__:
            return True
        if "sim" not in definition.argnames:  # it stands in the place of ours, and does not build on it
            return False
    return False


def pytest_itemcollected(item: pytest.Item) -> None:
    """What ``-k seed=3`` has become."""
    if _asks(item):
        seed = getattr(getattr(item, "callspec", None), "params", {}).get("sim")
        item.extra_keyword_matches.add(f"seed:{seed}:")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Only the test whose run is to be made again."""
    if _replays(config):
        from simactors.testing import replaying

        replaying.select(config, items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Tests that ask for `sim` may be run several times, and reported once."""
    if not _asks(item) or any(item.config.getoption(name, False) for name in ("setuponly", "setupshow")):
        return None
    from simactors.testing import trial

    return trial.protocol(item, nextitem)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse what can't be simulated."""
    if _asks(item):
        from simactors.testing import fixture

        fixture.check(item)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[Any]:
    """What the simulation finds at its end is a failure of the test, and none of its teardown."""
    if not _asks(item):
        return (yield)
    from simactors.testing import fixture

    with fixture.body(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    """Tracebacks with the user's lines only."""
    if call.excinfo is not None and _asks(item) and not item.config.getoption("fulltrace", False):
        from simactors.testing import fixture

        with fixture.trimmed(call.excinfo.value):
            return (yield)
    return (yield)


def pytest_enter_pdb() -> None:
    """A person looks: nothing is ended meanwhile for taking too long."""
    _tell_runs("rest")


def pytest_leave_pdb() -> None:
    """The person has seen enough."""
    _tell_runs("go_on")


def _tell_runs(word: str) -> None:
    testing = sys.modules.get("simactors.testing.item_run")
    for run in () if testing is None else testing.open_runs:
        getattr(run, word)()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Whether the run was the same as the one that was to be made again."""
    if _replays(config):
        reports: Sequence[Any] = [r for found in terminalreporter.stats.values() for r in found]
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "simactors-replay":
                    terminalreporter.write_line(f"simactors: {value}")
