"""Hypothesis for actor code: plans of whole runs as data, and state machines whose rules call actors.

Nothing here looks into Hypothesis: it works with its settings, database, phases and events as they are.
"""

from simactors.hypothesis.machine import ActorStateMachine, Call
from simactors.hypothesis.strategies import plans

__all__ = ["ActorStateMachine", "Call", "plans"]
