"""What one test asks for: its marker ``@pytest.mark.sim(...)``, and the session's options.

Nothing is run here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from simactors.core import nearest
from simactors.exceptions import TargetError
from simactors.exploration.campaign import Quest
from simactors.exploration.storms import kinds_of, nodes_for
from simactors.exploration.strategies import STRATEGIES
from simactors.exploration.strategies.unlearned import NAMES
from simactors.exploration.target import MAX_STEPS, Program, Target
from simactors.exploration.world import world_of
from simactors.sim.config import SimConfig
from simactors.sim.fail_on import FailOn
from simactors.testing import seeds as written_seeds
from simactors.testing.decorator import MARK
from simactors.testing.options import Options, options_of

MARKER = "sim"
_ANYWHERE = Target("<test>")
_ARGUMENTS = ("seeds", "nodes", "faults", "strategy", "config", "fail_on", "only")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What one test asks for.

    Attributes:
        seeds: one run for each.
        strategy: one of `unlearned.NAMES`.
        faults: kinds of faults, see `storms.KINDS`.
        nodes: how many machines; None: one, or three if the kinds of faults need several.
        config: the cluster; None for the plain one.
        fail_on: in the words of `FailOn.parse`.
        only: the only backend that it can run on; None for any.
    """

    seeds: Sequence[int]
    strategy: str = "portfolio"
    faults: tuple[str, ...] = ("delay",)
    nodes: int | None = None
    config: SimConfig | None = None
    fail_on: tuple[str, ...] = ()
    only: str | None = None

    def program(self, target: Target) -> Program:
        """The test as a program, in the world that it asks for."""
        given = self.config or SimConfig(preemption="stores", max_steps=MAX_STEPS)
        quest = Quest(faults=self.faults, nodes=self.nodes)
        program = Program(
            target=target,
            preemption=given.preemption,
            max_steps=given.max_steps if given.max_steps != SimConfig().max_steps else MAX_STEPS,
            cluster=self.config,
            fail_on=self.fail_on,
        )
        placed = quest.world_for(program)
        slack = None if self.strategy == "sampled" else placed.slack
        return replace(placed, slack=given.slack or slack)


def wishes_of(node: pytest.Item | pytest.Collector, options: Options | None = None) -> Wishes:
    """What a test asks for: the marker nearest to it wins, argument by argument.

    Raises:
        ValueError: an argument means nothing; the message says what to write instead.
    """
    options = options or options_of(node.config)
    given: dict[str, Any] = {}
    for marker in node.iter_markers(MARKER):  # the nearest first
        _check_arguments(marker)
        given = {**marker.kwargs, **given}
    wishes = Wishes(
        seeds=_seeds(given, options),
        strategy=_strategy(given.get("strategy", "portfolio")),
        faults=_faults(given.get("faults", "delay")),
        nodes=_nodes(given.get("nodes")),
        config=_config(given),
        fail_on=_fail_on(given.get("fail_on", ())),
        only=_only(given.get("only")),
    )
    try:
        world_of(wishes.program(_ANYWHERE))
    except TargetError as error:
        raise ValueError(f"nodes={wishes.nodes}: {error}") from None
    return wishes


def _check_arguments(marker: pytest.Mark) -> None:
    if marker.args:
        raise ValueError(f"its arguments have names: seeds={marker.args[0]!r}, say")
    for name in marker.kwargs:
        if name not in _ARGUMENTS:
            raise ValueError(f"it has no argument {name!r}; {_nearest(name, _ARGUMENTS)}")


def _nearest(word: str, words: Sequence[str]) -> str:
    return nearest.question(word, words, f"use one of {', '.join(words)}")


def _seeds(given: Mapping[str, Any], options: Options) -> Sequence[int]:
    if options.seeds is not None:
        return options.seeds
    return written_seeds.parse(given["seeds"]) if "seeds" in given else options.usual_seeds


def _strategy(name: object) -> str:
    if name in NAMES:
        return str(name)
    if name in STRATEGIES:
        raise ValueError(
            f"strategy={name!r} learns from run to run, and each seed is a run by itself; use "
            f"@simactors.simulated(strategy={name!r}), which makes many runs in one test"
        )
    raise ValueError(f"there is no strategy {name!r}; {_nearest(str(name), NAMES)}")


def _faults(kinds: object) -> tuple[str, ...]:
    words = kinds if isinstance(kinds, str) else ",".join(map(str, _listed(kinds, "faults")))
    return kinds_of(words)


def _listed(value: object, name: str) -> Sequence[object]:
    if isinstance(value, list | tuple):
        return value
    raise ValueError(f"{name} are words, as in {name}='crash,delay', not {value!r}")


def _nodes(nodes: object) -> int | None:
    if nodes is None or (isinstance(nodes, int) and not isinstance(nodes, bool) and nodes > 0):
        return nodes
    raise ValueError(f"nodes is a number of machines >= 1, not {nodes!r}")


def _config(given: Mapping[str, Any]) -> SimConfig | None:
    config, fail_on = given.get("config"), given.get("fail_on")
    if config is not None and not isinstance(config, SimConfig):
        raise ValueError(f"config is a simactors.SimConfig(...), not {config!r}")
    if isinstance(fail_on, FailOn):
        return replace(config or SimConfig(preemption="stores"), fail_on=fail_on)
    return config


def _fail_on(kinds: object) -> tuple[str, ...]:
    if isinstance(kinds, FailOn):
        return ()  # stands in the config
    words = kinds.split(",") if isinstance(kinds, str) else map(str, _listed(kinds, "fail_on"))
    told = tuple(word.strip() for word in words if word.strip())
    FailOn.parse(told)
    return told


def _only(backend: object) -> str | None:
    if backend in (None, "sim"):
        return backend
    raise ValueError(f"only='sim' is for tests that need the simulator; there is no only={backend!r}")


def machines(wishes: Wishes) -> int:
    """How many machines a test has."""
    if wishes.config is not None and wishes.config.nodes:
        return len(wishes.config.machines)
    return wishes.nodes or nodes_for(wishes.faults)


def parametrize(metafunc: pytest.Metafunc) -> None:
    """One test for each seed.

    Raises:
        pytest.fail.Exception: the marker means nothing, or stands where there is no `sim`.
    """
    node = metafunc.definition
    try:
        options = options_of(metafunc.config)
    except pytest.UsageError as error:
        pytest.fail(str(error), pytrace=False)
    if "sim" not in metafunc.fixturenames:
        if any(marker.name == MARKER for marker in node.own_markers):
            pytest.fail(_unused(node.nodeid, metafunc.function), pytrace=False)
        return
    wishes = _wishes_or_failure(node, options)
    if options.backend != "sim" or options.replay or is_misused(metafunc.function):
        return  # one test, whose id names no seed
    seeds = [
        *wishes.seeds,
        *(seed for seed in _named_seeds(node.nodeid, options) if seed not in wishes.seeds),
    ]
    metafunc.parametrize("sim", seeds, indirect=True, ids=[f"seed={seed}" for seed in seeds])


def _wishes_or_failure(node: pytest.Item, options: Options) -> Wishes:
    try:
        return wishes_of(node, options)
    except ValueError as error:
        told = f"{node.nodeid}: @pytest.mark.sim: {error}"
    pytest.fail(told, pytrace=False)  # out here: pytest would tell of the other exception as well


def is_misused(function: object) -> bool:
    """Whether somebody else calls it many times: Hypothesis, or a hunt."""
    return hasattr(function, "hypothesis") or hasattr(function, MARK)


def _unused(nodeid: str, function: object) -> str:
    name = nodeid.rpartition("::")[2]
    if hasattr(function, MARK):
        return (
            f"{nodeid} is @simulated, and has @pytest.mark.sim, which is for tests that ask for the fixture `sim`: "
            "write what it says as @simulated(seeds=..., faults=...)"
        )
    return (
        f"{nodeid} has @pytest.mark.sim, but does not ask for the fixture `sim`: write def {name}(sim), or add "
        '@pytest.mark.usefixtures("sim")'
    )


def _named_seeds(nodeid: str, options: Options) -> list[int]:
    """Seeds in ids of this test that the user has named, also those outside the range."""
    test = nodeid.partition("::")[2]
    found = []
    for named in options.named:
        tail = named.partition("::")[2]
        seed = written_seeds.in_id(named)
        if seed is not None and tail.partition("[")[0] == test:
            found.append(seed)
    return list(dict.fromkeys(found))
