"""The world that a program runs in: its cluster and what goes wrong there, out of its options and files."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simactors.exploration.strategies.systematic import timeless
from simactors.exploration.target import Program, TargetError
from simactors.sim import aims
from simactors.sim.config import NodeConfig, SimConfig
from simactors.sim.fail_on import FailOn
from simactors.sim.plan import FaultPlan


@dataclass(frozen=True, slots=True)
class World:
    """A simulated cluster, and its faults."""

    config: SimConfig
    faults: FaultPlan

    def also(self, faults: FaultPlan) -> World:
        """The same with further faults."""
        return World(self.config, FaultPlan(self.faults.faults + faults.faults))


def world_of(program: Program) -> World:
    """The world of a program.

    Raises:
        TargetError: one of its files can't be read, or they don't fit together.
    """
    config, faults = SimConfig(), FaultPlan()
    if program.cluster is not None or program.faults is not None:
        from simactors.exploration import cluster_file  # lazily: pydantic takes as long as a small run

        config, faults = cluster_file.world_of(program)
    if program.nodes is not None:
        if config.nodes:
            raise TargetError(f"{program.cluster} says which nodes there are: leave out the number of nodes")
        config = replace(config, nodes=(NodeConfig(count=program.nodes, num_cpus=config.num_cpus),))
    config = replace(
        config,
        max_steps=program.max_steps,
        preemption=program.preemption,
        escapes={**config.escapes, **program.escapes},
        slack=program.slack,
        fail_on=FailOn.parse(program.fail_on) if program.fail_on else config.fail_on,
    )
    return World(timeless(config) if program.is_timeless else config, faults)


def check_faults(world: World) -> None:
    """Refuse faults that aim at what is not there.

    Raises:
        ValueError: the message names the fault.
    """
    aims.check(world.faults, world.config)
