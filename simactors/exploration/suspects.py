"""Lines of a program that may make it differ from run to run: what an audit points at, and `simactors doctor` lists.

Found by reading the source; nothing is run.
"""

from __future__ import annotations

import ast
import functools
import linecache
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from simactors.exploration.witness import Place
from simactors.sim import escapes


class Suspect(NamedTuple):
    """A line that may not repeat.

    Attributes:
        why: what is the matter with it.
        text: the line itself.
        kind: of the escape that it is, see `sim/escapes.py`; "repeat" for what may differ from run to run, "clock" for
            a loop that spins until some virtual time, "early" for what the simulator can't replace.
    """

    file: str
    line: int
    why: str
    text: str
    kind: str = "repeat"


_CALLS = {
    "id": "id() is an address, another one in each run",
    "hash": "hash() of strings differs in each process",
    "time.process_time": "processor time is real",
    "time.process_time_ns": "processor time is real",
    "time.thread_time": "processor time is real",
    "time.thread_time_ns": "processor time is real",
    "os.listdir": "the order of os.listdir() is the file system's: sort it",
    "os.scandir": "the order of os.scandir() is the file system's: sort it",
    "glob.glob": "the order of glob() is the file system's: sort it",
    "os.times": "processor time is real",
    "resource.getrusage": "what the process has used is real",
    "os.cpu_count": "the real machine's, not the node's",
    "gc.collect": "finalizers run where it is called",
    "sys.getrefcount": "how many references there are is up to the interpreter",
    "object.__repr__": "holds an address",
}
_ORDERED_BY = ("list", "tuple", "iter", "enumerate", "next", "zip", "map", "join")


def near(places: Iterable[Place]) -> tuple[Suspect, ...]:
    """The suspects in the functions that are on a stack, the nearest first."""
    found: dict[Suspect, None] = {}
    for place in places:
        for first, last, suspect in _by_function(place.file):
            if first <= place.line <= last:
                found[suspect] = None
    return tuple(found)


def of_file(file: str) -> tuple[Suspect, ...]:
    """All suspects of a source file, by line."""
    linecache.checkcache(file)
    _by_function.cache_clear()  # it may have been changed since
    return tuple(sorted({suspect for _, _, suspect in _by_function(file)}))


@functools.lru_cache(maxsize=64)
def _by_function(file: str) -> tuple[tuple[int, int, Suspect], ...]:
    """Each suspect, with the first and the last line of the innermost function that it is in."""
    lines = linecache.getlines(file)
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:
        return ()
    found = []
    for scope, node, why, kind in _found(tree, _Scope(tree, _imported(tree))):
        text = lines[node.lineno - 1].strip()
        last = getattr(scope.node, "end_lineno", len(lines))
        first = getattr(scope.node, "lineno", 1)
        found.append((first, last, Suspect(file, node.lineno, why, text, kind)))
    return tuple(found)


def _imported(tree: ast.AST) -> dict[str, str]:
    """What the names that a module imports stand for: ``sleep`` for ``time.sleep``."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


class _Scope:
    """A function or a module: which of its names are sets, and what those that were imported stand for."""

    def __init__(self, node: ast.AST, imported: dict[str, str]) -> None:
        self.node = node
        self._imported = imported
        targets = list(_targets_of_sets(node))
        self._sets = {target.id for target in targets if isinstance(target, ast.Name)}
        self._attributes = {target.attr for target in targets if isinstance(target, ast.Attribute)}

    def inner(self, node: ast.AST) -> _Scope:
        """That of a function in it."""
        scope = _Scope(node, self._imported)
        scope._sets |= self._sets
        scope._attributes |= self._attributes
        return scope

    def name(self, node: ast.expr) -> str:
        """The full name of what an expression names."""
        root, dot, rest = _name(node).partition(".")
        return f"{self._imported.get(root, root)}{dot}{rest}"

    def is_set(self, node: ast.expr | None) -> bool:
        """Whether an expression gives a set, as far as that can be read."""
        if isinstance(node, ast.Name):
            return node.id in self._sets
        if isinstance(node, ast.Attribute):
            return node.attr in self._attributes
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
            return self.is_set(node.left) or self.is_set(node.right)
        return _makes_set(node)


def _targets_of_sets(node: ast.AST) -> Iterator[ast.expr]:
    """What is assigned a set somewhere in `node`."""
    for statement in ast.walk(node):
        if isinstance(statement, ast.Assign | ast.AnnAssign) and _makes_set(statement.value):
            yield from statement.targets if isinstance(statement, ast.Assign) else [statement.target]


def _makes_set(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    return isinstance(node, ast.Call) and _name(node.func) in ("set", "frozenset")


_Found = tuple[_Scope, ast.expr | ast.stmt, str, str]
_ANY_ORDER = "a loop over a set: its order may differ in each process"


def _found(node: ast.AST, scope: _Scope) -> Iterator[_Found]:
    for child in ast.iter_child_nodes(node):
        is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        inner = scope.inner(child) if is_function else scope
        for why, kind in _matters(child, inner):
            assert isinstance(child, ast.expr | ast.stmt)
            yield inner, child, why, kind
        yield from _found(child, inner)


def _matters(node: ast.AST, scope: _Scope) -> Iterator[tuple[str, str]]:
    """What is the matter with one node, and of which kind that is."""
    if any(scope.is_set(iterated) for iterated in _iterated(node)):
        yield _ANY_ORDER, "repeat"
    elif isinstance(node, ast.While) and _only_looks_at_the_clock(node, scope):
        yield (
            "looks at the clock and does not sleep: virtual time goes on by a microsecond a look, which takes long",
            "clock",
        )
    elif isinstance(node, ast.Tuple | ast.Set) and isinstance(scope.node, ast.Module):
        kept = [name for name in map(scope.name, node.elts) if name in _CLOCKS | _SLEEPS]
        yield from (
            (f"{name} in here can't be replaced: code that finds it here sees real time", "early")
            for name in kept
        )
    elif isinstance(node, ast.Call):
        why = _of_call(node, scope)
        if why is not None:
            yield why, "repeat"
        kind = _escape(node, scope)
        if kind is not None:
            yield escapes.KINDS[kind].harm, kind


def _iterated(node: ast.AST) -> list[ast.expr]:
    """What a loop goes through, in an order that may matter."""
    if isinstance(node, ast.For | ast.AsyncFor):
        return [node.iter]
    if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp):
        return [generator.iter for generator in node.generators]
    return []


_CLOCKS = frozenset(
    f"time.{name}{unit}" for name in ("time", "monotonic", "perf_counter") for unit in ("", "_ns")
) | {"datetime.datetime.now", "datetime.datetime.utcnow"}
_SLEEPS = frozenset({"time.sleep"})


def _only_looks_at_the_clock(loop: ast.While, scope: _Scope) -> bool:
    """Whether nothing that is called in a loop can take virtual time, and something asks for the time."""
    calls = [scope.name(node.func) for node in ast.walk(loop) if isinstance(node, ast.Call)]
    asks = [
        node
        for node in ast.walk(loop.test)
        if isinstance(node, ast.Call) and scope.name(node.func) in _CLOCKS
    ]
    waits = any(isinstance(node, ast.Await | ast.Yield | ast.YieldFrom) for node in ast.walk(loop))
    return bool(asks) and not waits and all(name in _CLOCKS for name in calls)


# Escapes

_KIND_OF = {call: kind for kind, calls in escapes.CALLS.items() for call in calls}
_WRITING_METHODS = (".write_text", ".write_bytes", ".unlink", ".mkdir", ".touch", ".rmdir", ".symlink_to")


def _escape(call: ast.Call, scope: _Scope) -> str | None:
    """The kind of escape that a call is, as far as that can be read."""
    name = scope.name(call.func)
    if name in ("open", "io.open"):
        is_forgotten = bool(call.args) and scope.name(call.args[0]) == "os.devnull"
        return "write" if _writes(call, 1) and not is_forgotten else None
    if name == "os.open":
        return (
            "write" if any(flag in ast.unparse(call) for flag in ("O_WRONLY", "O_RDWR", "O_CREAT")) else None
        )
    if name == "sqlite3.connect" and call.args and _constant(call.args[0]) == ":memory:":
        return None
    if isinstance(call.func, ast.Attribute):
        if call.func.attr == "open" and name not in _KIND_OF and _writes(call, 0):
            return "write"
        if f".{call.func.attr}" in _WRITING_METHODS and name not in _KIND_OF:
            return "write"
    return _KIND_OF.get(name) or escapes.LIBRARIES.get(name.partition(".")[0] if "." in name else "")


def _writes(call: ast.Call, position: int) -> bool:
    given = [keyword.value for keyword in call.keywords if keyword.arg == "mode"] or call.args[
        position : position + 1
    ]
    mode = _constant(given[0]) if given else "r"
    return isinstance(mode, str) and set(mode) <= set("rwaxbtU+") and escapes.writes(mode)


def _constant(node: ast.expr) -> object:
    return node.value if isinstance(node, ast.Constant) else None


# What may not repeat


def _of_call(call: ast.Call, scope: _Scope) -> str | None:
    name = scope.name(call.func)
    if name in _CALLS:
        return _CALLS[name]
    if name.rpartition(".")[2] in _ORDERED_BY and any(scope.is_set(argument) for argument in call.args):
        return "makes a sequence of a set: its order may differ in each process"
    if name.endswith(".pop") and not call.args and isinstance(call.func, ast.Attribute):
        return "takes any item of a set" if scope.is_set(call.func.value) else None
    return None


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""
