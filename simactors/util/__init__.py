"""Ray's ``ray.util`` on top of the public API: conveniences that any backend runs."""

from simactors.api.context import get_node_ip_address, list_named_actors
from simactors.util.actor_pool import ActorPool
from simactors.util.completion import as_completed, map_unordered
from simactors.util.logging_once import disable_log_once_globally, enable_periodic_logging, log_once
from simactors.util.placement_group import (
    get_current_placement_group,
    get_placement_group,
    placement_group,  # the function hides the module of the same name, as in Ray
    placement_group_table,
    remove_placement_group,
)
from simactors.util.serialization import deregister_serializer, inspect_serializability, register_serializer

__all__ = [
    "ActorPool",
    "as_completed",
    "deregister_serializer",
    "disable_log_once_globally",
    "enable_periodic_logging",
    "get_current_placement_group",
    "get_node_ip_address",
    "get_placement_group",
    "inspect_serializability",
    "list_named_actors",
    "log_once",
    "map_unordered",
    "placement_group",
    "placement_group_table",
    "register_serializer",
    "remove_placement_group",
]
