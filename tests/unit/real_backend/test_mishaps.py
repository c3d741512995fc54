"""Faults that strike at calls: what is counted."""

from __future__ import annotations

import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from real_backend import mishaps
from real_backend.mishaps import Counters

_PATIENCE_S = 0.2


class SlowReader:
    """A number in memory that is read by two threads at once, if nothing keeps them apart."""

    def __init__(self) -> None:
        self._struct = struct.Struct("=Q")
        self._both_have_read = threading.Barrier(2)
        self.size = self._struct.size
        self.pack_into = self._struct.pack_into

    def unpack_from(self, page: Any, offset: int) -> tuple[Any, ...]:
        found = self._struct.unpack_from(page, offset)
        with suppress(threading.BrokenBarrierError):  # the other one was kept out
            self._both_have_read.wait(_PATIENCE_S)
        return found


def test_threads_of_one_process_count_each_number_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mishaps, "_COUNT", SlowReader())
    counters = Counters(2)
    with ThreadPoolExecutor(2) as threads:
        counted = list(threads.map(lambda _: counters.next(1), range(2)))
    assert sorted(counted) == [1, 2]
    assert counters.next(0) == 1
