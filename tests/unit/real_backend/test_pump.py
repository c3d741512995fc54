"""The pump: who waits, who is woken, and what is settled, whichever thread does it.

Goal: nobody waits for what has happened already, and no two threads wait for each other. Method: a pump of its own,
with handlers and a `settle` of the test, and a socket pair to the test itself.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from real_backend.client.pump import Pump
from real_backend.client.shield import Shield
from real_backend.membership import KEY_SIZE
from real_backend.messages import Fetch, Message, Taken
from real_backend.transport import Channel
from tests.end_to_end.noticing import comes_true

KEY = b"k" * KEY_SIZE
NOTICED_S = 20.0
LONG_S = 60.0


class Client:
    """What a pump serves here: it collects."""

    def __init__(self) -> None:
        self.got: list[int] = []
        self.settled = 0
        self.on_settle: Callable[[], object] = lambda: None
        self.failures: list[Exception] = []
        handlers: dict[type, Callable[[Channel, Any], None]] = {Fetch: self._on_fetch, Taken: self._on_taken}
        self.pump = Pump(Shield(), handlers, lambda _: None, self._settle, self._failed)
        ours, theirs = socket.socketpair()
        self.peer = Channel(theirs, 0, KEY)
        self.pump.add(Channel(ours, 1, KEY))
        self.pump.start()

    def _on_fetch(self, _: Channel, message: Fetch) -> None:
        self.got.append(message.object_id)

    def _on_taken(self, _: Channel, message: Taken) -> None:
        raise LookupError(message.call_id)

    def _settle(self) -> None:
        self.settled += 1
        self.on_settle()

    def _failed(self, message: Message, error: Exception) -> None:
        self.failures.append(error)

    def tell(self, message: Message) -> None:
        self.peer.post(message)
        assert comes_true(self.peer.flush, NOTICED_S)  # a socket takes some 300 messages that nobody has read

    def sit(self) -> None:
        """Until the service thread sleeps for long."""
        assert comes_true(lambda: self.pump._sitting, NOTICED_S)

    def close(self) -> None:
        self.pump.close()
        self.peer.close()


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


def in_thread(run: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_messages_are_handled_while_nobody_waits(client: Client) -> None:
    client.sit()
    client.tell(Fetch(3))
    assert comes_true(lambda: client.got == [3], NOTICED_S)


def test_a_note_is_settled_while_the_service_thread_sleeps(client: Client) -> None:
    client.sit()
    client.pump.note()
    assert comes_true(lambda: client.settled, NOTICED_S)


def test_a_note_is_settled_after_one_that_nobody_was_told_of(client: Client) -> None:
    client.sit()
    client.pump.noted = True
    client.pump.note()
    assert comes_true(lambda: client.settled, NOTICED_S)


def test_what_settling_leaves_to_be_settled_is_settled_as_well(client: Client) -> None:
    client.on_settle = lambda: client.settled < 3 and client.pump.settle_soon()
    with client.pump.change:
        client.pump.settle_soon()
    assert client.settled == 3
    assert not client.pump.noted


def test_a_change_is_settled_at_its_outermost_end(client: Client) -> None:
    with client.pump.change:
        with client.pump.change:
            client.pump.settle_soon()
        assert client.settled == 0
    assert client.settled == 1


def test_who_waits_hears_of_what_settling_makes_true(client: Client) -> None:
    client.pump.noted = True
    assert client.pump.wait_until(lambda: client.settled, LONG_S)


def test_who_waits_hears_of_what_another_thread_has_noted(client: Client) -> None:
    waiters = [in_thread(lambda: client.pump.wait_until(lambda: client.settled, LONG_S)) for _ in range(3)]
    assert comes_true(client.pump._turn.locked, NOTICED_S)
    client.sit()
    client.pump.note()
    for waiter in waiters:
        waiter.join(NOTICED_S)
        assert not waiter.is_alive()


def test_a_poke_lets_all_look_again(client: Client) -> None:
    happened: list[int] = []
    waiters = [in_thread(lambda: client.pump.wait_until(lambda: happened, LONG_S)) for _ in range(3)]
    assert comes_true(client.pump._turn.locked, NOTICED_S)
    happened.append(1)
    client.pump.poke()
    for waiter in waiters:
        waiter.join(NOTICED_S)
        assert not waiter.is_alive()


def test_a_poke_before_the_wait_is_not_lost(client: Client) -> None:
    client.pump.poke()
    looks: list[int] = []
    assert client.pump.wait_until(lambda: looks.append(1) or len(looks) > 1, LONG_S)  # type: ignore[func-returns-value]


def test_threads_that_take_turns_all_get_what_they_wait_for(client: Client) -> None:
    count = 8
    waiters = [
        in_thread(lambda n=n: client.pump.wait_until(lambda: len(client.got) > n, LONG_S))  # type: ignore[misc]
        for n in range(0, 400, 400 // count)
    ]
    for number in range(400):
        client.tell(Fetch(number))
    for waiter in waiters:
        waiter.join(NOTICED_S)
        assert not waiter.is_alive()


def test_nobody_can_wait_in_the_middle_of_a_change(client: Client) -> None:
    with client.pump.change, pytest.raises(RuntimeError, match="can't be called here"):
        client.pump.wait_until(lambda: False, 1)
    assert not client.pump.wait_until(lambda: False, 0)


def test_a_signal_handler_may_wait_while_its_thread_waits(client: Client) -> None:
    inner: list[bool] = []

    def handler(*_: object) -> None:
        client.tell(Fetch(1))
        inner.append(client.pump.wait_until(lambda: client.got, LONG_S))

    before = signal.signal(signal.SIGUSR1, handler)
    client.pump.shield.install()
    try:
        main = threading.get_ident()
        in_thread(
            lambda: (
                comes_true(lambda: client.pump.shield.waiting, NOTICED_S),
                signal.pthread_kill(main, signal.SIGUSR1),
            )
        )
        started = time.monotonic()
        assert client.pump.wait_until(lambda: client.got, LONG_S)
        assert inner == [True]
        assert (
            time.monotonic() - started < LONG_S
        )  # what came while the handler waited has ended this wait, too
    finally:
        client.pump.shield.uninstall()
        signal.signal(signal.SIGUSR1, before)


def test_a_ctrl_c_still_ends_a_wait_in_whose_middle_a_signal_handler_has_waited(client: Client) -> None:
    def handler(*_: object) -> None:
        assert not client.pump.wait_until(lambda: False, 0.01)
        in_thread(lambda: (time.sleep(0.05), signal.pthread_kill(main, signal.SIGINT)))

    main = threading.get_ident()
    before = signal.signal(signal.SIGUSR1, handler)
    client.pump.shield.install()
    try:
        in_thread(
            lambda: (
                comes_true(lambda: client.pump.shield.waiting, NOTICED_S),
                signal.pthread_kill(main, signal.SIGUSR1),
            )
        )
        with pytest.raises(KeyboardInterrupt):
            client.pump.wait_until(lambda: False, LONG_S)
    finally:
        client.pump.shield.uninstall()
        signal.signal(signal.SIGUSR1, before)


def test_a_forked_child_is_told_instead_of_taking_the_parents_messages(client: Client) -> None:
    client.pump.lock.acquire()  # as if another thread had it: the child must not wait for that
    pid = os.fork()
    if pid == 0:
        told = 0
        for attempt in (lambda: client.pump.wait_until(lambda: False, 1), client.pump.change.__enter__):
            try:
                attempt()
            except RuntimeError as error:
                told += "forked child" in str(error)
        os._exit(told)
    client.pump.lock.release()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2


def test_a_handler_that_fails_is_told_and_the_pump_goes_on(client: Client) -> None:
    client.peer.post(Taken(5, 1))
    client.tell(Fetch(2))
    assert client.pump.wait_until(lambda: client.got, LONG_S)
    assert [str(error) for error in client.failures] == ["5"]


def test_what_comes_true_just_before_a_thread_has_its_turn_ends_its_wait(client: Client) -> None:
    looks: list[int] = []

    def done() -> bool:
        # The first look is before the turn; all messages have been handled before the second.
        looks.append(1)
        if len(looks) == 1:
            client.tell(Fetch(1))
            assert comes_true(lambda: client.got, NOTICED_S)
            return False
        return True

    client.sit()
    started = time.monotonic()
    assert client.pump.wait_until(done, LONG_S)
    assert time.monotonic() - started < LONG_S
