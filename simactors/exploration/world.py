"""The world that a program runs in: its cluster and what goes wrong there, out of all that it is run with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simactors.core.fault_plan import FaultPlan
from simactors.exceptions import TargetError
from simactors.exploration.drawn_faults import plan
from simactors.exploration.strategies.systematic import timeless
from simactors.exploration.target import Program
from simactors.sim import aims
from simactors.sim.config import NodeConfig, SimConfig
from simactors.sim.fail_on import FailOn


@dataclass(frozen=True, slots=True)
class World:
    """A simulated cluster, and its faults."""

    config: SimConfig
    faults: FaultPlan

    def also(self, faults: FaultPlan) -> World:
        """The same with further faults."""
        return World(self.config, FaultPlan(self.faults.faults + faults.faults))


def world_of(program: Program, seed: int | None = None) -> World:
    """The world of a program.

    Args:
        seed: of the run, for what it draws itself; None: without that.

    Raises:
        TargetError: its parts don't fit together.
    """
    config = program.cluster or SimConfig()
    if program.nodes is not None:
        if config.nodes:
            raise TargetError("the cluster says which nodes there are: leave out the number of nodes")
        config = replace(config, nodes=(NodeConfig(count=program.nodes, num_cpus=config.num_cpus),))
    config = replace(
        config,
        max_steps=program.max_steps,
        preemption=program.preemption,
        escapes={**config.escapes, **program.escapes},
        slack=program.slack,
        fail_on=FailOn.parse(program.fail_on) if program.fail_on else config.fail_on,
    )
    world = World(timeless(config) if program.is_timeless else config, program.faults)
    return world if seed is None else world.also(plan(program.drawn, seed))


def check_faults(world: World) -> None:
    """Refuse faults that aim at what is not there.

    Raises:
        ValueError: the message names the fault.
    """
    aims.check(world.faults, world.config)
