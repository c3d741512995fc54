"""Ray's ``ray.util`` on top of the public API: conveniences that any backend runs."""

from simactors.util.actor_pool import ActorPool

__all__ = ["ActorPool"]
