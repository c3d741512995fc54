"""The soak of the `local` backend: random programs side by side while their processes are killed at random.

Run it as ``python -m tests.soak --minutes 10 --seed 1``. From top to bottom: `__main__`, `soaking` (windows of work,
and what is left after each), `endings` (sessions that are shut down in the middle), `killer`, `gauges`, `standing` (who
waits for what in a hang), `programs`, `play` (calls and how they end), `journal` (what has run), `remote` (what runs in
the workers).
"""
