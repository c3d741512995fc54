"""What simulated processes print and log, as the driver sees it."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import time
import warnings

import pytest

import simactors
from simactors import SimConfig, SimLogFilter, simulate


@simactors.remote
class Account:
    def say(self, *words: str, end: str = "\n") -> None:
        print(*words, end=end)

    def complain(self) -> None:
        sys.stderr.write("be")
        sys.stderr.writelines(["gun\n"])
        logging.getLogger("account").warning("logged")
        warnings.warn("warned", stacklevel=1)

    def is_terminal(self) -> bool:
        return sys.stdout.isatty()

    def log_late(self) -> None:
        time.sleep(1.5)
        logging.getLogger("account").warning("late")


@simactors.remote
class Shown:
    def __init__(self) -> None:
        print("made")
        self.number = 7

    def __repr__(self) -> str:
        return f"Shown({self.number})"

    def say(self) -> None:
        print("said")


@simactors.remote
class Broken:
    def __repr__(self) -> str:
        raise ValueError

    def say(self) -> None:
        print("said")


@simactors.remote
def work() -> None:
    print("worked")


def test_lines_say_who_has_printed_them(capsys: pytest.CaptureFixture[str]) -> None:
    with simulate():
        account = Account.remote()
        simactors.get(account.say.remote("one\ntwo"))
        print("driver")
        simactors.get([work.remote(), work.options(name="named").remote()])
        assert capsys.readouterr().out.splitlines()[:3] == [
            "(Account pid=5000001) one",
            "(Account pid=5000001) two",
            "driver",
        ]
        simactors.get(account.say.remote("be", end=""))
        assert capsys.readouterr().out == ""
        simactors.get(account.say.remote("gun"))
        simactors.get(account.say.remote("left", end=""))
        simactors.get(Shown.remote().say.remote())
        simactors.get(Broken.remote().say.remote())
    out = capsys.readouterr().out
    assert out == (
        "(Account pid=5000001) begun\n(Shown pid=5000004) made\n(Shown(7) pid=5000004) said\n"
        "(Broken, whose repr() raised ValueError, pid=5000005) said\n(Account pid=5000001) left\n"
    )


def test_stderr_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.warns(UserWarning, match="warned"), simulate():
        simactors.get(Account.remote().complain.remote())
    assert "(Account pid=5000001) begun\n" in capsys.readouterr().err


def test_they_reach_whatever_the_driver_has_put_in_the_place_of_stdout() -> None:
    with simulate():
        account = Account.remote()
        with contextlib.redirect_stdout(io.StringIO()) as there:
            simactors.get(account.say.remote("word"))
    assert there.getvalue() == "(Account pid=5000001) word\n"


def test_they_can_be_hidden_and_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with simulate():
        simactors.init(log_to_driver=False)
        simactors.get(Account.remote().say.remote("word"))
        print("driver")
    assert capsys.readouterr().out == "driver\n"
    with simulate(config=SimConfig(prefix_output=False)):
        simactors.get(Account.remote().say.remote("word"))
    assert capsys.readouterr().out == "word\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals_and_actors_have_none() -> None:
    with contextlib.redirect_stdout(Terminal()) as there, simulate():
        account = Account.remote()
        assert not simactors.get(account.is_terminal.remote())
        assert sys.stdout.isatty()
        simactors.get(account.say.remote("word"))
    assert there.getvalue() == "\x1b[36m(Account pid=5000001)\x1b[0m word\n"


def test_the_streams_are_restored_and_those_that_were_kept_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    kept = []

    def fail() -> None:
        with simulate(), simulate(seed=1):
            kept.append(sys.stdout)
            raise KeyError

    before = sys.stdout, sys.stderr, print
    with pytest.raises(KeyError):
        fail()
    assert (sys.stdout, sys.stderr, print) == before
    kept[0].write("late\n")
    assert capsys.readouterr().out == "late\n"


def test_log_records_say_where_and_when_in_the_simulation() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(SimLogFilter())
    text = "%(virtual_time)s %(node)s %(actor)s %(process_label)s %(process)d %(asctime)s %(message)s"
    handler.setFormatter(logging.Formatter(text, datefmt="%Y"))
    log = logging.getLogger("account")
    log.addHandler(handler)
    try:
        with simulate():
            log.warning("first")
            simactors.get(Account.remote().log_late.remote())
        log.warning("outside")
    finally:
        log.removeHandler(handler)
    first, late, outside = stream.getvalue().splitlines()
    assert first.startswith("0.000000 node-1 - driver ")
    assert first.endswith("2024 first")
    assert late[:4] == "1.50"
    assert late.endswith(" node-1 Account actor-1 5000001 2024 late")
    assert outside.startswith("- - - - ")
    assert not outside.endswith("2024 outside")


def test_a_log_filter_takes_no_virtual_time() -> None:
    record = logging.LogRecord("account", logging.INFO, "app.py", 1, "text", None, None)
    with simulate() as simulation:
        for _ in range(5000):
            SimLogFilter().filter(record)
        assert simulation.now_s == 0
