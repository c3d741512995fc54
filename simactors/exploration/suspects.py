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


class Suspect(NamedTuple):
    """A line that may not repeat.

    Attributes:
        why: what is the matter with it.
        text: the line itself.
    """

    file: str
    line: int
    why: str
    text: str


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
_ORDERED_BY = ("list", "tuple", "iter", "enumerate", "next", "zip", "map", "max", "min", "join")


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
    for scope, node, why in _found(tree, _Scope(tree)):
        text = lines[node.lineno - 1].strip()
        last = getattr(scope.node, "end_lineno", len(lines))
        first = getattr(scope.node, "lineno", 1)
        found.append((first, last, Suspect(file, node.lineno, why, text)))
    return tuple(found)


class _Scope:
    """A function or a module: which of its names are sets."""

    def __init__(self, node: ast.AST) -> None:
        self.node = node
        self._sets = {
            target.id
            for statement in ast.walk(node)
            if isinstance(statement, ast.Assign | ast.AnnAssign) and _makes_set(statement.value)
            for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
            if isinstance(target, ast.Name)
        }
        self._attributes = {
            target.attr
            for statement in ast.walk(node)
            if isinstance(statement, ast.Assign | ast.AnnAssign) and _makes_set(statement.value)
            for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
            if isinstance(target, ast.Attribute)
        }

    def inner(self, node: ast.AST) -> _Scope:
        """That of a function in it."""
        scope = _Scope(node)
        scope._sets |= self._sets
        scope._attributes |= self._attributes
        return scope

    def is_set(self, node: ast.expr | None) -> bool:
        """Whether an expression gives a set, as far as that can be read."""
        if isinstance(node, ast.Name):
            return node.id in self._sets
        if isinstance(node, ast.Attribute):
            return node.attr in self._attributes
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
            return self.is_set(node.left) or self.is_set(node.right)
        return _makes_set(node)


def _makes_set(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    return isinstance(node, ast.Call) and _name(node.func) in ("set", "frozenset")


def _found(node: ast.AST, scope: _Scope) -> Iterator[tuple[_Scope, ast.expr | ast.stmt, str]]:
    for child in ast.iter_child_nodes(node):
        is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        inner = scope.inner(child) if is_function else scope
        if isinstance(child, ast.For | ast.AsyncFor) and inner.is_set(child.iter):
            yield inner, child, "a loop over a set: its order may differ in each process"
        elif isinstance(child, ast.ListComp | ast.GeneratorExp | ast.DictComp):
            if any(inner.is_set(generator.iter) for generator in child.generators):
                yield inner, child, "a loop over a set: its order may differ in each process"
        elif isinstance(child, ast.Call):
            why = _of_call(child, inner)
            if why is not None:
                yield inner, child, why
        yield from _found(child, inner)


def _of_call(call: ast.Call, scope: _Scope) -> str | None:
    name = _name(call.func)
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
