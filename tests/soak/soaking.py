"""`soak`: windows of random programs under a killer; between two of them nothing may be under way or left over."""

from __future__ import annotations

import gc
import os
import random
import tempfile
import threading
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil

import simactors as ray
from tests import started
from tests.shared_files import shared_files
from tests.soak import gauges
from tests.soak.endings import end_in_the_middle
from tests.soak.journal import Journals
from tests.soak.killer import Killer
from tests.soak.play import Play
from tests.soak.programs import PROGRAMS
from tests.soak.standing import describe

CPUS = 8
_GONE_S = 10.0


@dataclass
class Options:
    """What a soak is like.

    Attributes:
        threads: so many programs run side by side.
        window_s: after so long everything comes to an end, and is looked at.
        every_s: the mean time between two kills.
        sessions: so many more are shut down in the middle of everything.
        only: names of programs; all, if empty.
    """

    seconds: float
    seed: int
    threads: int = 6
    window_s: float = 30.0
    every_s: float = 0.3
    sessions: int = 0
    only: tuple[str, ...] = ()


@dataclass
class Report:
    """What has come of it."""

    programs: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    strikes: Counter[str] = field(default_factory=Counter)
    ran: int = 0
    longest: tuple[float, str] = (0.0, "")
    samples: list[dict[str, int]] = field(default_factory=list)
    found: list[str] = field(default_factory=list)


class Soak:
    """One session."""

    def __init__(self, options: Options, folder: Path) -> None:
        self._options = options
        self._folder = folder
        self._programs = [p for p in PROGRAMS if not options.only or p.__name__ in options.only]
        self._journals = Journals()
        self._lock = threading.Lock()
        self._turn = 0
        self._plays: dict[int, Play] = {}
        self._supervisor: psutil.Process
        self.report = Report()

    def run(self) -> Report:
        """All of it."""
        descriptors = psutil.Process().num_fds()
        ray.init(backend="local", num_cpus=CPUS)
        self._supervisor = supervisor = started.supervisor()
        killer = Killer(supervisor, f"{self._options.seed} killer", self._options.every_s)
        end = time.monotonic() + self._options.seconds
        try:
            killer.start()
            while time.monotonic() < end and not self.report.found:
                self._window(min(time.monotonic() + self._options.window_s, end))
                killer.pause()
                self._look(supervisor)
                if time.monotonic() < end and not self.report.found:
                    killer.resume()
            killer.end()
        finally:
            self.report.strikes = killer.strikes
            family = [supervisor, *supervisor.children(recursive=True)]
            ray.shutdown()
        _, alive = psutil.wait_procs(family, _GONE_S)
        self.report.found += [f"{p} has outlived the session" for p in alive]
        gc.collect()
        if (now := psutil.Process().num_fds()) > descriptors:
            self.report.found.append(f"{now} descriptors are open, {descriptors} were before the session")
        self.report.found += gauges.growth(self.report.samples)
        return self.report

    def _window(self, end: float) -> None:
        threads = [
            threading.Thread(target=self._work, args=(n, end), name=f"programs-{n}")
            for n in range(self._options.threads)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self, place: int, end: float) -> None:
        while time.monotonic() < end and not self.report.found:
            with self._lock:
                turn = self._turn = self._turn + 1
            seed = f"{self._options.seed} {turn}"
            program = random.Random(seed).choice(self._programs)
            play = self._plays[place] = Play(f"{program.__name__}-{turn}", seed, self._folder)
            try:
                program(play)
            except BaseException as error:
                with self._lock:
                    self._failed(play, error)
            with self._lock:
                self.report.programs[program.__name__] += 1
                self.report.endings.update(play.kinds)
                self.report.longest = max(self.report.longest, play.longest)
                self._journals.add(play.path, play.promises)
            del self._plays[place]

    def _failed(self, play: Play, error: BaseException) -> None:
        text = "".join(traceback.format_exception(error))
        self.report.found.append(f"{play.name}: {text}\n  it waited for: {play.waits_for}")
        if isinstance(error, ray.exceptions.GetTimeoutError):
            self.report.found += [f"{p.name} waits for {p.waits_for}" for p in list(self._plays.values())]
            self.report.found.append(describe(self._supervisor, self._folder))

    def _look(self, supervisor: psutil.Process) -> None:
        """Nothing is under way any more; what has run is as promised."""
        report = self.report

        left = gauges.settle(supervisor, 2 * CPUS, gc.collect)  # idle ones, and idle leases
        if left:
            left.append(describe(supervisor, self._folder))
        report.found += left
        report.found += self._journals.close()
        report.ran = sum(self._journals.ran.values())
        report.samples.append(gauges.usage(supervisor))
        for where in self._folder.glob("stack-*"):
            if not psutil.pid_exists(int(where.name.partition("-")[2])):
                where.unlink()


def soak(options: Options) -> Report:
    """Run one, in a folder of its own; what is left in it, or in shared memory, is a finding, too."""
    with tempfile.TemporaryDirectory() as name:
        temporary = Path(name)
        journals = temporary / "journals"
        files = temporary / "files"
        journals.mkdir()
        files.mkdir()
        before = shared_files()
        tempfile.tempdir = os.environ["TMPDIR"] = str(files)
        try:
            report = Soak(options, journals).run()
            if not report.found:
                report.found += end_in_the_middle(options.seed, options.sessions, journals)
        finally:
            tempfile.tempdir = None
            del os.environ["TMPDIR"]
        report.found += [f"a file is left: {f}" for f in files.iterdir()]
        shared = shared_files() - before
        report.found += [f"a file is left in /dev/shm: {f}" for f in shared if _is_ours(Path("/dev/shm", f))]
    return report


def _is_ours(file: Path) -> bool:
    """Whether a process of this user's has it; a file of somebody else's says nothing about us."""
    try:
        return file.stat().st_uid == os.getuid()
    except OSError:  # it is gone again
        return False
