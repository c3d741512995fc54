"""What `init` was told, checked, as `Settings`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simactors.core.backend import Settings
from simactors.core.resources import can_be

if TYPE_CHECKING:  # see core.backend
    from simactors.core.fault_plan import FaultPlan

log = logging.getLogger("simactors")

# Keywords of ray.init that mean nothing on one machine and without a dashboard; Ray programs pass them.
_MEANINGLESS = frozenset(
    {
        "configure_logging",
        "dashboard_host",
        "dashboard_port",
        "enable_resource_isolation",
        "include_dashboard",
        "local_mode",
        "logging_config",
        "logging_format",
        "system_reserved_cpu",
        "system_reserved_memory",
    }
)

# Those that mean something, beside what `init` names.
_MEANT = frozenset({"job_config", "labels", "log_to_driver", "logging_level", "runtime_env"})

# Those that are resources by other names.
_QUANTITIES = {"object_store_memory": "object_store_memory", "_memory": "memory"}

# Those that `resources` can't name, by what says how much of them there is.
_NO_CUSTOM = {
    "CPU": "num_cpus",
    "GPU": "num_gpus",
    "memory": "_memory",
    "object_store_memory": "object_store_memory",
}


def settings_of(
    more: Mapping[str, Any],
    *,
    address: str | None,
    num_cpus: float | None,
    num_gpus: float | None,
    resources: Mapping[str, float] | None,
    namespace: str | None,
    seed: int | None,
    faults: FaultPlan | None,
) -> Settings:
    """The settings; for the arguments see `session.init`.

    Raises:
        RuntimeError: an unknown keyword.
        ValueError, TypeError: a wrong value.
    """
    _check_arguments(more, address, num_cpus, num_gpus)
    _check_custom(resources)
    _check_namespace(namespace)
    renamed = {name: more[key] for key, name in _QUANTITIES.items() if more.get(key) is not None}
    quantities = {**(resources or {}), **renamed}
    _check_quantities({"num_cpus": num_cpus, "num_gpus": num_gpus, **quantities})
    job_namespace, job_env = _of_job(more)
    store = more.get("object_store_memory")
    return Settings(
        num_cpus=num_cpus,
        num_gpus=num_gpus,
        resources=quantities,
        namespace=namespace or job_namespace,
        address=address,
        seed=seed,
        log_to_driver=more.get("log_to_driver") is not False,
        faults=faults,
        object_store_memory=None if store is None else int(store),
        runtime_env={**job_env, **(more.get("runtime_env") or {})},
        log_level=_level(more.get("logging_level")),
        labels=_labels(more.get("labels")),
    )


def _check_arguments(
    more: Mapping[str, Any], address: str | None, num_cpus: float | None, num_gpus: float | None
) -> None:
    known = _MEANINGLESS | _MEANT | _QUANTITIES.keys()
    unknown = sorted(k for k in more if k not in known and not k.startswith("_"))
    if unknown:
        raise RuntimeError(f"Unknown keyword argument(s): {', '.join(unknown)}")
    for name in more:
        if name in _MEANINGLESS:
            log.debug("init: %s has no meaning here and is ignored", name)
    store = more.get("object_store_memory")
    if store is not None and (not _is_amount(store) or store < 1 or store != int(store)):
        raise ValueError(f"object_store_memory must be a whole number of bytes >= 1, not {store!r}")
    if address not in (None, "local") and not (num_cpus is None and num_gpus is None):
        raise ValueError(
            "When connecting to an existing cluster, num_cpus and num_gpus must not be provided."
        )


def _check_namespace(namespace: object) -> None:
    if namespace is not None and not isinstance(namespace, str):
        raise TypeError(f"namespace must be None or a string, not {namespace!r}")
    if namespace == "":
        raise ValueError('"" is not a valid namespace. Pass None to not specify a namespace.')


def _check_custom(resources: object) -> None:
    if resources is None:
        return
    if not isinstance(resources, Mapping):
        raise TypeError(f"resources must be a dict of str to float, not {resources!r}")
    for name in resources:
        if name in _NO_CUSTOM:
            raise ValueError(f"`{name}` cannot be a custom resource: say `{_NO_CUSTOM[name]}` instead")


def _labels(said: object) -> Mapping[str, str]:
    if said is None:
        return {}
    if not isinstance(said, Mapping) or not all(isinstance(x, str) for pair in said.items() for x in pair):
        raise TypeError(f"labels must be a dict of str to str, not {said!r}")
    return dict(said)


def _check_quantities(quantities: Mapping[str, Any]) -> None:
    for name, amount in quantities.items():
        if amount is not None and not _is_amount(amount):
            raise ValueError(f"{name} must be a finite number >= 0, not {amount!r}")


def _is_amount(said: object) -> bool:
    return isinstance(said, int | float) and can_be(said)


def _of_job(more: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
    """The namespace and the `runtime_env` that a `JobConfig` says."""
    said = more.get("job_config")
    if said is None:
        return None, {}
    from simactors.api.configuration import JobConfig  # lazily: hardly any program has one

    if not isinstance(said, JobConfig):
        raise TypeError(f"job_config must be a JobConfig, not {type(said).__name__}")
    return said.ray_namespace, said.runtime_env


def _level(said: object) -> int | None:
    """The number of a level of Python's `logging`."""
    level = logging.getLevelNamesMapping().get(said.upper()) if isinstance(said, str) else said
    if level is None and said is None:
        return None
    if not isinstance(level, int):
        names = ", ".join(logging.getLevelNamesMapping())
        raise ValueError(f"logging_level={said!r} is none of {names}, and no number")
    return level
