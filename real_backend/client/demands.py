"""What options mean here: what a task or an actor needs as a `Need`, and a clear refusal of what is not honoured.

Not who gets what: the supervisor decides that (`placement`). The client asks before each task and each actor,
`backend` for what `init` says. An option that is ignored would change what a program does without a word; better no
than wrong.
"""

from __future__ import annotations

import functools
import logging
import os
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from real_backend.control import Need, Surroundings
from simactors.core import requests
from simactors.core.environments import checked_variables
from simactors.core.options import ActorOptions, TaskOptions
from simactors.core.requests import Bundle, Request

log = logging.getLogger("simactors")

_REMEMBERED = 4096
_READ_AT_START = {
    *("PYTHONHASHSEED", "PYTHONUNBUFFERED", "PYTHONMALLOC", "PYTHONDEVMODE", "PYTHONOPTIMIZE", "PYTHONUTF8"),
    *("PYTHONWARNINGS", "PYTHONDONTWRITEBYTECODE", "PYTHONIOENCODING", "PYTHONFAULTHANDLER", "PYTHONHOME"),
    *("LD_LIBRARY_PATH", "LD_PRELOAD", "LD_BIND_NOW", "LD_AUDIT", "LD_DEBUG", "GLIBC_TUNABLES"),
}
"""And what begins with ``MALLOC_``. Not ``OMP_`` and its like: libraries read those when they are loaded."""
HONOURED = ("env_vars", "working_dir")
"""What of a `runtime_env` means something here."""


class Needs:
    """What tasks and actors need. Found out once for each description of a task's options: most calls share theirs."""

    def __init__(self) -> None:
        # The options are kept beside it: their id must not be given to others.
        self._known: OrderedDict[int, tuple[TaskOptions, Need]] = OrderedDict()

    def of_task(
        self, options: TaskOptions, inherited: Bundle | None, surroundings: Surroundings | None
    ) -> Need:
        """What a task needs.

        Args:
            inherited: the placement group that captures what its caller starts.
            surroundings: those of the calling process, always the same.

        Raises:
            ValueError: it asks for what no process here can have.
        """
        if inherited is not None:
            return _need(options, surroundings, requests.of_task(options, inherited))
        known = self._known.get(id(options))
        if known is None:
            need = _need(options, surroundings, requests.of_task(options, None))
            known = self._known[id(options)] = options, need
            # A program that says its options anew for each call makes a new object of them each time.
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return known[1]

    @staticmethod
    def of_actor(options: ActorOptions, inherited: Bundle | None, surroundings: Surroundings | None) -> Need:
        """What an actor needs; see `of_task`."""
        return _need(options, surroundings, requests.of_actor(options, inherited))


def _need(options: TaskOptions | ActorOptions, surroundings: Surroundings | None, request: Request) -> Need:
    if options.fallback_strategy:
        raise ValueError("fallback_strategy is not supported by backend='local' yet")
    return Need(request, _surroundings(options.runtime_env, surroundings))


def surroundings_of(runtime_env: Mapping[str, Any] | None) -> Surroundings | None:
    """The option `runtime_env`; None if it says nothing.

    Raises:
        ValueError: it says what is not honoured here, or of the wrong kind.
    """
    said = {name: value for name, value in (runtime_env or {}).items() if value}
    unknown = sorted(said.keys() - set(HONOURED))
    if unknown:
        raise ValueError(
            f"runtime_env: {', '.join(unknown)} is not supported by backend='local', which honours "
            f"{' and '.join(HONOURED)}; install packages where the program runs."
        )
    variables = checked_variables(said.get("env_vars", {}))
    folder = said.get("working_dir")
    if folder is not None and not os.path.isdir(folder):
        raise ValueError(f"runtime_env: working_dir is no folder of this machine: {folder!r}")
    if not said:
        return None
    return Surroundings(variables, None if folder is None else os.path.abspath(folder))


def _surroundings(
    runtime_env: Mapping[str, Any] | None, inherited: Surroundings | None
) -> Surroundings | None:
    """As on Ray, variables add to those of the parent, and hide them."""
    own = surroundings_of(runtime_env)
    for name, value in () if own is None else own.variables:
        if os.environ.get(name) != value and (name in _READ_AT_START or name.startswith("MALLOC_")):
            _warn_of(name)
    if own is None or inherited is None:
        return own or inherited
    variables = {**dict(inherited.variables), **dict(own.variables)}
    return Surroundings(tuple(sorted(variables.items())), own.folder or inherited.folder)


@functools.cache  # once is enough
def _warn_of(name: str) -> None:
    log.warning(
        "runtime_env: %s comes too late for the worker itself, which is forked from an interpreter that runs already; "
        "only programs that it starts read it. Set it where the driver starts, or in init(runtime_env=...).",
        name,
    )
