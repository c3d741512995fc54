"""What of a scenario's workload does not go together, though each key by itself may be as it is.

Not what each key may say: `scenario_file.py`.
"""

from __future__ import annotations

from simactors.exploration import scenario_file
from simactors.exploration.scenario_file import Burst, ConstantRate, Poisson, Ramp, ScenarioFile, Workload
from simactors.workload.load import MOST_REQUESTS


def problems(told: ScenarioFile) -> list[str]:
    """What is missing in a workload, or is one thing too many."""
    workload = told.workload
    if workload.request is None:
        alone = ("setup", "teardown", "arrivals", "clients", "requests", "duration", "timeout")
        given = [name for name in alone if getattr(workload, name) is not None]
        given += ["warmup"] if workload.warmup else []
        if workload.entry is None:
            return [
                'workload.entry: it is missing; write entry = "app.py:main", or setup and request with arrivals'
            ]
        return [f"workload.{name}: it needs a request; an entry is the whole program" for name in given]
    found = []
    if workload.entry is not None:
        found.append("workload.entry: write an entry, which is the whole program, or a request, not both")
    if (workload.arrivals is None) == (workload.clients is None):
        found.append(
            'workload.request: say when requests come: with arrivals, for example { kind = "poisson", rate = "50/s" }, '
            "or with clients, { count = 5 }; one of them"
        )
    if workload.duration is not None and workload.warmup >= workload.duration:
        found.append("workload.warmup: it takes as long as the load, so nothing would be measured")
    is_endless = not isinstance(workload.arrivals, scenario_file.Trace)
    if is_endless and workload.requests is None and workload.duration is None:
        found.append('workload.requests: say when the load ends: requests = 1000, or duration = "10s"')
    expected = _expected(workload)
    if expected > MOST_REQUESTS and workload.requests is None:
        found.append(
            f"workload.arrivals: about {expected:.3g} requests would arrive, and {MOST_REQUESTS:,} are the most; "
            "requests = 1000 ends the load sooner"
        )
    for number, history in enumerate(told.checks.histories):
        if (history.is_ == "linearizable") != (history.spec is not None):
            text = (
                'linearizable needs a spec: spec = "KeyValueMap"'
                if history.spec is None
                else "it takes no spec"
            )
            found.append(f"checks.histories[{number}].spec: {text}")
    return found


def _expected(workload: Workload) -> float:
    """How many requests are to arrive until the load is over; 0 if that is not for the rate to say."""
    over_s = workload.duration or 0.0
    match workload.arrivals:
        case ConstantRate() | Poisson() as told:
            return told.rate * over_s
        case Burst() as told:
            return told.size * (1 + over_s / told.every)
        case Ramp() as told:
            on_the_way_s = min(over_s, told.over)
            reached = told.from_ + (told.to - told.from_) * on_the_way_s / told.over
            return (told.from_ + reached) / 2 * on_the_way_s + (over_s - on_the_way_s) * told.to
    return 0.0
