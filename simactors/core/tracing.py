"""Where a run on a real backend is written down, if anybody wants it to be; `simactors.tracing` writes."""

from __future__ import annotations

VARIABLE = "SIMACTORS_TRACE_TO"
"""The environment variable that names the folder; relative to the working directory of the driver."""
