"""Which runs were made: whoever stops and goes on, alone or with others, makes each run once."""

from __future__ import annotations

from itertools import islice

from hypothesis import given, settings
from hypothesis import strategies as st

from simactors.exploration.covered import Covered, Share

SESSIONS = st.lists(
    st.lists(
        st.integers(0, 12), min_size=1, max_size=4
    ),  # for each process of a session, how many runs it made
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(SESSIONS)
def test_no_run_is_made_twice_and_none_is_left_out(sessions: list[list[int]]) -> None:
    covered, made = Covered(), set[int]()
    for runs_of_each in sessions:
        shares = [Share(number, len(runs_of_each), runs) for number, runs in enumerate(runs_of_each)]
        for share in shares:
            numbers = list(islice(covered.missing(share), share.runs))
            assert not made & set(numbers)
            assert all((number - 1) % share.of == share.number for number in numbers)
            made.update(numbers)
        covered = covered.also(*shares)
        assert made == {*range(1, covered.until + 1), *covered.beyond}
        assert len(covered) == len(made)
        assert covered.until + 1 not in made
    for of in (1, 2, 3):
        parts = [covered.part(30, Share(number, of)) for number in range(of)]
        nexts = set(islice(covered.missing(Share()), 30))
        assert parts == [sum((number - 1) % of == at for number in nexts) for at in range(of)]
    rest = list(islice(covered.missing(Share()), 20))
    assert not made & set(rest)
    assert set(range(1, rest[-1] + 1)) <= made | set(rest)


def test_a_share_begins_where_it_should() -> None:
    assert list(islice(Covered().missing(Share(1, 3)), 3)) == [2, 5, 8]
    assert list(islice(Covered(6, (8,)).missing(Share(1, 3)), 2)) == [11, 14]


def test_a_hundred_million_runs_are_no_more_work_than_one() -> None:
    many = Covered().also(Share(0, 2, 10**8), Share(1, 2, 10**8 - 2))
    assert many == Covered(2 * 10**8 - 3, (2 * 10**8 - 1,))
    assert many.part(10**8, Share(0, 2)) + many.part(10**8, Share(1, 2)) == 10**8
