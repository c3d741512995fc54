"""What only real processes can show: deaths, signals, leftovers, full pipes, threads.

Goal: nothing is lost, nothing hangs and nothing is left over, whatever is killed. Method: sessions of the `local`
backend in this process, and whole programs in processes of their own where the driver itself has to die. What
every backend promises is tested in tests/conformance.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import psutil
import pytest

import simactors as ray
from tests.end_to_end.noticing import comes_true
from tests.started import children, supervisor

NOTICED_S = 30.0  # on a busy machine; shorter than what sleeps here, which must not end by itself
BIG = 50_000_000


@pytest.fixture
def session() -> Iterator[None]:
    ray.init(backend="local", num_cpus=2)
    yield
    ray.shutdown()


@ray.remote
class Box:
    """An actor for everything."""

    def __init__(self, value: Any = None) -> None:
        self.value = value

    def set(self, value: Any) -> None:
        self.value = value

    def get(self) -> Any:
        return self.value

    def add(self, amount: int) -> int:
        self.value += amount
        return self.value

    def pid(self) -> int:
        return os.getpid()

    def size(self, data: bytes) -> bytes:
        return data

    def die(self, code: int) -> None:
        os._exit(code)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def leave(self) -> None:
        sys.exit(3)

    def fork(self) -> int:
        pid = os.fork()
        if pid == 0:
            time.sleep(60)
            os._exit(0)
        return pid

    def put(self, value: Any) -> list[Any]:
        return [ray.put(value)]

    def resolve(self, refs: list[Any], seen: Path | None = None) -> Any:
        value = ray.get(refs[0])
        if seen is not None:
            seen.touch()
        return value

    def child(self, value: Any) -> Any:
        self.kept = Box.remote(value)
        return self.kept

    def call(self, other: Any, method: str, *args: Any) -> Any:
        return ray.get(getattr(other, method).remote(*args))

    def ask_itself(self) -> Any:
        return self.value.pid.remote()

    def from_threads(self, other: Any) -> list[int]:
        got: list[int] = []
        threads = [
            threading.Thread(target=lambda: got.append(ray.get(other.add.remote(1)))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return got


@ray.remote
def square(x: int) -> int:
    return x * x


@ray.remote
def total(n: int) -> int:
    return 0 if n == 0 else n + ray.get(total.remote(n - 1))


@ray.remote
def crash(path: str, times: int) -> str:
    with open(path, "a") as log:
        log.write("x")
    if os.path.getsize(path) <= times:
        os._exit(9)
    return "survived"


def eventually(condition: Callable[[], object], what: str) -> None:
    assert comes_true(condition, NOTICED_S), f"not within {NOTICED_S} s: {what}"


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Program:
    """A driver in a process of its own, run from a script; `line()` reads what it prints."""

    def __init__(self, tmp_path: Path, code: str) -> None:
        script = tmp_path / "program.py"
        script.write_text(textwrap.dedent(code))
        self.process = subprocess.Popen(
            [sys.executable, script.name],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def family(self) -> list[int]:
        return [p.pid for p in psutil.Process(self.process.pid).children(recursive=True)]

    def finish(self) -> tuple[str, str]:
        return self.process.communicate(timeout=30)


# Calls and objects


@pytest.mark.usefixtures("session")
def test_a_thousand_calls_in_flight_answer_in_order() -> None:
    box = Box.remote(0)
    assert ray.get([box.add.remote(1) for _ in range(1000)]) == list(range(1, 1001))


@pytest.mark.usefixtures("session")
def test_large_payloads_go_both_ways_at_once() -> None:
    """Both sides send more than a socket holds before either reads; blocking sends would wait for each other."""
    box, data = Box.remote(), b"x" * BIG
    refs = [box.size.remote(data) for _ in range(3)]
    assert all(value == data for value in ray.get(refs))


@pytest.mark.usefixtures("session")
def test_large_arrays_arrive_read_only() -> None:
    numpy = pytest.importorskip("numpy")
    box, array = Box.remote(), numpy.arange(5_000_000)
    back = ray.get(box.size.remote(array))
    assert (back == array).all()
    assert not back.flags.writeable


@pytest.mark.usefixtures("session")
def test_a_ref_works_in_processes_that_never_met_its_owner() -> None:
    owner, middle, reader = Box.remote(), Box.remote(), Box.remote()
    refs = ray.get(owner.put.remote({"a": [1]}))
    ray.get(middle.set.remote(refs))
    again = ray.get(middle.get.remote())
    assert ray.get(reader.resolve.remote(again)) == {"a": [1]}
    assert ray.get(again[0]) == {"a": [1]}


@pytest.mark.usefixtures("session")
def test_a_borrowed_ref_may_be_waited_for_before_it_is_ready() -> None:
    slow, reader = Box.remote(), Box.remote()
    ref = slow.sleep.remote(0.2)
    assert ray.get(reader.resolve.remote([ref])) is None


@pytest.mark.usefixtures("session")
def test_the_driver_serves_its_objects_while_it_computes(tmp_path: Path) -> None:
    """No thread waits in the driver: only its service thread can answer the borrower."""
    reader, ref, seen = Box.remote(), ray.put([5]), tmp_path / "seen"
    ray.get(reader.pid.remote())
    answer = reader.resolve.remote([ref], seen)
    limit = time.monotonic() + NOTICED_S
    while not seen.exists() and time.monotonic() < limit:
        sum(n for n in range(100_000))
    assert seen.exists()
    assert ray.get(answer, timeout=NOTICED_S) == [5]


@pytest.mark.usefixtures("session")
def test_an_object_dies_with_its_owner() -> None:
    owner = Box.remote()
    pid = ray.get(owner.pid.remote())
    (ref,) = ray.get(owner.put.remote("lost"))
    ray.kill(owner)
    eventually(lambda: gone(pid), "the end of the owner")
    with pytest.raises(ray.exceptions.OwnerDiedError, match="owner"):
        ray.get(ref, timeout=NOTICED_S)


@pytest.mark.usefixtures("session")
def test_threads_of_the_driver_call_at_the_same_time() -> None:
    boxes = [Box.remote(0) for _ in range(2)]
    results: list[list[int]] = [[], []]

    def work(index: int) -> None:
        for _ in range(300):
            results[index].append(ray.get(boxes[index].add.remote(1)))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert results == [list(range(1, 301))] * 2


@pytest.mark.usefixtures("session")
def test_threads_of_an_actor_may_call_others() -> None:
    box, counter = Box.remote(), Box.remote(0)
    assert sorted(ray.get(box.from_threads.remote(counter))) == [1, 2, 3, 4]


@pytest.mark.usefixtures("session")
def test_actors_call_each_other_without_the_driver() -> None:
    one, other = Box.remote(), Box.remote(40)
    assert ray.get(one.call.remote(other, "add", 2)) == 42


@pytest.mark.usefixtures("session")
def test_memory_does_not_grow_with_calls() -> None:
    from real_backend.client.client import Client
    from simactors.core import current

    opened = current.session()
    assert opened is not None
    client = opened.backend
    assert isinstance(client, Client)
    box = Box.remote(0)
    for _ in range(200):
        ray.get(box.add.remote(1))
    assert client.objects.kept() == 0
    assert not client._calls.pending


@pytest.mark.usefixtures("session")
def test_an_actor_may_call_itself_and_hand_the_ref_on() -> None:
    box = Box.remote()
    ray.get(box.set.remote(box))
    ref = ray.get(box.ask_itself.remote())
    assert ray.get(ref, timeout=NOTICED_S) == ray.get(box.pid.remote())
    assert ray.get(ray.get(box.ask_itself.remote()), timeout=NOTICED_S) > 0


@pytest.mark.usefixtures("session")
def test_a_generic_class_can_be_an_actor() -> None:
    content = TypeVar("content")

    class Holder(Generic[content]):
        def get(self) -> int:
            return 3

    assert ray.get(ray.remote(Holder).remote().get.remote()) == 3


@pytest.mark.usefixtures("session")
def test_code_that_uses_what_cannot_be_sent_is_a_type_error_at_the_call() -> None:
    lock = threading.Lock()

    @ray.remote
    def locked() -> bool:
        return lock.locked()

    with pytest.raises(TypeError, match=r"Could not serialize the function .*locked: .*lock"):
        locked.remote()


# Tasks


def test_nested_tasks_need_no_more_than_one_cpu() -> None:
    ray.init(backend="local", num_cpus=1)
    try:
        assert ray.get(total.remote(5), timeout=30) == 15
    finally:
        ray.shutdown()


@pytest.mark.usefixtures("session")
def test_a_crashed_task_is_tried_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert ray.get(crash.remote(str(log), 2)) == "survived"
    assert log.read_text() == "xxx"


@pytest.mark.usefixtures("session")
def test_a_task_that_crashes_for_ever_names_pid_and_exit_code(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(ray.exceptions.WorkerCrashedError, match=r"(?s)pid: \d+.*exit code 9"):
        ray.get(crash.options(max_retries=1).remote(str(log), 99))
    assert log.read_text() == "xx"


@pytest.mark.usefixtures("session")
def test_exceptions_are_retried_on_request(tmp_path: Path) -> None:
    log = tmp_path / "log"

    @ray.remote(retry_exceptions=[KeyError], max_retries=2)
    def fails(kind: type[Exception]) -> None:
        with open(log, "a") as file:
            file.write("x")
        raise kind

    with pytest.raises(KeyError):
        ray.get(fails.remote(KeyError))
    assert log.read_text() == "xxx"
    with pytest.raises(ValueError, match="ray::fails"):
        ray.get(fails.remote(ValueError))
    assert log.read_text() == "xxxx"


@pytest.mark.usefixtures("session")
def test_idle_workers_are_used_again() -> None:
    ray.get([square.remote(i) for i in range(4)])
    before = len(children(recursive=True))
    for i in range(50):
        assert ray.get(square.remote(i)) == i * i
    assert len(children(recursive=True)) == before


@pytest.mark.usefixtures("session")
def test_a_task_that_fits_nowhere_waits() -> None:
    ref = square.options(num_cpus=64).remote(3)
    assert ray.wait([ref], timeout=0.1) == ([], [ref])
    assert ray.get(square.remote(4)) == 16


# Deaths


@pytest.mark.usefixtures("session")
def test_an_actor_killed_from_outside_names_class_pid_and_signal() -> None:
    box = Box.remote()
    pid = ray.get(box.pid.remote())
    running = box.sleep.remote(60)
    os.kill(pid, signal.SIGKILL)
    text = rf"(?s)^The actor died unexpectedly.*class_name: Box.*pid: {pid}.*SIGKILL"
    for ref in (running, box.pid.remote()):
        with pytest.raises(ray.exceptions.ActorDiedError, match=text):
            ray.get(ref, timeout=NOTICED_S)


@pytest.mark.usefixtures("session")
def test_the_death_of_an_actor_is_noticed_though_a_child_that_it_forked_lives_on() -> None:
    """The child has copies of the actor's sockets, so that their streams do not end."""
    box = Box.remote()
    pid, forked = ray.get([box.pid.remote(), box.fork.remote()])
    running = box.sleep.remote(60)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(ray.exceptions.ActorDiedError, match="SIGKILL"):
        ray.get(running, timeout=NOTICED_S)
    assert not gone(forked)
    ray.shutdown()
    eventually(lambda: gone(forked), "the end of what user code has forked")


@pytest.mark.usefixtures("session")
def test_idle_leases_make_room_for_an_actor() -> None:
    ray.get([square.remote(i) for i in range(4)])
    assert ray.get(Box.options(num_cpus=2).remote(1).add.remote(1), timeout=NOTICED_S) == 2


@pytest.mark.usefixtures("session")
def test_sys_exit_ends_an_actor() -> None:
    box = Box.remote(0)
    before, last, after = box.add.remote(1), box.leave.remote(), box.add.remote(1)
    assert ray.get(before) == 1
    for ref in (last, after):
        with pytest.raises(ray.exceptions.ActorDiedError, match=r"sys\.exit\(3\)"):
            ray.get(ref, timeout=NOTICED_S)


@pytest.mark.usefixtures("session")
def test_an_actor_ends_when_its_last_handle_is_dropped() -> None:
    box = Box.remote(1)
    pid = ray.get(box.pid.remote())
    last = box.add.remote(1)
    del box
    assert ray.get(last) == 2
    eventually(lambda: gone(pid), "the end of an actor without handles")


@pytest.mark.usefixtures("session")
def test_the_children_of_a_killed_actor_die_with_it() -> None:
    parent = Box.remote()
    child = ray.get(parent.child.remote(7))
    pid = ray.get(child.pid.remote())
    ray.kill(parent)
    eventually(lambda: gone(pid), "the end of a child actor")
    with pytest.raises(ray.exceptions.ActorDiedError, match="owner"):
        ray.get(child.get.remote(), timeout=NOTICED_S)


@pytest.mark.usefixtures("session")
def test_what_is_not_honoured_is_refused_with_what_to_do(tmp_path: Path) -> None:
    for env, kind, message in (
        ({"pip": ["six"]}, ValueError, "pip is not supported by backend='local'.*install packages"),
        ({"env_vars": {"A": 1}}, TypeError, "must be of type Dict"),
        ({"working_dir": str(tmp_path / "nowhere")}, ValueError, "working_dir is no folder"),
    ):
        with pytest.raises(kind, match=message):
            square.options(runtime_env=env).remote(1)
        with pytest.raises(kind, match=message):
            Box.options(runtime_env=env).remote(1)
    with pytest.raises(ValueError, match="fallback_strategy is not supported"):
        square.options(fallback_strategy=[{"label_selector": {"a": "b"}}]).remote(1)


# The session


def test_what_init_says_of_surroundings_and_logs_holds_in_all_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    @ray.remote
    def seen() -> tuple[str | None, str | None, str, str, int]:
        level = logging.getLogger("simactors").level
        return os.environ.get("A"), os.environ.get("B"), os.getcwd(), sys.path[0], level

    monkeypatch.setattr(logging.getLogger("simactors"), "level", logging.NOTSET)  # to have it back
    env = {"env_vars": {"A": "1", "B": "1"}, "working_dir": str(tmp_path), "pip": ["six"]}
    ray.init(backend="local", num_cpus=1, runtime_env=env, logging_level="warning")
    try:
        assert "['pip'] is ignored" in caplog.text
        here = str(tmp_path)
        assert ray.get(seen.remote()) == ("1", "1", here, here, logging.WARNING)
        own = seen.options(runtime_env={"env_vars": {"B": "2"}}).remote()
        assert ray.get(own)[:3] == ("1", "2", here)
        assert "A" not in os.environ
    finally:
        ray.shutdown()
    with pytest.raises(ValueError, match="logging_level='loud' is none of"):
        ray.init(backend="local", logging_level="loud")
    with pytest.raises(TypeError, match="must be of type Dict"):
        ray.init(backend="local", runtime_env={"env_vars": {"A": 1}})


def test_shutdown_leaves_nothing_and_init_works_again() -> None:
    before, threads = psutil.Process().num_fds(), threading.enumerate()
    for _ in range(3):
        ray.init(backend="local", num_cpus=2)
        box = Box.remote(1)
        assert ray.get([box.add.remote(1), square.remote(3)]) == [2, 9]
        assert children(recursive=True)
        ray.shutdown()
        assert not children(recursive=True)
    assert psutil.Process().num_fds() == before
    assert all(t in threads or "simactors" not in t.name for t in threading.enumerate())


def test_shutdown_answers_a_thread_that_waits() -> None:
    ray.init(backend="local", num_cpus=1)
    box = Box.remote()
    ray.get(box.pid.remote())
    ref, raised = box.sleep.remote(60), threading.Event()

    def wait() -> None:
        with pytest.raises(ray.exceptions.RayError):
            ray.get(ref)
        raised.set()

    thread = threading.Thread(target=wait)
    thread.start()
    ray.shutdown()
    thread.join(timeout=NOTICED_S)
    assert raised.is_set()


def test_a_killed_supervisor_ends_all_and_is_reported() -> None:
    ray.init(backend="local", num_cpus=2)
    try:
        box = Box.remote()
        worker = ray.get(box.pid.remote())
        running = box.sleep.remote(60)
        supervisor().kill()
        with pytest.raises(ray.exceptions.RayError, match="supervisor"):
            ray.get(running, timeout=NOTICED_S)
        with pytest.raises(ray.exceptions.RaySystemError, match="supervisor"):
            Box.remote()
        eventually(lambda: gone(worker), "the end of the workers")
    finally:
        ray.shutdown()
    assert not children(recursive=True)


SLEEPER = """
    import os, time
    import simactors as ray

    @ray.remote
    class Sleeper:
        def pid(self):
            return os.getpid()
        def sleep(self):
            time.sleep(60)

    @ray.remote
    def sleep():
        time.sleep(60)
"""


def test_a_killed_driver_leaves_no_process(tmp_path: Path) -> None:
    program = Program(
        tmp_path,
        SLEEPER
        + """
    ray.init(backend="local", num_cpus=2)
    actor = Sleeper.remote()
    ray.get(actor.pid.remote())
    refs = [actor.sleep.remote(), sleep.remote()]
    print("ready", flush=True)
    ray.get(refs)
    """,
    )
    assert program.line() == "ready"
    family = program.family()
    assert len(family) >= 2
    program.process.kill()
    program.finish()
    eventually(lambda: all(map(gone, family)), f"the end of {family}")


def test_ctrl_c_in_get_leaves_the_session_usable_and_the_workers_quiet(tmp_path: Path) -> None:
    program = Program(
        tmp_path,
        SLEEPER
        + """
    ray.init(backend="local", num_cpus=2)
    actor, other = Sleeper.remote(), Sleeper.remote()
    ray.get([actor.pid.remote(), other.pid.remote()])
    try:
        asleep = actor.sleep.remote()
        print("ready", flush=True)
        ray.get(asleep)
    except KeyboardInterrupt:
        print("interrupted", ray.get(other.pid.remote()) > 0, flush=True)
        ray.get(actor.pid.remote())
    """,
    )
    assert program.line() == "ready"
    family = program.family()
    os.killpg(program.process.pid, signal.SIGINT)
    assert program.line() == "interrupted True"
    os.killpg(program.process.pid, signal.SIGINT)
    _, errors = program.finish()
    assert program.process.returncode == -signal.SIGINT
    assert errors.count("Traceback") == 2  # the driver's own: KeyboardInterrupt, while handling another
    eventually(lambda: all(map(gone, family)), f"the end of {family}")


NOISE = """
import os, random, signal, sys, time

while os.read(0, 1):
    until = time.perf_counter() + random.random() / 2000
    while time.perf_counter() < until:
        pass
    os.kill(int(sys.argv[1]), signal.SIGINT)
"""


def test_interrupts_in_the_middle_of_calls_lose_nothing(tmp_path: Path) -> None:
    """One signal at a random moment of a busy loop, 1500 times; without the shield a get hangs after a few.

    The driver asks for each signal, so that it never comes where the program itself is not prepared.
    """
    (tmp_path / "noise.py").write_text(NOISE)
    program = Program(
        tmp_path,
        """
    import os, subprocess, sys
    import simactors as ray

    @ray.remote
    class Counter:
        value = 0
        def add(self):
            self.value += 1
            return self.value

    ray.init(backend="local", num_cpus=1)
    counter = Counter.remote()
    last = ray.get(counter.add.remote())
    noise = subprocess.Popen([sys.executable, "noise.py", str(os.getpid())], stdin=subprocess.PIPE)
    for _ in range(1500):
        try:
            os.write(noise.stdin.fileno(), b"x")
            while True:
                ray.get([counter.add.remote() for _ in range(3)], timeout=10)
        except KeyboardInterrupt:
            pass
    noise.stdin.close()
    noise.wait()
    print(ray.get(counter.add.remote(), timeout=10) > 1500)
    """,
    )
    assert program.finish() == ("True\n", "")


def test_a_program_needs_no_shutdown_and_workers_print_to_its_output(tmp_path: Path) -> None:
    program = Program(
        tmp_path,
        """
    import sys
    import simactors as ray

    class Plain:
        pass

    @ray.remote
    class Speaker:
        def say(self, plain):
            print("hello from", type(plain).__name__)
            return plain, sys.stdin.read()

    ray.init(backend="local", num_cpus=1)
    plain, read = ray.get(Speaker.remote().say.remote(Plain()))
    sys.stdout.write(f"{type(plain) is Plain} {read!r}\\n")  # in one piece: workers' lines come when they come
    """,
    )
    output, errors = program.finish()
    lines = sorted(re.sub(r"\d+", "N", output).splitlines())
    assert lines == ["(Speaker pid=N) hello from Plain", "True ''"]
    assert errors == ""
    assert program.process.returncode == 0


def test_a_module_that_workers_could_not_import_travels_as_code(tmp_path: Path) -> None:
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "odd.py").write_text(
        "import simactors as ray\nFACTOR = 3\n@ray.remote\ndef triple(x):\n    return FACTOR * x\n"
    )
    program = Program(
        tmp_path,
        """
    import importlib.util, sys
    import simactors as ray

    spec = importlib.util.spec_from_file_location("odd", "hidden/odd.py")
    odd = sys.modules["odd"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(odd)
    ray.init(backend="local", num_cpus=1)
    print(ray.get(odd.triple.remote(5)))
    """,
    )
    assert program.finish() == ("15\n", "")


def test_a_forked_child_of_the_driver_does_not_end_the_session(tmp_path: Path) -> None:
    program = Program(
        tmp_path,
        """
    import os, sys, warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    import simactors as ray

    @ray.remote
    def square(x):
        return x * x

    ray.init(backend="local", num_cpus=1)
    ray.get(square.remote(2))
    pid = os.fork()
    if pid == 0:
        try:
            square.remote(3)
        except RuntimeError as error:
            print("forked" in str(error), flush=True)
        sys.exit(0)
    os.waitpid(pid, 0)
    print(ray.get(square.remote(4)))
    """,
    )
    assert program.finish() == ("True\n16\n", "")


def test_a_signal_handler_may_shut_down_inside_get(tmp_path: Path) -> None:
    program = Program(
        tmp_path,
        SLEEPER
        + """
    import signal, sys

    def leave(*_):
        ray.shutdown()
        sys.exit(5)

    signal.signal(signal.SIGTERM, leave)
    ray.init(backend="local", num_cpus=1)
    actor = Sleeper.remote()
    ray.get(actor.pid.remote())
    print("ready", flush=True)
    ray.get(actor.sleep.remote())
    """,
    )
    assert program.line() == "ready"
    family = program.family()
    program.process.terminate()
    assert program.finish() == ("", "")
    assert program.process.returncode == 5
    eventually(lambda: all(map(gone, family)), f"the end of {family}")


def test_code_of_a_script_may_refer_to_itself(tmp_path: Path) -> None:
    program = Program(
        tmp_path,
        """
        import simactors as ray

        LIMIT = 2

        @ray.remote
        class Node:
            def __init__(self, depth=0):
                self.child = Node.remote(depth + 1) if depth < LIMIT else None

            def depth(self, *, extra=0):
                below = ray.get(self.child.depth.remote(extra=extra)) if self.child else extra
                return below + 1

        @ray.remote
        def count(n, k=1):
            return 0 if n <= 0 else k + ray.get(count.remote(n - k))

        ray.init(num_cpus=1)
        print(ray.get(Node.remote().depth.remote()), ray.get(count.remote(3)))
        """,
    )
    assert program.finish() == ("3 3\n", "")
