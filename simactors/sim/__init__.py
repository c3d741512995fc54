"""The simulator: a cluster of processes in one process, in virtual time, repeatable from a seed."""
