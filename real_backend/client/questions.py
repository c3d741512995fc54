"""`Questions`: asks the supervisor, and waits for its answer.

Not what is asked: `actors` asks for names, `knowing` for what there is. What the supervisor has to hear, but does not
answer, goes through `peers`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from real_backend.client.peers import Peers
from real_backend.client.pump import Pump
from real_backend.control import Found, Told
from real_backend.messages import Message
from real_backend.objects import ObjectTable
from simactors import exceptions


class Questions:
    """Safe for threads.

    Args:
        check: raises if the session is over.
    """

    def __init__(self, pump: Pump, objects: ObjectTable, peers: Peers, check: Callable[[], None]) -> None:
        self._pump = pump
        self._objects = objects
        self._peers = peers
        self._check = check
        self._answers: dict[int, Found | Told] = {}
        self._abandoned: set[int] = set()  # nobody waits any more for their answers, which will come

    def ask(self, make: Callable[[int], Message]) -> Any:
        """Ask what `make` gives for the number of the question; the message that answers it."""
        with self._pump.change:
            self._check()
            request = self._objects.mint()
            self._peers.tell_supervisor(make(request))
        return self.answer(request)

    def answer(self, request: int) -> Any:
        """The answer to a question that was asked."""
        try:
            self._pump.wait_until(lambda: request in self._answers or self._is_over(), None)
        except BaseException:  # a Ctrl-C, most likely
            with self._pump.change:
                if self._answers.pop(request, None) is None:
                    self._abandoned.add(request)
            raise
        answer = self._answers.pop(request, None)
        if answer is None:
            self._check()
        assert answer is not None
        return answer

    def on_answer(self, message: Found | Told) -> None:
        """It has come; under the lock of the pump."""
        if message.request in self._abandoned:
            self._abandoned.remove(message.request)
        else:
            self._answers[message.request] = message

    def _is_over(self) -> bool:
        try:
            self._check()
        except (RuntimeError, exceptions.RayError):
            return True
        return False
