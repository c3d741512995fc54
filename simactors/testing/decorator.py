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

_FAULTS, _STRATEGY = "delay", "portfolio"


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
    faults: str | Sequence[str] = _FAULTS,
    nodes: int | None = None,
    strategy: str = _STRATEGY,
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

    Examples:
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
    __tracebackhide__ = True
    _check_numbers(seeds, nodes, shrink_s)
    _check_words(faults, strategy)

    def decorate(function: Callable[..., Any]) -> Callable[..., None]:
        __tracebackhide__ = True
        if not callable(function) or isinstance(function, type):
            raise TypeError(f"@simulated is for functions, as in @simulated(seeds=50), not for {function!r}")

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


def _check_numbers(seeds: Any, nodes: Any, shrink_s: Any) -> None:
    __tracebackhide__ = True
    if not _is_count(seeds):
        raise ValueError(f"@simulated: seeds must be a number of runs >= 1, not {seeds!r}")
    if not (nodes is None or _is_count(nodes)):
        raise ValueError(f"@simulated: nodes is a number of machines >= 1, not {nodes!r}")
    if not (isinstance(shrink_s, int | float) and shrink_s >= 0):
        raise ValueError(f"@simulated: shrink_s is a number of seconds, 0 for not at all, not {shrink_s!r}")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _check_words(faults: Any, strategy: Any) -> None:
    __tracebackhide__ = True
    if (faults, strategy) == (_FAULTS, _STRATEGY):
        return
    from simactors.testing import hunts  # lazily, as above

    try:
        hunts.quest(faults, strategy)
    except ValueError as error:
        told = str(error)
    else:
        return
    raise ValueError(f"@simulated: {told}")  # out here: without what was raised inside
