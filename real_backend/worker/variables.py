"""`Hints`: what the environment of a worker tells libraries that they may use. Set by `process` when resources change.

As on Ray: `CUDA_VISIBLE_DEVICES` names the GPUs, and `OMP_NUM_THREADS` is the number of whole CPUs, at least 1, so that
a machine full of workers does not start as many threads for each of them as it has cores.
"""

from __future__ import annotations

import os

from real_backend.control import Grant
from simactors.core.resources import GRAIN

_GPUS, _THREADS = "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS"


class Hints:
    """Of one process; made before user code runs in it, so that what is found then is what the user wants."""

    def __init__(self) -> None:
        self._gpus_at_start = os.environ.get(_GPUS)
        self._shows_gpus = False
        self._threads: str | None = None

    def show(self, grant: Grant) -> None:
        """The process holds this from now on."""
        self._show_gpus(grant)
        if os.environ.get(_THREADS) == self._threads:  # else it is the user's
            cpus = next((units // GRAIN for name, units in grant.amounts if name == "CPU"), 0)
            self._threads = os.environ[_THREADS] = str(max(cpus, 1))

    def _show_gpus(self, grant: Grant) -> None:
        if grant.gpus:
            os.environ[_GPUS] = ",".join(map(str, grant.gpus))
        elif self._shows_gpus:  # those of a task that ran here before
            if self._gpus_at_start is None:
                os.environ.pop(_GPUS, None)
            else:
                os.environ[_GPUS] = self._gpus_at_start
        self._shows_gpus = bool(grant.gpus)
