"""A run on real processes is written down, judged, and made again in the simulator, as a user does it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simactors.traces import Trace, TraceError

ROOT = Path(__file__).parents[2]

# What it prints depends on the order of all messages. (Between messages, threads and coroutines have their own order.)
APP = """
import random, time
import simactors as ray

@ray.remote(num_cpus=0)
class Account:
    def __init__(self):
        self.value = 0
    def read(self):
        return self.value
    def write(self, value):
        self.value = value

@ray.remote(num_cpus=0.1)
def deposit(account, amount):
    before = ray.get(account.read.remote())
    time.sleep(random.random() / 100)
    ray.get(account.write.remote(before + amount))

def main():
    account = Account.remote()
    refs = [deposit.remote(account, 2 ** n) for n in range(6)]
    first, _ = ray.wait(refs)
    ray.get(refs)
    print("RESULT", refs.index(first[0]), ray.get(account.read.remote()))

if __name__ == "__main__":
    ray.init(num_cpus=4)
    main()
"""


def simactors(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simactors", *args]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


def run_for_real(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """``app.py`` there, as plain Python."""
    environment = {**os.environ, **variables, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "app.py"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def result_line(shown: str) -> str:
    return next(line for line in shown.splitlines() if line.startswith("RESULT"))


def test_a_real_run_comes_out_the_same_when_its_trace_is_followed(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    real = simactors("run", "app.py:main", "--backend", "local", "--record", "trace", cwd=tmp_path)
    assert real.returncode == 0, real.stderr
    again = simactors("replay", "trace", "--json", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    told = json.loads(again.stdout.splitlines()[-1])
    assert result_line(again.stdout) == result_line(real.stdout)
    assert (told["kept"], told["departures"]) == (told["calls"], [])
    assert f"{told['calls']} of the {told['calls']} calls on local began at their places" in again.stderr
    exactly = simactors("replay", told["repro"], cwd=tmp_path)
    assert result_line(exactly.stdout) == result_line(real.stdout)
    assert "reproduced exactly" in exactly.stderr


def test_a_variable_is_enough_and_calls_of_a_process_that_died_are_there(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import os\n"
        "import simactors as ray\n"
        "@ray.remote\n"
        "class Frail:\n"
        "    def double(self, n): return 2 * n\n"
        "    def crash(self): os._exit(1)\n"
        "frail = Frail.options(name='frail').remote()\n"
        "print(ray.get(frail.double.remote(21)))\n"
        "try: ray.get(frail.crash.remote())\n"
        "except ray.exceptions.ActorDiedError: print('died')\n"
    )
    real = run_for_real(tmp_path, SIMACTORS_TRACE_TO="trace")
    assert real.stdout.splitlines()[-2:] == ["42", "died"], real.stderr
    history = Trace.load(tmp_path / "trace").history
    assert str(history).splitlines() == ["driver: frail.double(21) -> 42", "driver: frail.crash() (unknown)"]
    again = simactors("replay", "trace", cwd=tmp_path)
    assert again.stdout.splitlines() == ["42", "died"], again.stderr
    assert "2 of the 2 calls on local" in again.stderr


# What a class that stands between a user's class and its instances would change.
CLASSES = """
import dataclasses, pickle

class Tagged:
    tags = []
    def __init_subclass__(cls, *, tag):
        cls.tags.append(tag)

class Base(Tagged, tag="base"):
    @staticmethod
    def plain(): return 1
    def look(self): return self.tags, type(self) is Base, Base.__subclasses__()

class Last(type):
    def __new__(kind, name, bases, names):
        assert not bases, "not to be derived from"
        return super().__new__(kind, name, bases, names)

class Final(metaclass=Last):
    def look(self): return type(self) is Final, repr(type(self))

class Slotted:
    __slots__ = ("x",)
    def look(self):
        try: self.y = 1
        except AttributeError: return "no y"

@dataclasses.dataclass
class Data:
    n: int = 3
    def look(self): return self == pickle.loads(pickle.dumps(self)) == Data(3)
"""


def test_a_class_behaves_as_it_does_where_nothing_is_written_down(tmp_path: Path) -> None:
    (tmp_path / "kinds.py").write_text(CLASSES)
    (tmp_path / "app.py").write_text(
        "import simactors as ray\n"
        "import kinds\n"
        "ray.init(num_cpus=4)\n"
        "actors = [ray.remote(c).remote() for c in (kinds.Base, kinds.Final, kinds.Slotted, kinds.Data)]\n"
        "print(ray.get(actors[0].plain.remote()), ray.get([actor.look.remote() for actor in actors]))\n"
    )
    shown = [run_for_real(tmp_path, **more).stdout for more in ({}, {"SIMACTORS_TRACE_TO": "trace"})]
    assert shown[0].startswith("1 [(['base'], True, []), (True, \"<class 'kinds.Final'>\"), 'no y', True]")
    assert shown[1] == shown[0]
    assert [str(line) for line in str(Trace.load(tmp_path / "trace").history).splitlines()][::4] == [
        "driver: Base#1.plain() -> 1",
        "driver: Data#1.look() -> True",
    ]


# Values that a file had better not hold, and such as raise when they are looked at.
VALUES = """
import numpy as np
import simactors as ray

class Closed:
    @property
    def __dict__(self): raise RuntimeError("closed")
    def __reduce__(self): return Closed, ()

class Elusive:
    def __getattr__(self, name): raise KeyError(name)
    def __reduce__(self): return Elusive, ()

@ray.remote
class Echo:
    def same(self, value): return value

ray.init(num_cpus=1)
echo = Echo.remote()
weights = np.arange(100_000.0)
values = [{"weights": weights}, {"weights": weights + 1}, weights, "x" * 50_000, Closed(), Elusive(), 10**5000]
for value in values:
    assert type(ray.get(echo.same.remote(value))) is type(value)
"""


def test_large_values_are_told_in_short_and_odd_ones_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(VALUES)
    real = run_for_real(tmp_path, SIMACTORS_TRACE_TO="trace")
    assert real.returncode == 0, real.stderr
    assert sum(file.stat().st_size for file in (tmp_path / "trace").iterdir()) < 20_000
    operations = list(Trace.load(tmp_path / "trace").history)
    assert [operation.args[0] == operation.result for operation in operations] == [True] * 7
    assert len({operation.result for operation in operations}) == 7


def test_calls_without_a_result_and_those_that_are_tried_again_are_followed(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import simactors as ray\n"
        "@ray.remote\n"
        "class Log:\n"
        "    def __init__(self): self.notes = []\n"
        "    @ray.method(num_returns=0)\n"
        "    def note(self, text): self.notes.append(text)\n"
        "    @ray.method(retry_exceptions=True, max_task_retries=2)\n"
        "    def full(self):\n"
        "        self.notes.append('asked')\n"
        "        if len(self.notes) < 4: raise ValueError(len(self.notes))\n"
        "        return self.notes\n"
        "ray.init(num_cpus=1)\n"
        "log = Log.remote()\n"
        "log.note.remote('a')\n"
        "log.note.remote('b')\n"
        "print(ray.get(log.full.remote()))\n"
        "ray.get(log.__ray_ready__.remote())\n"
    )
    real = run_for_real(tmp_path, SIMACTORS_TRACE_TO="trace")
    assert real.stdout == "['a', 'b', 'asked', 'asked']\n", real.stderr
    assert [str(operation) for operation in Trace.load(tmp_path / "trace").history][:2] == [
        "driver: Log#1.note('a') -> None",
        "driver: Log#1.note('b') -> None",
    ]
    again = simactors("replay", "trace", "--json", cwd=tmp_path)
    told = json.loads(again.stdout.splitlines()[-1])
    assert again.stdout.startswith(real.stdout)
    assert (told["calls"], told["kept"], told["departures"]) == (4, 4, [])


def test_a_line_that_was_not_finished_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "1.trace.jsonl").write_text(
        '{"event": "driver", "time_s": 1.0, "backend": "local", "file": "app.py"}\n{"event": "call", "ti'
    )
    assert list(Trace.load(tmp_path).history) == []


def test_a_damaged_line_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "1.trace.jsonl").write_bytes(b'{"event": "driver", "time_s": 1.0}\n\xff\xfe\n')
    with pytest.raises(TraceError, match=r"1\.trace\.jsonl:2 is no event of a trace"):
        Trace.load(tmp_path)


def test_wrong_input_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "empty").mkdir()
    refused = simactors("run", "app.py:main", "--record", "trace", cwd=tmp_path)
    assert refused.returncode == 2
    assert "--record is for real processes" in refused.stderr
    nothing = simactors("replay", "empty", cwd=tmp_path)
    assert nothing.returncode == 2
    unwritable = run_for_real(tmp_path, SIMACTORS_TRACE_TO="app.py/trace")
    assert "SIMACTORS_TRACE_TO=" in unwritable.stderr.splitlines()[-1]
    assert "app.py/trace: no trace can be written there (Not a directory)" in unwritable.stderr
    assert "empty holds no trace: run the program with SIMACTORS_TRACE_TO=empty" in nothing.stderr
