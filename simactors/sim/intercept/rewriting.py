"""Rewrites user code so that it can be preempted: between computing a value and storing it, or before each line.

A tracing callback could not suspend the code that it traces, so the points are calls in the code itself. Line numbers
stay as they are, so that debuggers, tracebacks and coverage see the user's lines. Not what a point does:
`preemption.py`.
"""

from __future__ import annotations

import ast
import functools
import linecache
import warnings
from types import CodeType
from typing import Any, Literal

from simactors.sim.intercept import points

Granularity = Literal["stores", "lines"]

_FUNCTIONS = {f"<simactors.{f.__name__}>": f for f in (points.store, points.line, points.in_place)}
"""What stands in the code for each of the functions that are called at points, until it is compiled."""
_STORE, _LINE, _IN_PLACE = _FUNCTIONS

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "iadd",
    ast.Sub: "isub",
    ast.Mult: "imul",
    ast.MatMult: "imatmul",
    ast.Div: "itruediv",
    ast.FloorDiv: "ifloordiv",
    ast.Mod: "imod",
    ast.Pow: "ipow",
    ast.LShift: "ilshift",
    ast.RShift: "irshift",
    ast.BitOr: "ior",
    ast.BitXor: "ixor",
    ast.BitAnd: "iand",
}


def rewritten(code: CodeType, granularity: Granularity, *, with_asserts: bool) -> CodeType | None:
    """`code` of a function with points in it; None if its source is not to be had, or is another one.

    Args:
        with_asserts: pytest has loaded it, and its ``assert`` statements say what was compared.
    """
    found = _functions(code.co_filename, granularity, with_asserts)
    new = found.get((code.co_qualname, code.co_firstlineno))
    if new is None or new.co_freevars != code.co_freevars or new.co_flags != code.co_flags:
        return None
    return new


_Key = tuple[str, int]


@functools.lru_cache(maxsize=64)
def _functions(file: str, granularity: Granularity, with_asserts: bool) -> dict[_Key, CodeType]:
    """The functions of a source file with points in them, by name and first line."""
    source = "".join(linecache.getlines(file))
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return {}
    if with_asserts:
        from _pytest.assertion.rewrite import rewrite_asserts  # only where pytest has loaded the module

        rewrite_asserts(tree, source.encode(), file)
    tree = (_Stores() if granularity == "stores" else _Lines()).visit(tree)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # for now, strings are called
        module = compile(tree, file, "exec", dont_inherit=True)
    found: dict[_Key, CodeType] = {}
    _finish(module, found)
    return found


def _finish(code: CodeType, found: dict[_Key, CodeType]) -> CodeType:
    """Put the functions of points where their names stand, and note all functions in `code`."""
    constants = []
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            constant = _finish(constant, found)
            found.setdefault((constant.co_qualname, constant.co_firstlineno), constant)
        constants.append(_FUNCTIONS.get(constant, constant) if isinstance(constant, str) else constant)
    return code.replace(co_consts=tuple(constants))


class _Points(ast.NodeTransformer):
    """Knows where a function begins: only code in functions gets points."""

    def __init__(self) -> None:
        self._shared: list[frozenset[str]] = []  # global and nonlocal names, by function

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        outer, self._shared = self._shared, []
        self.generic_visit(node)
        self._shared = outer
        return node

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        names: list[str] = []
        for inner in ast.walk(node):
            if isinstance(inner, ast.Global | ast.Nonlocal):
                names.extend(inner.names)
        self._shared.append(frozenset(names))
        node.body = [new for statement in node.body for new in _as_list(self.visit(statement))]
        self._shared.pop()
        return node

    @property
    def _in_function(self) -> bool:
        return bool(self._shared)


class _Stores(_Points):
    """Points between a value and its store into anything that other threads may see."""

    def __init__(self) -> None:
        super().__init__()
        self._temporaries = 0

    def visit_Assign(self, node: ast.Assign) -> Any:
        self.generic_visit(node)
        if self._in_function and any(self._is_shared(target) for target in node.targets):
            node.value = _call(_STORE, node.value)
            ast.fix_missing_locations(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        self.generic_visit(node)
        if self._in_function and node.value is not None and self._is_shared(node.target):
            node.value = _call(_STORE, node.value)
            ast.fix_missing_locations(node)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        self.generic_visit(node)
        if not (self._in_function and self._is_shared(node.target)):
            return node
        before: list[ast.stmt] = []
        target = self._once(node.target, before)
        loaded = _loaded(target)
        operator_name = ast.Constant(_OPERATORS[type(node.op)])
        value = _call(_STORE, _call(_IN_PLACE, operator_name, loaded, node.value))
        assigned = ast.Assign(targets=[target], value=value)
        return [ast.fix_missing_locations(ast.copy_location(new, node)) for new in (*before, assigned)]

    def visit_Delete(self, node: ast.Delete) -> Any:
        if self._in_function and any(self._is_shared(target) for target in node.targets):
            return [_statement(_STORE, node), node]
        return node

    def visit_Expr(self, node: ast.Expr) -> Any:
        """``self.items.append(x)``: a method called for what it does, not for what it returns."""
        self.generic_visit(node)
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        if self._in_function and isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            return [_statement(_STORE, node), node]
        return node

    def _is_shared(self, target: ast.expr) -> bool:
        if isinstance(target, ast.Tuple | ast.List):
            return any(self._is_shared(item) for item in target.elts)
        if isinstance(target, ast.Starred):
            return self._is_shared(target.value)
        if isinstance(target, ast.Name):
            return any(target.id in names for names in self._shared)
        return isinstance(target, ast.Attribute | ast.Subscript)

    def _once(self, target: ast.expr, before: list[ast.stmt]) -> ast.expr:
        """`target` such that evaluating it twice does nothing twice."""
        if isinstance(target, ast.Attribute):
            return ast.Attribute(self._kept(target.value, before), target.attr, ast.Store())
        if isinstance(target, ast.Subscript):
            owner = self._kept(target.value, before)
            return ast.Subscript(owner, self._kept(target.slice, before), ast.Store())
        return target

    def _kept(self, value: ast.expr, before: list[ast.stmt]) -> ast.expr:
        if isinstance(value, ast.Name | ast.Constant):
            return value
        self._temporaries += 1
        name = f"_simactors_{self._temporaries}"
        before.append(ast.Assign(targets=[ast.Name(name, ast.Store())], value=value))
        return ast.Name(name, ast.Load())


class _Lines(_Points):
    """A point before each statement."""

    def visit(self, node: ast.AST) -> Any:
        new = super().visit(node)
        if not (self._in_function and isinstance(node, ast.stmt)) or _is_fixed(node):
            return new
        return [_statement(_LINE, node), *_as_list(new)]


def _is_fixed(node: ast.stmt) -> bool:
    """Whether nothing may stand before it, or nothing happens there."""
    is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_docstring or isinstance(node, ast.Global | ast.Nonlocal | ast.Pass)


def _call(name: str, *values: ast.expr) -> ast.expr:
    call = ast.Call(func=ast.Constant(name), args=list(values), keywords=[])
    return ast.copy_location(call, values[-1]) if hasattr(values[-1], "lineno") else call


def _statement(name: str, place: ast.stmt) -> ast.stmt:
    arguments: list[ast.expr] = [ast.Constant(None)] if name == _STORE else []
    call = ast.Expr(ast.Call(func=ast.Constant(name), args=arguments, keywords=[]))
    for node in ast.walk(call):
        # On one line, and with no width: what is shown of the statement behind it stays as it was.
        if isinstance(node, ast.expr | ast.stmt):
            node.lineno = node.end_lineno = place.lineno
            node.col_offset = node.end_col_offset = place.col_offset
    return call


def _loaded(target: ast.expr) -> ast.expr:
    if isinstance(target, ast.Attribute):
        return ast.Attribute(target.value, target.attr, ast.Load())
    if isinstance(target, ast.Subscript):
        return ast.Subscript(target.value, target.slice, ast.Load())
    assert isinstance(target, ast.Name)
    return ast.Name(target.id, ast.Load())


def _as_list(new: Any) -> list[Any]:
    if new is None:
        return []
    return new if isinstance(new, list) else [new]
