"""A workload: calls a program's entry points as users would, on any backend, and writes down how each request went.

It runs inside the program's driver and knows the public API only. Not what becomes of what it writes down: that is for
`scenarios`. Described by a `Load`, which `exploration.scenario` reads from a file; started by `exploration.target`.
"""
