"""Kernels forked from one process that has already imported what pages use.

A fresh kernel spends seconds on imports before it does anything for its page. Here they happen once, in the fork server
of multiprocessing (see `preloaded`); each page's kernel is a fork of it, as isolated as a kernel of its own.
"""

import contextlib
import importlib
import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Generator, Mapping, Sequence

_starting = threading.Lock()


def available() -> bool:
    """Whether kernels can be forked here: not on Windows, and not safely on macOS."""
    return sys.platform == "linux"


def begin() -> bool:
    """Start the server, where it is not running; it imports while the caller goes on.

    Returns:
        Whether it runs: its socket has no place in a folder for temporary files whose name is too long, for instance.
    """
    from multiprocessing import forkserver

    forkserver.set_forkserver_preload(["opskit.reports.preloaded"])
    try:
        with _nothing_to_rerun():
            forkserver.ensure_running()
    except OSError:
        return False
    return True


class Kernel:
    """A forked kernel with the methods of subprocess.Popen that Jupyter calls."""

    stdin = stdout = stderr = None

    def __init__(self, arguments: Sequence[str], *, env: Mapping[str, str], cwd: str) -> None:
        begin()
        context = multiprocessing.get_context("forkserver")
        self._process = context.Process(target=_serve, args=(list(arguments), dict(env), cwd))
        with _nothing_to_rerun():
            self._process.start()
        self.pid = self._process.pid or 0

    def poll(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.exitcode

    def wait(self) -> int | None:
        """How it ended, once it has."""
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it."""
        self._process.kill()


@contextlib.contextmanager
def _nothing_to_rerun() -> Generator[None]:
    """While it lasts, multiprocessing finds no program that its children would have to import."""
    with _starting:
        program, sys.modules["__main__"] = sys.modules["__main__"], types.ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = program


def _serve(arguments: list[str], env: dict[str, str], cwd: str) -> None:
    """Be a kernel, as if started by ``python -m ipykernel_launcher`` in a session of its own, until told to stop."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(env)
    if cwd:
        os.chdir(cwd)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    threading.Thread(target=_end_with_runner, daemon=True).start()
    # Forks would all continue one sequence of NumPy's global random numbers.
    importlib.import_module("numpy").random.seed()
    sys.argv = ["ipykernel_launcher", *arguments]
    importlib.import_module("ipykernel.kernelapp").launch_new_instance(arguments)


def _end_with_runner() -> None:
    """Leave no kernel behind a killed runner: Jupyter watches the process that forked it, which is the server."""
    if runner := multiprocessing.parent_process():
        runner.join()
        os._exit(1)
