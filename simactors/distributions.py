"""How long things take in a simulated cluster: distributions, in seconds.

Examples:
    >>> from simactors import SimConfig
    >>> from simactors.distributions import Exponential, Uniform
    >>> config = SimConfig(process_start=Uniform(0.5, 2.0), service_times={"Model.predict": Exponential(0.02)})
"""

from __future__ import annotations

from simactors.sim.distributions import Constant, Distribution, Empirical, Exponential, Lognormal, Uniform

__all__ = ["Constant", "Distribution", "Empirical", "Exponential", "Lognormal", "Uniform"]
