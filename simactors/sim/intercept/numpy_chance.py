"""The functions of `numpy.random` in simulated processes; also when NumPy is first imported during a simulation.

`default_rng()`, `SeedSequence()` and `RandomState()` without a seed need nothing here: they ask `secrets`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from simactors.core.choices import sub_seed
from simactors.sim.intercept.caller import simulation_of_caller
from simactors.sim.intercept.chance import HasChance
from simactors.sim.intercept.names import Names

_MODULE = "numpy.random"
# No methods of the generator, but functions that call it.
_OTHERS = ("seed", "ranf", "sample")


class NumpyChance:
    """Replaces the functions of `numpy.random` while at least one world is open and NumPy is there."""

    def __init__(self) -> None:
        self.worlds: list[HasChance] = []
        self._names: Names[HasChance] | None = None

    def install(self, world: HasChance) -> None:
        """Let replacements see `world`, until it is uninstalled."""
        if not self.worlds and _MODULE not in sys.modules:
            sys.meta_path.insert(0, _ARRIVALS)
        self.worlds.append(world)
        if _MODULE in sys.modules:
            self._replace(sys.modules[_MODULE], world)

    def uninstall(self, world: HasChance) -> None:
        """Undo `install`."""
        self.worlds.remove(world)
        if self._names is not None:
            self._names.uninstall(world)
        if not self.worlds and _ARRIVALS in sys.meta_path:
            sys.meta_path.remove(_ARRIVALS)

    def arrived(self, module: ModuleType) -> None:
        """NumPy has been imported, and simulations are open."""
        for world in self.worlds:
            self._replace(module, world)

    def pairs(self) -> list[tuple[Any, Any]]:
        """See `Names`."""
        return [] if self._names is None else self._names.pairs()

    def _replace(self, module: ModuleType, world: HasChance) -> None:
        if self._names is None:
            inside: Any = module.mtrand._rand
            replacements = {
                name: _dispatching(name, function)
                for name, function in vars(module).items()
                if getattr(function, "__self__", None) is inside or name in _OTHERS
            }
            self._names = Names(module, replacements)
        self._names.install(world)


patch = NumpyChance()
"""What is replaced; open simulations install themselves here."""


def _dispatching(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    method = "random_sample" if name in ("ranf", "sample") else name

    def of_the_process(*args: Any, **kwargs: Any) -> Any:
        world = simulation_of_caller(patch.worlds)
        if world is None:
            return real(*args, **kwargs)
        own = world.privates.chance()
        if own.numpy is None:
            own.numpy = sys.modules[_MODULE].RandomState(sub_seed(own.seed, "numpy") % 2**32)
        return getattr(own.numpy, method)(*args, **kwargs)

    of_the_process.__name__ = of_the_process.__qualname__ = name
    of_the_process.__doc__ = real.__doc__
    return of_the_process


class _Arrivals:
    """Tells when NumPy has been imported."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`: finds what the others find, and wraps its loader."""
        if fullname != _MODULE:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Announcing(spec.loader)
        return spec


class _Announcing(Loader):
    """A loader that says when it is done."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the loader itself does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """As the loader itself does; then `NumpyChance.arrived`."""
        spec = module.__spec__
        assert spec is not None
        module.__loader__ = spec.loader = self._loader
        self._loader.exec_module(module)
        patch.arrived(module)


_ARRIVALS = _Arrivals()
