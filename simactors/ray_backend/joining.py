"""Joins Ray: a cluster at an address, one of this process's own, or the one that it is connected to already."""

from __future__ import annotations

import os
from typing import Any

import ray
from ray._private import services
from ray._private.accelerators import get_accelerator_manager_for_resource

from simactors.core import tracing
from simactors.core.backend import Settings

_NO_FAULTS = "faults= is for backend='sim' and 'local': nothing can be made to go wrong on backend='ray'"


def join(settings: Settings) -> bool:
    """Join the Ray that this process is connected to, or connect it.

    Returns:
        Whether this has connected it.

    Raises:
        ValueError: settings that mean nothing on Ray, or that Ray refuses.
        RuntimeError: settings for a Ray that is initialized already.
        ConnectionError: there is no cluster at that address.
    """
    if settings.faults is not None and settings.faults.faults:
        raise ValueError(_NO_FAULTS)
    keywords = _keywords(settings)
    if not ray.is_initialized():
        more = {} if settings.address else {"include_dashboard": False}
        ray.init(log_to_driver=settings.log_to_driver, **more, **_traced(_with_defaults(keywords, settings)))
        return True
    late = sorted(keywords.keys() - _JOINING)
    if late:
        raise RuntimeError(
            f"init(backend='ray'): Ray is initialized already, which {', '.join(late)} can't change: say it to "
            "`ray.init`, or call `ray.shutdown` before"
        )
    return False


_JOINING = frozenset({"address", "logging_level"})
"""What may be said to a Ray that is there."""


def _keywords(settings: Settings) -> dict[str, Any]:
    """What `ray.init` is to be told."""
    resources = dict(settings.resources)
    said: dict[str, Any] = {
        "address": settings.address,
        "num_cpus": settings.num_cpus,
        "num_gpus": settings.num_gpus,
        "_memory": resources.pop("memory", None),
        "object_store_memory": settings.object_store_memory or resources.pop("object_store_memory", None),
        "namespace": settings.namespace,
        "runtime_env": dict(settings.runtime_env) or None,
        "logging_level": settings.log_level,
        "labels": dict(settings.labels) or None,
    }
    resources.pop("object_store_memory", None)
    said["resources"] = resources or None
    return {name: value for name, value in said.items() if value is not None}


def _with_defaults(keywords: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """With the resources by default, if this starts a cluster: one that is there refuses them."""
    wanted = dict(settings.default_resources)
    if not wanted or services.canonicalize_bootstrap_address(settings.address) is not None:
        return keywords
    gpus = wanted.pop("GPU", 0)
    real = get_accelerator_manager_for_resource("GPU").get_current_node_num_accelerators()
    more = {"num_gpus": gpus} if gpus > real else {}  # without a word, Ray takes the real ones
    return {**more, **keywords, "resources": {**wanted, **keywords.get("resources", {})}}


def _traced(keywords: dict[str, Any]) -> dict[str, Any]:
    """With the folder of a trace, if one is wanted: workers of a cluster don't have the driver's environment."""
    folder = os.environ.get(tracing.VARIABLE)
    if not folder:
        return keywords
    runtime_env = keywords.get("runtime_env", {})
    variables = {**(runtime_env.get("env_vars") or {}), tracing.VARIABLE: os.path.abspath(folder)}
    if tracing.TIMES_ONLY in os.environ:
        variables[tracing.TIMES_ONLY] = os.environ[tracing.TIMES_ONLY]
    return {**keywords, "runtime_env": {**runtime_env, "env_vars": variables}}
