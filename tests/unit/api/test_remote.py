"""What `remote` and `method` refuse before anything reaches a backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import simactors


@simactors.remote
def f() -> None: ...


def test_an_async_function_is_no_task() -> None:
    with pytest.raises(ValueError, match="'async def' should not be used for remote tasks"):

        @simactors.remote
        async def later() -> None: ...


def test_options_that_belong_to_the_definition() -> None:
    class Plain: ...

    with pytest.raises(ValueError, match="Setting 'max_calls' is not supported in"):
        f.options(max_calls=1)
    with pytest.raises(ValueError, match="Setting 'concurrency_groups' is not supported in"):
        simactors.remote(Plain).options(concurrency_groups={"io": 1})


def test_a_strategy_that_is_no_word_of_ray_is_refused_at_the_call(backend: Any) -> None:
    f.options(scheduling_strategy="SPREAD").remote()
    assert backend.calls[-1].options.scheduling_strategy == "SPREAD"
    with pytest.raises(ValueError, match="Invalid scheduling_strategy value NEAR"):
        f.options(scheduling_strategy="NEAR").remote()


def test_a_method_of_an_undeclared_concurrency_group_makes_an_impossible_actor(backend: Any) -> None:
    class Wrong:
        @simactors.method(concurrency_group="nobody")
        def method(self) -> None: ...

    with pytest.raises(AssertionError):
        simactors.remote(concurrency_groups={"io": 2})(Wrong).remote()
    with pytest.raises(TypeError):
        simactors.remote(concurrency_groups={"nobody": "x"})(Wrong).remote()
    simactors.remote(concurrency_groups={"nobody": 2})(Wrong).remote()
    assert backend.calls[-1].options.concurrency_groups == {"nobody": 2}


def test_calls_that_run_at_once_have_no_order(backend: Any) -> None:
    class Threads: ...

    class Loop:
        async def method(self) -> None: ...

    cases: list[tuple[type, dict[str, Any], str]] = [
        (Threads, {"max_concurrency": 2}, "multi-threaded actors"),
        (Loop, {}, "async actors"),
    ]
    for cls, options, kind in cases:
        with pytest.raises(ValueError, match=kind):
            simactors.remote(allow_out_of_order_execution=False, **options)(cls).remote()
    simactors.remote(allow_out_of_order_execution=False)(Threads).remote()
    simactors.remote(max_concurrency=0)(Threads).remote()


def test_method_takes_its_own_options_only() -> None:
    def function() -> None: ...

    assert simactors.method(function) is function
    decorators: list[Callable[[], Any]] = [lambda: simactors.method(num_cpus=1), lambda: simactors.method(3)]
    for decorate in decorators:
        with pytest.raises(AssertionError, match="decorator must be applied using no arguments"):
            decorate()


def test_who_binds_is_told_that_there_are_no_graphs() -> None:
    @simactors.remote
    def task() -> None: ...

    @simactors.remote
    class Plain:
        def method(self) -> None: ...

    @simactors.remote
    class Binds:
        @staticmethod
        def bind() -> str:
            return "its own"

    with simactors.simulate():
        for owner in (task, Plain, Plain.remote().method):
            with pytest.raises(AttributeError, match=r"not graphs \(ray.dag\)"):
                owner.bind  # noqa: B018  # looking is enough
            assert not hasattr(owner, "bind")
        assert not hasattr(task, "bend")
    assert Binds.bind() == "its own"  # type: ignore[attr-defined]
