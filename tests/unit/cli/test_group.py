"""What all commands share: lazy loading, exit codes, answers to wrong names."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from simactors.cli import commands, main
from simactors.cli.group import CommandGroup, exit_code_of
from simactors.core import backend as backends


def code_of(*args: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(list(args), "simactors")
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_help_loads_neither_the_simulator_nor_anything_heavy():
    code = (
        "import sys; from simactors.cli import commands, exit_code_of\n"
        "assert exit_code_of(commands, ['--help'], 'simactors') == 0\n"
        "print([m for m in ('simpy', 'hypothesis', 'pytest', 'rich', 'simactors.sim') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_lines_of_help_are_those_of_the_commands():
    assert isinstance(commands, CommandGroup)
    context = click.Context(commands)
    for name, (_, line) in commands.places.items():
        command = commands.get_command(context, name)
        assert command is not None
        assert command.get_short_help_str(200) == line


def examples_of(command: click.Command) -> list[str]:
    """The lines that the help of a command tells to type."""
    _, _, lines = (command.epilog or "").partition("\b\nExample")
    return [line.strip() for line in lines.splitlines()[1:]]


@pytest.mark.parametrize(
    "name", ["run", "hunt", "replay", "doctor", "init", "schema", "compare", "calibrate", "status"]
)
def test_the_help_of_each_command_has_examples_that_it_understands(name, tmp_path, monkeypatch, capsys):
    assert isinstance(commands, CommandGroup)
    command = commands.get_command(click.Context(commands), name)
    assert command is not None
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text("def main(): ...")
    scenario = Path(__file__).parents[3] / "scenarios" / "bank"
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "bank").symlink_to(scenario)
    assert examples_of(command)
    assert code_of(name, "--help") == 0
    shown = capsys.readouterr().out
    for example in examples_of(command):
        words = shlex.split(example.partition(" > ")[0])
        assert words[:2] == ["simactors", name]
        command.make_context(name, words[2:])
        assert f"  {example}\n" in shown


def test_every_command_is_among_those_whose_examples_are_tried():
    (mark,) = test_the_help_of_each_command_has_examples_that_it_understands.pytestmark
    assert isinstance(commands, CommandGroup)
    assert mark.args[1] == list(commands.places)


def completed(*words: str) -> list[str]:
    """What click offers to a shell for the last word."""
    complete = ShellComplete(commands, {}, "simactors", "_SIMACTORS_COMPLETE")
    return [item.value for item in complete.get_completions(list(words[:-1]), words[-1])]


def test_a_shell_completes_commands_options_and_what_they_take(tmp_path):
    assert completed("re") == ["replay"]
    assert completed("c") == ["compare", "calibrate"]
    assert completed("hunt", "app.py", "--se") == ["--seeds"]
    assert completed("run", "app.py", "--backend", "") == list(backends.names())
    assert completed("hunt", "--strategy", "sys") == ["systematic"]
    file = tmp_path / "app.py"
    file.write_text(
        "def main(size=3): ...\ndef helper(x): ...\ndef many(*, seed): ...\nasync def mend(): ..."
    )
    assert completed("run", f"{file}:m") == [f"{file}:main", f"{file}:mend"]
    assert completed("hunt", f"{file}:h") == []


@pytest.fixture
def scenario(tmp_path):
    (tmp_path / "scenario.toml").write_text(
        "[cluster]\nnodes = [{ num_cpus = 2 }]\n[workload]\nentry = 'app.py:main'\nduration = '5s'\n"
        "arrivals = { kind = 'constant', rate = '3/s' }\nparameters = { replicas = 2, depth = 1 }\n"
        "[sweep]\ndepth = [1, 2]\n[variants.lost]\n[variants.late]\n[variants.good]\n"
    )
    return str(tmp_path)


def test_of_a_scenario_its_variants_are_offered_and_what_can_be_set(scenario):
    assert completed("run", f"{scenario}:l") == [f"{scenario}:lost", f"{scenario}:late"]
    assert completed("hunt", f"{scenario}/scenario.toml:g") == [f"{scenario}/scenario.toml:good"]
    assert completed("run", scenario, "--variant", "") == ["lost", "late", "good"]
    for target in (scenario, f"{scenario}:lost"):
        assert completed("run", target, "--set", "") == [
            "replicas=",
            "depth=",
            "workload.entry=",
            "workload.duration=",
            "workload.arrivals.kind=",
            "workload.arrivals.rate=",
        ]
    assert completed("run", scenario, "--seeds", "3", "--set", "rep") == ["replicas="]
    assert completed("run", "nowhere", "--set", "") == completed("run", "--variant", "") == []


def test_what_can_not_be_read_offers_nothing(scenario):
    Path(scenario, "scenario.toml").write_bytes(b"\xff = [")
    assert completed("run", f"{scenario}:") == []
    assert completed("run", scenario, "--set", "") == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_gets_the_part_of_a_word_that_stands_behind_its_last_colon_or_equals_sign(scenario, tmp_path):
    command = tmp_path / "simactors"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m simactors "$@"\n')
    command.chmod(0o755)
    told = ["compopt() { :; }", f'eval "$(_SIMACTORS_COMPLETE=bash_source {command})"']
    lines = [f"{command} run {scenario}:lo", f"{command} run {scenario} --set=rep"]
    for line in lines:
        told += [
            f"COMP_LINE='{line} and more' COMP_POINT={len(line)} COMPREPLY=()",
            f"_simactors_completion {command}",
            'echo "${COMPREPLY[*]}"',
        ]
    done = subprocess.run(["bash", "-c", "\n".join(told)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["lost", "replicas="]


@pytest.mark.parametrize(
    "words", [["run"], ["hunt"], ["replay"], ["compare"], ["doctor"], ["run", "--cluster"]]
)
def test_where_a_file_is_wanted_the_shell_looks_for_one(words):
    complete = ShellComplete(commands, {}, "simactors", "_SIMACTORS_COMPLETE")
    assert [(item.type, item.value) for item in complete.get_completions(words, "sc")] == [("file", "sc")]


def test_the_command_hands_a_shell_its_script(monkeypatch, capsys):
    monkeypatch.setenv("_SIMACTORS_COMPLETE", "zsh_source")
    assert code_of() == 0
    assert "#compdef simactors" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "answer"),
    [
        (["hnut"], "Did you mean 'hunt'?"),
        (["xyz"], "Commands: run, hunt, replay, doctor, init, schema, compare, calibrate, status"),
        (["run", __file__, "--backend", "smi"], "Did you mean 'sim'?"),
        (["run", __file__, "--backend", "xyz"], "Use one of sim, local, ray"),
        (
            ["run", __file__, "--backend", "local", "--seed", "1"],
            "--seed means something only to the simulator",
        ),
        (["run", __file__, "--seed", "-1"], "-1"),
        (["run", "nowhere.py"], "There is no file nowhere.py"),
        (["hunt", __file__, "--time", "5x"], "write 90s, 5m or 1h"),
        (["hunt", __file__, "--faults", "delays"], "did you mean 'delay'?"),
        (["hunt", __file__, "--fail-on", "unread-eror"], "did you mean 'unread-error'?"),
        (["run", __file__, "--fail-on", "starvation=x"], "starvation=5s"),
        (["run", __file__, "--backend", "local", "--fail-on", "unread-error"], "only to the simulator"),
        (["run", __file__, "--backend", "local", "--preempt", "lines"], "--preempt means something only"),
        (["run", __file__, "--backend", "local", "--max-steps", "9"], "--max-steps means something only"),
        (["hunt", __file__, "--faults", "none,crash"], "goes with no other kind"),
        (["hunt", __file__, "--seeds", "0"], "0"),
        (["replay", "sim5-abc"], "damaged"),
        (["replay", "sim3-abc"], "tokens of this release start with"),
    ],
)
def test_wrong_input_is_answered_in_plain_words_with_exit_code_2(args, answer, capsys):
    assert code_of(*args) == 2
    shown = capsys.readouterr()
    assert answer in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


def test_a_wrong_environment_variable_is_wrong_input_unless_the_flag_wins(tmp_path, capsys, monkeypatch):
    file = tmp_path / "app.py"
    file.write_text("")
    monkeypatch.setenv("SIMACTORS_BACKEND", "smi")
    assert code_of("run", str(file)) == 2
    assert "SIMACTORS_BACKEND: there is no backend 'smi'. Did you mean 'sim'?" in capsys.readouterr().err
    assert code_of("run", str(file), "--backend", "sim") == 0


def test_a_backend_that_needs_more_than_is_installed_is_wrong_input(tmp_path, capsys, monkeypatch):
    file = tmp_path / "app.py"
    file.write_text("")
    monkeypatch.setattr(backends, "lack", lambda name: f"{name} needs more")
    assert code_of("run", str(file), "--backend", "ray") == 2
    assert "--backend: ray needs more" in capsys.readouterr().err


def test_a_fault_of_ours_shows_its_traceback_and_asks_for_a_report(capsys):
    @click.group()
    def group() -> None: ...

    @group.command()
    def broken() -> None:
        raise RuntimeError("a bug")

    assert exit_code_of(group, ["broken"], "x") == 3
    shown = capsys.readouterr().err
    assert "RuntimeError: a bug" in shown
    assert "Please report it" in shown


def test_a_fault_of_ours_in_a_run_still_gives_the_json_line(tmp_path, capsys):
    file = tmp_path / "app.py"
    file.write_text("from simactors.exceptions import InternalError\nraise InternalError('a bug')")
    assert code_of("run", str(file), "--json") == 3
    shown = capsys.readouterr()
    assert '"outcome": "error"' in shown.out.splitlines()[-1]
    assert "Please report it" in shown.err


@pytest.mark.parametrize("command", [["run"], ["hunt", "--seeds", "9", "--json"]])
def test_ctrl_c_ends_with_a_summary_and_exit_code_130(command, tmp_path, capsys):
    file = tmp_path / "app.py"
    file.write_text("raise KeyboardInterrupt")
    assert code_of(*command, str(file)) == 130
    shown = capsys.readouterr()
    assert "stopped by Ctrl-C" in shown.err
    if "--json" in command:
        assert '"outcome": "interrupted"' in shown.out
