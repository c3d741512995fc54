"""Runs of scenarios: made, measured, judged, summed up, compared.

What a scenario is, `exploration.scenario` reads; how its requests are made, `workload` knows; how a result looks on a
page or on the terminal is for `reports`.
"""
