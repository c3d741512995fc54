"""Generated programs, and who holds the backends against each other with them.

Method: the generator is looked at by what it writes; the search by outcomes that are possible, and by one that is not.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner

from simactors.conformance.programs import grammar
from simactors.conformance.programs.__main__ import main
from simactors.conformance.programs.generating import generate
from simactors.conformance.programs.grammar import Program, counts
from simactors.conformance.programs.judging import drawn, judge, line_of, performed, play_of, read
from simactors.conformance.programs.progress import Progress, Wanted
from simactors.conformance.programs.rendering import render
from simactors.conformance.programs.simulated import search
from simactors.sim.config import SimConfig
from simactors.sim.simulation import simulate

RACE = Program(
    seed=0,
    actors=(
        grammar.Actor(
            name="a",
            kind="threaded",
            options=(("max_concurrency", 2),),
            bodies=(grammar.Body((grammar.Add(),)), grammar.Body(), grammar.Body()),
            items=grammar.Body(),
        ),
    ),
    tasks=(),
    statements=(grammar.Call("r1", "a", "m0"), grammar.Call("r2", "a", "m0")),
)


def outcome(log: list[str], total: int, first: int, second: int) -> str:
    return json.dumps([["r1", f"r1(None):{first}"], ["r2", f"r2(None):{second}"], ["a", [log, total]]])


def test_a_seed_writes_the_same_program_again():
    assert generate(3) == generate(3)
    assert generate(3) != generate(4)


def test_every_kind_of_statement_and_step_is_drawn_and_compiles():
    programs = [generate(seed) for seed in range(400)]
    statements = {type(statement) for program in programs for statement in program.statements}
    steps = {type(step) for program in programs for body in program.bodies for step in body.steps}
    assert statements == set(get_args(grammar.Statement))
    assert steps == set(get_args(grammar.Step))
    for program in programs:
        compile(render(program), "program.py", "exec")


def test_what_crashes_in_every_run_is_not_made_again_without_end():
    for seed in range(400):
        for actor in generate(seed).actors:
            always = any(
                isinstance(step, grammar.Crash | grammar.Raise) and step.times is None
                for body in actor.bodies
                for step in body.steps
            )
            assert not always or dict(actor.options).get("max_task_retries") != -1


def test_runs_are_counted_where_a_process_may_crash_only_sometimes():
    assert counts(grammar.Body((grammar.Crash(1),)))
    assert not counts(grammar.Body((grammar.Crash(None), grammar.Sleep(1))))


def test_an_outcome_repeats_in_a_simulation_of_the_same_seed():
    outcomes = []
    for _ in range(2):
        with simulate(5):
            outcomes.append(play_of(generate(7)).run())
    assert outcomes[0] == outcomes[1]


def test_a_lost_update_is_reached():
    wanted = [outcome(["r1", "r2"], 1, 1, 1), outcome(["r2", "r1"], 2, 2, 1)]
    found = search(play_of(RACE), wanted, 2000)
    assert not found.missing
    assert found.runs < 2000


def test_what_is_impossible_is_a_mismatch_that_shows_the_program():
    impossible = outcome(["r1", "r2"], 3, 1, 3)
    judged = judge(RACE, {impossible: 1}, 100)
    assert judged.is_mismatch
    assert impossible in str(judged)
    assert "class A:" in str(judged)


def test_an_impossible_end_of_a_program_that_waits_for_ever_is_found_as_a_hang():
    stuck = grammar.Body((grammar.CallPeer("m2", waits=True),))
    actor = grammar.Actor("a", "plain", (), (stuck, grammar.Body(), grammar.Body()), grammar.Body())
    program = Program(0, (actor,), (), (grammar.Meet("a", "a"), grammar.Call("r1", "a", "m0")))
    assert not search(play_of(program), ['["hangs"]'], 100).missing


def test_an_order_of_many_calls_of_an_async_actor_is_reached_in_few_runs():
    actor = grammar.Actor(
        name="a",
        kind="async",
        options=(("max_concurrency", 2),),
        bodies=(grammar.Body((grammar.Sleep(2),), is_async=True), *(grammar.Body((), is_async=True),) * 2),
        items=grammar.Body(),
    )
    refs = [f"r{number}" for number in range(1, 9)]
    program = Program(0, (actor,), (), tuple(grammar.Call(ref, "a", "m0") for ref in refs))
    log = ["r5", "r2", "r8", "r1", "r7", "r3", "r6", "r4"]
    wanted = json.dumps([*([ref, f"{ref}(None):0"] for ref in refs), ["a", [log, 0]]])
    found = search(play_of(program), [wanted], 2000)
    assert not found.missing
    assert found.runs < 600  # the first 200 are in all kinds of orders


def test_progress_is_what_is_right_until_something_is_wrong():
    wanted = Wanted(outcome(["r2", "r1"], 2, 2, 1))
    looks = {True: [], False: []}
    for is_right in looks:
        seen: list[object] = []
        progress = Progress(wanted, lambda seen=seen: seen)
        seen.append(("r1", "r1(None):2"))
        looks[is_right].append(progress.look([]))
        seen.append(("r2", f"r2(None):{1 if is_right else 2}"))
        looks[is_right].append(progress.look([]))
    assert looks == {True: [1, 2], False: [1, None]}


@pytest.mark.parametrize("asks", ["peek", "cancel"])
def test_code_that_hesitates_lets_calls_arrive_meanwhile(asks: str):
    statement = grammar.Peek("r1") if asks == "peek" else grammar.Cancel("r1", force=False, recursive=True)
    body = grammar.Body()
    task = grammar.Task("f0", (), body)
    program = Program(0, (), (task, grammar.Task("f1", (), body)), (grammar.Call("r1", "", "f0"), statement))
    at_once, slow = set(), set()
    for seed in range(60):
        for outcomes, config in ((at_once, SimConfig()), (slow, SimConfig(hesitation_s=0.1))):
            with simulate(seed, config=config):
                outcomes.add(play_of(program).run())
    assert len(at_once) == 1
    assert at_once < slow


def test_small_programs_on_real_processes_come_to_what_the_simulator_reaches():
    seeds = range(25)
    for seed, real in performed("local", seeds, 1):
        assert not isinstance(real, str), real
        judged = judge(drawn(seed, "local"), real, 2000)
        assert not judged.is_mismatch, str(judged)


def test_a_driver_that_ends_before_its_time_is_told_with_its_last_words():
    crashed = list(performed("nowhere", range(2), 1))
    assert [seed for seed, _ in crashed] == [0, 1]
    for _, words in crashed:
        assert isinstance(words, str)
        assert words.startswith("exit code 2\n")
        assert "'nowhere' is not one of" in words


def test_the_command_shows_programs():
    command = [
        sys.executable,
        "-m",
        "simactors.conformance.programs",
        "--show",
        "--first-seed",
        "7",
        "--count",
        "1",
    ]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert shown.rstrip() == render(drawn(7, "local")).rstrip()


def test_what_was_performed_can_be_judged_later(tmp_path: Path) -> None:
    told = line_of(7, "local", {"[]": 2})
    assert list(read(["what a backend prints\n", f"{told}\n"], "local")) == [(7, {"[]": 2})]
    file = tmp_path / "outcomes.jsonl"
    file.write_text(told)
    run = CliRunner().invoke(main, ["--judge", str(file), "--most-runs", "50"])
    assert run.exit_code == 1  # no program comes to nothing
    assert "program 7: not reached in" in run.output
    assert "1 mismatches" in run.output


def test_outcomes_of_another_backend_are_not_judged(tmp_path: Path) -> None:
    """There the same seed means another program, and nothing fitted."""
    file = tmp_path / "outcomes.jsonl"
    file.write_text(line_of(7, "ray", {"[]": 2}))
    run = CliRunner().invoke(main, ["--judge", str(file)])
    assert run.exit_code == 2
    assert "line 1 is of a run on ray: judge it with --backend ray" in run.output


@pytest.mark.parametrize(
    "line",
    [
        '{"seed": 7, "outcomes": {"[]": 2}',
        '{"seed"}',
        '{"seed": 7}',
        '{"seed": "x", "outcomes": {}}',
        '{"seed": 7, "outcomes": 5}',
        '{"seed": 7, "outcomes": {"[": 1}}',
        '{"seed": 7, "outcomes": {"[]": "twice"}}',
    ],
)
def test_a_damaged_line_is_wrong_input_and_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "outcomes.jsonl"
    file.write_text(f"something else\n{line}\n")
    run = CliRunner().invoke(main, ["--judge", str(file)])
    assert run.exit_code == 2
    assert f"{file}: line 2 can't be read" in run.output
