"""Which module of Ray leads where: the table that `import ray` is answered from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# The release whose behaviour docs/semantics.md describes: what programs that compare versions should see.
RAY_VERSION = "2.60.0"

_IDS = tuple(
    f"simactors.core.ids:{name}"
    for name in ("ActorID", "JobID", "NodeID", "PlacementGroupID", "TaskID", "UniqueID", "WorkerID")
)
_REFS = (
    "simactors.core.refs:ObjectRef",
    "simactors.core.refs:ObjectRef as ObjectID",
    "simactors.core.refs:DynamicObjectRefGenerator",
    "simactors.api.generators:ObjectRefGenerator",
)
_TESTING = (
    "simactors.util.conditions",
    "simactors.util.signals",
    "simactors.util.ray_tests",
    "simactors.cluster_utils:get_other_nodes",
    "simactors.cluster_utils:get_non_head_nodes",
)

# A module of Ray -> where its names are: all public names of a module, or one behind a colon, maybe under another name.
MODULES: Mapping[str, Sequence[str]] = {
    "ray": ("simactors", *_REFS, *_IDS, "simactors.api.configuration:LoggingConfig"),
    "ray._common": (),
    "ray._common.test_utils": _TESTING,
    "ray._private": (),
    "ray._private.test_utils": _TESTING,
    "ray._raylet": (
        *_REFS,
        *_IDS,
        "simactors.api.generators:ObjectRefGenerator as StreamingObjectRefGenerator",
    ),
    "ray.actor": (
        "simactors.api.handles:ActorHandle",
        "simactors.api.handles:ActorMethod",
        "simactors.api.remote:ActorClass",
        "simactors.api.actors:exit_actor",
        "simactors.api.remote:method",
        "simactors.exceptions:ActorClassInheritanceException",
    ),
    "ray.cloudpickle": ("cloudpickle",),
    "ray.cluster_utils": ("simactors.cluster_utils:Cluster", "simactors.cluster_utils:cluster_not_supported"),
    "ray.exceptions": ("simactors.exceptions",),
    "ray.job_config": ("simactors.api.configuration:JobConfig", "simactors.api.configuration:LoggingConfig"),
    "ray.remote_function": ("simactors.api.remote:RemoteFunction",),
    "ray.runtime_context": (
        "simactors.api.context:RuntimeContext",
        "simactors.api.context:get_runtime_context",
    ),
    "ray.runtime_env": ("simactors.api.configuration:RuntimeEnv",),
    "ray.types": ("simactors.core.refs:ObjectRef",),
    "ray.util": ("simactors.util",),
    "ray.util.accelerators": ("simactors.util.accelerators",),
    "ray.util.actor_pool": ("simactors.util.actor_pool",),
    "ray.util.check_serialize": (
        "simactors.util.serialization:FailureTuple",
        "simactors.util.serialization:inspect_serializability",
    ),
    "ray.util.debug": ("simactors.util.logging_once",),
    "ray.util.helpers": ("simactors.util.completion",),
    "ray.util.iter": ("simactors.util.iter", "simactors.util.iter_local"),
    "ray.util.joblib": ("simactors.util.joblib",),
    "ray.util.joblib.ray_backend": ("simactors.util.joblib_backend:RayBackend",),
    "ray.util.metrics": ("simactors.util.metrics",),
    "ray.util.multiprocessing": (
        "simactors.util.multiprocessing:Pool",
        "multiprocessing:TimeoutError",
        "multiprocessing:JoinableQueue",
    ),
    "ray.util.multiprocessing.pool": ("simactors.util.multiprocessing", "simactors.util.pool_results"),
    "ray.util.placement_group": ("simactors.util.placement_group",),
    "ray.util.queue": ("simactors.util.queue",),
    "ray.util.scheduling_strategies": ("simactors.util.scheduling_strategies",),
    "ray.util.serialization": (
        "simactors.util.serialization:register_serializer",
        "simactors.util.serialization:deregister_serializer",
    ),
}
