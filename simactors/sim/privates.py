"""What the standard library keeps for each simulated process: chance, environment, signal handlers.

Made when it is first asked for, as most processes never ask. Not who asks for it: `intercept/`.
"""

from __future__ import annotations

import os
from typing import Any

from simactors.core.choices import Choices, sub_seed
from simactors.core.current import running
from simactors.core.environments import Variables
from simactors.core.resources import GRAIN
from simactors.sim.cluster import Process
from simactors.sim.intercept import environment
from simactors.sim.intercept.chance import OwnChance

_SEEDS = 2**53
_GPUS, _THREADS = b"CUDA_VISIBLE_DEVICES", b"OMP_NUM_THREADS"
_running = running.get


class Private:
    """What one process has.

    Attributes:
        chance: its random numbers.
        environment: its environment variables.
        grant: the resources that its environment tells of.
        gpus: what its environment says of them because of that; None if it says nothing.
        threads: what its environment says of how many cores to use, unless the program says that.
        signals: what is to happen at a signal; see `signals.py`.
    """

    __slots__ = ("chance", "environment", "gpus", "grant", "signals", "threads")

    def __init__(self) -> None:
        self.chance: OwnChance | None = None
        self.environment: dict[bytes, bytes] | None = None
        self.grant: Any = None
        self.gpus: bytes | None = None
        self.threads: bytes | None = None
        self.signals: Any = None


class Privates:
    """What all processes of one simulation have.

    Args:
        driver: its environment and its signal handlers are the real ones.
    """

    def __init__(self, choices: Choices, driver: Process) -> None:
        self._choices = choices
        self._driver = driver
        self._incarnations: dict[str, int] = {}  # of those that have asked for chance, by label
        self._at_start: dict[bytes, bytes] = {}
        self.note_environment()

    def note_environment(self, variables: Variables = ()) -> None:
        """Processes that start from now on have the environment that the driver has now, and `variables`."""
        self._at_start = {**environment.of_the_driver(), **_encoded(variables)}

    def of(self, process: Process) -> Private:
        """What `process` has."""
        if process.private is None:
            process.private = Private()
        found: Private = process.private
        return found

    def chance(self) -> OwnChance:
        """See `intercept.chance.Chances`."""
        process: Any = _running() or self._driver
        private = process.private or self.of(process)
        if private.chance is None:
            private.chance = OwnChance(self._seed(process.label))
        return private.chance

    def _seed(self, label: str) -> int:
        # Not the answer itself: with dull answers everywhere, two processes would have the same numbers, and their
        # `uuid4` would be equal. An actor that was restarted has the label that it had.
        incarnation = self._incarnations[label] = self._incarnations.get(label, 0) + 1
        answer = self._choices.number(f"random/{label}", _SEEDS)
        return sub_seed(answer, f"{label}/{incarnation}")

    def machine_number(self) -> int:
        """See `intercept.chance.Chances`."""
        process: Any = _running() or self._driver
        return process.node.id  # type: ignore[no-any-return]

    def environment(self) -> dict[bytes, bytes] | None:
        """See `intercept.environment.Environments`."""
        process: Any = _running()
        if process is None or process is self._driver:
            return None
        private = process.private or self.of(process)
        found: dict[bytes, bytes] | None = private.environment
        if found is None:
            found = private.environment = {**self._at_start, **_encoded(process.variables)}
        if process.grant is not private.grant:
            private.grant = process.grant
            self._tell(private, found)
        return found

    def _tell(self, private: Private, variables: dict[bytes, bytes]) -> None:
        """Ray tells libraries what they may use, before each task and when an actor starts."""
        grant = private.grant
        if grant is None:
            return
        if grant.gpus:
            private.gpus = variables[_GPUS] = ",".join(str(number) for number in grant.gpus).encode()
        elif private.gpus is not None:  # those of a task that ran here before
            private.gpus = None
            variables.pop(_GPUS, None)
            if _GPUS in self._at_start:
                variables[_GPUS] = self._at_start[_GPUS]
        if variables.get(_THREADS) == private.threads:
            cpus = max((units // GRAIN for name, units in grant.amounts if name == "CPU"), default=1)
            private.threads = variables[_THREADS] = str(max(cpus, 1)).encode()


def _encoded(variables: Variables) -> dict[bytes, bytes]:
    return {os.fsencode(name): os.fsencode(value) for name, value in variables}
