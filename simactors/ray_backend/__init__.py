"""The backend `ray`: the same programs on real Ray. Everything is Ray's own; this translates words.

Ray itself is an optional dependency (``pip install 'simactors[ray]'``); nothing else of simactors loads it.
"""

from __future__ import annotations

import importlib

try:
    importlib.import_module("ray._raylet")
except ImportError as error:
    raise ImportError(
        f"backend='ray' needs Ray itself, and `import ray` leads elsewhere ({error}). Where simactors.as_ray is "
        "installed, `import ray` means simactors: code that says it needs no simactors to run on Ray"
    ) from error

from simactors.ray_backend.backend import open_backend

__all__ = ["open_backend"]
