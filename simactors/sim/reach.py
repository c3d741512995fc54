"""Which code reaches state that it could change: module globals, class attributes, defaults, closures.

Each process of a real runtime has its own copy of such state. Code that reaches none is the same in all of them, and
one copy does for all: the simulator need not make more. It may err in one direction only: what is not understood counts
as state. Not how copies are made: `homes.py`.
"""

from __future__ import annotations

import dis
import enum
import functools
import itertools
import sys
import types
from collections import deque, namedtuple
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

import cloudpickle  # type: ignore[import-untyped]

from simactors.core import codec
from simactors.sim.intercept.names import OURS, is_users_file
from simactors.sim.sources import rebound_names

_CONSTANTS = codec.ATOMS | {range, slice, types.GenericAlias, types.UnionType}
_MODULES_OF_CONSTANTS = frozenset(
    {"dataclasses", "datetime", "decimal", "fractions", "pathlib", "re", "typing", "uuid", "zoneinfo"}
)
"""Instances of the classes of these modules can't be changed."""
_OUR_CONSTANTS = ("simactors.api.", "simactors.core.", "simactors.exceptions")
"""So are refs, handles and options. Locks, queues and pools are state."""
_DESCRIPTORS = (
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    type(vars(namedtuple("_Any", ["field"]))["field"]),  # only its kind is wanted
)
_REFLECTION = frozenset({"globals", "vars", "setattr", "delattr", "exec", "eval", "__import__"})
_INSIDES = frozenset({"__dict__", "__globals__"})
_NO_SELF = frozenset({"__new__", "__init_subclass__", "__class_getitem__"})
_GENERATED = "<string>"
"""Where the methods of dataclasses and named tuples come from."""
_LEAVES: tuple[Any, ...] = ()


class Reach:
    """Knows which functions, classes and modules reach no state; remembers its verdicts for one run."""

    def __init__(self) -> None:
        self._verdicts: dict[Any, bool] = {}

    def is_shared(self, code: FunctionType | type | ModuleType) -> bool:
        """Whether nobody could tell one copy of `code` for all processes from one for each."""
        if code in self._verdicts:
            return self._verdicts[code]
        seen: list[Any] = []
        pending: deque[tuple[Any, bool]] = deque([(code, False)])
        passed: dict[Any, None] = {}
        while pending:
            found, is_method = pending.popleft()
            if _is_code(found):
                if found in passed or self._verdicts.get(found):
                    continue
                passed[found] = None
                seen.append(found)
            further = _look(found, is_method=is_method)
            if further is None:
                self._verdicts[code] = False
                return False
            pending.extend(further)
        # Nothing that `code` reaches is state, so nothing that these reach is.
        self._verdicts.update(dict.fromkeys(seen, True))
        return True


def is_users(code: FunctionType | type | ModuleType) -> bool:
    """Whether `code` belongs to the user: not to the standard library, an installed package, or us."""
    if isinstance(code, FunctionType):
        return is_users_file(code.__code__.co_filename) and _top(code.__module__) not in OURS
    name = code.__name__ if isinstance(code, ModuleType) else code.__module__
    if name == "__main__":
        return True
    if not isinstance(name, str) or _top(name) in OURS or _top(name) in sys.builtin_module_names:
        return False
    module = code if isinstance(code, ModuleType) else sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if file is None:  # made by hand, or a namespace package
        return _top(name) not in sys.stdlib_module_names
    return is_users_file(file)


def travels(module: str) -> bool:
    """Whether the code of a module goes to other processes by value, because they could not import it."""
    if module == "__main__" or module in cloudpickle.list_registry_pickle_by_value():
        return True
    # A test module: to import it again would run its decorators in the middle of a test, Hypothesis's for one.
    loader = getattr(sys.modules.get(module), "__loader__", None)
    return type(loader).__module__ == "_pytest.assertion.rewrite"


def look_up(module: Any, name: str) -> Any:
    """What stands under a qualified name in a module, or in a class of it; None if nothing does."""
    found = module
    for part in name.split("."):
        if not isinstance(found, ModuleType | type):
            return None  # an actor class, say: what it passes on does not stand there
        found = getattr(found, part, None)
    return found


def home_module(code: FunctionType | type) -> ModuleType | None:
    """The module from which other processes import `code`; None if it goes there by value."""
    module = sys.modules.get(code.__module__) if isinstance(code.__module__, str) else None
    if module is None or travels(code.__module__) or look_up(module, code.__qualname__) is not code:
        return None
    return module


def _top(name: Any) -> str:
    return str(name).partition(".")[0]


def _is_code(value: Any) -> bool:
    return isinstance(value, FunctionType | type | ModuleType)


_Further = Iterable[tuple[Any, bool]] | None
"""What else is reached, each with whether it is a method that gets its instance first; None for state."""


def _look(value: Any, *, is_method: bool) -> _Further:
    """What `value` leads to; None if it is state, or nobody knows what it is."""
    kind = type(value)
    if kind in _CONSTANTS or kind.__module__ in _MODULES_OF_CONSTANTS:
        return _LEAVES
    if isinstance(value, FunctionType):
        return _of_function(value, is_method=is_method) if is_users(value) else _wrapped_in(value)
    if isinstance(value, type):
        return _of_class(value) if is_users(value) else _LEAVES
    if isinstance(value, ModuleType):
        return _of_module(value) if is_users(value) else _LEAVES
    if isinstance(value, enum.Enum):
        return [(kind, False)]
    if kind in (tuple, frozenset):
        return [(item, False) for item in value]
    return _of_wrapper(value)


def _of_wrapper(value: Any) -> _Further:
    kind = type(value)
    for wrapper, unwrap in _WRAPPERS:
        if isinstance(value, wrapper):
            return unwrap(value)
    if isinstance(value, _DESCRIPTORS):
        return _LEAVES
    if _top(kind.__module__) == "simactors":
        if hasattr(value, "__wrapped__"):  # a remote function, an actor class
            return [(value.__wrapped__, False)]
        return _LEAVES if kind.__module__.startswith(_OUR_CONSTANTS) else None
    return _LEAVES if kind.__module__ == "logging" else None  # a logger is found by its name in every process


def _of_built_in(function: types.BuiltinFunctionType) -> _Further:
    owner = function.__self__  # of ``SEEN.append``, the list
    return _LEAVES if isinstance(owner, ModuleType | type | None) else [(owner, False)]


_WRAPPERS: tuple[tuple[Any, Callable[[Any], _Further]], ...] = (
    (staticmethod | classmethod, lambda v: [(v.__func__, False)]),
    (property, lambda v: [(f, True) for f in (v.fget, v.fset, v.fdel) if f is not None]),
    (functools.partial, lambda v: [(held, False) for held in (v.func, *v.args, *v.keywords.values())]),
    (types.MethodType, lambda v: [(v.__func__, True), (v.__self__, False)]),
    (types.BuiltinFunctionType, _of_built_in),
)
"""What stands around code, and how to look through it."""


# Functions


@dataclass(frozen=True)
class _Facts:
    """What a function's code does, from its instructions.

    Attributes:
        names: of the globals that it may read.
        imports: the modules that it imports while it runs; "." for a relative one.
        writes: it stores into a global, or may store into something that others see.
    """

    names: tuple[str, ...]
    imports: tuple[str, ...]
    writes: bool


def _of_function(function: FunctionType, *, is_method: bool) -> _Further:
    file = function.__code__.co_filename
    is_generated = file == _GENERATED
    if is_generated and str(function.__globals__.get("__name__")).startswith("namedtuple_"):
        return _LEAVES
    facts = _facts(function.__code__, is_method=is_method)
    if facts.writes or any(_is_users_name(name) for name in facts.imports):
        return None
    further = _of_home(function)
    rebound = rebound_names(file)
    if rebound is not None and not rebound.isdisjoint(function.__code__.co_freevars):
        return None
    for name in facts.names:
        if name not in function.__globals__:
            continue  # a built-in one, or none yet
        value = function.__globals__[name]
        if (rebound is None and not _is_code(value)) or (rebound is not None and name in rebound):
            return None
        further.append((value, False))
    for cell in function.__closure__ or ():
        try:
            held = cell.cell_contents
        except ValueError:
            return None  # not assigned yet
        if type(held) in _CONSTANTS and not is_generated:
            return None  # the surrounding function may assign it again
        further.append((held, False))
    values = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    further.extend((value, False) for value in values)
    further.extend(
        (value, False) for name, value in vars(function).items() if not name.startswith("__simactors")
    )
    return further


def _of_home(code: FunctionType | type) -> list[tuple[Any, bool]]:
    # A process that imports the module for something else in it would get another `code` by that.
    module = home_module(code)
    return [] if module is None else [(module, False)]


def _wrapped_in(function: FunctionType) -> _Further:
    """The user's functions in a decorator's wrapper that is not the user's."""
    held = [vars(function).get("__wrapped__")]
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # not assigned yet
            held.append(cell.cell_contents)
    return [(value, True) for value in held if _is_code(value)]


def global_names(code: CodeType) -> tuple[str, ...]:
    """The names of the globals that a function's code, or a function in it, may read."""
    return _facts(code, is_method=False).names


@functools.lru_cache(maxsize=4096)
def _facts(code: CodeType, *, is_method: bool) -> _Facts:
    me = code.co_varnames[0] if is_method and code.co_argcount else None
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("CACHE", "EXTENDED_ARG")]
    names = [step.argval for step in steps if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")]
    imports: list[str] = []
    for level, _, step in zip(steps, steps[1:], steps[2:], strict=False):
        if step.opname == "IMPORT_NAME":
            imports.append("." if level.argval else step.argval)
    writes = (
        not _REFLECTION.isdisjoint(names)
        or any(_is_write(step, code) for step in steps)
        or not _stores_into(steps, me)
    )
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner = _facts(constant, is_method=False)
            names.extend(inner.names)
            imports.extend(inner.imports)
            writes |= inner.writes
    return _Facts(tuple(dict.fromkeys(names)), tuple(dict.fromkeys(imports)), writes)


def _is_write(step: dis.Instruction, code: CodeType) -> bool:
    """Whether others could see what this instruction does, or it looks where anything may be written."""
    if step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
        return step.argval in _INSIDES
    if step.opname == "STORE_DEREF":
        return step.argval in code.co_freevars
    return step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL")


def _stores_into(steps: list[dis.Instruction], me: str | None) -> bool:
    """Whether attributes are only ever stored into the local variable `me`."""
    copied = mine = False  # ``self.v += 1`` copies "self" before it reads, and swaps it up before it stores
    for before, step in itertools.pairwise(steps):
        if step.opname == "COPY":
            copied = _loads(before, me)
        elif before.opname == "COPY" and step.opname == "LOAD_ATTR":
            mine = copied
        elif step.opname in ("STORE_ATTR", "DELETE_ATTR") and not (
            _loads(before, me) or (before.opname == "SWAP" and mine)
        ):
            return False
    return True


def _loads(step: dis.Instruction, variable: str | None) -> bool:
    """Whether `step` leaves the local variable on top of the stack."""
    if variable is None or not step.opname.startswith("LOAD_FAST"):
        return False
    loaded = step.argval[-1] if isinstance(step.argval, tuple) else step.argval  # 3.13 loads two at once
    return bool(loaded == variable)


def _is_users_name(module: str) -> bool:
    if module == ".":
        return True
    if _top(module) in sys.stdlib_module_names or _top(module) in OURS:
        return False
    loaded = sys.modules.get(module)
    return loaded is None or is_users(loaded)


# Classes and modules

_NOT_STATE = frozenset(
    {
        "__abstractmethods__",
        "__annotations__",
        "__dataclass_fields__",
        "__dataclass_params__",
        "__dict__",
        "__orig_bases__",
        "__parameters__",
        "__slotnames__",  # what pickling has found out
        "__weakref__",
        "_abc_impl",
        "_field_defaults",
    }
)


def _of_class(cls: type) -> _Further:
    module = sys.modules.get(cls.__module__)
    if cls.__name__ in (rebound_names(getattr(module, "__file__", None) or "") or ()):
        return None
    further = [*_of_home(cls), (type(cls), False), *((base, False) for base in cls.__bases__)]
    if isinstance(cls, enum.EnumMeta):
        further.extend((member.value, False) for member in list[enum.Enum](cls))
        others = {n: v for n, v in vars(cls).items() if not n.startswith("_") and n not in cls.__members__}
        return [*further, *_methods(others)]
    further.extend(_methods(vars(cls)))
    return further


def _methods(members: Mapping[str, Any]) -> list[tuple[Any, bool]]:
    return [
        (value, isinstance(value, FunctionType) and name not in _NO_SELF)
        for name, value in members.items()
        if name not in _NOT_STATE
    ]


def _of_module(module: ModuleType) -> _Further:
    if not hasattr(module, "__file__") or module.__name__ == "__main__":
        return None
    rebound = rebound_names(str(module.__file__))
    members = {name: value for name, value in vars(module).items() if not (name[:2] == name[-2:] == "__")}
    if rebound is None or not rebound.isdisjoint(members):
        return None
    return [(value, False) for value in members.values()]
