"""What can go wrong in a simulated run: the parts of a `FaultPlan`.

Examples:
    >>> from simactors import FaultPlan
    >>> from simactors.faults import CrashNode, Cut
    >>> plan = FaultPlan((CrashNode(node="node-2", at_s=5), Cut(source="node-1", target="node-3", at_s=2, for_s=1)))
"""

from __future__ import annotations

from simactors.core.fault_plan import (
    CrashNode,
    CrashProcess,
    Cut,
    DelayCall,
    FailCall,
    Fault,
    FaultPlan,
    JumpClock,
    LoseObject,
    Partition,
    Pause,
    SlowNode,
)

__all__ = [
    "CrashNode",
    "CrashProcess",
    "Cut",
    "DelayCall",
    "FailCall",
    "Fault",
    "FaultPlan",
    "JumpClock",
    "LoseObject",
    "Partition",
    "Pause",
    "SlowNode",
]
