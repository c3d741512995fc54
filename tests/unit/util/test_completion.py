"""Results in the order in which they come."""

from __future__ import annotations

from typing import Any

import pytest

from simactors.core.outcome import Value
from simactors.util import as_completed, map_unordered


def test_results_come_in_chunks_as_they_are_ready(backend: Any) -> None:
    slow = backend.ref()
    refs = [slow, backend.ref(1), backend.ref(2)]
    results = as_completed(refs, chunk_size=1)
    assert next(results) == 1
    slow.entry.settle(Value(0))
    assert list(results) == [0, 2]
    assert list(as_completed(refs, yield_obj_refs=True)) == refs


def test_work_is_submitted_no_faster_than_it_is_done(backend: Any) -> None:
    class Double:
        submitted = 0

        def remote(self, x: int) -> Any:
            self.submitted += 1
            return backend.ref(2 * x)

    double = Double()
    results = map_unordered(double, range(5), backpressure_size=2, chunk_size=1)
    assert next(results) == 0
    assert double.submitted == 2
    assert list(results) == [2, 4, 6, 8]


def test_wrong_sizes_are_refused(backend: Any) -> None:
    for wrong in ({"chunk_size": 0}, {"num_returns": 1}):
        with pytest.raises(ValueError, match="chunk_size"):
            list(as_completed([], **wrong))
    with pytest.raises(ValueError, match="backpressure_size must be positive"):
        list(map_unordered(None, [], backpressure_size=0))
