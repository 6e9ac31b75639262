"""Runs the jobs, several at a time, and writes reports, index and headlines."""

import contextlib
import os
import tempfile
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from opskit.errors import OpskitError
from opskit.reports import compare, folder, html, index, resume, tables, warm
from opskit.reports.execution import Outcome, Session, Status, execute, prepare
from opskit.reports.plan import Job

if TYPE_CHECKING:
    import pandas as pd

WARM_ABOVE = 2
"""With more jobs than these, importing once for all is quicker than once for each."""
_REMEDY = "Make room or mend that, then run the same command with --resume."


@dataclass(frozen=True)
class Result:
    """What became of a job, without its notebook."""

    job: Job
    status: Status
    reason: str = ""
    headline: Sequence[dict[str, Any]] = ()
    facts: dict[str, str] = field(default_factory=dict[str, str])
    seconds: float = 0.0
    link: str = ""
    """Path of its report from the output folder; empty when there is none."""


class Progress(Protocol):
    """Who is told what happens."""

    def started(self, job: Job) -> None:
        """A job starts."""

    def finished(self, result: Result) -> None:
        """A job has ended."""


def run(
    jobs: Sequence[Job],
    *,
    out: Path,
    progress: Progress,
    parallel: int,
    timeout_seconds: float,
    before: "pd.DataFrame | None" = None,
    keep_finished: bool = False,
    engine: str = "duckdb",
) -> list[Result]:
    """Run the jobs and write a report for each, index.html and headlines.csv (changes.csv, given `before`).

    Args:
        jobs: What to run, from `plan`.
        out: Folder for the reports, usable.
        progress: Told of every start and end.
        parallel: How many pages run at the same time.
        timeout_seconds: Longest time of one cell.
        before: Headlines of an earlier run to compare with.
        keep_finished: Do not run again what an earlier run finished there (see `resume.finished`).
        engine: What pages open their data with.

    Returns:
        One result per job, in the jobs' order. On Ctrl-C the kernels are killed, what is finished is indexed, and
        KeyboardInterrupt is raised.

    Raises:
        OpskitError: Another run is writing there, or the index cannot be written.
    """
    from opskit.dataset.opening import ENGINE_VARIABLE
    from opskit.dataset.shared import VARIABLE

    with (
        folder.claimed(out),
        tempfile.TemporaryDirectory(prefix="opskit-", ignore_cleanup_errors=True) as own,
        # While it lasts, kernels read and clean a file of text once for all pages.
        _told_to_kernels({VARIABLE: os.environ.get(VARIABLE) or own, ENGINE_VARIABLE: engine}),
    ):
        kept = {position: found for position, job in enumerate(jobs) if keep_finished and (found := _kept(job, out))}
        return _run(
            jobs, kept, out=out, progress=progress, parallel=parallel, timeout_seconds=timeout_seconds, before=before
        )


def _run(
    jobs: Sequence[Job],
    kept: Mapping[int, Result],
    *,
    out: Path,
    progress: Progress,
    parallel: int,
    timeout_seconds: float,
    before: "pd.DataFrame | None",
) -> list[Result]:
    warmed = warm.available() and len(jobs) - len(kept) > WARM_ABOVE and warm.begin()
    prepare()
    sessions = [Session(warm=warmed) for _ in jobs]
    results: dict[int, Result] = {}

    def work(position: int) -> Result | Outcome:
        job, session = jobs[position], sessions[position]
        if position in kept or session.cancelled.is_set():
            return kept.get(position) or Result(job, "stopped", "Not started.")
        progress.started(job)
        return _executed(job, session, timeout_seconds)

    with (
        # Its libraries load, and reports are written, while the pages' own threads go on with the next pages.
        ThreadPoolExecutor(1, thread_name_prefix="report", initializer=html.begin) as writer,
        ThreadPoolExecutor(parallel, thread_name_prefix="page") as pages,
    ):
        under_way: dict[Future[Any], int] = {pages.submit(work, position): position for position in range(len(jobs))}
        writer.submit(int)

        def finish() -> Generator[Result]:
            for future in _as_finished(under_way):
                position, found = under_way[future], future.result()
                if isinstance(found, Outcome):
                    under_way[writer.submit(_written, jobs[position], found, out)] = position
                else:
                    results[position] = found
                del under_way[future]
                if position in results:
                    yield results[position]

        try:
            for result in finish():
                progress.finished(result)
        except BaseException:
            for session in sessions:
                session.cancel()
            raise
        finally:
            for _ in finish():  # after Ctrl-C: what is finished stays, and its report is written
                pass
            ordered = [results[position] for position in range(len(jobs))]
            _gather(ordered, out=out, before=before)
    return ordered


def default_parallel() -> int:
    """Two pages at a time, or one on a single core."""
    return min(2, os.cpu_count() or 1)


def headlines(results: Iterable[Result]) -> "pd.DataFrame":
    """Every figure of every page; a page without figures has one row that tells its status.

    Returns:
        run, page, status, name, value, low, high, n, unit.
    """
    import pandas as pd

    blank: dict[str, Any] = {"name": "", "value": None, "low": None, "high": None, "n": None, "unit": ""}
    rows = [
        {"run": result.job.run, "page": result.job.page.name, "status": result.status, **figure}
        for result in results
        for figure in (result.headline or [blank])
    ]
    figures = {"value": "float64", "low": "float64", "high": "float64", "n": "Int64"}
    return pd.DataFrame(rows, columns=compare.COLUMNS).astype(figures)


def _as_finished(under_way: Mapping[Future[Any], int]) -> Generator[Future[Any]]:
    """Futures as they finish, those added meanwhile too; short waits, so that Ctrl-C is heard on Windows."""
    while under_way:
        done, _ = wait(under_way, timeout=0.2, return_when=FIRST_COMPLETED)
        yield from done


def _executed(job: Job, session: Session, timeout_seconds: float) -> Result | Outcome:
    """What executing one job brings: an outcome, or why there is none."""
    try:
        made_from = resume.made_from(job)  # before it is read: what changes meanwhile counts as changed
        outcome = execute(job.page, job.given, timeout_seconds=timeout_seconds, session=session)
        if outcome.status == "ok":
            resume.mark(outcome.notebook, made_from, outcome.facts)
    except Exception as error:  # a broken notebook file must not stop the other pages
        return Result(job, "failed", f"{type(error).__name__}: {error}")
    return outcome


def _written(job: Job, outcome: Outcome, out: Path) -> Result:
    """The result of a job, its notebook and report written."""
    page, notebook = out / f"{job.target}.html", out / f"{job.target}.ipynb"
    link = ""
    try:
        if outcome.status in {"ok", "failed"}:
            from nbformat import v4

            tables.write_text(v4.writes(outcome.notebook) + "\n", notebook)
            tables.write_text(html.render(outcome.notebook, _head(job, outcome)), page)
            link = f"{job.target}.html"
        else:
            # What an earlier run left there would pass for this one's.
            page.unlink(missing_ok=True)
            notebook.unlink(missing_ok=True)
    except OSError as error:
        return Result(job, "failed", f"Its report could not be written: {error.strerror or error}. {_REMEDY}")
    except Exception as error:  # what one notebook holds must not cost the other reports
        return Result(job, "failed", f"{type(error).__name__}: {error}")
    figures = outcome.headline if outcome.status == "ok" else []
    return Result(job, outcome.status, outcome.reason, figures, outcome.facts, outcome.seconds, link)


@contextlib.contextmanager
def _told_to_kernels(told: Mapping[str, str]) -> Generator[None]:
    """While it lasts, these environment variables are set, and kernels inherit them."""
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _kept(job: Job, out: Path) -> Result | None:
    """The result of a job that an earlier run finished."""
    notebook = resume.finished(job, out)
    if notebook is None:
        return None
    told = resume.facts(notebook)
    figures = Outcome("ok", notebook).headline
    return Result(job, "ok", "Finished before.", figures, told, link=f"{job.target}.html")


def _head(job: Job, outcome: Outcome) -> html.Head:
    effective = job.effective
    facts = {"data": outcome.facts.get("data") or effective.pop("data", "")}
    facts["as of"] = outcome.facts.get("as_of") or effective.get("as_of", "")
    facts |= {name: value for name, value in effective.items() if name not in {"data", "as_of"}}
    return html.Head(
        run=job.run,
        page=job.page.name,
        title=job.page.title,
        facts=[(name.replace("_", " "), str(value)) for name, value in facts.items() if value not in ("", None)],
        reason=outcome.reason,
        index="../" * (job.target.count("/")) + "index.html",
        notebook=Path(job.target).name + ".ipynb",
    )


def _gather(results: Sequence[Result], *, out: Path, before: "pd.DataFrame | None") -> None:
    """Write what covers all jobs.

    Raises:
        OpskitError: It cannot be written.
    """
    try:
        _write_overview(results, out=out, before=before)
    except OSError as error:
        raise OpskitError(f"index.html could not be written in {out}: {error.strerror or error}. {_REMEDY}") from error


def _write_overview(results: Sequence[Result], *, out: Path, before: "pd.DataFrame | None") -> None:
    figures = headlines(results)
    tables.write_table(figures, out / "headlines.csv")
    changed = compare.changes(figures, before) if before is not None else None
    if changed is not None:
        tables.write_table(changed, out / "changes.csv")
    else:
        (out / "changes.csv").unlink(missing_ok=True)
    tables.write_text(index.render(results, changed), out / "index.html")
