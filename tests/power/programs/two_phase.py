"""Two-phase commit whose coordinator forgets what it was about.

Property: when all is over, no participant is left with a prepared transaction, and all did the same. To break it, the
coordinator's process must crash after a participant has prepared and before all have heard the outcome. The twin's
coordinator writes its decisions to a log, an actor that lives on, and finishes what it finds there; what it does not
find was not committed.
"""

import time

import simactors as ray
from simactors.exceptions import RayError

TRIES = 6
SETTLE_S = 5.0


@ray.remote(max_task_retries=3)
class Participant:
    """Holds a lock from `prepare` on, until it hears the outcome."""

    def __init__(self):
        self.prepared = set()
        self.outcomes = {}

    def prepare(self, transaction):
        if transaction not in self.outcomes:  # else this is a late copy of a request
            self.prepared.add(transaction)

    def finish(self, transaction, outcome):
        self.prepared.discard(transaction)
        self.outcomes[transaction] = outcome

    def report(self):
        return sorted(self.prepared), self.outcomes


@ray.remote(max_task_retries=3)
class Log:
    """Decisions; the first one about a transaction holds."""

    def __init__(self):
        self.decisions = {}

    def decide(self, transaction, outcome):
        return self.decisions.setdefault(transaction, outcome)


@ray.remote(max_restarts=2, scheduling_strategy="SPREAD")
class Coordinator:
    def __init__(self, participants, log):
        self.participants = participants
        self.log = log

    def commit(self, transaction):
        ray.get([p.prepare.remote(transaction) for p in self.participants])
        self._finish(transaction, "commit")

    def recover(self, transaction):
        self._finish(transaction, "abort")

    def _finish(self, transaction, proposed):
        outcome = proposed if self.log is None else ray.get(self.log.decide.remote(transaction, proposed))
        ray.get([p.finish.remote(transaction, outcome) for p in self.participants])


def run(*, logged):
    participants = [Participant.remote() for _ in range(2)]
    coordinator = Coordinator.remote(participants, Log.remote() if logged else None)
    try:
        ray.get(coordinator.commit.remote("t1"))
    except RayError:
        time.sleep(SETTLE_S)  # what is on its way may still do it
        if logged and not recovered(coordinator):
            return  # not over yet
    try:
        reports = ray.get([p.report.remote() for p in participants])
    except RayError:
        return  # a participant is lost for good, with what it knew
    assert not any(prepared for prepared, _ in reports), f"left prepared: {reports}"
    outcomes = {outcomes.get("t1") for _, outcomes in reports}
    assert len(outcomes) == 1, f"not all did the same: {reports}"


def recovered(coordinator):
    for _ in range(TRIES):
        try:
            ray.get(coordinator.recover.remote("t1"))
            return True
        except RayError:
            continue
    return False


def forgetful():
    run(logged=False)


def logged():
    run(logged=True)
