"""`open_backend`: starts a session of the `local` backend, from the driver.

The driver's side of it is a `Client`, as a worker's is (`driver`); what is special about the driver is that it starts
the supervisor and waits for its end.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import logging
import os
import pickle
import socket
import subprocess
import sys
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from real_backend.limits import raise_file_limit
from real_backend.membership import KEY_SIZE
from real_backend.memory.ledger import Ledger, default_limit
from simactors.core import starters
from simactors.core.backend import Backend, Settings
from simactors.exceptions import RaySystemError

if TYPE_CHECKING:  # loaded where it is needed
    from real_backend.control import Surroundings
    from simactors.core.fault_plan import FaultPlan

log = logging.getLogger("simactors")

_END_S = 10.0
_MEMORY_SHARE = 0.7  # of the machine's; the rest is for shared memory, as on Ray

# Before anything but `sys` is imported, the path is the driver's: a file beside the driver's script hides the
# same modules here as there. (The option -m would put the working directory first.)
_BOOT = "import sys; sys.path[:] = sys.argv[2:]; from real_backend.supervisor.loop import main; main()"


def open_backend(settings: Settings) -> Backend:
    """Start a session.

    Raises:
        RuntimeError: this is no Linux machine.
        ValueError: settings that this backend has not: an address, faults or a `runtime_env` that can't be.
        RaySystemError: the supervisor did not start.
    """
    if sys.platform != "linux":
        raise RuntimeError(
            f"backend='local' needs Linux (epoll, pidfd, descriptors over sockets); this is {sys.platform}. "
            "Use backend='sim'."
        )
    if settings.address not in (None, "local", "auto"):
        raise ValueError(
            f"address={settings.address!r}: backend='local' is one machine, it connects to no cluster"
        )
    faults = _checked(settings.faults)
    surroundings = _surroundings(settings.runtime_env)
    raise_file_limit()
    _fill_standard_descriptors()
    with contextlib.ExitStack() as opened:
        try:
            client = _start(settings, faults, surroundings, opened)
        except (OSError, RuntimeError) as error:  # too few descriptors, processes or threads
            raise RaySystemError(f"A session of backend='local' could not be started: {error}") from error
        opened.pop_all()  # the client's
        return client


def _start(
    settings: Settings, faults: str | None, surroundings: Surroundings | None, opened: contextlib.ExitStack
) -> Backend:
    """Start the supervisor and a client for it; what `opened` closes is the client's if nothing is raised."""
    ledger = Ledger.create(settings.object_store_memory or default_limit())
    opened.callback(ledger.close)
    key = os.urandom(KEY_SIZE)
    ours, theirs = socket.socketpair()
    opened.callback(ours.close)
    # As on Ray, who names no namespace has one that nobody else knows.
    namespace = settings.namespace or str(uuid.uuid4())
    with theirs:
        supervisor = _start_supervisor(settings, namespace, theirs, ledger, faults, surroundings)
    on_close = functools.partial(_wait_for_end, supervisor)
    opened.callback(on_close)
    opened.callback(ours.close)  # this ends it
    ours.sendall(key)  # an argument could be read by anybody
    # Not above: the supervisor's interpreter starts meanwhile, and loads the same.
    from real_backend.driver import connect

    return connect(ours, namespace, key, ledger, supervisor, on_close)


def _wait_for_end(supervisor: subprocess.Popen[bytes]) -> None:
    """The closed channel ends it; if it hangs, we do."""
    try:
        supervisor.wait(_END_S)
    except subprocess.TimeoutExpired:
        supervisor.kill()
        supervisor.wait()


def _fill_standard_descriptors() -> None:
    """Put /dev/null where a daemon has closed its stdin, stdout or stderr, here and in what we start.

    What we opened would come to lie there: a socket that whoever prints writes to, and that is lost where the
    supervisor and the workers put streams of their own.
    """
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:  # the lowest that is free
        os.set_inheritable(fd, True)
    os.close(fd)


def _checked(faults: FaultPlan | None) -> str | None:
    """What is told of them."""
    if faults is None or not faults.faults:
        return None
    from real_backend.mishaps import check  # loaded where something is to go wrong

    check(faults)
    return base64.b64encode(pickle.dumps(faults)).decode()


def _surroundings(runtime_env: Mapping[str, Any]) -> Surroundings | None:
    """What `init` says that all workers are to be started in."""
    if not runtime_env:
        return None
    from real_backend.client.demands import HONOURED, surroundings_of  # with most of the client

    ignored = sorted(runtime_env.keys() - set(HONOURED))
    if ignored:
        log.warning(
            "init: runtime_env: %s is ignored: install what is needed where the program runs", ignored
        )
    return surroundings_of({name: runtime_env[name] for name in HONOURED if name in runtime_env})


def _start_supervisor(
    settings: Settings,
    namespace: str,
    sock: socket.socket,
    ledger: Ledger,
    faults: str | None,
    surroundings: Surroundings | None,
) -> subprocess.Popen[bytes]:
    cpus = (os.cpu_count() or 1) if settings.num_cpus is None else settings.num_cpus
    gpus = _gpus()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    wanted = dict(settings.default_resources)
    num_gpus = max(len(gpus), wanted.pop("GPU", 0)) if settings.num_gpus is None else settings.num_gpus
    total = {
        **wanted,
        "CPU": cpus,
        "GPU": num_gpus,
        "memory": memory * _MEMORY_SHARE,
        "object_store_memory": ledger.limit,
        **settings.resources,
    }
    told = {
        "fd": sock.fileno(),
        "ledger": ledger.fd,
        "total": {name: quantity for name, quantity in total.items() if quantity},
        "gpus": gpus if num_gpus <= len(gpus) else None,
        "log_to_driver": settings.log_to_driver,
        "faults": faults,
        "namespace": namespace,
        "driver_pid": os.getpid(),
        "log_level": settings.log_level,
        "labels": dict(settings.labels),
        "starters": starters.names(),
    }
    path = [p or os.getcwd() for p in sys.path]
    variables, folder = ((), None) if surroundings is None else (surroundings.variables, surroundings.folder)
    if surroundings is not None:
        path[:0] = surroundings.search_path()
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # multiprocessing's way
    return subprocess.Popen(
        [sys.executable, *flags, "-c", _BOOT, json.dumps(told), *path],
        stdin=subprocess.DEVNULL,
        env={**os.environ, **dict(variables)},  # workers inherit it
        cwd=folder,
        pass_fds=[sock.fileno(), ledger.fd],
        start_new_session=True,  # so that the terminal's Ctrl-C reaches the driver only
    )


def _gpus() -> list[int]:
    """The numbers of the GPUs that this process may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [int(number) for number in visible.split(",") if number.strip().isdigit()]
    try:
        return list(range(len(os.listdir("/proc/driver/nvidia/gpus"))))
    except OSError:
        return []
