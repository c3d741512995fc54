"""The `local` backend: actors and tasks in real processes of one machine.

Loaded by name through the registry of `simactors.core.backend`, never imported by other parts. Of simactors it
knows `core` and `exceptions` only. How its parts fit: docs/decisions/0002-real-runtime.md.
"""
