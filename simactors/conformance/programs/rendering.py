"""A program as source: an ordinary Python module, whose `main` tells what it sees.

With ``import ray`` in place of ``import simactors as ray`` it is a program for Ray without simactors.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from simactors.conformance.programs.grammar import (
    METHODS,
    Actor,
    Add,
    Body,
    Call,
    CallPeer,
    CallTask,
    Cancel,
    Crash,
    Drop,
    Gather,
    Get,
    Kill,
    Leave,
    LookUp,
    Meet,
    Peek,
    Program,
    Put,
    Raise,
    Sleep,
    Statement,
    Step,
    Stream,
    Task,
    Wait,
    Yield,
    counts,
)

_HEAD = '''\
"""A generated program: seed {seed}."""

import asyncio
import os
import threading
import time

import simactors as ray


def ended(refs, patience):
    """What `get` gives, or the class of the error."""
    try:
        return ray.get(refs, timeout=patience)
    except ray.exceptions.GetTimeoutError:
        raise
    except ray.exceptions.RayError as error:
        return type(error).__name__
'''

_HELPERS = {
    "ready(": '''
def ready(refs, names, count, timeout, patience):
    """Which refs `wait` finds."""
    found, rest = ray.wait(refs, num_returns=count, timeout=patience if timeout is None else timeout)
    if timeout is None and len(found) < count:
        raise ray.exceptions.GetTimeoutError
    return [name for ref, name in zip(refs, names) if ref in found]
''',
    "taken(": '''
def taken(stream, patience):
    """All items."""
    items = []
    while ray.wait([stream], timeout=patience)[0]:
        try:
            items.append(ended(next(stream), patience))
        except StopIteration:
            return items
    raise ray.exceptions.GetTimeoutError
''',
    "peeked(": '''
def peeked(ref):
    """What is there already."""
    try:
        return ended(ref, 0)
    except ray.exceptions.GetTimeoutError:
        return "not ready"
''',
    "looked_up(": '''
def looked_up(name):
    """Whether the name leads to an actor."""
    try:
        ray.get_actor(name)
    except ValueError:
        return "nobody"
    return "somebody"
''',
    "Ledger.": '''
@ray.remote
class Ledger:
    """Counts the runs of calls whose processes may crash."""

    def __init__(self):
        self.runs = {}

    def note(self, tag):
        self.runs[tag] = self.runs.get(tag, 0) + 1
        return self.runs[tag]

    def read(self):
        return sorted(self.runs.items())
''',
}
"""By what calls them: a program has those that it needs."""


def render(program: Program) -> str:
    """The source."""
    parts = [_task(program, task) for task in program.tasks]
    parts += [_actor(program, actor) for actor in program.actors]
    parts.append(_main(program))
    body = "\n\n".join(parts)
    helpers = [text for call, text in _HELPERS.items() if call in body]
    text = "\n\n".join([_HEAD.format(seed=program.seed), *(helper.lstrip("\n") for helper in helpers), body])
    for module in ("asyncio", "threading", "os", "time"):
        if f"{module}." not in text:
            text = text.replace(f"import {module}\n", "")
    return text


# Definitions


def _decorator(options: tuple[tuple[str, int | bool], ...]) -> str:
    written = ", ".join(f"{name}={value}" for name, value in options)
    return f"@ray.remote({written})" if written else "@ray.remote"


def _task(program: Program, task: Task) -> str:
    ledger = "ledger, " if program.has_ledger else ""
    lines = [_decorator(task.options), f"def {task.name}({ledger}tag, arg=None, peer=None):"]
    lines += _indented(_body(program, task.body, is_method=False))
    return "\n".join(lines) + "\n"


def _actor(program: Program, actor: Actor) -> str:
    ledger = ["ledger"] if program.has_ledger else []
    lines = [
        _decorator(actor.options),
        f"class {actor.name.upper()}:",
        f"    def __init__({', '.join(['self', *ledger, 'peer=None'])}):",
        "        self.log, self.total, self.peer = [], 0, peer",
        *(["        self.ledger = ledger"] if ledger else []),
    ]
    if any(isinstance(step, Add) and step.locked for body in actor.bodies for step in body.steps):
        module = "asyncio" if actor.kind == "async" else "threading"
        lines.append(f"        self.lock = {module}.Lock()")
    for name, body in zip(METHODS, actor.bodies, strict=True):
        lines += ["", *(["    @ray.method(retry_exceptions=True)"] if actor.retries_errors else [])]
        lines.append(f"    {'async ' * body.is_async}def {name}(self, tag, arg=None):")
        lines += _indented(["self.log.append(tag)", *_body(program, body, is_method=True)], 2)
    is_async = "async " * (actor.kind == "async")
    if any(isinstance(s, Stream) and s.actor == actor.name for s in program.statements):
        lines += ["", f"    {is_async}def items(self, tag, count):", "        for number in range(count):"]
        lines += _indented(_steps(actor.items, is_method=True), 3)
        lines += ["            self.log.append(tag)", "            yield number"]
    if any(isinstance(s, Meet) and s.actor == actor.name for s in program.statements):
        lines += ["", f"    {is_async}def meet(self, peer):", "        self.peer = peer"]
    lines += ["", f"    {is_async}def read(self):", "        return self.log, self.total"]
    return "\n".join(lines) + "\n"


def _body(program: Program, body: Body, *, is_method: bool) -> list[str]:
    lines = []
    if any(isinstance(s, Call) and s.is_boxed for s in program.statements):
        got = "await arg[0]" if body.is_async else "ray.get(arg[0])"
        lines += ["if isinstance(arg, list):", f"    arg = {got}"]
    if counts(body):
        ledger = "self.ledger" if is_method else "ledger"
        lines.append(f"runs = {_got(f'{ledger}.note.remote(tag)', body.is_async)}")
    lines += _steps(body, is_method=is_method, ledger="ledger, " * program.has_ledger)
    answer = "{tag}({arg}):{self.total}" if is_method else "{tag}({arg})"
    return [*lines, f'return f"{answer}"']


def _steps(body: Body, *, is_method: bool, ledger: str = "") -> list[str]:
    return [
        line
        for site, step in enumerate(body.steps)
        for line in _step(step, "xyz"[site], body.is_async, is_method, ledger)
    ]


def _step(step: Step, site: str, is_async: bool, is_method: bool, ledger: str) -> Iterator[str]:
    inner = f'f"{{tag}}{site}"'
    peer = "self.peer" if is_method else "peer"
    ledger = f"self.{ledger}" if ledger and is_method else ledger
    match step:
        case Sleep(ms):
            yield f"await asyncio.sleep({ms / 1000})" if is_async else f"time.sleep({ms / 1000})"
        case Yield():
            yield "await asyncio.sleep(0)"
        case Add():
            yield from _add(step, is_async)
        case Gather(method):
            calls = ", ".join(f'self.{method}(f"{{tag}}{site}{part}")' for part in "12")
            yield f"await asyncio.gather({calls})"
        case CallPeer(method, waits):
            yield f"if {peer} is not None:"
            call = f"{peer}.{method}.remote({inner})"
            yield f"    {_got(call, is_async) if waits else call}"
        case CallTask(function, waits):
            call = f"{function}.remote({ledger}{inner})"
            yield _got(call, is_async) if waits else call
        case Crash(times) | Raise(times):
            if times is not None:
                yield f"if runs <= {times}:"
            action = "os._exit(1)" if isinstance(step, Crash) else "raise ValueError(tag)"
            yield f"{'    ' * (times is not None)}{action}"
        case Leave():
            yield "ray.exit_actor()"


def _add(step: Add, is_async: bool) -> Iterator[str]:
    lines = ["total = self.total", "self.total = total + 1"]
    if step.pause is not None:
        lines[1:1] = _step(step.pause, "", is_async, True, "")
    if not step.locked:
        yield from lines
        return
    yield f"{'async ' * is_async}with self.lock:"
    yield from _indented(lines)


def _got(call: str, is_async: bool) -> str:
    return f"await {call}" if is_async else f"ray.get({call})"


def _indented(lines: list[str], levels: int = 1) -> list[str]:
    return [textwrap.indent(line, "    " * levels) for line in lines]


# The driver


def _main(program: Program) -> str:
    lines = ["ledger = Ledger.options(num_cpus=0).remote()"] if program.has_ledger else []
    for actor in program.actors:
        named = f'.options(name="{actor.name}" + token)' if actor.is_named else ""
        arguments = ["ledger"] * program.has_ledger + [actor.peer] * bool(actor.peer)
        lines.append(f"{actor.name} = {actor.name.upper()}{named}.remote({', '.join(arguments)})")
    for statement in program.statements:
        lines += _statement(program, statement)
    got = [ref for s in program.statements if isinstance(s, Get) and len(s.refs) == 1 for ref in s.refs]
    for statement in program.statements:
        if isinstance(statement, Call) and statement.ref not in got:
            lines.append(f'see("{statement.ref}", ended({statement.ref}, patience))')
    dropped = [s.actor for s in program.statements if isinstance(s, Drop)]
    for actor in program.actors:
        if actor.name not in dropped:
            lines.append(f'see("{actor.name}", ended({actor.name}.read.remote(), patience))')
    if program.has_ledger:
        lines.append('see("runs", ended(ledger.read.remote(), patience))')
    head = 'def main(see=print, patience=None, token=""):'
    return "\n".join([head, *_indented(lines)]) + "\n"


def _statement(program: Program, statement: Statement) -> Iterator[str]:
    match statement:
        case Sleep(ms):
            yield f"time.sleep({ms / 1000})"
        case Call():
            yield _call(program, statement)
        case Put(ref):
            yield f'{ref} = ray.put("{ref}")'
        case Get(refs):
            listed = refs[0] if len(refs) == 1 else f"[{', '.join(refs)}]"
            yield f'see("{" ".join(refs)}", ended({listed}, patience))'
        case Wait(refs, count, is_patient):
            timeout = None if is_patient else 0
            yield f"found = ready([{', '.join(refs)}], {list(refs)}, {count}, {timeout}, patience)"
            yield 'see("ready", found)'
        case Peek(ref):
            yield f'see("now {ref}", peeked({ref}))'
        case LookUp(actor):
            yield f'see("name {actor}", looked_up("{actor}" + token))'
        case Stream(name, actor, count):
            yield f'see("{name}", taken({actor}.items.remote("{name}", {count}), patience))'
        case _:
            yield _deed(statement)


def _deed(statement: Cancel | Kill | Meet | Drop) -> str:
    """What shows nothing by itself."""
    match statement:
        case Cancel(ref, force, recursive):
            return f"ray.cancel({ref}, force={force}, recursive={recursive})"
        case Kill(actor, no_restart):
            return f"ray.kill({actor}, no_restart={no_restart})"
        case Meet(actor, peer):
            return f"{actor}.meet.remote({peer})"
        case Drop(actor):
            return f"del {actor}"


def _call(program: Program, call: Call) -> str:
    arguments = [f'"{call.ref}"']
    if not call.target and program.has_ledger:
        arguments.insert(0, "ledger")
    if call.arg:
        arguments.append(f"[{call.arg}]" if call.is_boxed else call.arg)
    if call.peer:
        arguments.append(f"peer={call.peer}")
    target = f"{call.target}." if call.target else ""
    return f"{call.ref} = {target}{call.code}.remote({', '.join(arguments)})"
