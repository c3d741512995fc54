"""What of Ray is not there, and why: the words of the errors that say so.

A name without a line here is one that Ray 2.60 has not either, or a private one.
"""

from __future__ import annotations

from collections.abc import Mapping

_LIBRARY = "it covers Ray Core, not the libraries built on it"
_TOOL = "it covers Ray Core, not the tools around a cluster"
_LANGUAGE = "it runs Python only"
_GRAPHS = "it covers tasks and actors, not compiled graphs"
_TENSORS = "it covers Ray Core, not transports of tensors"

# A name, and all below it -> why it is no business of simactors.
OUT_OF_SCOPE: Mapping[str, str] = {
    "ray._private.state": "it has none of Ray's internals; nodes() and available_resources() tell of the cluster",
    "ray._private.worker": "it has none of Ray's internals; get_runtime_context() tells where code runs",
    "ray.air": _LIBRARY,
    "ray.autoscaler": _TOOL,
    "ray.client": "it connects to no Ray Client server; call init() in the program itself",
    "ray.client_builder": "it connects to no Ray Client server; call init() in the program itself",
    "ray.ClientBuilder": "it connects to no Ray Client server; call init() in the program itself",
    "ray.cluster_utils.AutoscalingCluster": _TOOL,
    "ray.cpp_function": _LANGUAGE,
    "ray.cross_language": _LANGUAGE,
    "ray.dag": _GRAPHS,
    "ray.dashboard": _TOOL,
    "ray.data": _LIBRARY,
    "ray.exceptions.AuthenticationError": _TOOL,
    "ray.exceptions.CrossLanguageError": _LANGUAGE,
    "ray.exceptions.RayCgraphCapacityExceeded": _GRAPHS,
    "ray.exceptions.RayChannelError": _GRAPHS,
    "ray.exceptions.RayChannelTimeoutError": _GRAPHS,
    "ray.exceptions.RayDirectTransportError": _TENSORS,
    "ray.experimental": "it covers Ray Core, not what Ray calls experimental",
    "ray.internal": "it has none of Ray's internals",
    "ray.java_actor_class": _LANGUAGE,
    "ray.java_function": _LANGUAGE,
    "ray.job_submission": _TOOL,
    "ray.Language": _LANGUAGE,
    "ray.llm": _LIBRARY,
    "ray.rllib": _LIBRARY,
    "ray.serve": _LIBRARY,
    "ray.train": _LIBRARY,
    "ray.tune": _LIBRARY,
    "ray.util.actor_group": "Ray has deprecated it; use a list of actors, or ActorPool",
    "ray.util.annotations": "those mark Ray's own code",
    "ray.util.client": "it connects to no Ray Client server; call init() in the program itself",
    "ray.util.client_connect": "it connects to no Ray Client server; call init() in the program itself",
    "ray.util.collective": _LIBRARY,
    "ray.util.connect": "it connects to no Ray Client server; call init() in the program itself",
    "ray.util.dask": _LIBRARY,
    "ray.util.debugpy": "`simactors run --pdb` stops where a program fails, and breakpoint() where it stands",
    "ray.util.disconnect": "it connects to no Ray Client server; call shutdown() in the program itself",
    "ray.util.get_node_instance_id": "its machines are no cloud instances; get_node_id() names them",
    "ray.util.pdb": "`simactors run --pdb` stops where a program fails, and breakpoint() where it stands",
    "ray.util.ray_debugpy": "`simactors run --pdb` stops where a program fails, and breakpoint() where it stands",
    "ray.util.rpdb": "`simactors run --pdb` stops where a program fails, and breakpoint() where it stands",
    "ray.util.serialization.StandaloneSerializationContext": "it has none of Ray's internals",
    "ray.util.serialization_addons": "it has none of Ray's internals",
    "ray.util.spark": _LIBRARY,
    "ray.util.state": "that asks the server of Ray's dashboard; nodes(), list_named_actors(), placement_group_table() "
    "and `simactors status` tell without one",
    "ray.util.tpu": _LIBRARY,
    "ray.util.tracing": _TOOL,
    "ray.widgets": _TOOL,
    "ray.workflow": _LIBRARY,
}

# In scope, but nothing here that it could stand for.
MEANINGLESS: dict[str, str] = {
    "ray.ActorClassID": "classes have no ids here",
    "ray.ClusterID": "clusters have no ids here",
    "ray.FunctionID": "functions have no ids here",
    "ray._config": "Ray's own switches mean nothing here; SimConfig describes a cluster",
    "ray.exceptions.ActorHandleNotFoundError": "it can't be raised here: handles know their actors",
    "ray.exceptions.LocalRayletDiedError": "it can't be raised here: there is no raylet",
    "ray.exceptions.ObjectFetchTimedOutError": "it can't be raised here: nobody gives up fetching",
    "ray.exceptions.ObjectRefStreamEndOfStreamError": "it can't be raised here: a generator ends with StopIteration",
    "ray.exceptions.OufOfBandObjectRefSerializationException": "a TypeError says that here",
    "ray.exceptions.OutOfDiskError": "it can't be raised here: disks are not simulated, and `local` spills nothing",
    "ray.exceptions.PlasmaObjectNotAvailable": "it can't be raised here: objects that are lost raise ObjectLostError",
    "ray.exceptions.RpcError": "it can't be raised here: there is no RPC server",
    "ray.exceptions.StreamingGeneratorReplayInconsistentError": "it can't be raised here",
    "ray.exceptions.UserCodeException": "it can't be raised here; raise an exception of your own",
    "ray.runtime_env.RuntimeEnvConfig": "environments are not installed here, so there is nothing to wait for",
    "ray.util.accelerators.tpu": "it knows no TPUs",
    "ray.util.debug.Suspect": "it looks for no leaks of memory",
    "ray.util.iter_metrics": "see LocalIterator.get_metrics()",
}

for _name in (
    *("BatchedCalls", "OrderedIMapIterator", "PoolActor", "RayBatchedCalls", "ResultThread", "SafeFunction"),
    *("UnorderedIMapIterator", "div_round_up", "ray_get_if_needed", "ray_put_if_needed"),
):
    MEANINGLESS[f"ray.util.multiprocessing.pool.{_name}"] = "that is how Ray's own pool works inside"


def reason(name: str) -> str:
    """Why `name` is not there, as a sentence for whoever asked for it."""
    parts = name.split(".")
    for end in range(2, len(parts) + 1):
        scope = ".".join(parts[:end])
        if scope in OUT_OF_SCOPE:
            return f"{scope} is out of simactors' scope: {OUT_OF_SCOPE[scope]}"
        if scope in MEANINGLESS:
            return f"simactors has no {scope}: {MEANINGLESS[scope]}"
    return f"simactors has no {name}, as docs/semantics.md describes Ray; a misspelling, perhaps"
