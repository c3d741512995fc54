"""The examples in ``docs/cluster.md`` are what they say: the files load and fit, the code runs; nothing is left out."""

from __future__ import annotations

import re
from pathlib import Path

from simactors.core.fault_plan import KINDS
from simactors.exploration import cluster_file

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "cluster.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_files_load_and_fit_together(tmp_path: Path) -> None:
    files = []
    for text in blocks("toml"):
        name = text.splitlines()[0].removeprefix("# ")
        (tmp_path / name).write_text(text)
        files.append(str(tmp_path / name))
    cluster, faults = files
    config, plan = cluster_file.load_world(cluster, faults)
    assert config is not None
    assert len(config.machines) == 3
    assert len(plan.faults) == 4


def test_the_code_runs() -> None:
    (code,) = blocks("python")
    exec(code, {})


def test_every_fault_is_explained() -> None:
    table = (DOCS / "semantics.md").read_text()
    missing = [cls.__name__ for cls in KINDS.values() if f"`{cls.__name__}" not in table]
    assert not missing
