"""Seeded choices: in range, repeatable, and unmoved by choices of other kinds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simactors.core.choices import SeededChoices, sub_seed


@given(seed=st.integers(), bounds=st.lists(st.integers(1, 2**53), max_size=20))
def test_numbers_are_in_range_and_repeat(seed: int, bounds: list[int]) -> None:
    first = [SeededChoices(seed).number("latency", b) for b in bounds[:1]]
    one, two = SeededChoices(seed), SeededChoices(seed)
    numbers = [one.number("latency", b) for b in bounds]
    assert numbers == [two.number("latency", b) for b in bounds]
    assert numbers[:1] == first
    assert all(0 <= n < b for n, b in zip(numbers, bounds, strict=True))


def test_a_new_kind_of_choice_leaves_the_others_as_they_were() -> None:
    plain, mixed = SeededChoices(7), SeededChoices(7)
    expected = [plain.number("next", 1000) for _ in range(10)]
    got = []
    for _ in range(10):
        mixed.number("something new", 10)
        got.append(mixed.number("next", 1000))
    assert got == expected


def test_a_sampler_and_number_answer_in_turn_from_one_stream() -> None:
    plain, mixed = SeededChoices(7), SeededChoices(7)
    expected = [plain.number("latency", 1000) for _ in range(9)]
    ask, ask_too = mixed.sampler("latency", 1000), mixed.sampler("latency", 1000)
    got = []
    for _ in range(3):
        got += [ask(), mixed.number("latency", 1000), ask_too()]
        mixed.sampler("something new", 10)()
    assert got == expected


def test_the_streams_of_a_seed_are_pinned() -> None:
    """Changing them would make every replay token of an older release another run."""
    assert sub_seed(7, "latency") == 0xDC77916FB9D3446C
    choices = SeededChoices(7)
    assert [choices.number("latency", 1000) for _ in range(5)] == [528, 248, 49, 896, 65]
