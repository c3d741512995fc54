"""What a session was told: the options on the command line, variables of the environment, the ini file.

An option wins over a variable, and that over the file; what a test's own marker says stands between option and
variable.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from simactors.core import backend as backends
from simactors.core import nearest
from simactors.testing import seeds

SEED, SEEDS, REPLAY = "SIMACTORS_SEED", "SIMACTORS_SEEDS", "SIMACTORS_REPLAY"
_BACKEND = "SIMACTORS_BACKEND"
_AUDIT, _TRACE = "SIMACTORS_CHECK_DETERMINISM", "SIMACTORS_TRACE"
_YES, _NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")
_FEW = "10"
SHRINK_S = "10"
"""Seconds for making a failure small and explaining it, unless the ini file says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """See the help of each option.

    Attributes:
        seeds: what the command line says; None: nothing.
        usual_seeds: of tests whose marker doesn't say.
        replay: a token or a file; empty for none.
        shrink_s: seconds for making a failure small and explaining it; 0 for neither.
        named: ids of tests that the user has named, each of which there must be.
    """

    seeds: Sequence[int] | None
    usual_seeds: Sequence[int]
    replay: str
    backend: str
    check_determinism: bool
    trace: bool
    shrink_s: float
    named: tuple[str, ...]


_KEY = pytest.StashKey[Options]()


def options_of(config: pytest.Config) -> Options:
    """Those of a session.

    Raises:
        pytest.UsageError: one of them means nothing; the message says where it stands, and what to write.
    """
    if _KEY not in config.stash:
        config.stash[_KEY] = Options(
            seeds=_wanted_seeds(config),
            usual_seeds=_usual_seeds(config),
            replay=config.getoption("sim_replay") or os.environ.get(REPLAY, ""),
            backend=_backend(config),
            check_determinism=_switch(config, "sim_check_determinism", _AUDIT),
            trace=_switch(config, "sim_trace", _TRACE),
            shrink_s=_shrink_s(config),
            named=_named(config),
        )
    return config.stash[_KEY]


def _wanted_seeds(config: pytest.Config) -> Sequence[int] | None:
    one, several = config.getoption("sim_seed"), config.getoption("sim_seeds")
    if one is not None and several is not None:
        raise pytest.UsageError("--sim-seed is one run, --sim-seeds are several: leave one of them out")
    if one is not None:
        return [_one(one, "--sim-seed")]
    return None if several is None else _several(several, "--sim-seeds")


def _usual_seeds(config: pytest.Config) -> Sequence[int]:
    if os.environ.get(SEED):
        return [_one(os.environ[SEED], f"the environment variable {SEED}")]
    if os.environ.get(SEEDS):
        return _several(os.environ[SEEDS], f"the environment variable {SEEDS}")
    return _several(config.getini("sim_seeds") or _FEW, "sim_seeds in the ini file")


def _one(text: str, origin: str) -> int:
    if not text.strip().isdecimal():
        raise pytest.UsageError(f"{origin}: a seed is a number >= 0, not {text!r}")
    return int(text)


def _several(text: str, origin: str) -> Sequence[int]:
    try:
        return seeds.parse(text)
    except ValueError as error:
        raise pytest.UsageError(f"{origin}: {error}") from None


def _backend(config: pytest.Config) -> str:
    origins = (
        (config.getoption("sim_backend"), "--sim-backend"),
        (os.environ.get(_BACKEND), f"the environment variable {_BACKEND}"),
        (config.getini("sim_backend"), "sim_backend in the ini file"),
    )
    for name, origin in origins:
        if name:
            _check_backend(name, origin)
            return str(name)
    return "sim"


def _check_backend(name: str, origin: str) -> None:
    names = backends.names()
    if name not in names:
        hint = nearest.question(name, names, f"use one of {', '.join(names)}")
        raise pytest.UsageError(f"{origin}: there is no backend {name!r}; {hint}")
    missing = backends.lack(name)
    if missing is not None:
        raise pytest.UsageError(f"{origin}: {missing}")


def _switch(config: pytest.Config, name: str, variable: str) -> bool:
    if config.getoption(name):
        return True
    text = os.environ.get(variable)
    if text is None:
        return bool(config.getini(name))
    if text.lower() not in (*_YES, *_NO):
        raise pytest.UsageError(f"the environment variable {variable}: write 1 or 0, not {text!r}")
    return text.lower() in _YES


def _shrink_s(config: pytest.Config) -> float:
    text = config.getini("sim_shrink_s") or SHRINK_S
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise pytest.UsageError(f"sim_shrink_s in the ini file: write a number of seconds >= 0, not {text!r}")
    return seconds


def _named(config: pytest.Config) -> tuple[str, ...]:
    """What stands on the command line, and what failed last if that is to be run again."""
    named = [arg for arg in config.args if "seed=" in arg]
    if config.getoption("lf", False) or config.getoption("failedfirst", False):
        cache = config.cache
        failed = {} if cache is None else cache.get("cache/lastfailed", {})
        named += [nodeid for nodeid in failed if "seed=" in nodeid]
    return tuple(named)
