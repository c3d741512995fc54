"""What lies in /dev/shm, where a runtime could leave something behind for good."""

from __future__ import annotations

import os


def shared_files() -> set[str]:
    """The names of all files there but those of other libraries, which other programs come and go with at any time:
    semaphores of multiprocessing and loky, folders of joblib. We name none and have none.
    """
    return {name for name in os.listdir("/dev/shm") if not name.startswith(("sem.", "joblib_"))}
