"""Names of the standard library that mean something else inside a simulation.

Nothing is replaced before the first simulation opens, and everything is restored when the last one closes.
"""
