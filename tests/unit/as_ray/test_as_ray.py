"""``import ray`` without Ray: which objects it finds, what it is told is missing, what is put back."""

from __future__ import annotations

import importlib
import importlib.util
import pickle
import pkgutil
import sys
from pathlib import Path

import cloudpickle
import pytest

import simactors
import simactors.exceptions
import simactors.util
from simactors.as_ray import MODULES, as_ray, install, is_installed, uninstall


@pytest.fixture
def ray():
    with as_ray():
        yield importlib.import_module("ray")


def test_names_lead_to_the_same_objects_as_simactors(ray):
    import ray.actor
    import ray.exceptions
    import ray.util.actor_pool
    from ray.exceptions import RayTaskError
    from ray.util import ActorPool

    assert ray.get is simactors.get
    assert ray.ObjectRef is simactors.ObjectRef
    assert ray.actor.ActorHandle is simactors.ActorHandle
    assert RayTaskError is ray.exceptions.RayTaskError is simactors.exceptions.RayTaskError
    assert ActorPool is ray.util.ActorPool is ray.util.actor_pool.ActorPool is simactors.util.ActorPool
    assert ray.cloudpickle.dumps is cloudpickle.dumps
    assert ray.__version__.count(".") == 2


def test_every_row_of_the_table_can_be_imported_and_listed(ray):
    for name in MODULES:
        module = importlib.import_module(name)
        for public in module.__all__:
            assert getattr(module, public) is not None
        assert set(module.__all__) <= set(dir(module))


def test_every_module_of_our_util_has_its_row():
    ours = {f"simactors.util.{module.name}" for module in pkgutil.iter_modules(simactors.util.__path__)}
    assert ours <= {place.partition(":")[0] for places in MODULES.values() for place in places}


def test_a_function_hides_the_module_of_its_name_however_that_is_imported(ray):
    import ray.util.placement_group
    from ray.util.placement_group import PlacementGroup, placement_group

    assert ray.util.placement_group is placement_group
    assert importlib.import_module("ray.util.placement_group").PlacementGroup is PlacementGroup


def test_star_import_gives_the_public_names(ray):
    names: dict[str, object] = {}
    exec("from ray.exceptions import *", names)
    assert names["GetTimeoutError"] is simactors.exceptions.GetTimeoutError


@pytest.mark.parametrize(
    "statement", ["import ray.data", "from ray import serve", "from ray.train.torch import TorchTrainer"]
)
def test_libraries_on_top_of_ray_core_are_refused_as_out_of_scope(ray, statement):
    with pytest.raises(ImportError, match=r"ray\.(data|serve|train) is out of simactors' scope"):
        exec(statement, {})


@pytest.mark.parametrize("statement", ["from ray.exceptions import Nothing", "import ray.nothing"])
def test_names_that_are_not_there_are_refused_by_name(ray, statement):
    with pytest.raises(ImportError, match=r"simactors has no ray\.\w*"):
        exec(statement, {})


def test_attributes_that_are_not_there_say_so(ray):
    with pytest.raises(AttributeError, match=r"simactors has no ray\.nothing"):
        _ = ray.nothing
    with pytest.raises(AttributeError, match="out of simactors' scope"):
        _ = ray.tune
    assert not hasattr(ray, "data")


def test_the_modules_behind_keep_their_own_names_and_specs(ray):
    import ray.exceptions

    assert ray.exceptions.__spec__.name == "ray.exceptions"
    assert simactors.exceptions.__name__ == "simactors.exceptions"
    assert simactors.exceptions.__spec__.name == "simactors.exceptions"
    assert importlib.reload(simactors.util).__name__ == "simactors.util"


def test_install_and_uninstall_may_be_repeated_and_leave_nothing():
    finders = sys.meta_path[:]
    install()
    install()
    assert is_installed()
    import ray  # noqa: F401

    uninstall()
    uninstall()
    assert not is_installed()
    assert sys.meta_path == finders
    assert not [name for name in sys.modules if name.partition(".")[0] == "ray"]


def test_the_with_form_nests():
    with as_ray():
        with as_ray():
            assert is_installed()
        assert is_installed()
    assert not is_installed()


def test_real_ray_is_set_aside_and_comes_back(tmp_path: Path, monkeypatch):
    package = tmp_path / "ray"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("real = True")
    (package / "data" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    real, data = importlib.import_module("ray"), importlib.import_module("ray.data")
    try:
        with as_ray():
            assert importlib.import_module("ray").get is simactors.get
            with pytest.raises(ImportError, match="out of simactors' scope"):
                importlib.import_module("ray.data")
        assert sys.modules["ray"] is real
        assert sys.modules["ray.data"] is data
        del sys.modules["ray"], sys.modules["ray.data"]
        assert importlib.import_module("ray").real
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "ray"]:
            del sys.modules[name]


def test_a_facade_that_travels_with_code_is_the_same_in_the_process_that_gets_it(ray):
    packed = pickle.dumps(ray)
    assert pickle.loads(packed) is ray
    uninstall()  # as in a fresh worker
    try:
        arrived = pickle.loads(packed)
        assert arrived.get is simactors.get
        assert is_installed()
    finally:
        uninstall()
