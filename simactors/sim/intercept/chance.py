"""`random`, `os.urandom`, `uuid` and `secrets` of simulated processes: everything comes from the run's choices.

Each process has numbers of its own, and the driver has; the real generator of the module `random` is not touched. A
`random.Random(seed)` is what it always was. NumPy: `numpy_chance.py`.
"""

from __future__ import annotations

import os
import random
import sys
import uuid
from collections.abc import Callable
from random import Random
from types import FrameType
from typing import Any, Protocol

from simactors.core.choices import sub_seed
from simactors.sim.intercept.caller import is_a_tool, simulation_of_caller
from simactors.sim.intercept.names import Names, is_users_file


class OwnChance:
    """The chance of one process.

    Attributes:
        seed: what all of it is made from.
        random: what the functions of `random` use; programs may seed it.
        last_uuid: the time in the last `uuid1`, which no later one may have.
        numpy: its `RandomState`; None until NumPy is asked.
    """

    __slots__ = ("_entropy", "last_uuid", "numpy", "random", "seed")

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.last_uuid = 0
        self.numpy: Any = None
        self.random = Random(sub_seed(seed, "random"))
        self._entropy: Random | None = None

    @property
    def entropy(self) -> Random:
        """In the place of the operating system's: who seeds `random` has not seeded this."""
        if self._entropy is None:
            self._entropy = Random(sub_seed(self.seed, "entropy"))
        return self._entropy


class Chances(Protocol):
    """The chance of all processes of one simulation."""

    def chance(self) -> OwnChance:
        """That of the process whose code runs."""
        ...

    def machine_number(self) -> int:
        """A number of the machine that it runs on, from 1."""
        ...


class HasChance(Protocol):
    """One simulation."""

    @property
    def privates(self) -> Chances:
        """What its processes have."""
        ...

    def belongs_here(self) -> bool:
        """See `caller.Simulation`."""
        ...

    def wall_ns(self) -> int:
        """What the clock of the caller's node says, in nanoseconds since 1970."""
        ...


# The functions of `random` are methods of one object: each process has another one.


def _dispatching(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def of_the_process(*args: Any, **kwargs: Any) -> Any:
        world = simulation_of_caller(functions.worlds)
        if world is None:
            return real(*args, **kwargs)
        return getattr(world.privates.chance().random, name)(*args, **kwargs)

    of_the_process.__name__ = of_the_process.__qualname__ = name
    of_the_process.__doc__ = real.__doc__
    return of_the_process


_FUNCTIONS = {
    name: function
    for name, function in vars(random).items()
    if getattr(function, "__self__", None) is random._inst
}

functions: Names[HasChance] = Names(
    random, {name: _dispatching(name, function) for name, function in _FUNCTIONS.items()}
)
"""What is replaced; open simulations install themselves here."""


# Entropy of the operating system


def _of_the_caller() -> Random | None:
    world = simulation_of_caller(functions.worlds, 3)
    if world is None or is_a_tool(frame := sys._getframe(2)) or _is_for_an_import(frame):
        return None
    return world.privates.chance().entropy


def _is_for_an_import(frame: FrameType | None) -> bool:
    """Whether an installed module asks while it is loaded.

    That happens in the first run that needs it and in no later one, which must have the same numbers.
    """
    inner = None
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith("<frozen importlib"):
            return inner is None or inner.co_name != "<module>" or not is_users_file(inner.co_filename)
        inner = code
        frame = frame.f_back
    return False


def _urandom(size: int, /) -> bytes:
    """`os.urandom`."""
    entropy = _of_the_caller()
    if entropy is None or size < 0:  # which the real one refuses
        return names.real["urandom"](size)  # type: ignore[no-any-return]
    return entropy.randbytes(size)


def _getrandom(size: int, flags: int = 0) -> bytes:
    """`os.getrandom`."""
    entropy = _of_the_caller()
    if entropy is None or size < 0:
        return names.real["getrandom"](size, flags)  # type: ignore[no-any-return]
    return entropy.randbytes(size)


_ENTROPY: dict[str, Callable[..., Any]] = {"urandom": _urandom}
if hasattr(os, "getrandom"):  # only Linux has it
    _ENTROPY["getrandom"] = _getrandom

names: Names[HasChance] = Names(os, _ENTROPY)
# What `SystemRandom` has bound early, and with it `secrets` and NumPy.
of_random: Names[HasChance] = Names(random, {"_urandom": _urandom})


def _seed(self: Random, a: Any = None, version: int = 2) -> None:
    """`Random.seed`, which also the constructor calls: without a seed, it takes one of the process."""
    if a is None:
        entropy = _of_the_caller()
        if entropy is not None:
            a = entropy.getrandbits(256)
    methods.real["seed"](self, a, version)


methods: Names[HasChance] = Names(Random, {"seed": _seed})


# Identifiers that name the machine and the time

_GREGORIAN = 0x01B21DD213814000
"""Hundreds of nanoseconds from the first day of the Gregorian calendar to 1970, see RFC 4122."""
_FIRST_ADDRESS = 0x02_42_AC_11_00_00
"""Hardware addresses of simulated machines: locally administered ones."""


def _getnode() -> int:
    """`uuid.getnode`: the hardware address of the simulated machine."""
    world = simulation_of_caller(functions.worlds)
    if world is None:
        return of_uuid.real["getnode"]()  # type: ignore[no-any-return]
    return _FIRST_ADDRESS + world.privates.machine_number()


def _uuid1(node: int | None = None, clock_seq: int | None = None) -> uuid.UUID:
    """`uuid.uuid1`, as the one of the library makes it without help of the operating system."""
    world = simulation_of_caller(functions.worlds)
    if world is None:
        return of_uuid.real["uuid1"](node, clock_seq)  # type: ignore[no-any-return]
    chance = world.privates.chance()
    time = chance.last_uuid = max(world.wall_ns() // 100 + _GREGORIAN, chance.last_uuid + 1)
    if clock_seq is None:
        clock_seq = chance.entropy.getrandbits(14)
    if node is None:
        node = _FIRST_ADDRESS + world.privates.machine_number()
    fields = (
        time & 0xFFFFFFFF,
        (time >> 32) & 0xFFFF,
        (time >> 48) & 0x0FFF,
        (clock_seq >> 8) & 0x3F,
        clock_seq & 0xFF,
        node,
    )
    return uuid.UUID(fields=fields, version=1)


of_uuid: Names[HasChance] = Names(uuid, {"getnode": _getnode, "uuid1": _uuid1})
