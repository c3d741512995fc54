"""Makes a `FaultPlan` happen: timers for what has a time, questions around calls and messages for what has a place.

Not what faults mean to the cluster: crashes, silence and lost calls are carried out by the parts they befall.
"""

from __future__ import annotations

from simactors.sim.actors import Actors
from simactors.sim.cluster import Cluster
from simactors.sim.config import SimConfig
from simactors.sim.kernel import Kernel
from simactors.sim.membership import Membership
from simactors.sim.network import Network
from simactors.sim.nodes import Nodes
from simactors.sim.plan import FaultPlan
from simactors.sim.stores import Stores
from simactors.sim.tasks import Tasks
from simactors.sim.trace import Trace
from simactors.sim.turns import Points


class Faults:
    """The faults of one run."""

    def __init__(
        self,
        kernel: Kernel,
        trace: Trace,
        nodes: Nodes,
        cluster: Cluster,
        network: Network,
        membership: Membership,
        actors: Actors,
        tasks: Tasks,
        stores: Stores,
        points: Points,
    ) -> None:
        self._kernel = kernel

    def arm(self, plan: FaultPlan, config: SimConfig) -> None:
        """Prepare everything that `plan` wants."""
