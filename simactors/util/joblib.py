"""`register_ray`: joblib's backend "ray", whose processes are actors, as ``ray.util.joblib``.

joblib itself is not a dependency: it is loaded when a program asks for this.
"""

from __future__ import annotations


def register_ray() -> None:
    """Make known the backend: ``with joblib.parallel_config("ray"): joblib.Parallel(n_jobs=4)(...)``.

    Raises:
        ImportError: joblib is not installed.
    """
    try:
        from joblib.parallel import register_parallel_backend
    except ImportError as error:
        raise ImportError("register_ray() needs joblib: pip install joblib", name="joblib") from error
    from simactors.util.joblib_backend import RayBackend

    register_parallel_backend("ray", RayBackend)


__all__ = ["register_ray"]
