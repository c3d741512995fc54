"""The house rules that no linter knows, as tests. Each failure says what to write instead."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 50

# Where chance and time come from one doorway each.
DETERMINISTIC = ("simactors/sim/", "simactors/exploration/")
PATCHES_THE_REAL_NAMES = "simactors/sim/intercept/"
# What ends what would never end, and how long a search may take: neither changes a run.
REAL_CLOCKS = ("simactors/exploration/watchdog.py", "simactors/exploration/budget.py")
NONDETERMINISTIC = {
    "random": "ask `Choices`",
    "secrets": "ask `Choices`",
    "uuid": "use a counter",
    "time": "take the time from the kernel; a hunt's wall clock belongs in cli/",
    "datetime": "take the time from the kernel",
    "threading": "use a fiber",
    "hash": "use hashlib",
    "id": "use a counter, or keep the object",
    "os.urandom": "ask `Choices`",
}

SAYS_NOTHING = {"utils", "helpers", "common", "manager", "base", "misc"}
HEAVY = (
    "simpy",
    "greenlet",
    "ray",
    "hypothesis",
    "pytest",
    "numpy",
    "rich",
    "click",
    "psutil",
    "msgspec",
    "cloudpickle",
)
# Of the standard library and of the package itself: each takes longer than all that is loaded, or loads such things.
HEAVY += (
    "asyncio",
    "dataclasses",
    "inspect",
    "json",
    "logging",
    "threading",
    "simactors.api",
    "simactors.core",
)
OF_NO_USE_FOR_HELP = ("msgspec", "cloudpickle", "importlib.metadata", "simactors.api", "simactors.sim")


@cache
def files(suffix: str = "") -> list[str]:
    """Every file of the repository, also new ones."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = sorted(set(listing.stdout.splitlines()))
    return [name for name in names if name.endswith(suffix) and (ROOT / name).is_file()]


@cache
def tree(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text(), name)


def nodes(name: str) -> Iterator[tuple[ast.AST, str]]:
    """Every node of a file that has a place, with the place."""
    for node in ast.walk(tree(name)):
        if hasattr(node, "lineno"):
            yield node, f"{name}:{node.lineno}"


def dotted(node: ast.AST) -> str:
    """``pytest.mark.skip`` as text; empty for anything but dotted names."""
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def assert_none(found: list[str], rule: str) -> None:
    assert not found, f"{rule}\n  " + "\n  ".join(found)


def test_no_file_of_the_product_is_too_long():
    found = [
        f"{name}: {lines} lines"
        for name in files(".py")
        if not name.startswith("tests/")
        and (lines := len((ROOT / name).read_text().splitlines())) > MOST_LINES_OF_A_FILE
    ]
    assert_none(found, f"Over {MOST_LINES_OF_A_FILE} lines: a noun is missing; give it a file of its own.")


def test_no_function_is_too_long():
    found = [
        f"{place}: {node.name} has {length} lines"
        for name in files(".py")
        for node, place in nodes(name)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := _lines_of_code(node)) > MOST_LINES_OF_A_FUNCTION
    ]
    assert_none(found, f"Over {MOST_LINES_OF_A_FUNCTION} lines: let one function decide and leaves compute.")


def _lines_of_code(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """From its name to its end, without the docstring: nobody shall save on that."""
    first = node.body[0]
    documented = ast.get_docstring(node, clean=False) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (node.end_lineno or 0) - node.lineno + 1 - docstring


def test_the_simulator_and_exploration_have_no_chance_and_no_clock_of_their_own():
    found = [
        f"{place}: {used}: {NONDETERMINISTIC[used]}"
        for name in files(".py")
        if name.startswith(DETERMINISTIC) and not name.startswith((PATCHES_THE_REAL_NAMES, *REAL_CLOCKS))
        for node, place in nodes(name)
        for used in _nondeterministic(node)
    ]
    assert_none(found, "A run must be the same everywhere, so these names are banned here:")


def _nondeterministic(node: ast.AST) -> list[str]:
    used: list[str] = []
    if isinstance(node, ast.Import):
        used = [alias.name.partition(".")[0] for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        used = [(node.module or "").partition(".")[0]]
    elif isinstance(node, ast.Call):
        used = [dotted(node.func)]
    return [name for name in used if name in NONDETERMINISTIC]


def test_module_names_say_what_is_inside():
    found = [name for name in files(".py") if SAYS_NOTHING & set(Path(name).with_suffix("").parts)]
    assert_none(found, "These names say nothing: name the noun that the file is about.")


def test_every_module_says_in_its_first_line_what_it_is():
    found = [name for name in files(".py") if tree(name).body and not ast.get_docstring(tree(name))]
    assert_none(found, "No docstring: write one line that says what the module is.")


def test_importing_the_package_loads_nothing_heavy():
    loaded = _loaded_by("import simactors", HEAVY)
    assert loaded == "[]", f"`import simactors` loads {loaded}: load it where it is used."


@pytest.mark.parametrize(
    "asked",
    [
        "commands(['--help'], 'simactors', standalone_mode=False)",
        "commands(['--version'], 'simactors', standalone_mode=False)",
        "ShellComplete(commands, {}, 'simactors', '').get_completions([], '')",
    ],
)
def test_what_the_command_line_says_of_itself_loads_nothing_of_the_runtime(asked: str):
    code = f"from click.shell_completion import ShellComplete\nfrom simactors.cli import commands\n{asked}"
    loaded = _loaded_by(code, OF_NO_USE_FOR_HELP)
    assert loaded == "[]", f"{asked} loads {loaded}: load it where it is used."


def _loaded_by(code: str, names: tuple[str, ...]) -> str:
    """Which of the modules a fresh interpreter has loaded after `code`, but not before."""
    found = f"[name for name in {names!r} if name in sys.modules.keys() - before]"
    program = f"import sys\nbefore = set(sys.modules)\n{code}\nprint({found})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


def test_no_file_names_a_path_of_one_machine():
    path = re.compile(r"(?<![\w.])/(?:work|farm|home|root|Users)/[\w.]")
    found = [
        f"{name}:{number}: {line.strip()}"
        for name in files()
        for number, line in enumerate((ROOT / name).read_text(errors="replace").splitlines(), 1)
        if path.search(line)
    ]
    assert_none(found, "Paths of one machine: write them relative to the repository.")


def test_every_skipped_or_expected_failure_has_a_reason():
    found = [
        place
        for name in files(".py")
        if name.startswith("tests/")
        for node, place in nodes(name)
        if _is_unexplained_skip(node)
    ]
    assert_none(found, 'A test that does not count needs a reason: skip("..."), xfail(reason="...").')


def _is_unexplained_skip(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and dotted(node.func) in ("pytest.skip", "pytest.xfail"):
        return not node.args and not node.keywords
    if isinstance(node, ast.Call) and re.fullmatch(r"pytest\.mark\.(skip|skipif|xfail)", dotted(node.func)):
        return not any(keyword.arg == "reason" for keyword in node.keywords)
    decorators = getattr(node, "decorator_list", [])
    return any(re.fullmatch(r"pytest\.mark\.(skip|xfail)", dotted(decorator)) for decorator in decorators)


def test_every_scenario_has_its_program_and_its_explanation():
    scenarios = {Path(name).parts[1] for name in files() if re.match(r"scenarios/\w+/", name)}
    missing = [
        f"scenarios/{scenario}/{part}"
        for scenario in sorted(scenarios)
        for part in ("app.py", "README.md", "scenario.toml")
        if not (ROOT / "scenarios" / scenario / part).is_file()
    ]
    assert_none(missing, "A scenario is app.py and scenario.toml with a README.md that says what it shows.")


@pytest.mark.parametrize("planted", ["import random", "from time import sleep", "hash('x')", "id(3)"])
def test_the_ban_on_chance_sees_what_it_must(planted):
    assert [used for node in ast.walk(ast.parse(planted)) for used in _nondeterministic(node)]


def test_the_rule_on_skips_sees_what_it_must():
    for planted in (
        "pytest.skip()",
        "@pytest.mark.skip\ndef f(): ...",
        "@pytest.mark.skipif(True)\ndef f(): ...",
    ):
        assert any(_is_unexplained_skip(node) for node in ast.walk(ast.parse(planted)))
