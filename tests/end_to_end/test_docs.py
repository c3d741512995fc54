"""Every example in the documentation is run, and does what the page says; what can't be run says why.

Goal: nobody can add an example that no test looks at. Method: pages are walked from top to bottom, see `guide.py`; a
few have tests of their own, which are named here; every other block between fences has to say why it is not run.
"""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from simactors.cli import commands
from tests.end_to_end.command import ROOT
from tests.end_to_end.guide import Block, blocks, plain, typed, walk
from tests.end_to_end.test_replay import SHOP
from tests.test_tidy import files

# What lies there before a page begins.
GIVEN: dict[str, tuple[str, ...]] = {
    "README.md": ("scenarios",),
    "docs/determinism.md": (),
    "docs/escapes.md": (),
    "docs/hunting.md": ("scenarios", "tests/power/programs"),
    "docs/oversights.md": (),
    "docs/scenarios.md": (),
    "docs/testing.md": (),
    "docs/tutorial.md": (),
}
WALKED = {"console", "diff", "ini", "python", "sh", "toml"}

# What others run: each of these languages in the page.
ELSEWHERE: dict[str, tuple[str, set[str]]] = {
    "docs/calibration.md": ("tests/end_to_end/test_calibrate.py", {"python", "sh"}),
    "docs/checkers.md": ("tests/unit/checkers/test_docs.py", {"python"}),
    "docs/cluster.md": ("tests/unit/exploration/test_docs_of_clusters.py", {"python", "toml"}),
    "docs/lifecycle.md": ("tests/unit/sim/test_lifecycle.py", {"mermaid"}),
    "docs/local.md": ("tests/end_to_end/test_docs_of_local.py", {"python"}),
    **{
        f"scenarios/{path.parent.name}/README.md": ("tests/end_to_end/test_scenarios.py", {"sh"})
        for path in (ROOT / "scenarios").glob("*/README.md")
    },
}
_COMMAND = re.compile(r"(?:\$ )?(?:simactors|python|pytest|pip|make) ")


def prepare(page: str, folder: Path) -> None:
    """Let what the page begins with lie in the folder."""
    for given in GIVEN[page]:
        shutil.copytree(ROOT / given, folder / given)
    if page == "docs/hunting.md":
        (folder / "shop.py").write_text(textwrap.dedent(SHOP))


@pytest.mark.parametrize("page", GIVEN)
def test_a_page_does_what_it_says(page: str, tmp_path: Path) -> None:
    prepare(page, tmp_path)
    for found in walk((ROOT / page).read_text(), tmp_path):
        assert found.is_as_shown, (
            f"$ {found.command}\nthe page shows:\n{found.shown}\nit prints:\n{found.printed}\n"
            "see tests/end_to_end/refresh_docs.py"
        )


def all_blocks() -> Iterator[tuple[str, Block]]:
    for page in files(".md"):
        for block in blocks((ROOT / page).read_text()):
            yield page, block


def test_every_block_is_run_or_says_why_not() -> None:
    lost = [
        f"{page}:{block.line}: {block.language or 'no language'}"
        for page, block in all_blocks()
        if not _is_run(page, block)
    ]
    assert not lost, (
        "Nobody runs these blocks. Let `test_docs.py` walk the page, or write <!-- not run: REASON --> above the "
        "block; what is no code has the language text:\n  " + "\n  ".join(lost)
    )


def _is_run(page: str, block: Block) -> bool:
    if block.not_run:
        return True
    if block.language == "text":
        return not any(_COMMAND.match(line) for line in block.text.splitlines())
    if page in ELSEWHERE and block.language in ELSEWHERE[page][1]:
        return block.language != "sh" or all(
            line.startswith("simactors ") for line in block.text.splitlines()
        )
    is_file = block.language not in ("ini", "toml") or block.name != ""
    return page in GIVEN and block.language in WALKED and is_file


@pytest.mark.parametrize(("page", "test"), [(page, test) for page, (test, _) in ELSEWHERE.items()])
def test_who_is_said_to_run_a_page_names_it(page: str, test: str) -> None:
    assert Path(page).name in (ROOT / test).read_text()


def test_blocks_that_are_not_run_name_options_that_there_are() -> None:
    texts = [block.text for _, block in all_blocks() if block.not_run]
    lines = [line for text in texts for line in re.sub(r"\n +", " ", text).splitlines()]
    called = [found for found in (re.match(r"(?:\$ )?simactors (\w+) (.*)", line) for line in lines) if found]
    assert len(called) >= 10
    for found in called:
        command = commands.get_command(None, found[1])  # type: ignore[arg-type]  # asks nobody
        assert command is not None, found[0]
        known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
        assert set(re.findall(r"--\w[\w-]*", found[2])) <= known, found[0]


def test_every_target_of_make_is_there() -> None:
    named = {
        target
        for page in files(".md")
        for target in re.findall(r"\bmake ([a-z][\w-]*)`", (ROOT / page).read_text())
    }
    there = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named
    assert named <= there


def test_times_and_tokens_may_differ_and_nothing_else() -> None:
    assert plain("1 passed in 0.31s") == plain("1 passed in 12.05s")
    assert plain("pytest a.py --sim-replay sim5-abc_d") == plain("pytest a.py --sim-replay sim5-xyz...")
    assert plain("1 passed in 0.31s") != plain("2 passed in 0.31s")
    assert plain("digest e00a7726f9d1c33a") != plain("digest e00a7726f9d1c33b")


def test_folders_may_differ_and_files_may_not() -> None:
    assert plain('  File "/a/b/train.py", line 3') == plain('  File "/c/train.py", line 3')
    assert plain('  File "/a/b/train.py", line 3') != plain('  File "/a/b/test_train.py", line 3')


def test_what_stands_behind_a_prompt_is_typed() -> None:
    assert typed("stopped\n(simactors) show A#1\nA#1\n(Pdb) quit\n") == ["show A#1", "quit"]
