"""The guide `docs/hunting.md`: its hunts of a scenario and of a planted bug, and the replays, print what it shows."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.end_to_end.guide import walk

ROOT = Path(__file__).parents[2]


def test_each_command_prints_what_the_guide_shows(tmp_path: Path) -> None:
    for folder in ("scenarios", "tests/power/programs"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    ran = list(walk((ROOT / "docs" / "hunting.md").read_text(), tmp_path))
    assert len(ran) > 3
    for found in ran:
        assert found.is_as_shown, (
            f"$ {found.command}\nthe guide shows:\n{found.shown}\nit prints:\n{found.printed}"
        )
