"""Kills for lack of memory, as the kernel counts them."""

from __future__ import annotations

from pathlib import Path

from real_backend.supervisor.oom import SOURCES, OomKills


def test_only_new_ones_count_and_the_first_source_that_knows(tmp_path: Path) -> None:
    group, machine = tmp_path / "memory.events", tmp_path / "vmstat"
    group.write_text("low 0\noom 3\noom_kill 2\noom_group_kill 0\n")
    machine.write_text("nr_free_pages 9\noom_kill 50\n")
    kills = OomKills([tmp_path / "missing", group, machine])
    assert not kills.any_new()
    machine.write_text("oom_kill 51\n")
    assert not kills.any_new()
    group.write_text("oom 9\noom_kill 3\n")
    assert kills.any_new()
    assert not kills.any_new()


def test_a_machine_that_counts_nothing_has_no_kills(tmp_path: Path) -> None:
    assert not OomKills([tmp_path / "missing"]).any_new()


def test_this_machine_counts() -> None:
    assert any(line.startswith("oom_kill ") for line in SOURCES[-1].read_text().splitlines())
