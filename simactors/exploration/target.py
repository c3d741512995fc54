"""A target: the program that a run executes, ``FILE.py`` or ``FILE.py:function``; or a test, ``FILE.py::test``.

Says what to run, checks that it can be loaded, and gives each run a fresh namespace. Not the run itself:
`runner.py` decides on which backend `prepared` programs start, and what their endings mean.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # what `signal` wraps, in enums, which takes ten times as long
import ast
import functools
import inspect
import linecache
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Literal, NoReturn

import cloudpickle  # type: ignore[import-untyped]

from simactors.as_ray import as_ray
from simactors.core import nearest
from simactors.core.fault_plan import FaultPlan
from simactors.core.interface import Signature
from simactors.exceptions import TargetError
from simactors.exploration import frames
from simactors.exploration.drawn_faults import Drawn
from simactors.sim.config import SimConfig, Slack
from simactors.sim.intercept import environment, interrupts, loaded
from simactors.workload.load import EntryError, Load

MAX_STEPS = 2_000_000

_NO_FAULTS = FaultPlan()
_SIGNALS = sorted(map(int, signal.valid_signals()))


@dataclass(frozen=True, slots=True)
class Target:
    """What the user named; prints as it was written.

    Attributes:
        test: what pytest calls a test of the file, ``TestBank::test_transfer[large]``: nobody but pytest can run it.
        call: the function itself, if it is one of this process; the rest then says where it was written.
    """

    file: str
    function: str | None = None
    test: str | None = None
    call: Callable[[], object] | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, function: Callable[[], object]) -> Target:
        """A function of this process."""
        code = getattr(inspect.unwrap(function), "__code__", None)
        file = "<unknown>" if code is None else code.co_filename
        return cls(file, getattr(function, "__qualname__", type(function).__name__), call=function)

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read ``FILE.py``, ``FILE.py:function`` or ``FILE.py::test``.

        Raises:
            TargetError: no such file, or not a name behind the colon.
        """
        file, colons, test = text.partition("::")
        if colons:
            _check_file(file)
            return cls(file, test=test)
        file, colon, function = text.rpartition(":")
        if not colon or text.endswith(".py") or Path(text).exists():
            target = cls(text)
        elif not function.isidentifier():
            raise TargetError(f"{text}: {function!r} is not the name of a function; write FILE.py:function")
        else:
            target = cls(file, function)
        _check_file(target.file)
        return target

    def __str__(self) -> str:
        if self.test is not None:
            return f"{self.file}::{self.test}"
        return self.file if self.function is None else f"{self.file}:{self.function}"


@dataclass(frozen=True, slots=True)
class Program:
    """A target with all that it is run with.

    Attributes:
        argv: its command line arguments, without its own name.
        as_ray: whether ``import ray`` means simactors while it runs.
        max_steps: a simulated run that gets there has reached its limit: what never ends must be told in seconds.
        preemption: where code that runs beside other code of its process may stand still; see `SimConfig.preemption`.
        cluster: the simulated cluster; None for the plain one.
        faults: what goes wrong in it in every run.
        drawn: what goes wrong at times that each run draws from its seed.
        allow: kinds of escapes that are let through, see `SimConfig.escapes`.
        nodes: how many equal machines there are, if the cluster doesn't say; None for one.
        fail_on: what a simulated run fails for without any assertion, in the words of `FailOn.parse`.
        slack: what is a matter of choice, see `SimConfig.slack`; None: latencies are drawn.
        load: what calls the functions of its module, instead of a single call; see `workload`.
        workload: what its function is called with, by name; the rest is as by default.
        is_timeless: messages take no time, or as long as it pleases; see `strategies.systematic`.
    """

    target: Target
    argv: tuple[str, ...] = ()
    as_ray: bool = False
    max_steps: int = MAX_STEPS
    preemption: Literal["off", "stores", "lines"] = "off"
    cluster: SimConfig | None = None
    faults: FaultPlan = _NO_FAULTS
    drawn: tuple[Drawn, ...] = ()
    allow: tuple[str, ...] = ()
    fail_on: tuple[str, ...] = ()
    nodes: int | None = None
    slack: Slack | None = None
    load: Load | None = None
    workload: tuple[tuple[str, bool | int | float | str], ...] = ()
    is_timeless: bool = False

    @property
    def escapes(self) -> dict[str, str]:
        """What `allow` means to `SimConfig`."""
        return dict.fromkeys(self.allow, "allow")


@contextmanager
def prepared(program: Program, *, seed: int = 0, ship_code: bool = False) -> Iterator[Callable[[], object]]:
    """The program ready to start, once; what it changes in the interpreter is undone at the end.

    What is yielded loads and runs it. It raises what the program raises, and `TargetError` if the program
    can't be loaded.

    Args:
        seed: of what its workload draws.
        ship_code: the program's own module goes to other processes as code, with its `ray` if it runs as Ray's:
            a worker that imported it by name would look for Ray in vain.
    """
    target = program.target
    if target.call is not None:
        with as_it_was():
            yield functools.partial(target.call, **dict(program.workload))
        return
    if target.test is not None:
        raise TargetError(f"{target} is a test, which pytest runs: pytest '{target}'")
    # Ctrl-C in between could leave the interpreter without its `__main__`, or with that of the program.
    with interrupts.held() as hold:
        path, stem, folder = _resolved(target.file, os.getcwd())
        code = _compile(target, path)
        name = "__main__" if target.function is None else stem

        def start() -> None:
            module = _execute(target, code, name, ship_code=ship_code and program.as_ray)
            if program.load is not None:
                _drive(program, module, seed)
            elif target.function is not None:
                _function(program, module)(**dict(program.workload))

        alias = as_ray() if program.as_ray else nullcontext()
        with _fresh_namespace(name, folder, [target.file, *program.argv]), alias, hold.lifted():
            yield start


def _drive(program: Program, module: ModuleType, seed: int) -> None:
    from simactors.workload.drive import drive  # lazily: asyncio, which a plain program may not need

    assert program.load is not None
    try:
        drive(program.load, vars(module), seed)
    except EntryError as error:
        raise TargetError(f"{program.target.file}: {error}") from None


@contextmanager
def _fresh_namespace(name: str, folder: str, argv: list[str]) -> Iterator[None]:
    """Lend the interpreter to a program; then forget its modules and put back what was there."""
    argv_before, path_before, folder_before = sys.argv, sys.path[:], os.getcwd()
    environment_before, handlers_before, alarm_before = environment.of_the_driver(), _handlers(), _alarm()
    modules_before = _take_modules(name, folder)
    sys.argv = argv
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if name in cloudpickle.list_registry_pickle_by_value():
            cloudpickle.unregister_pickle_by_value(ModuleType(name))  # goes by the name
        if _alarm() and not alarm_before:  # it would go off in a later run, or end this process
            signal.setitimer(signal.ITIMER_REAL, 0)
        _put_back(environment_before, handlers_before)
        sys.path[:] = path_before
        sys.argv = argv_before
        os.chdir(folder_before)
        _take_modules(name, folder)
        sys.modules.update(modules_before)


@functools.lru_cache(maxsize=100)
def _resolved(file: str, _folder: str) -> tuple[str, str, str]:
    """Where a file is, as seen from a folder, its stem, and its own folder; asked for in each run of a hunt."""
    path = Path(file).resolve()
    return str(path), path.stem, str(path.parent)


@contextmanager
def as_it_was() -> Iterator[None]:
    """Put back what code of this process may change of the driver's: folder, environment, signal handlers."""
    with interrupts.held() as hold:
        environment_before, handlers_before, folder_before = (
            environment.of_the_driver(),
            _handlers(),
            os.getcwd(),
        )
        try:
            with hold.lifted():
                yield
        finally:
            os.chdir(folder_before)
            _put_back(environment_before, handlers_before)


def _handlers() -> list[Any]:
    """What happens at each of `_SIGNALS`."""
    return list(map(_signal.getsignal, _SIGNALS))


def _alarm() -> float:
    """Real seconds until the driver's alarm."""
    return signal.getitimer(signal.ITIMER_REAL)[0] if hasattr(signal, "getitimer") else 0.0


def _put_back(variables: dict[bytes, bytes], handlers: list[Any]) -> None:
    """The environment and the handlers of the driver are the real ones: the next run must not find what this
    one has set.
    """
    environment.put_back(variables)
    after = _handlers()
    if after == handlers:
        return
    for number, before, now in zip(_SIGNALS, handlers, after, strict=True):
        if now is not before and before is not None:
            signal.signal(number, before)


_known: dict[str, loaded.Known] = {}
"""By folder: which modules are not the user's there; hundreds, and asked for twice a run."""


def _take_modules(name: str, folder: str) -> dict[str, ModuleType]:
    """Remove from the interpreter, and return, the module `name` and the user's modules in `folder`."""
    known = _known.get(folder) or _known.setdefault(folder, loaded.Known())
    names = [name] if name in sys.modules else []
    for other, module in known.strangers():
        if other == name:
            continue
        if _is_users_module(module, folder):
            names.append(other)
        else:
            known.settle(other, module)
    return {n: sys.modules.pop(n) for n in names}


def _is_users_module(module: ModuleType, folder: str) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and _is_users_file(file, folder)


@functools.lru_cache(maxsize=10_000)  # the program's own modules are looked at anew in each run of a hunt
def _is_users_file(file: str, folder: str) -> bool:
    if not file.endswith(".py") or not frames.is_users(file):
        return False
    # A virtual environment inside the folder is not the user's code, and NumPy can't be imported twice.
    return Path(file).is_relative_to(folder) and "site-packages" not in Path(file).parts


def _execute(target: Target, code: CodeType, name: str, *, ship_code: bool) -> ModuleType:
    module = ModuleType(name)
    module.__file__ = code.co_filename
    sys.modules[name] = module
    if ship_code:
        cloudpickle.register_pickle_by_value(module)
    try:
        exec(code, module.__dict__)
    except (ImportError, SyntaxError) as error:
        if _failed_to_load(error):
            _raise_unloadable(target, error)
        raise
    return module


def _failed_to_load(error: BaseException) -> bool:
    """Whether an import statement at the top of a module failed, and not code that was running."""
    entries = frames.users(error)
    if not entries or any(e.tb_frame.f_code.co_name != "<module>" for e in entries):
        return False
    last = entries[-1]
    return _is_import(last.tb_frame.f_code.co_filename, last.tb_lineno)


def _is_import(file: str, line: int) -> bool:
    source = "".join(linecache.getlines(file))
    return any(
        isinstance(node, ast.Import | ast.ImportFrom) and node.lineno <= line <= (node.end_lineno or line)
        for node in ast.walk(ast.parse(source))
    )


def _raise_unloadable(target: Target, error: ImportError | SyntaxError) -> NoReturn:
    if isinstance(error, SyntaxError):
        raise TargetError(_syntax_message(target, error)) from None
    last = frames.users(error)[-1]
    place = f"{Path(last.tb_frame.f_code.co_filename).name}, line {last.tb_lineno}"
    message = f"{target} can't be loaded: {place}: {error}"
    if (error.name or "").partition(".")[0] == "ray" and isinstance(error, ModuleNotFoundError):
        message += ". Add --as-ray to run code that says `import ray` on simactors."
    raise TargetError(message) from None


def _syntax_message(target: Target, error: SyntaxError) -> str:
    message = f"{target} can't be loaded: {Path(error.filename or '').name}, line {error.lineno}: {error.msg}"
    return f"{message}\n    {error.text.strip()}" if error.text else message


def _compile(target: Target, path: str) -> CodeType:
    try:
        with open(path, "rb", buffering=0) as file:
            text = file.read()
    except OSError as error:
        _check_file(target.file)
        raise TargetError(f"{target} can't be read: {error.strerror}") from None
    try:
        return _compiled(text, path)
    except SyntaxError as error:
        raise TargetError(_syntax_message(target, error)) from None
    except ValueError as error:  # null bytes: not a text at all
        raise TargetError(f"{target} can't be loaded: it is not Python code ({error})") from None


@functools.lru_cache(maxsize=100)  # by its text: a program that is edited between two runs is compiled again
def _compiled(text: bytes, path: str) -> CodeType:
    return compile(text, path, "exec", dont_inherit=True)


def _function(program: Program, module: ModuleType) -> Callable[..., object]:
    target, given = program.target, dict(program.workload)
    name = target.function
    assert name is not None
    function: Callable[..., object] | None = vars(module).get(name)
    if function is None:
        functions = [n for n, value in vars(module).items() if inspect.isfunction(value)]
        raise TargetError(f"{target.file} has no function {name!r}.{nearest.sentence(name, functions)}")
    if not callable(function):
        raise TargetError(f"{target}: {name!r} is not a function but of type {type(function).__name__!r}")
    if not given and type(function) is FunctionType and _takes_nothing(function):
        return function
    if inspect.iscoroutinefunction(function):
        raise TargetError(f"{target} is async: name a plain function that calls asyncio.run({name}())")
    if inspect.isgeneratorfunction(function):
        raise TargetError(f"{target} is a generator: calling it would run none of its lines")
    try:
        inspect.signature(function).bind(**given)
    except TypeError as error:
        with_what = f"with {', '.join(given)}" if given else "without arguments, but it needs some"
        raise TargetError(f"{target} is called {with_what}: {error}") from None
    except ValueError:
        pass  # a built-in without a signature takes what it takes
    return function


def _takes_nothing(function: FunctionType) -> bool:
    """Whether that is a plain function that can be called without arguments, as nearly every target."""
    if function.__code__.co_flags & (inspect.CO_COROUTINE | inspect.CO_GENERATOR):
        return False
    # Remembered by its code, while the function is a new one in each run.
    signature = Signature.of(function, skip_first=False)
    return signature.least == 0 and signature.most >= 0


def _check_file(file: str) -> None:
    path = Path(file)
    if path.is_dir():
        raise TargetError(
            f"{file} is a folder without a scenario.toml; name a Python file in it: {file.rstrip('/')}/app.py"
        )
    if not path.is_file():
        there = (
            [entry.name for entry in path.parent.glob("*.py") if entry.exists()]
            if path.parent.is_dir()
            else []
        )
        raise TargetError(f"There is no file {file}.{nearest.sentence(path.name, there)}")
