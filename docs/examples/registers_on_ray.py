"""Histories of a register on a real Ray cluster: clients record themselves, a judge reads what they wrote.

    pip install 'simactors[ray]'
    python docs/examples/registers_on_ray.py recorded

It writes three files, says what the judge finds in each, and takes about half a minute:

- ``steady.jsonl``: nothing goes wrong;
- ``killed.jsonl``: the register's process is killed on the way, and nobody replaces it. Calls that were under way then
  have no answer: whether they took effect, nobody knows, and the judge allows both;
- ``restarted.jsonl``: Ray starts it anew (``max_restarts``). The new one has forgotten what was written: clients can't
  rely on such a register, and the judge says so.

The suite does not run this, for it has no Ray; it judges what one run of it has recorded.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import ray

from simactors.checkers import History, Recording, Register, linearizable, lines

CLIENTS = 3
REQUESTS = 30


@ray.remote(num_cpus=0)
class Cell:
    def __init__(self):
        self.value = 0

    def write(self, value):
        self.value = value

    def read(self):
        return self.value

    def pid(self):
        return os.getpid()


@ray.remote(num_cpus=0, max_retries=0)
def client(number, cell, victim=None):
    """Writes and reads in turn, and returns what it was told, as the text of a history.

    Half way, it kills the process `victim`.
    """
    recording = Recording()  # by the clock `monotonic`, which all processes of one machine share

    @recording.operation
    def write(value):
        ray.get(cell.write.remote(value))

    @recording.operation
    def read():
        return ray.get(cell.read.remote())

    with recording.client(f"client-{number}"):
        for turn in range(REQUESTS):
            if victim is not None and turn == REQUESTS // 2:
                os.kill(victim, 9)
            try:
                read() if (turn + number) % 3 else write(1000 * number + turn)
            except ray.exceptions.RayError:
                time.sleep(0.01)  # it is recorded as unknown
            time.sleep(0.001 * (number + turn) % 0.004)
    return lines.dumps(recording.history())


def record(*, kill=False, max_restarts=0):
    """One history of all clients."""
    cell = Cell.options(max_restarts=max_restarts).remote()
    victim = ray.get(cell.pid.remote()) if kill else None
    told = [
        client.remote(1, cell, victim),
        *(client.remote(number, cell) for number in range(2, CLIENTS + 1)),
    ]
    return History.merged(*(lines.loads(text) for text in ray.get(told)))


def main(folder):
    Path(folder).mkdir(exist_ok=True)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    for name, history in {
        "steady": record(),
        "killed": record(kill=True),
        "restarted": record(kill=True, max_restarts=1),
    }.items():
        lines.dump(history, Path(folder) / f"{name}.jsonl")
        unknown = sum(operation.status == "unknown" for operation in history)
        print(f"{name}: {len(history)} operations, {unknown} of them without an answer")
        print(linearizable(history, Register(0)))
    ray.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
