"""Tokens: nothing is lost on the way through one, and damage is noticed."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simactors.core.fault_plan import CrashNode, CrashProcess, FailCall, FaultPlan, JumpClock, Partition
from simactors.exploration.recipe import Recipe
from simactors.exploration.repro import PREFIX, Repro, ReproError, code_digest, replay
from simactors.exploration.script import Answer, Deviation, Script
from simactors.exploration.target import Program, Target
from simactors.sim.config import LinkConfig, NodeConfig, SimConfig, Slack
from simactors.sim.distributions import Exponential

NAMES = st.text(max_size=20)
DEVIATIONS = st.lists(st.builds(Deviation, NAMES, NAMES), max_size=5).map(tuple)
ANSWERS = st.lists(st.builds(Answer, NAMES, st.integers(0, 99), st.integers(1, 2**53)), max_size=5).map(tuple)
FAULTS = st.sampled_from(
    [
        CrashProcess(call="Account.add", after_call=2),
        CrashNode(node="node-2", at_s=1.5, back_after_s=0.5),
        Partition(groups=(("node-2",), ("node-3", "east")), at_s=0.25, for_s=6.0),
        FailCall(call="Account.*", lost="late", nth=3),
        JumpClock(node="node-1", by_s=-2.0),
    ]
)
CLUSTERS = (
    SimConfig(num_cpus=2, service_times={"*": Exponential(0.1)}),
    SimConfig(nodes=(NodeConfig(count=2, labels={"kind": "fast"}),), links=(LinkConfig(loss=0.25),)),
)
PROGRAMS = st.builds(
    Program,
    target=st.just(Target(__file__, "f")),
    argv=st.lists(st.text()).map(tuple),
    as_ray=st.booleans(),
    max_steps=st.integers(1, 10**9),
    preemption=st.sampled_from(["off", "stores", "lines"]),
    cluster=st.none() | st.sampled_from(CLUSTERS),
    faults=st.lists(FAULTS, max_size=2).map(lambda faults: FaultPlan(tuple(faults))),
    allow=st.lists(st.text()).map(tuple),
    nodes=st.none() | st.integers(1, 9),
    slack=st.none() | st.builds(Slack, messages_s=st.none() | st.just(1.0), sleeps_s=st.just(0.5)),
)
RECIPES = st.builds(
    Recipe,
    program=PROGRAMS,
    seed=st.integers(min_value=0),
    faults=st.lists(FAULTS, max_size=3).map(lambda faults: FaultPlan(tuple(faults))),
    script=st.none() | st.builds(Script, DEVIATIONS, ANSWERS),
)
HEX = "0123456789abcdef"
REPROS = st.builds(
    Repro,
    recipe=RECIPES,
    code=st.text(HEX, max_size=8),
    digest=st.text(HEX, max_size=16),
    kind=st.none() | st.text(),
    failure=st.text(HEX, max_size=8),
    version=st.text(),
    hash_seed=st.none() | st.text(),
)


@given(REPROS)
def test_a_token_gives_back_the_repro_and_needs_no_quotes_in_a_shell(repro: Repro):
    assert Repro.read(repro.token) == repro
    assert repro.token.removeprefix(PREFIX).replace("-", "").replace("_", "").isalnum()


@given(REPROS, st.data())
def test_a_damaged_token_is_refused(repro: Repro, data: st.DataObject):
    token = repro.token
    cut = data.draw(st.integers(len(PREFIX), len(token) - 1))
    for damaged in (token[:cut], token[:cut] + ("A" if token[cut] != "A" else "B") + token[cut + 1 :]):
        # The last digit may hold bits that mean nothing: then the token is not damaged.
        with suppress(ReproError):
            assert Repro.read(damaged) == repro


@pytest.mark.parametrize("word", ["", "sim2-abc", "hello", "sim5-", "sim5-é", "sim5-AAAA"])
def test_what_is_no_token_is_refused_in_plain_words(word: str):
    with pytest.raises(ReproError, match="token"):
        Repro.read(word)


@given(REPROS)
def test_a_file_gives_back_the_repro(tmp_path_factory: pytest.TempPathFactory, repro: Repro):
    path = tmp_path_factory.mktemp("repro") / "run.json"
    repro.write(path, failure="ValueError", plan=["delay this"])
    assert Repro.read(str(path)) == repro


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"simactors_repro": 99}', '{"simactors_repro": 1, "run": {}}']
)
def test_a_file_that_is_no_repro_is_refused_by_name(tmp_path: Path, text: str):
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(ReproError, match=r"run\.json"):
        Repro.read(str(path))


def repro_of(program: Program) -> Repro:
    recipe = Recipe(program=program, seed=3)
    return Repro.of(recipe, recipe.run())


def test_a_replay_in_another_folder_is_the_same_run(tmp_path: Path):
    reports = []
    for name in ("here", "there"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "app.py").write_text("raise ValueError(__file__)")
        program = Program(target=Target(str(folder / "app.py")))
        reports.append(repro_of(program))
    moved = dataclasses.replace(reports[0], recipe=reports[1].recipe)
    assert replay(moved).differences == ()


def test_a_replay_says_whether_it_was_the_same_run_and_where_it_differs(tmp_path: Path):
    path = tmp_path / "app.py"
    path.write_text("assert False, 'first'")
    program = Program(target=Target(str(path)))
    repro = repro_of(program)
    assert replay(repro).differences == ()
    assert "digest" in replay(dataclasses.replace(repro, digest="0" * 16)).differences[0]
    path.write_text("assert False, 'second'")
    assert "says something else" in replay(repro).differences[0]
    path.write_text("")
    old = dataclasses.replace(repro, version="0.0.1")
    assert replay(old).differences[0] == "it ended with success, the first one with AssertionError"
    assert "0.0.1" in replay(old).differences[-1]


def test_a_set_in_a_message_is_the_same_in_another_order(tmp_path: Path):
    path = tmp_path / "app.py"
    path.write_text("""raise ValueError("lost {'a', 'b'}")""")
    repro = repro_of(Program(target=Target(str(path))))
    path.write_text("""raise ValueError("lost {'b', 'a'}")""")  # as under another PYTHONHASHSEED
    assert replay(repro).differences == ()
    path.write_text("""raise ValueError("lost {'a', 'c'}")""")
    assert "says something else" in replay(repro).differences[0]


def test_what_an_editor_leaves_beside_a_program_is_no_part_of_it_and_no_obstacle(tmp_path: Path) -> None:
    program = Program(target=Target(str(tmp_path / "app.py"), "main"))
    (tmp_path / "app.py").write_text("def main(): pass")
    alone = code_digest(program)
    (tmp_path / ".#app.py").symlink_to("user@host.4711:1700000000")  # as Emacs marks what is not saved
    (tmp_path / "loop.py").symlink_to("loop.py")
    (tmp_path / "folder.py").mkdir()
    assert code_digest(program) == alone
    (tmp_path / "app.py").write_text("def main(): ...")
    assert code_digest(program) != alone
