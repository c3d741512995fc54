"""Tokens: nothing is lost on the way through one, and damage is noticed."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simactors.exploration.repro import PREFIX, Repro, TokenError, replay
from simactors.exploration.runner import run_simulated
from simactors.exploration.target import Program, Target

REPROS = st.builds(
    Repro,
    target=st.text(),
    argv=st.lists(st.text()).map(tuple),
    as_ray=st.booleans(),
    cluster=st.none() | st.text(),
    faults=st.none() | st.text(),
    world=st.text("0123456789abcdef", max_size=8),
    seed=st.integers(min_value=0),
    digest=st.text("0123456789abcdef", max_size=16),
    kind=st.none() | st.text(),
    failure=st.text("0123456789abcdef", max_size=8),
    version=st.text(),
)


@given(REPROS)
def test_a_token_gives_back_the_repro_and_needs_no_quotes_in_a_shell(repro: Repro):
    assert Repro.from_token(repro.token) == repro
    assert repro.token.removeprefix(PREFIX).replace("-", "").replace("_", "").isalnum()


@given(REPROS, st.data())
def test_a_damaged_token_is_refused(repro: Repro, data: st.DataObject):
    token = repro.token
    cut = data.draw(st.integers(len(PREFIX), len(token) - 1))
    for damaged in (token[:cut], token[:cut] + ("A" if token[cut] != "A" else "B") + token[cut + 1 :]):
        # The last digit may hold bits that mean nothing: then the token is not damaged.
        with suppress(TokenError):
            assert Repro.from_token(damaged) == repro


@pytest.mark.parametrize("word", ["", "sim2-abc", "hello", "sim3-", "sim3-é", "sim3-AAAA"])
def test_what_is_no_token_is_refused_in_plain_words(word: str):
    with pytest.raises(TokenError, match="token"):
        Repro.from_token(word)


def test_a_replay_in_another_folder_is_the_same_run(tmp_path: Path):
    reports = []
    for name in ("here", "there"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "app.py").write_text("raise ValueError(__file__)")
        program = Program(target=Target(str(folder / "app.py")))
        reports.append(Repro.of(program, run_simulated(program, 3)))
    assert replay(dataclasses.replace(reports[0], target=reports[1].target)).differences == ()


def test_a_replay_says_whether_it_was_the_same_run_and_where_it_differs(tmp_path: Path):
    path = tmp_path / "app.py"
    path.write_text("assert False, 'first'")
    program = Program(target=Target(str(path)))
    repro = Repro.of(program, run_simulated(program, 3))
    assert replay(repro).differences == ()
    assert "digest" in replay(dataclasses.replace(repro, digest="0" * 16)).differences[0]
    path.write_text("assert False, 'second'")
    assert "says something else" in replay(repro).differences[0]
    path.write_text("")
    old = dataclasses.replace(repro, version="0.0.1")
    assert replay(old).differences[0] == "it ended with success, the first one with AssertionError"
    assert "0.0.1" in replay(old).differences[-1]
