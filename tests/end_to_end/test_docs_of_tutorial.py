"""The tutorial `docs/tutorial.md` is what it says: its files work, its commands print what it shows."""

from __future__ import annotations

from pathlib import Path

from tests.end_to_end.guide import plain, typed, walk

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"


def test_each_command_prints_what_the_tutorial_shows(tmp_path: Path) -> None:
    ran = list(walk(PAGE.read_text(), tmp_path))
    assert len(ran) > 8
    for found in ran:
        assert found.is_as_shown, (
            f"$ {found.command}\nthe tutorial shows:\n{found.shown}\nit prints:\n{found.printed}\n"
            "see tests/end_to_end/refresh_docs.py"
        )


def test_what_stands_behind_a_prompt_is_typed() -> None:
    assert typed("stopped\n(simactors) show A#1\nA#1\n(simactors) quit\n") == ["show A#1", "quit"]


def test_folders_may_differ_and_files_may_not() -> None:
    assert plain('  File "/a/b/train.py", line 3') == plain('  File "/c/train.py", line 3')
    assert plain('  File "/a/b/train.py", line 3') != plain('  File "/a/b/test_train.py", line 3')
