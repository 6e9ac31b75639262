"""The command line: thin commands over the package; heavy imports wait until a command needs them."""

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from opskit.errors import OpskitError, check

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

app = typer.Typer(
    name="opskit",
    help="Customer operations: run parameterized reports on your own data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command(name="list")
def list_pages() -> None:
    """Show the pages: the question each one answers and the tables it reads."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from opskit.reports.pages import pages

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("Page", "Question", "Tables"):
        table.add_column(column, overflow="fold")
    for page in pages().values():
        table.add_row(Text(page.name), Text(page.question), Text(", ".join(page.tables)))
    Console().print(table)


@app.command()
def run(
    pages: Annotated[
        list[str] | None,
        typer.Argument(metavar="PAGE", help="overview, loyalty, loyalty/retention, ./mine.ipynb; none: all pages."),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="Dataset: a name (shop), path or postgresql://…; repeat it for several.", show_default="shop"
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("-p", metavar="NAME=VALUE", help="Set a parameter of the pages; repeatable.")
    ] = None,
    each: Annotated[str, typer.Option(metavar="COLUMN", help="One report set per value of this attribute.")] = "",
    batch: Annotated[
        Path | None, typer.Option(help="CSV or Excel table: columns are parameters, each row is a run.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Pages at the same time.", show_default="2")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the reports.")] = Path("reports"),
    compare: Annotated[Path | None, typer.Option(help="Output folder of an earlier run to compare with.")] = None,
    engine: Annotated[
        str,
        typer.Option(
            envvar="OPSKIT_ENGINE",
            help="What works the tables out: duckdb, or spark ([spark] in opskit.toml says where).",
        ),
    ] = "duckdb",
    resume: Annotated[
        bool, typer.Option("--resume", help="Run only what an earlier run of the same left unfinished in --out.")
    ] = False,
    timeout_seconds: Annotated[float, typer.Option(help="Longest time of one cell.")] = 600,
) -> None:
    """Run pages on your data and write one HTML report each, index.html and headlines.csv.

    Exit code: 0 all well (a page whose tables are missing or too small is skipped), 1 a page failed, 2 wrong usage.
    """
    from rich.console import Console

    from opskit.reports import compare as comparing
    from opskit.reports import folder, progress, runner
    from opskit.reports import pages as finding
    from opskit.reports import plan as planning

    check(timeout_seconds, "--timeout-seconds", gt=0)
    parallel = runner.default_parallel() if jobs is None else jobs
    check(parallel, "--jobs", ge=1)
    check(engine, "--engine", among=("duckdb", "spark"))
    chosen = finding.resolve(pages or [], finding.pages())
    planned = planning.plan(
        chosen, data=data or [], options=planning.parameters.from_options(parameter or []), each=each, batch=batch
    )
    before = comparing.read_headlines(compare) if compare else None
    folder.usable(out)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console()
    shown = progress.Bar(len(planned), console) if console.is_terminal else progress.Lines(len(planned))
    index = (out / "index.html").resolve()
    try:
        with shown:
            results = runner.run(
                planned,
                out=out,
                progress=shown,
                parallel=parallel,
                timeout_seconds=timeout_seconds,
                before=before,
                keep_finished=resume,
                engine=engine,
            )
    except KeyboardInterrupt:
        typer.echo(f"Stopped. What was finished is in {index}; --resume goes on from there.", err=True)
        raise typer.Exit(130) from None
    progress.summary(results, console)
    typer.echo(f"Open {index}")
    raise typer.Exit(1 if any(result.status == "failed" for result in results) else 0)


@app.command()
def init(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Exports of yours: CSV, Excel, Parquet, JSON lines, a database file, postgresql://user@host/db."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder for opskit.toml.", show_default="the first file's, or this one")
    ] = None,
    force: Annotated[bool, typer.Option(help="Replace an opskit.toml that is there.")] = False,
) -> None:
    """Guess which column is which (English and Chinese) and write a first opskit.toml."""
    from opskit.dataset import propose, write_proposal
    from opskit.dataset.address import is_address

    folder = out or (Path.cwd() if is_address(files[0]) else Path(files[0]).resolve().parent)
    proposal = propose(files, base=folder)
    target = write_proposal(proposal, folder, force=force)
    for note in proposal.notes:
        typer.echo(f"  {note}")
    if proposal.unknown:
        typer.echo("Not found; fill it in there before you run:")
        for gap in proposal.unknown:
            typer.echo(f"  {gap}")
    typer.echo("Not in the files; add it there if the reports should know it: currency, timezone, as_of (last day).")
    typer.echo(f"Wrote {target}. Next: opskit check {target.parent}, then opskit run --data {target.parent}")


@app.command(name="check")
def check_data(
    data: Annotated[str, typer.Argument(help="Dataset: a name (shop), a path or postgresql://user@host/db.")],
    as_of: Annotated[str, typer.Option(help="Last day that counts, YYYY-MM-DD.")] = "",
    out: Annotated[Path | None, typer.Option(help="Write the violations to this CSV, Excel or Parquet file.")] = None,
) -> None:
    """List everything in the data that breaks the contract, with counts and masked examples.

    Exit code: 0 nothing worse than rows left out or odd values, 1 errors, 2 the data cannot be opened.
    """
    from rich.console import Console

    import opskit

    dataset = opskit.open(data, as_of=as_of)
    console = Console()
    console.print(f"{dataset.name}, as of {dataset.as_of} ({dataset.as_of_source})", style="bold", highlight=False)
    console.print(_shown(dataset.used()))
    violations = dataset.check()
    for note in dataset.notes:
        console.print(f"note: {note}", markup=False, highlight=False)
    if violations.empty:
        console.print("No violation of the contract.")
    else:
        where = violations["table"].str.cat(violations["column"], sep=".").str.rstrip(".")
        told = violations.assign(where=where, share=violations["share"].map("{:.2%}".format))
        console.print(_shown(told[["where", "rule", "severity", "rows", "share", "examples", "remedy"]]))
    if out is not None:
        from opskit.reports.tables import write_table

        write_table(violations, out)
    broken = violations["severity"].eq("error") | violations["rule"].eq("cannot be read")
    raise typer.Exit(1 if broken.any() else 0)


@app.command()
def template(
    tables: Annotated[list[str] | None, typer.Argument(help="Tables of the contract.", show_default="orders")] = None,
    out: Annotated[Path, typer.Option(help="A workbook (.xlsx) or a folder of CSV files.")] = Path("opskit.xlsx"),
    force: Annotated[bool, typer.Option(help="Replace files that are there.")] = False,
) -> None:
    """Write empty tables to fill in, with the meaning of every column beside them; level_design is a file of settings."""
    from opskit import contract
    from opskit.incentives import level_system

    names = tables or ["orders"]
    empty = [name for name in names if f"{name}.toml" != level_system.FILE_NAME]
    written = contract.write_template(empty, out, force=force) if empty else []
    written += [level_system.write_template(out, force=force)] if len(empty) < len(names) else []
    for path in written:
        typer.echo(f"Wrote {path}")


@app.command()
def copy(page: Annotated[str, typer.Argument(help="overview, loyalty/retention, …")]) -> None:
    """Copy a page's notebook into the current folder, to edit it and run it as your own."""
    from opskit.reports import pages as finding

    found = finding.resolve([page], finding.pages())
    if len(found) != 1:
        raise OpskitError(f"{page} is a topic of {len(found)} pages: name one of {', '.join(p.name for p in found)}.")
    target = Path.cwd() / found[0].path.name
    try:
        with target.open("xb") as file:
            file.write(found[0].path.read_bytes())
    except FileExistsError:
        raise OpskitError(f"{target.name} is already here: rename or move it first.") from None
    typer.echo(f"Edit {target.name}, then: opskit run ./{target.name}")


@app.command()
def sample(
    out: Annotated[Path, typer.Argument(help="Folder to write to.")],
    customers: Annotated[int, typer.Option(help="Accounts, prospects included.")] = 4000,
    months: Annotated[int, typer.Option(help="Whole months, the last one December 2025.")] = 24,
    seed: Annotated[int, typer.Option(help="Another seed draws other customers from the same truth.")] = 7,
    truth: Annotated[Path | None, typer.Option(help="JSON file that overrides planted parameters.")] = None,
) -> None:
    """Write a fictional shop whose truth is known, for practice, teaching and benchmarks."""
    from opskit import sample as shop

    folder = shop.write(out, customers=customers, months=months, seed=seed, truth=truth)
    typer.echo(f"Wrote {folder.resolve()}. Try: opskit run --data {folder}")


def _shown(frame: "pd.DataFrame") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in frame:
        table.add_column(str(column), overflow="fold", justify="right" if frame[column].dtype.kind in "iuf" else "left")
    for row in frame.itertuples(index=False):
        table.add_row(*(Text(f"{value:,}" if isinstance(value, int) else str(value)) for value in row))
    return table


def main() -> None:
    """Entry point: every failure is one sentence, never a bare traceback."""
    for stream in (sys.stdout, sys.stderr):
        _never_fail_to_print(stream)
    try:
        app()
    except OpskitError as error:
        typer.echo(f"error: {_without_passwords(str(error))}", err=True)
        sys.exit(2)
    except Exception as error:  # the last line of defence
        told = _without_passwords(f"{type(error).__name__}: {error}")
        typer.echo(f"error: {told} (full traceback in {_saved_traceback()})", err=True)
        sys.exit(3)


def _without_passwords(text: str) -> str:
    """The text as it may be printed: an address mistyped on the command line is in its error."""
    from opskit.dataset.address import masked

    return masked(text)


def _never_fail_to_print(stream: TextIO) -> None:
    """On a console that lacks a character, a question mark is better than a crash."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")


def _saved_traceback() -> Path:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="opskit-error-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(_without_passwords(traceback.format_exc()))
    return Path(file.name)
