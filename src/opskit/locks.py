"""A lock on a file that the system gives back even when whoever holds it is killed."""

import contextlib
import sys
import time
from collections.abc import Generator
from pathlib import Path

_PAUSE_SECONDS = 0.05


@contextlib.contextmanager
def held(path: Path, *, wait: bool) -> Generator[bool]:
    """Hold the lock of a file, which is made if need be.

    Args:
        path: The file.
        wait: Wait until nobody else holds it.

    Yields:
        Whether it is held; False only where somebody else holds it and `wait` is false.
    """
    with path.open("a") as file:
        got = _locked(file.fileno())
        while wait and not got:
            time.sleep(_PAUSE_SECONDS)
            got = _locked(file.fileno())
        yield got


def _locked(descriptor: int) -> bool:
    """Whether the file could be locked; where a file system has no locks, nobody else has one."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
