"""Calls a program's entry points as a `Load` says, in the program's driver, and writes down what came of it.

The same code on every backend: time is the loop's, which a simulation replaces, and calls are the program's own. What
is drawn is drawn from the run's seed, for each request by itself, so that no choice of order changes it.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from random import Random
from typing import Any

from simactors.core import nearest
from simactors.core.choices import sub_seed
from simactors.exceptions import InternalError
from simactors.workload import arrivals
from simactors.workload.load import MOST_REQUESTS, EntryError, Load
from simactors.workload.measured import Checked, Log, Request, current

MOST_THREADS = 1_000
"""So many requests of a plain function wait for their answers at once; those that come then wait for one of them."""

_MOST_AT_ONCE = 1_000
"""So often in a row a client may ask while no time passes: if it is oftener, none ever will."""

_OF_REQUESTS = ("n", "client", "rng")
_OF_CHECKS = ("results",)


def drive(load: Load, namespace: dict[str, Any], seed: int) -> None:
    """Run the workload to its end.

    Args:
        namespace: of the module that has the entry points.
        seed: of what is drawn: arrivals, think times, the `rng` of each request.

    Raises:
        EntryError: an entry point is not there, or can't be called as it would have to be.
        Exception: what the program's own code raises; the first failed check; if no request was answered, what the
            first one has failed with.
    """
    entries = {name: _entry(name, namespace) for name in load.functions}
    _check_parameters(load, entries)
    log = current()
    log.began_s = time.monotonic()
    setup = entries.get(load.setup or "")
    service, failure = None, None
    if setup is not None and not inspect.iscoroutinefunction(setup):
        service = setup(**_given(setup, load.parameters, is_first=True))
    try:
        if load.request is not None:
            asking = _Asking(load, entries[load.request], seed, log, _naming(load, namespace))
            service = asyncio.run(asking.run(setup, service))
            _refuse_silence(log)
        failure = _check(load, entries, namespace, service, log)
    finally:
        if load.teardown is not None:
            function = entries[load.teardown]
            function(*_first(function, service), **_given(function, load.parameters))
    if failure is not None:
        log.is_ended_by_check = True
        raise failure


class _Asking:
    """Makes the requests.

    Args:
        named: what the client of a recorded history is to be called, while the block runs.
    """

    def __init__(
        self,
        load: Load,
        function: Callable[..., Any],
        seed: int,
        log: Log,
        named: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._load = load
        self._function = function
        firsts = _place_of_service(function)
        offered = [name for name in (*_OF_REQUESTS, *load.parameters) if name not in firsts]
        self._wants = _wanted(function, offered)
        self._has_place = bool(_first(function, None))
        self._is_async = inspect.iscoroutinefunction(function)
        self._seed = seed
        self._log = log
        self._named = named
        self._began_s = 0.0
        self._most = min(load.requests or MOST_REQUESTS, MOST_REQUESTS)
        self._service: Any = None
        self._threads: ThreadPoolExecutor | None = None
        self._broken: BaseException | None = None
        self._came_to_its_duration = False

    async def run(self, setup: Callable[..., Any] | None, service: Any) -> Any:
        """Make all requests and wait for their answers; gives the service."""
        if setup is not None and inspect.iscoroutinefunction(setup):
            service = await setup(**_given(setup, self._load.parameters, is_first=True))
        self._service = service
        if not self._is_async:
            self._threads = ThreadPoolExecutor(MOST_THREADS)
        self._began_s = self._log.load_began_s = _now_s()
        self._log.measured_from_s = self._began_s + self._load.warmup_s
        try:
            await (self._by_themselves() if self._load.clients is None else self._by_clients())
            self._log.load_ended_s = _now_s()
            if self._came_to_its_duration and self._load.duration_s is not None:
                self._log.due_until_s = self._began_s + self._load.duration_s
        finally:
            if self._threads is not None:
                self._threads.shutdown(wait=False, cancel_futures=True)
        return service

    async def _by_themselves(self) -> None:
        assert self._load.arrivals is not None
        chance = Random(sub_seed(self._seed, "workload arrivals"))
        under_way: dict[asyncio.Task[None], None] = {}  # not a set: its order would be that of addresses
        for number, at_s in enumerate(arrivals.times(self._load.arrivals, chance)):
            if number >= self._most or self._is_over(at_s):
                self._check_limit(number)
                break
            await _until(self._began_s + at_s)
            if self._broken is not None:
                raise self._broken
            task = asyncio.create_task(self._ask(number, self._began_s + at_s))
            under_way[task] = None
            task.add_done_callback(functools.partial(self._done, under_way))
        await asyncio.gather(*under_way)
        if self._broken is not None:
            raise self._broken

    def _done(self, under_way: dict[asyncio.Task[None], None], task: asyncio.Task[None]) -> None:
        del under_way[task]
        if not task.cancelled() and task.exception() is not None:
            self._broken = self._broken or task.exception()

    async def _by_clients(self) -> None:
        assert self._load.clients is not None
        await asyncio.gather(*map(self._client, range(self._load.clients.count)))

    async def _client(self, client: int) -> None:
        clients = self._load.clients
        assert clients is not None
        chance, think_time = Random(sub_seed(self._seed, f"workload client {client}")), clients.think_time
        at_once = 0
        for number in range(client, self._most, clients.count):
            before_s = _now_s()
            await _until(before_s + think_time(chance.random()))
            if self._is_over(_now_s() - self._began_s):
                return
            await self._ask(number, _now_s(), client)
            at_once = at_once + 1 if _now_s() == before_s else 0
            if at_once >= _MOST_AT_ONCE and self._load.requests is None:
                raise EntryError(
                    f"{self._load.request}() takes no time, and its clients don't think, so the clock stands still and "
                    'the duration never ends: let clients think = "10ms", or say how many requests there are'
                )
        self._check_limit(self._most)

    def _check_limit(self, number: int) -> None:
        """Refuse to end a load in silence before its time."""
        if number >= MOST_REQUESTS and self._load.requests is None:
            raise EntryError(
                f"the load has more than {MOST_REQUESTS:,} requests: let its duration be shorter"
            )

    def _is_over(self, at_s: float) -> bool:
        is_over = at_s >= (math.inf if self._load.duration_s is None else self._load.duration_s)
        self._came_to_its_duration |= is_over
        return is_over

    async def _ask(self, number: int, at_s: float, client: int | None = None) -> None:
        """One request, to its end."""
        counts = at_s - self._began_s >= self._load.warmup_s
        request = Request(number, at_s, client, _now_s(), counts=counts)
        scope = asyncio.timeout(self._load.timeout_s)
        try:
            with self._named(f"request-{number}" if client is None else f"client-{client}"):
                async with scope:
                    request.value = await self._answer(number, client)
        except (AssertionError, InternalError):
            raise  # not the service has failed, but the program: it says so itself
        except Exception as error:  # the user's code: it becomes the outcome of the request
            request.status = "late" if scope.expired() else "failed"
            request.error, request.value = type(error).__name__, error
        request.ended_s = _now_s()
        self._log.requests.append(request)

    async def _answer(self, number: int, client: int | None) -> Any:
        parameters = self._load.parameters
        given: dict[str, Any] = {name: parameters[name] for name in self._wants if name in parameters}
        if "n" in self._wants:
            given["n"] = number
        if "client" in self._wants:
            given["client"] = client
        if "rng" in self._wants:
            given["rng"] = Random(sub_seed(self._seed, f"workload request {number}"))
        first = (self._service,) if self._has_place else ()
        call = functools.partial(self._function, *first, **given)
        if self._is_async:
            return await call()
        context = contextvars.copy_context()
        value = await asyncio.get_running_loop().run_in_executor(self._threads, context.run, call)
        return await _obtained(value)


async def _obtained(value: Any) -> Any:
    """What is behind a ref, or behind each of a list of refs; anything else as it is."""
    if inspect.isawaitable(value):
        return await value
    if isinstance(value, list | tuple) and any(map(inspect.isawaitable, value)):
        return [await _obtained(each) for each in value]
    return value


async def _until(at_s: float) -> None:
    delay_s = at_s - _now_s()
    if delay_s > 0:
        await asyncio.sleep(delay_s)


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _naming(load: Load, namespace: dict[str, Any]) -> Callable[[str], AbstractContextManager[None]]:
    """How the clients of recorded histories are told apart: each request, or each client, is one."""
    for judged in load.histories:
        recording: Any = namespace.get(judged.recording)
        if hasattr(recording, "client"):
            named: Callable[[str], AbstractContextManager[None]] = recording.client
            return named
    return lambda _: nullcontext()


def _refuse_silence(log: Log) -> None:
    """A workload of which nothing was answered has measured nothing: most likely its own code is wrong."""
    if log.requests and all(request.status != "answered" for request in log.requests):
        error: BaseException = log.requests[0].value
        error.add_note(f"all {len(log.requests)} requests of the workload failed; this is the first failure")
        raise error


# Checks


def _check(
    load: Load, entries: Mapping[str, Callable[..., Any]], namespace: dict[str, Any], service: Any, log: Log
) -> BaseException | None:
    """Make all checks, whatever the first ones say; gives the first failure."""
    failures: list[BaseException] = []
    results = sorted(log.requests, key=lambda request: request.number)
    for name in load.checks:
        check = entries[name]
        given = _given(check, {**load.parameters, "results": results})
        try:
            value = check(*_first(check, service), **given)
            if inspect.iscoroutine(value):
                asyncio.run(value)
        except InternalError:
            raise
        except Exception as error:  # the user's code: it becomes the outcome of the check
            failures.append(error)
            log.checks.append(Checked(name, "failed", _words(error), time.monotonic()))
        else:
            log.checks.append(Checked(name, "passed", at_s=time.monotonic()))
    failures += _judged(load, namespace, log)
    return failures[0] if failures else None


def _judged(load: Load, namespace: dict[str, Any], log: Log) -> list[BaseException]:
    """The verdicts on recorded histories; those that are no good, as exceptions."""
    from simactors.workload.judging import judge  # lazily: few workloads need judges

    failures: list[BaseException] = []
    for judged in load.histories:
        verdict = judge(judged, namespace)
        try:
            verdict.check()
        except AssertionError as error:
            failures.append(error)
            is_unknown = type(verdict).__name__ == "Unknown"
            status = "unknown" if is_unknown else "failed"
            log.checks.append(Checked(judged.name, status, str(error), time.monotonic()))  # type: ignore[arg-type]
        else:
            log.checks.append(Checked(judged.name, "passed", at_s=time.monotonic()))
    return failures


def _words(error: BaseException) -> str:
    told = str(error)
    return told if isinstance(error, AssertionError) and told else f"{type(error).__name__}: {told}"


# Entry points


def _entry(name: str, namespace: dict[str, Any]) -> Callable[..., Any]:
    found = namespace.get(name)
    if found is None:
        functions = [n for n, value in namespace.items() if inspect.isfunction(value)]
        raise EntryError(f"there is no function {name!r}{nearest.clause(name, functions)}")
    if not callable(found) or inspect.isgeneratorfunction(found) or inspect.isasyncgenfunction(found):
        raise EntryError(f"{name!r} is no plain function, and no coroutine function")
    entry: Callable[..., Any] = found
    return entry


def _wanted(function: Callable[..., Any], offered: Sequence[str]) -> list[str]:
    """Which of the names that are offered a function has as parameters."""
    parameters = inspect.signature(function).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return list(offered)
    return [name for name in offered if name in parameters]


def _given(
    function: Callable[..., Any], offered: Mapping[str, Any], *, is_first: bool = False
) -> dict[str, Any]:
    """The arguments of a function, by name, of those that are offered.

    Args:
        is_first: it is called before there is a service, for which its first parameter has a place otherwise.
    """
    firsts = [] if is_first else _place_of_service(function)
    return {name: offered[name] for name in _wanted(function, list(offered)) if name not in firsts}


def _first(function: Callable[..., Any], service: Any) -> tuple[Any, ...]:
    """What setup returned, for who has a place for it: a first parameter that means nothing else."""
    return (service,) if _place_of_service(function) else ()


def _place_of_service(function: Callable[..., Any]) -> list[str]:
    """The name of that parameter; none if there is no such place."""
    for parameter in inspect.signature(function).parameters.values():
        is_positional = parameter.kind in (
            parameter.POSITIONAL_ONLY,
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.VAR_POSITIONAL,
        )
        if is_positional and parameter.name not in (*_OF_REQUESTS, *_OF_CHECKS):
            return [parameter.name]
        break
    return []


def _check_parameters(load: Load, entries: Mapping[str, Callable[..., Any]]) -> None:
    """Refuse what nobody takes, and functions that would not get what they need."""
    taken = {name for function in entries.values() for name in _wanted(function, list(load.parameters))}
    known = [
        name
        for function in entries.values()
        for name in inspect.signature(function).parameters
        if name not in (*_OF_REQUESTS, *_OF_CHECKS)
    ]
    for name in load.parameters:
        if name not in taken:
            raise EntryError(f"no entry point takes the parameter {name!r}{nearest.clause(name, known)}")
    for name, function in entries.items():
        is_first = name == load.setup
        offered = [*load.parameters, *(_OF_REQUESTS if name == load.request else ())]
        offered += _OF_CHECKS if name in load.checks else ()
        given = list(_wanted(function, offered))
        try:
            arguments = () if is_first else _first(function, None)
            firsts = [] if is_first else _place_of_service(function)
            inspect.signature(function).bind(*arguments, **{n: None for n in given if n not in firsts})
        except TypeError as error:
            raise EntryError(
                f"{name}(): {error}; the workload gives {', '.join(offered) or 'nothing'}"
            ) from None
