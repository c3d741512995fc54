"""Tests of actor code, under pytest and without it: `simulated`; what the plugin does with tests that ask for `sim`.

Not the plugin's hooks (`simactors/pytest_plugin.py`), which load this package when the first test needs it.
"""

from __future__ import annotations

from simactors.testing.decorator import simulated

__all__ = ["simulated"]
