"""What workers print, on its way through the supervisor."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator

import pytest

from real_backend.control import Printed
from real_backend.supervisor.outputs import Outputs


@pytest.fixture
def epoll() -> Iterator[select.epoll]:
    with select.epoll() as epoll:
        yield epoll


def test_what_the_dead_have_printed_is_shown_to_the_last_word(epoll: select.epoll) -> None:
    shown: list[Printed] = []
    outputs = Outputs(epoll, shown.append)
    (out, out_in), (err, err_in) = outputs.open()
    outputs.follow(out, err, 7)
    os.write(out_in, b"one\ntwo")
    os.close(out_in)
    os.close(err_in)
    outputs.finish()
    assert [(p.pid, p.is_error, p.text) for p in shown] == [(7, False, "one"), (7, False, "two")]
    assert outputs.descriptors() == []


def test_a_child_that_goes_on_printing_does_not_keep_the_session_from_its_end(epoll: select.epoll) -> None:
    """Goal: no more is read than the dead can have written. Method: each word that is shown makes another one."""
    outputs = Outputs(epoll, lambda _: os.write(out_in, b"more\n" * 1000) and None)
    (out, out_in), (err, err_in) = outputs.open()
    outputs.follow(out, err, 7)
    os.close(err_in)
    os.set_blocking(out_in, False)
    os.write(out_in, b"more\n" * 1000)
    finishing = threading.Thread(target=outputs.finish, daemon=True)
    finishing.start()
    finishing.join(30)
    assert not finishing.is_alive()
    os.close(out_in)
