"""Questions to the supervisor: what becomes of answers that nobody waits for."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from real_backend.client.questions import Questions
from real_backend.control import Ask, Told


class FakePump:
    """Never talks to anybody; whoever waits is interrupted, or sees done what `meanwhile` does."""

    def __init__(self) -> None:
        self.change = contextlib.nullcontext()
        self.meanwhile: Callable[[], None] | None = None

    def wait_until(self, done: Callable[[], object], timeout_s: float | None) -> bool:
        if self.meanwhile is None:
            raise KeyboardInterrupt
        self.meanwhile()
        return bool(done())


class FakeObjects:
    def __init__(self) -> None:
        self.mint = itertools.count(1).__next__


class FakePeers:
    def tell_supervisor(self, message: Any) -> None:
        pass


def test_the_answer_to_an_interrupted_question_is_not_kept() -> None:
    pump, objects, peers = FakePump(), FakeObjects(), FakePeers()
    fakes: Any = (pump, objects, peers)
    questions = Questions(*fakes, lambda: None)
    with pytest.raises(KeyboardInterrupt):
        questions.ask(lambda request: Ask(request, "node"))
    questions.on_answer(Told(1, "late"))
    assert not questions._answers
    assert not questions._abandoned
    pump.meanwhile = lambda: questions.on_answer(Told(2, "in time"))
    assert questions.ask(lambda request: Ask(request, "node")).answer == "in time"
    assert not questions._answers
