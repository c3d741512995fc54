"""Ways to choose among the orders in which a program may run, one algorithm a file; `strategy.py` is the promise."""
