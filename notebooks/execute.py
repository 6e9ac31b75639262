"""Execute the page notebooks and store them with their outputs, byte for byte the same on every run.

    python notebooks/execute.py                      every page
    python notebooks/execute.py overview loyalty     one page, or every page of a topic
    python notebooks/execute.py --check              change nothing; show what would change and exit with 1

Code cells are formatted with ruff, cells get ids by position, and what differs between machines (timings, widget
state, patch-level versions) is not stored.
"""

import argparse
import difflib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError

FOLDER = Path(__file__).resolve().parent
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
WIDGET = "application/vnd.jupyter.widget-view+json"
SHOWN_DIFF_LINES = 40


def find(pages: list[str]) -> list[Path]:
    """The notebooks of the pages, or all of them."""
    paths = sorted(path for path in FOLDER.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
    if not pages:
        return paths
    names = {path.relative_to(FOLDER).with_suffix("").as_posix(): path for path in paths}
    wanted = [page.removeprefix("notebooks/").removesuffix(".ipynb").rstrip("/") for page in pages]
    if missing := [page for page in wanted if not any(name == page or name.startswith(f"{page}/") for name in names)]:
        sys.exit(f"error: no page {missing[0]!r}; there are {', '.join(names) or 'none'}.")
    return [path for name, path in names.items() if any(name == page or name.startswith(f"{page}/") for page in wanted)]


def formatted(path: Path) -> nbformat.NotebookNode:
    """The notebook with ruff-formatted code, no outputs and ids by position."""
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(path), "-"]
    run = subprocess.run(command, input=path.read_bytes(), capture_output=True, check=False, cwd=FOLDER)  # noqa: S603
    if run.returncode:
        sys.exit(f"error: ruff cannot format {path.name}: {run.stderr.decode(errors='replace').strip()}")
    notebook = nbformat.reads(run.stdout.decode(), as_version=4)
    for position, cell in enumerate(notebook.cells, start=1):
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        cell.id = f"cell-{position:02d}"
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata, notebook.nbformat_minor = nbformat.from_dict(METADATA), 5
    return notebook


def executed(notebook: nbformat.NotebookNode, *, timeout_seconds: int) -> nbformat.NotebookNode:
    """The notebook with outputs; it runs in an empty folder, so that only named data can be found."""
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=timeout_seconds,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,
            store_widget_state=False,
            extra_arguments=["--log-level=40"],
            resources={"metadata": {"path": folder}},
        )
        client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if WIDGET not in output.get("data", {})]
    notebook.metadata = nbformat.from_dict(METADATA)
    return notebook


def text_of(notebook: nbformat.NotebookNode) -> str:
    """The notebook as it is stored: sorted keys, one space of indent, a newline at the end."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook, version=4).rstrip("\n") + "\n"


def show_difference(old: str, new: str, name: str) -> None:
    """Print the first changed lines, long ones cut."""
    old_name, new_name = f"{name} stored", f"{name} now"
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), old_name, new_name, n=1, lineterm=""))
    for line in lines[:SHOWN_DIFF_LINES]:
        print("   ", line[:160])
    if len(lines) > SHOWN_DIFF_LINES:
        print(f"    … and {len(lines) - SHOWN_DIFF_LINES} more lines")


def main() -> int:
    """Execute the pages; 1 when one fails, or when --check finds a difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="overview, loyalty, loyalty/retention, …")
    parser.add_argument("--check", action="store_true", help="change nothing, show what would change, exit with 1")
    parser.add_argument("--timeout-seconds", type=int, default=600, help="longest time of one cell")
    options = parser.parse_args()
    bad = 0
    for path in find(options.pages):
        name, started = path.relative_to(FOLDER).as_posix(), time.perf_counter()
        try:
            new = text_of(executed(formatted(path), timeout_seconds=options.timeout_seconds))
        except (CellExecutionError, CellTimeoutError) as error:
            print(f"FAILED   {name}\n{error}")
            bad += 1
            continue
        old = path.read_text(encoding="utf-8")
        state = "same" if new == old else "differs" if options.check else "stored"
        print(f"{state:8} {name}  {time.perf_counter() - started:.1f} s  {len(new.encode()) / 1000:.0f} kB")
        if new != old and options.check:
            show_difference(old, new, name)
            bad += 1
        elif new != old:
            path.write_text(new, encoding="utf-8", newline="\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.exit(main())
