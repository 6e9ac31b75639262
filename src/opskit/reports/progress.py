"""What the terminal shows while pages run, and afterwards."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from opskit.reports.plan import Job
from opskit.reports.runner import Result

if TYPE_CHECKING:
    from rich.console import Console

COLOURS = {"ok": "green", "skipped": "yellow", "failed": "red", "stopped": "yellow"}


class Lines:
    """One plain line per finished page, for logs and pipes."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def started(self, job: Job) -> None:
        """Nothing: only what is finished is worth a line."""

    def finished(self, result: Result) -> None:
        """Print the page's line."""
        self.done += 1
        reason = f"  {result.reason}" if result.reason else ""
        job = result.job
        sys.stdout.write(
            f"[{self.done}/{self.total}] {result.status:7} {job.run}  {job.page.name}  {result.seconds:.1f} s{reason}\n"
        )
        sys.stdout.flush()


class Bar:
    """A bar with what is running now, how many of how many are done and the time left."""

    def __init__(self, total: int, console: "Console") -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (BarColumn(bar_width=28), MofNCompleteColumn(), TimeRemainingColumn(elapsed_when_finished=True))
        self._bar = Progress(*columns, TextColumn("{task.description}", markup=False), console=console, transient=True)
        self._task = self._bar.add_task("starting", total=total)
        self._running: list[Job] = []

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def started(self, job: Job) -> None:
        """Show the page as running."""
        self._running.append(job)
        self._describe()

    def finished(self, result: Result) -> None:
        """Count the page, and say so when it did not go well."""
        from rich.markup import escape

        self._running = [job for job in self._running if job is not result.job]
        if result.status != "ok":
            colour = COLOURS[result.status]
            what = f"{result.job.run}  {result.job.page.name}: {result.reason}"
            self._bar.console.print(f"[{colour}]{result.status}[/{colour}]  {escape(what)}", highlight=False)
        self._bar.advance(self._task)
        self._describe()

    def _describe(self) -> None:
        names = ", ".join(f"{job.run} {job.page.name}" for job in self._running)
        self._bar.update(self._task, description=names or "writing the index")


def summary(results: Sequence[Result], console: "Console") -> None:
    """Print one row per page."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("Run", "Page", "Status", "Seconds", "Figures"):
        table.add_column(column, justify="right" if column in {"Seconds", "Figures"} else "left", overflow="fold")
    for result in results:
        status = Text(result.status, style=COLOURS[result.status])
        table.add_row(
            Text(result.job.run), Text(result.job.page.name), status, f"{result.seconds:.1f}", str(len(result.headline))
        )
    console.print(table)
