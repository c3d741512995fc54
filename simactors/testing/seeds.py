"""Seeds as users write them: ``20``, ``100..199``, and in the ids of tests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_RANGE = re.compile(r"\s*(\d+)\s*\.\.\s*(\d+)\s*")
_ID = re.compile(r"(?:\[|-)seed=(\d+)(?=[-\]])")


def parse(written: object) -> Sequence[int]:
    """The seeds that something stands for, each once, in their order.

    Args:
        written: how many, from 0 on, as a number or in digits; the first and the last one as ``A..B``; or the seeds.

    Raises:
        ValueError: it is none of that; the message says what to write.
    """
    if isinstance(written, str):
        return _parsed(written)
    if isinstance(written, int) and not isinstance(written, bool):
        return _counted(written)
    if isinstance(written, Iterable):
        found = list(dict.fromkeys(written))
        if found and all(
            isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0 for seed in found
        ):
            return found
    raise ValueError(
        f"seeds are so many (20), a range ('100..199') or a list of numbers >= 0, not {written!r}"
    )


def _parsed(text: str) -> Sequence[int]:
    found = _RANGE.fullmatch(text)
    if found is not None:
        first, last = int(found[1]), int(found[2])
        if last < first:
            raise ValueError(
                f"the seeds {text.strip()} are none: write the smaller one first, {last}..{first}"
            )
        return range(first, last + 1)
    if not text.strip().isdecimal():
        raise ValueError(f"seeds are so many ('20') or from one to another ('100..199'), not {text!r}")
    return _counted(int(text))


def _counted(count: int) -> Sequence[int]:
    if count < 1:
        raise ValueError(f"there must be at least one seed, not {count}")
    return range(count)


def in_id(nodeid: str) -> int | None:
    """The seed that the id of a test names; None if it names none."""
    found = _ID.findall(nodeid)
    return int(found[-1]) if found else None


def without(name: str, seed: int) -> str:
    """The name of a test without that of its seed: ``test_a[large-seed=3]`` is ``test_a[large]``."""
    head, _, parameters = name.partition("[")
    ids = parameters.removesuffix("]")
    mine = f"seed={seed}"
    if ids == mine:
        return head
    if ids.endswith(f"-{mine}"):
        ids = ids.removesuffix(f"-{mine}")
    elif ids.startswith(f"{mine}-"):
        ids = ids.removeprefix(f"{mine}-")
    else:
        ids = ids.replace(f"-{mine}-", "-", 1)
    return f"{head}[{ids}]"
