"""What running calls have cost on a real backend: the words in which it says so, a line of JSON for each call.

Backends write it where `FOLDER` is set; `calibration` reads it.
"""

from __future__ import annotations

from typing import NamedTuple

FOLDER = "SIMACTORS_METER_TO"
"""The environment variable that names the folder; each process writes its own file."""

SUFFIX = ".calls"


class Cost(NamedTuple):
    """What one call has cost the process that ran it.

    Attributes:
        label: ``Account.change``, ``Account.__init__``, ``transfer``.
        work_s: processor time of its thread, from its turn to its answer; what it waits and sleeps is not in it.
        made: how many calls its code has made meanwhile.
    """

    label: str
    work_s: float
    made: int
