"""The names of the package itself: all are there, and nobody can tell that they are loaded at their first use."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

import simactors


def printed(program: str) -> str:
    """By a fresh interpreter, in which nothing of `simactors` has been used yet."""
    command = [sys.executable, "-c", "import simactors as ray\n" + textwrap.dedent(program)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.parametrize("name", [*simactors.__all__, "cluster_utils", "distributions", "faults", "util"])
def test_a_name_that_is_offered_is_there(name: str) -> None:
    assert getattr(simactors, name) is not None
    assert name in dir(simactors)


def test_a_star_takes_all_names() -> None:
    program = """
        names = {}
        exec("from simactors import *", names)
        print(sorted({*ray.__all__} - names.keys()))
    """
    assert printed(program) == "[]\n"


def test_a_name_is_looked_for_only_once() -> None:
    """Else every call of `get` would go through the import system."""
    assert printed("print('get' in vars(ray), ray.get is vars(ray)['get'])") == "False True\n"


def test_the_help_lists_what_was_not_used_yet() -> None:
    program = """
        import pydoc
        print(pydoc.plain(pydoc.render_doc(ray)))
    """
    text = printed(program)
    assert "is_initialized() -> 'bool'" in text
    assert "class ActorHandle(" in text


def test_a_name_that_is_not_there_is_named() -> None:
    with pytest.raises(AttributeError, match="'gett'"):
        _ = simactors.gett


def test_what_a_program_does_at_its_exit_still_has_its_session() -> None:
    """As on Ray: `shutdown` was registered by the import, so it comes after what is registered later."""
    program = """
        import atexit
        atexit.register(lambda: print(ray.is_initialized()))
        ray.init(backend="sim")
    """
    assert printed(program) == "True\n"


def test_a_run_is_the_same_if_names_are_first_used_inside_of_it() -> None:
    program = """
        import sys
        {before}
        with ray.simulate(seed=7) as sim:
            @ray.remote
            class Actor:
                def number(self, other):
                    return len(ray.get_runtime_context().get_actor_id()) + ray.get(ray.put(other))
            assert ("simactors.api.context" in sys.modules) == bool({before!r})
            print(ray.get([Actor.remote().number.remote(n) for n in range(3)]))
        print(sim.digest)
    """
    fresh = printed(program.format(before=""))
    assert fresh == printed(program.format(before="[getattr(ray, name) for name in ray.__all__]"))
    assert "[32, 33, 34]" in fresh
