"""The output folder: writable, and one run's alone while it writes."""

import contextlib
from collections.abc import Generator
from pathlib import Path

from opskit import locks
from opskit.errors import OpskitError
from opskit.reports import tables

_PROBE, _LOCK = ".opskit", ".opskit.lock"


def usable(out: Path) -> Path:
    """The output folder, made if need be, once it is known that files can be written there.

    Raises:
        OpskitError: It is a file, or nothing can be written there.
    """
    if out.exists() and not out.is_dir():
        raise OpskitError(f"--out {out} is a file; give a folder.")
    try:
        tables.write_text("", out / _PROBE)
        (out / _PROBE).unlink()
    except OSError as error:
        raise OpskitError(
            f"--out {out}: nothing can be written there ({error.strerror}). Give another folder."
        ) from error
    return out


@contextlib.contextmanager
def claimed(out: Path) -> Generator[None]:
    """The folder for this run alone; the system gives it back even when the run is killed.

    Raises:
        OpskitError: Another run is writing there.
    """
    out.mkdir(parents=True, exist_ok=True)
    with locks.held(out / _LOCK, wait=False) as ours:
        if not ours:
            raise OpskitError(f"--out {out}: another run is writing there. Wait until it ends, or give another folder.")
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # Windows does not remove what is open; an empty file does no harm
                (out / _LOCK).unlink()
