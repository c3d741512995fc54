"""What simulated code can do to the real world, by kind; what each simulation allows of it.

The one list of such calls: `intercept/escapes.py` stands in their way, `exploration/suspects.py` finds them by reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from simactors.core import nearest

Verdict = Literal["raise", "warn", "allow"]
VERDICTS = ("raise", "warn", "allow")


class Kind(NamedTuple):
    """One kind of escape.

    Attributes:
        verdict: what becomes of it unless `SimConfig.escapes` says otherwise.
        harm: what it would do, to follow "it".
        instead: what to do about it.
    """

    verdict: Verdict
    harm: str
    instead: str


KINDS: Mapping[str, Kind] = {
    "socket": Kind(
        "raise",
        "would really talk to other programs, in real time, in each of thousands of runs, and answers differ from "
        "run to run",
        "Let an actor stand for the other side",
    ),
    "subprocess": Kind(
        "raise",
        "would really start a program, which knows no virtual time and does its work in each of thousands of runs",
        "Let an actor or a task do its work",
    ),
    "fork": Kind(
        "raise",
        "would copy the whole simulation into another real process",
        "Use tasks or actors",
    ),
    "multiprocessing": Kind(
        "raise",
        "would start real processes, which know nothing of the simulation",
        "Use tasks or actors, an ActorPool or a ThreadPoolExecutor",
    ),
    "write": Kind(
        "warn",
        "changes real files, in each of thousands of runs, and the next run finds what this one left; all simulated "
        "nodes have one disk",
        "Keep it in an actor",
    ),
    "kill": Kind(
        "raise",
        "would really signal a process that is none of the simulation's",
        "Signal pids of simulated processes only",
    ),
    "process": Kind(
        "warn",
        "changes the one real process in which all simulated ones live, and the next run finds it changed",
        "Hand it on as an argument",
    ),
    "input": Kind(
        "warn",
        "waits for a human in real time, in each of thousands of runs",
        "Take it from sys.argv or a constant",
    ),
}

_TALKS = (
    "aiohttp",
    "boto3",
    "grpc",
    "httpx",
    "paramiko",
    "psycopg",
    "psycopg2",
    "redis",
    "requests",
    "urllib3",
)
LIBRARIES: Mapping[str, str] = dict.fromkeys(_TALKS, "socket")
"""Packages that do little else, with the kind of what they do: for those who read a program without running it."""

CALLS: Mapping[str, tuple[str, ...]] = {
    "socket": (
        "socket.socket",
        "socket.create_connection",
        "socket.create_server",
        "socket.socketpair",
        "socket.fromfd",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.gethostbyname_ex",
        "socket.gethostbyaddr",
        "asyncio.open_connection",
        "asyncio.start_server",
        "http.client.HTTPConnection",
        "http.client.HTTPSConnection",
        "urllib.request.urlopen",
    ),
    "subprocess": (
        "subprocess.Popen",
        "subprocess.run",
        "subprocess.call",
        "subprocess.check_call",
        "subprocess.check_output",
        "subprocess.getoutput",
        "subprocess.getstatusoutput",
        "asyncio.create_subprocess_exec",
        "asyncio.create_subprocess_shell",
        "os.system",
        "os.popen",
        "os.posix_spawn",
        "os.posix_spawnp",
        *(f"os.exec{form}" for form in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
        *(f"os.spawn{form}" for form in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
    ),
    "fork": ("os.fork", "os.forkpty", "pty.fork", "pty.spawn"),
    "multiprocessing": (
        "multiprocessing.Process",
        "multiprocessing.Pool",
        "multiprocessing.Manager",
        "multiprocessing.pool.Pool",
        "concurrent.futures.ProcessPoolExecutor",
        "concurrent.futures.process.ProcessPoolExecutor",
    ),
    "write": (
        *("open", "io.open", "os.open", "sqlite3.connect"),  # only some of their calls: see `writes`
        *(f"os.{name}" for name in ("remove", "unlink", "rename", "replace", "renames", "mkdir", "makedirs")),
        *(f"os.{name}" for name in ("rmdir", "removedirs", "link", "symlink", "truncate", "mkfifo", "mknod")),
        *(f"os.{name}" for name in ("chmod", "chown", "lchown", "utime")),
        *(f"shutil.{name}" for name in ("copy", "copy2", "copyfile", "copytree", "move", "rmtree")),
        "shutil.make_archive",
    ),
    "kill": ("os.killpg", "signal.pthread_kill", "signal.pidfd_send_signal"),  # and os.kill, of foreign pids
    "process": (
        *(f"os.{name}" for name in ("chdir", "fchdir", "chroot", "umask", "nice", "setpriority")),
        *(f"os.{name}" for name in ("setuid", "seteuid", "setreuid", "setresuid", "setgid", "setegid")),
        *(f"os.{name}" for name in ("setregid", "setresgid", "setgroups", "setsid", "setpgid")),
        *("os.sched_setaffinity", "os.sched_setscheduler", "resource.setrlimit"),
        *("time.tzset", "locale.setlocale"),
    ),
    "input": ("input", "getpass.getpass"),
}
"""The calls of each kind, as programs write them."""


def policy(given: Mapping[str, str]) -> dict[str, Verdict]:
    """What becomes of every kind, if `given` says it of some.

    Raises:
        ValueError: an unknown kind or verdict; the message names the nearest one.
    """
    for kind, verdict in given.items():
        if kind not in KINDS:
            raise ValueError(f"escapes: there is no kind {kind!r}; {_choice(kind, tuple(KINDS))}")
        if verdict not in VERDICTS:
            raise ValueError(f"escapes[{kind!r}] can't be {verdict!r}; {_choice(verdict, VERDICTS)}")
    return {kind: given.get(kind, KINDS[kind].verdict) for kind in KINDS}  # type: ignore[misc]  # just checked


def _choice(word: object, words: tuple[str, ...]) -> str:
    return nearest.question(str(word), words, f"it is one of {', '.join(words)}")


def writes(mode: str) -> bool:
    """Whether a file that is opened in this mode may be changed."""
    return any(letter in mode for letter in "wax+")


def story(kind: str, call: str, place: str, *, can_be_allowed: bool = True) -> str:
    """What a user is told of an escape.

    Args:
        place: the user's line, as "app.py:12"; may be empty.
    """
    told = KINDS[kind]
    where = f" at {place}" if place else ""
    allow = f', or let it through, with SimConfig(escapes={{"{kind}": "allow"}}) or `--allow {kind}`'
    return (
        f"{call}{where} leaves the simulation: it {told.harm}. {told.instead}{allow if can_be_allowed else ''}, or run "
        'the program with backend="local".'
    )
