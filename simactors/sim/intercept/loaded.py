"""Which of the loaded modules are the user's, or have not been looked at yet: all others need no second look.

Several hundred modules are loaded, nearly all of them somebody else's, and every simulation asks three times. Not what
is looked for in them (`early.py`, `twins.py`).
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

_settled: dict[str, Any] = {}  # by name; another one of the same name is looked at again
_NOTHING = object()


def strangers() -> list[tuple[str, Any]]:
    """The modules that are not settled, in the order in which they were loaded."""
    settled = _settled.get
    loaded = sys.modules.copy()  # real threads may import meanwhile
    found = [(name, module) for name, module in loaded.items() if settled(name, _NOTHING) is not module]
    return [(name, module) for name, module in found if isinstance(module, ModuleType)]


def settle(name: str, module: object) -> None:
    """Never give this module again: it is not the user's, and was searched. It is kept, so that no other can be it."""
    _settled[name] = module
