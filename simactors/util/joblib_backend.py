"""`RayBackend`: how joblib hands its batches to a `Pool` of actors. Loaded by `joblib.register_ray` only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from joblib._parallel_backends import FallbackToBackend, SequentialBackend
from joblib.parallel import ParallelBackendBase

from simactors.api import session
from simactors.api.context import cluster_resources
from simactors.util.multiprocessing import AsyncResult, Pool


class RayBackend(ParallelBackendBase):  # type: ignore[misc]  # joblib has no types
    """A backend of joblib's.

    Args:
        ray_remote_args: options of the actors.
    """

    def __init__(self, *, ray_remote_args: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._options = ray_remote_args
        self._pool: Pool | None = None

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """How many processes `n_jobs` means; negative ones count from the CPUs of the cluster: -1 is all of them."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if n_jobs is None:
            return 1
        if n_jobs > 0:
            return n_jobs
        session.active()  # opens the default backend if none is, as on Ray
        return max(int(cluster_resources()["CPU"]) + 1 + n_jobs, 1)

    def configure(
        self,
        n_jobs: int | None = 1,
        parallel: Any = None,
        ray_remote_args: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> int:
        """Start the actors; what is meant for real processes alone, folders for memory maps say, is ignored."""
        count = self.effective_n_jobs(n_jobs)
        if count == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        self.parallel = parallel
        self._options = ray_remote_args if ray_remote_args is not None else self._options
        self._pool = Pool(count, ray_remote_args=self._options)
        return count

    def submit(self, func: Callable[[], Any], callback: Callable[[Any], Any] | None = None) -> AsyncResult:
        """Let an actor work on a batch; `callback` lets joblib send the next one."""
        assert self._pool is not None, "configured before it is used"
        return self._pool.apply_async(func, callback=callback, error_callback=callback)

    apply_async = submit  # what joblib before 1.5 calls

    def terminate(self) -> None:
        """End the actors."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """A batch has failed: end the actors, and start others if the backend is used again."""
        self.terminate()
        if ensure_ready:
            self.configure(n_jobs=self.parallel.n_jobs, parallel=self.parallel)
