"""`simulated`: a plain test function that is hunted, under any test runner.

Not the hunt (`hunts.py`), which is loaded when the first such test runs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, overload

P = ParamSpec("P")

__unittest = True  # which leaves our frames out of its tracebacks

MARK = "__simulated__"
"""What such a function has, for who would simulate it once more."""


@overload
def simulated(function: Callable[P, Any], /) -> Callable[P, None]: ...


@overload
def simulated(
    *,
    seeds: int = ...,
    faults: str | Sequence[str] = ...,
    nodes: int | None = ...,
    strategy: str = ...,
    shrink_s: float = ...,
) -> Callable[[Callable[P, Any]], Callable[P, None]]: ...


def simulated(
    function: Callable[..., Any] | None = None,
    /,
    *,
    seeds: int = 200,
    faults: str | Sequence[str] = "delay",
    nodes: int | None = None,
    strategy: str = "portfolio",
    shrink_s: float = 10.0,
) -> Any:
    """Run a test function many times as the driver of a simulated cluster, in other orders and with other faults.

    A decorator, for plain functions and coroutines, with fixtures and parameters as arguments, and for methods of
    `unittest`; what the test is given was made once, in the real world. The runs learn from one another, so they find
    more than as many tests that ask for the fixture `sim`, and are one test.

    Args:
        seeds: how many runs, at most: the first that fails ends them.
        faults: what may go wrong: none, delay, crash, node, partition, skew, rpc, all; several with commas.
        nodes: how many machines; by default 1, or 3 if faults of nodes, partitions or clocks are wanted.
        strategy: how orders are chosen, see `explore`.
        shrink_s: how many seconds making a failure small may take, 0 for not at all; half of that, explaining it.

    Raises:
        Exception: what the test raises in the smallest run that fails; how to make it happen, and the command that
            makes it again, are noted on it.
        ValueError: an argument means nothing; the message says what to write instead.

    Example:
        >>> import simactors
        >>> @simactors.remote
        ... class Counter:
        ...     def __init__(self): self.total = 0
        ...     def add(self, n): self.total += n; return self.total
        >>> @simulated(seeds=20)
        ... def test_it_counts():
        ...     counter = Counter.remote()
        ...     assert simactors.get([counter.add.remote(1) for _ in range(3)]) == [1, 2, 3]
        >>> test_it_counts()
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., None]:
        @functools.wraps(function)
        def hunted(*args: Any, **kwargs: Any) -> None:
            __tracebackhide__ = True
            from simactors.testing import hunts  # lazily: importing a test must load nothing heavy

            wishes = hunts.Wishes(
                seeds=seeds, faults=faults, nodes=nodes, strategy=strategy, shrink_s=shrink_s
            )
            hunts.hunt(functools.partial(function, *args, **kwargs), function, wishes)

        setattr(hunted, MARK, True)
        return hunted

    return decorate if function is None else decorate(function)
