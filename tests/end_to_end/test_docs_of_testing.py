"""The guide `docs/testing.md` is what it says: its files work, its commands print what it shows."""

from __future__ import annotations

from pathlib import Path

from tests.end_to_end.guide import plain, walk

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"


def test_each_command_prints_what_the_guide_shows(tmp_path: Path) -> None:
    page = PAGE.read_text()
    ran = list(walk(page, tmp_path))
    assert len(ran) > 8
    for found in ran:
        assert found.is_as_shown, (
            f"$ {found.command}\nthe guide shows:\n{found.shown}\nit prints:\n{found.printed}\n"
            "see tests/end_to_end/refresh_docs.py"
        )


def test_times_and_tokens_may_differ_and_nothing_else() -> None:
    assert plain("1 passed in 0.31s") == plain("1 passed in 12.05s")
    assert plain("pytest a.py --sim-replay sim5-abc_d") == plain("pytest a.py --sim-replay sim5-xyz...")
    assert plain("1 passed in 0.31s") != plain("2 passed in 0.31s")
    assert plain("digest e00a7726f9d1c33a") != plain("digest e00a7726f9d1c33b")
