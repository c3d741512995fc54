"""Whether actors behave as if each operation took effect at once, at some moment between its call and its answer.

Here a history is taken apart into objects, and what was found is put into words; the search itself is in `search`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

from simactors.checkers.diagram import draw
from simactors.checkers.search import Found, Search, Spent, Stuck
from simactors.checkers.specification import Keyed, KnowsMistakes, Specification
from simactors.checkers.values import normal, same
from simactors.checkers.verdict import Ok, Unknown, Verdict, Violated
from simactors.core.history import History, Operation
from simactors.exceptions import SpecificationError

PROPERTY = "linearizable"
BUDGET = 2_000_000
MOST_ANSWERS = 3


def linearizable(
    history: History | Iterable[Operation],
    spec: Specification,
    *,
    key: Callable[[Operation], Hashable] | None = None,
    budget: int = BUDGET,
    same: Callable[[Any, Any], bool] = same,
) -> Verdict:
    """Judge whether `history` is linearizable.

    Operations whose end is ``unknown`` may take effect at any time after their call, or never; those that were
    ``refused`` never did; one that ``raised`` was answered with an exception. Histories of independent objects are
    judged one by one: a history is linearizable if and only if that of each object is (Herlihy and Wing: locality).

    Args:
        history: what clients asked, and what they were told.
        spec: how one object behaves, one operation after the other: one of `checkers.specs`, or your own with
            ``initial`` and ``apply(state, operation) -> (new state, result)``.
        key: the object that an operation is about; None if it is about all. By default its target, and of that the
            part that the specification names.
        budget: how many times the specification may be asked, for all objects together: some seconds by default.
        same: whether an answer agrees with the specification's: ``same(expected, observed)``, also of exceptions.

    Returns:
        `Ok`; `Violated`, with the longest order that explains a beginning of the history as evidence, and after it
        the operation whose answer nothing explains; or `Unknown`, if the budget did not suffice.

    Raises:
        SpecificationError: the specification does not know an operation, its states can't be hashed, or values can't be
            compared; or it is none.
        ValueError: an operation has an answer, but no place where it returned.

    Sources: M. Herlihy, J. Wing, "Linearizability", 1990; J. Wing, C. Gong, "Testing and verifying concurrent
    objects", 1993; G. Lowe, "Testing for linearizability", 2017.

    Examples:
        >>> from simactors.checkers.specs import Register
        >>> from simactors.core.history import History, Operation
        >>> history = History((
        ...     Operation(client="ann", name="set", args=(1,), called=0, returned=1, status="returned"),
        ...     Operation(client="bob", name="get", called=2, returned=3, status="returned", result=0),
        ... ))
        >>> bool(linearizable(history, Register(0)))
        False
    """
    if isinstance(spec, type) or not hasattr(spec, "apply") or not hasattr(spec, "initial"):
        raise SpecificationError(
            f"a specification is an object with `initial` and `apply`, as Register(0): not {spec!r}"
        )
    known = history if isinstance(history, History) else History.of(history)
    judged = known.where(lambda operation: operation.status != "refused")
    objects = sorted(_objects(judged, spec, key), key=lambda named: len(named[1]))
    undecided: list[str] = []
    for number, (name, part) in enumerate(objects):
        # The short ones first: they are soon done, and leave the long ones what they don't need.
        search, found = _searched(part, spec, budget // (len(objects) - number), same)
        budget -= search.steps
        if isinstance(found, Stuck):
            return _violated(name, part, search, found)
        if isinstance(found, Spent):
            undecided.append(_how_far(name, part, search.steps, found))
    if undecided:
        return Unknown(PROPERTY, "; ".join(undecided) + _what_to_do(spec))
    return Ok(PROPERTY, len(judged))


def _searched(
    part: History, spec: Specification, budget: int, same: Callable[[Any, Any], bool]
) -> tuple[Search, Found | Stuck | Spent]:
    """The history of one object, judged."""
    mistake = spec.mistake(part) if isinstance(spec, KnowsMistakes) else None
    if mistake is not None:
        search = Search(part, spec, budget, same, until=mistake)
        found = search.run()
        if isinstance(found, Found):
            return search, Stuck(mistake, (found.end,))
    search = Search(part, spec, budget, same)
    return search, search.run()


def _objects(
    history: History, spec: Specification, key: Callable[[Operation], Hashable] | None
) -> list[tuple[str, History]]:
    """The histories of the objects that have nothing to do with each other, each with a name."""
    if key is not None:
        return _parts(history, key, "")
    targets = history.by(lambda operation: operation.target).items()
    if not isinstance(spec, Keyed):
        return list(targets)
    return [named for target, part in targets for named in _parts(part, spec.key, target)]


def _parts(history: History, key: Callable[[Operation], Hashable], target: str) -> list[tuple[str, History]]:
    keys = [normal(key(operation)) for operation in history]
    if None in keys:
        return [(target, history)]  # one operation that is about all parts ties them together
    parts: dict[Any, list[Operation]] = {}
    for part, operation in zip(keys, history, strict=True):
        parts.setdefault(part, []).append(operation)
    named = f" of {target}" if target else ""
    return [(f"key {part!r}{named}", History(tuple(inside))) for part, inside in parts.items()]


def _violated(name: str, part: History, search: Search, found: Stuck) -> Violated:
    longest = found.ends[0]
    expected = list(dict.fromkeys(str(search.answer(end.state, found.operation)) for end in found.ends))
    would = " or ".join(expected[:MOST_ANSWERS]) + (" or else" if len(expected) > MOST_ANSWERS else "")
    reason = (
        f"{_of(name)}no order explains `{found.operation}`{_when(found.operation)}: it would have {would}"
    )
    order = tuple(step.operation for step in longest.order())
    picture = draw(part, found.operation, longest, would)
    return Violated(PROPERTY, reason, picture, (*order, found.operation))


def _how_far(name: str, part: History, steps: int, found: Spent) -> str:
    unanswered = sum(operation.status == "unknown" for operation in part)
    open_ones = f", {unanswered} of them without an answer" if unanswered else ""
    return (
        f"{_of(name)}gave up after {steps:,} steps, with {found.ends[0].placed:,} of {len(part):,} operations in order"
        f"{open_ones}; it was busy with `{found.operation}`{_when(found.operation)}"
    )


def _what_to_do(spec: Specification) -> str:
    parts = (
        ""
        if isinstance(spec, Keyed)
        else ", give the specification a `key(operation)` if it has independent parts"
    )
    return f". Raise `budget`, record with fewer clients at once{parts}, or judge a shorter run"


def _of(name: str) -> str:
    return f"{name}: " if name else ""


def _when(operation: Operation) -> str:
    if not operation.called_s and not operation.returned_s:
        return ""
    return f" ({operation.called_s:.6g} s to {operation.returned_s:.6g} s)"
