"""What simulated processes print, as Ray shows it to the driver: whole lines, each with who has printed it.

Not how it gets here: `intercept/output.py`. The driver's own prints don't come here.
"""

from __future__ import annotations

from typing import Any, TextIO

from simactors.sim.cluster import Process


class Output:
    """The lines of all processes of one simulation.

    Args:
        has_prefix: say in front of each line who has printed it.

    Attributes:
        is_shown: what is printed is shown, as it is unless ``init(log_to_driver=False)`` was said.
    """

    def __init__(self, *, has_prefix: bool) -> None:
        self._has_prefix = has_prefix
        self.is_shown = True
        self._begun: dict[tuple[int, str], tuple[Process, TextIO, str]] = {}
        self._names: dict[int, str] = {}

    def write(self, process: Process, name: str, target: TextIO, text: str) -> None:
        """`process` prints to its stream `name`, which leads to `target`: whole lines go there at once."""
        if not self.is_shown:
            return
        if not self._has_prefix:
            target.write(text)
            return
        _, _, before = self._begun.pop((process.pid, name), (None, None, ""))
        *lines, rest = (before + text).split("\n")
        if lines:
            prefix = self._prefix(process, target)
            target.write("".join(f"{prefix}{line}\n" for line in lines))
        if rest:
            self._begun[process.pid, name] = process, target, rest

    def finish(self) -> None:
        """The simulation ends: show the lines that were begun."""
        for (_, name), (process, target, _) in list(self._begun.items()):
            if not getattr(target, "closed", False):
                self.write(process, name, target, "\n")

    def _prefix(self, process: Process, target: TextIO) -> str:
        prefix = f"({self._name(process)} pid={process.pid})"
        return f"\x1b[36m{prefix}\x1b[0m " if target.isatty() else f"{prefix} "

    def _name(self, process: Process) -> str:
        if process.actor is None:
            call: Any = process.task
            if call is None:
                return process.label
            return (None if call.options is None else call.options.name) or str(call.label)
        instance = process.actor.instance
        cls: Any = process.actor.cls.cls
        if instance is None or cls.__repr__ is object.__repr__:
            return str(cls.__name__)
        if process.pid not in self._names:
            self._names[process.pid] = cls.__name__  # a `__repr__` that prints shall not ask for itself
            try:
                self._names[process.pid] = repr(instance)
            except Exception as error:  # the user's code may raise anything
                self._names[process.pid] = f"{cls.__name__}, whose repr() raised {type(error).__name__},"
        return self._names[process.pid]
