"""One page executed by papermill in its own kernel, which another thread may kill."""

import contextlib
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from opskit.reports.pages import Page

Status = Literal["ok", "skipped", "failed", "stopped"]
FACTS = {"data": "ds.name", "as_of": "str(ds.as_of)"}
"""What is asked of the page's kernel once its cells have run, for the report's head."""


@dataclass
class Outcome:
    """What became of one page."""

    status: Status
    notebook: Any
    reason: str = ""
    facts: dict[str, str] = field(default_factory=dict[str, str])
    seconds: float = 0.0

    @property
    def headline(self) -> list[dict[str, Any]]:
        """The figures that the page stored with `reports.headline`."""
        outputs = [output for cell in self.notebook.cells for output in cell.get("outputs", [])]
        stored = [output.get("data", {}).get("application/json", {}) for output in outputs]
        return next((figures["headline"] for figures in stored if "headline" in figures), [])


class Session:
    """The kernel of one page while it runs; a warm one is forked (see `warm`)."""

    def __init__(self, *, warm: bool = False) -> None:
        self.warm = warm
        self.notebook: Any = None
        self.facts: dict[str, str] = {}
        self.client: Any = None
        self.cancelled = threading.Event()

    def cancel(self) -> None:
        """Stop the page now; no later cell runs."""
        self.cancelled.set()
        self.end()

    def end(self) -> None:
        """Kill the kernel and what it has started."""
        process = getattr(getattr(getattr(self.client, "km", None), "provisioner", None), "process", None)
        if process is None or process.poll() is not None:
            return
        with contextlib.suppress(OSError):
            if sys.platform != "win32":
                with contextlib.suppress(ProcessLookupError):  # forked a moment ago, it leads no group yet
                    os.killpg(process.pid, signal.SIGKILL)
            process.kill()


def execute(page: Page, parameters: Mapping[str, Any], *, timeout_seconds: float, session: Session) -> Outcome:
    """Run the page with the parameters; whatever happens, the outcome holds the cells as far as they came.

    Args:
        page: The notebook.
        parameters: Checked values; they are injected after the `parameters` cell.
        timeout_seconds: Longest time of one cell.
        session: Where the running kernel can be killed from.
    """
    papermill = prepare()
    import nbformat

    started = time.perf_counter()
    session.notebook = source = nbformat.reads(page.path.read_text(encoding="utf-8"), as_version=4)
    for cell in source.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    status: Status = "ok"
    reason = ""
    try:
        papermill.execute_notebook(
            source,
            None,
            parameters=dict(parameters),
            engine_name="opskit",
            kernel_name="python3",
            language="python",
            progress_bar=False,
            execution_timeout=timeout_seconds,
            session=session,
        )
    except Exception as error:  # whatever a notebook or its kernel does must not stop the other pages
        status, reason = _explained(error, page, timeout_seconds, cancelled=session.cancelled.is_set())
    _strip(session.notebook)
    return Outcome(status, session.notebook, reason, session.facts, time.perf_counter() - started)


@cache
def prepare() -> Any:
    """Papermill's execute module, with the engine that keeps its kernel at hand.

    Importing it takes seconds only because jsonschema loads the grammars of `rfc3987_syntax`, to validate
    internationalized web addresses, which no notebook has. Marked as absent while importing, it is left out as if it
    were not installed, which jsonschema provides for.
    """
    absent = "rfc3987_syntax" not in sys.modules
    if absent:
        sys.modules["rfc3987_syntax"] = None  # pyright: ignore[reportArgumentType] - Python's way to say "absent"
    try:
        papermill = importlib.import_module("papermill.execute")
        importlib.import_module("opskit.reports.engine").register()
    finally:
        if absent:
            del sys.modules["rfc3987_syntax"]
    return papermill


def _explained(error: Exception, page: Page, timeout_seconds: float, *, cancelled: bool) -> tuple[Status, str]:
    """Status and one plain sentence for what ended a page."""
    if cancelled:
        return "stopped", "Stopped before it was finished."
    name, message = getattr(error, "ename", ""), str(getattr(error, "evalue", "")).strip()
    if name in {"MissingTableError", "TooLittleDataError"}:
        return "skipped", message
    if name == "OpskitError":
        return "failed", message
    if name:
        return "failed", f"{name}: {message}" if message else name
    if isinstance(error, TimeoutError):
        return "failed", (
            f"{page.name} has a cell that was still running after {timeout_seconds:g} seconds. "
            "Raise --timeout-seconds, or run it on less data with -p where=…"
        )
    if type(error).__name__ == "DeadKernelError":
        return "failed", "Its Python process died, most often because memory ran out. Try --jobs 1 or less data."
    return "failed", f"{type(error).__name__}: {error}"


def _strip(notebook: Any) -> None:
    """Take out what papermill notes for itself (paths of this machine, timings, markers) and the widgets' state."""
    notebook.metadata.pop("papermill", None)
    notebook.metadata.pop("widgets", None)
    notebook.cells = [
        cell for cell in notebook.cells if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])
    ]
    for cell in notebook.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.id = "injected-parameters"  # else a random one
