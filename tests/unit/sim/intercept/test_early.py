"""Names that were bound before a simulation opened.

Method: a module is made here of a few lines of text, one place for each, and looked at before, in and after a run.
"""

from __future__ import annotations

import sys
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import simactors
from simactors.exceptions import EarlyBindingWarning, EscapeWarning

EPOCH_S = 1_704_067_200
ModuleMaker = Callable[[str], ModuleType]


@pytest.fixture
def module_of(tmp_path: Any) -> Iterator[ModuleMaker]:
    """Makes a user's module of a text."""
    made = []

    def make(text: str) -> ModuleType:
        path = tmp_path / f"early_{len(made)}.py"
        path.write_text(textwrap.dedent(text))
        module = ModuleType(path.stem)
        module.__file__ = str(path)
        sys.modules[path.stem] = module
        made.append(path.stem)
        exec(compile(path.read_text(), str(path), "exec"), vars(module))
        return module

    yield make
    for name in made:
        del sys.modules[name]


PLACES = {
    "a name": "from time import time as now",
    "a default": "import time\ndef now(clock=time.time): return clock()",
    "a default of several": "import time\ndef now(a=1, clock=time.time, b=2): return clock() + a - b + 1",
    "a default by name": "import time\ndef now(*, clock=time.time): return clock()",
    "a class attribute": "import time\nclass C:\n    clock = time.time\ndef now(): return C().clock()",
    "a static method": "import time\nclass C:\n    clock = staticmethod(time.time)\ndef now(): return C().clock()",
    "a default of a method": """
        import time
        class C:
            def read(self, clock=time.time): return clock()
        def now(): return C().read()""",
    "a default of a static method": """
        import time
        class C:
            @staticmethod
            def read(clock=time.time): return clock()
        def now(): return C().read()""",
    "a default of a class method": """
        import time
        class C:
            @classmethod
            def read(cls, clock=time.time): return clock()
        def now(): return C().read()""",
    "a default of a property": """
        import time
        class C:
            @property
            def read(self, clock=time.time): return clock()
        def now(): return C().read""",
    "a default of a cached property": """
        import time, functools
        class C:
            @functools.cached_property
            def read(self, clock=time.time): return clock()
        def now(): return C().read""",
    "a nested class": """
        import time
        class C:
            class D:
                clock = time.time
        def now(): return C.D().clock()""",
    "a closure": """
        import time
        def make(clock):
            return lambda: clock()
        now = make(time.time)""",
    "under a decorator": """
        import functools, time
        def twice(f):
            @functools.wraps(f)
            def call(): return f()
            return call
        @twice
        @twice
        def now(clock=time.time): return clock()""",
    "under a cache": """
        import functools, time
        @functools.lru_cache(maxsize=0)
        def now(clock=time.time): return clock()""",
    "a list": "import time\nclocks = [time.time]\ndef now(): return clocks[0]()",
    "a dictionary": "import time\nclocks = {'wall': time.time}\ndef now(): return clocks['wall']()",
    "a list of a class": "import time\nclass C:\n    clocks = [time.time]\ndef now(): return C.clocks[0]()",
    "a partial": "import functools, time\nnow = functools.partial(time.time)",
    "an argument of a partial": """
        import functools, time
        def read(clock, *, other=None): return (other or clock)()
        one = functools.partial(read, time.time)
        other = functools.partial(read, None, other=time.time)
        def now(): return one() / 2 + other() / 2""",
    "an object": """
        import time
        class C:
            def __init__(self, clock): self.clock = clock
        c = C(time.time)
        def now(): return c.clock()""",
    "a factory of a dataclass": """
        import dataclasses, time
        @dataclasses.dataclass
        class C:
            at: float = dataclasses.field(default_factory=time.time)
        def now(): return C().at""",
    "a method of datetime": "from datetime import datetime\nread = datetime.now\ndef now(): return read().timestamp()",
    "a remote function": """
        import time, simactors
        @simactors.remote
        def read(clock=time.time): return clock()
        def now(): return simactors.get(read.remote())""",
    "an actor class": """
        import time, simactors
        @simactors.remote
        class C:
            clock = time.time
            def read(self, clock=time.time): return max(clock(), self.clock())
        def now(): return simactors.get(C.remote().read.remote())""",
}


@pytest.mark.parametrize("place", PLACES)
def test_what_was_bound_early_is_virtual_in_simulations_and_as_it_was_after_them(
    place: str, module_of: ModuleMaker
) -> None:
    module = module_of(PLACES[place])
    before = dict(vars(module))
    for _ in range(2):
        with simactors.simulate():
            time.sleep(10)
            assert EPOCH_S + 10 <= module.now() < EPOCH_S + 11
        assert vars(module) == before
        if "simactors" not in PLACES[place]:
            assert module.now() > EPOCH_S + 86_400


@pytest.mark.parametrize("place", PLACES)
def test_a_module_loaded_in_a_simulation_sees_real_time_after_it_and_virtual_time_in_the_next(
    place: str, module_of: ModuleMaker
) -> None:
    with simactors.simulate(config=simactors.SimConfig(escapes={"write": "allow"})):
        module = module_of(PLACES[place])
        assert EPOCH_S <= module.now() < EPOCH_S + 1
    if "simactors" not in PLACES[place]:
        assert module.now() > EPOCH_S + 86_400
    if place == "a name":
        assert module.now is time.time
    with simactors.simulate():
        assert EPOCH_S <= module.now() < EPOCH_S + 1


OUT_OF_REACH = {
    "a tuple": ("import time\nclocks = (time.time,)", r"an item of the tuple early_0\.clocks, time\.time,"),
    "a set": ("import time\nclocks = {time.time}", r"an item of the set early_0\.clocks, time\.time,"),
    "a tuple of a class": (
        "import time\nclass C:\n    clocks = (time.time,)",
        r"an item of the tuple early_0\.C\.clocks, time\.time,",
    ),
    "a property of a built-in": (
        "import time\nclass C:\n    now = property(time.time)",
        r"early_0\.C\.now\.fget, time\.time,",
    ),
}


@pytest.mark.parametrize("place", OUT_OF_REACH)
def test_what_cannot_be_rebound_is_named_once(place: str, module_of: ModuleMaker) -> None:
    text, message = OUT_OF_REACH[place]
    module_of(text)
    real = time.time
    with pytest.warns(EarlyBindingWarning, match=message) as caught, simactors.simulate():
        pass
    assert len(caught) == 1
    assert "time.time()" in str(caught[0].message)  # what to write instead
    with simactors.simulate():
        pass  # a second warning would be an error here
    assert time.time is real


def test_a_warning_that_is_an_error_leaves_nothing_patched(module_of: ModuleMaker) -> None:
    module = module_of("import time\nnow = time.time\nerror_clocks = (time.time,)\n")
    module.__name__ = "early_error"  # so that it was not named before
    real = time.time
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(EarlyBindingWarning), simactors.simulate():
            pass
    assert time.time is module.now is real


def test_a_name_that_the_program_has_bound_anew_is_left_alone(module_of: ModuleMaker) -> None:
    module = module_of("from time import time as now")
    with simactors.simulate():
        module.now = mine = lambda: 7
    assert module.now is mine
    with simactors.simulate():
        assert module.now is mine


def test_nested_simulations_rebind_once(module_of: ModuleMaker) -> None:
    module = module_of("from time import time as now")
    with simactors.simulate(), simactors.simulate(seed=1):
        assert module.now() == EPOCH_S
    assert module.now is time.time
    with pytest.raises(KeyError), simactors.simulate():
        raise KeyError
    assert module.now is time.time


def test_who_filters_what_escapes_the_simulation_filters_early_names(module_of: ModuleMaker) -> None:
    module_of("import time\nkept = (time.time,)")
    with pytest.warns(EscapeWarning, match="kept"), simactors.simulate():
        pass
