"""`SimLogFilter`: which node, which actor and which virtual time a log record comes from, for `logging`."""

from __future__ import annotations

import logging
from typing import Any

from simactors.core.current import running
from simactors.sim.config import NS
from simactors.sim.intercept.clock import names

_NOTHING = "-"


class SimLogFilter(logging.Filter):
    """Lets every record through, with attributes that a format may show.

    They are `node` ("node-1"), `actor` (the name of its class), `process_label` ("driver", "actor-3", "worker-2") and
    `virtual_time` (seconds since the simulation began, as "1.500000"); each is "-" where there is none, so that the
    same format works outside simulations and on every backend. ``%(asctime)s`` and ``%(process)d`` are virtual in
    simulated code without it.

    Examples:
        >>> import logging, simactors
        >>> handler = logging.StreamHandler()
        >>> handler.addFilter(simactors.SimLogFilter())
        >>> handler.setFormatter(logging.Formatter("%(virtual_time)s %(node)s %(process_label)s %(message)s"))
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the attributes; always true."""
        process: Any = running.get()
        world: Any = names.worlds[-1] if names.worlds and names.worlds[-1].belongs_here() else None
        if world is not None and process is None:
            process = world.driver
        actor = None if world is None else process.actor
        record.node = _NOTHING if world is None else process.node.label
        record.actor = _NOTHING if actor is None else actor.cls.cls.__name__
        record.process_label = _NOTHING if world is None else process.label
        # Not `now_ns()`: a look of the program's at the clock may take time, and logging shall change no run.
        record.virtual_time = _NOTHING if world is None else f"{world.kernel.now_ns / NS:.6f}"
        return True
