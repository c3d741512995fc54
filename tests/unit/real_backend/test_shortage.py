"""What is told of who waits for resources that nobody will give back."""

from __future__ import annotations

import pytest

from real_backend.placement import Placement
from real_backend.supervisor import shortage
from real_backend.supervisor.shortage import Shortage, Waiting
from simactors.core.requests import Bundle, Request
from simactors.core.resources import Amounts, amounts_of


def waiting(**wanted: float) -> Waiting:
    amounts = amounts_of(wanted)
    return Waiting("the actor Model", Request(amounts, amounts))


def test_who_waits_for_what_actors_keep_or_nobody_has_is_told_of_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shortage, "PATIENCE_S", 0.0)
    told: list[str] = []
    held: list[Amounts] = []
    watched = Shortage(Placement({"CPU": 2}, {}), lambda: held, told.append)
    watched.look([waiting(CPU=2)])
    assert (told, watched.patience_s) == ([], 0.0)  # tasks that run may have them
    held.append(amounts_of({"CPU": 1}))
    for _ in range(2):
        watched.look([waiting(CPU=2), waiting(CPU=1)])
    assert [text.partition(". Ask")[0] for text in told] == [
        "the actor Model waits for 2 CPU, and may wait for ever: there are 2 CPU in all, of which actors keep 1 CPU "
        "while they live"
    ]
    watched.look([waiting(CPU=1, GPU=0.5)])
    assert "waits for 1 CPU and 0.5 GPU, and may wait for ever: there are 0 GPU in all. Ask" in told[1]
    watched.look([])
    assert watched.patience_s is None


def test_bundles_wait_for_their_group_and_nobody_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    watched = Shortage(Placement({"CPU": 2}, {}), list, told.append)
    watched.look([waiting(GPU=1)])
    assert watched.patience_s is not None
    assert watched.patience_s > 0
    monkeypatch.setattr(shortage, "PATIENCE_S", 0.0)
    watched = Shortage(Placement({"CPU": 2}, {}), list, told.append)
    watched.look([Waiting("a task", waiting(GPU=1).request._replace(where=Bundle(1, 0)))])
    assert (told, watched.patience_s) == ([], None)
