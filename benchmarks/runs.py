"""A report set per branch: `opskit run --each` against papermill called in a loop; figures are compared before times.

python -m benchmarks.runs --branches 30 --page loyalty/retention

papermill's loop is the one its documentation shows; it writes notebooks only, opskit HTML and an index as well.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from opskit.dataset.opening import named_datasets
from opskit.reports.pages import pages


def branches(folder: Path, count: int) -> Path:
    """The sample shop, its customers dealt out among branches."""
    shop = named_datasets()["shop"]
    target = folder / "shop"
    shutil.copytree(shop, target)
    customers = (shop / "customers.parquet").as_posix()
    duckdb.sql(
        f"copy (select *, 'branch ' || lpad((hash(customer_id) % {count})::varchar, 2, '0') as branch from '{customers}') "
        f"to '{(target / 'customers.parquet').as_posix()}'"
    )
    return target


def ours(data: Path, page: str, out: Path, jobs: int) -> dict[str, Any]:
    """Headline by branch, of `opskit run`."""
    command = [sys.executable, "-m", "opskit", "run", page, "--data", str(data), "--each", "branch"]
    command += ["--jobs", str(jobs), "--out", str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    found = {path: headline(path) for path in out.rglob("*.ipynb")}
    return {path.relative_to(out).parts[0].rpartition("=")[2]: figures for path, figures in found.items()}


LOOP = """import sys
import papermill
page, data, out, *names = sys.argv[1:]
for name in names:
    papermill.execute_notebook(page, f"{out}/{name}.ipynb", {"data": data, "where": f"branch={name}"}, progress_bar=False)
"""


def loop(data: Path, page: str, out: Path, names: list[str]) -> dict[str, Any]:
    """Headline by branch, of papermill in a loop."""
    out.mkdir()
    path = str(pages()[page].path)
    command = [sys.executable, "-c", LOOP, path, str(data), str(out), *names]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)  # noqa: S603
    return {path.stem: headline(path) for path in out.glob("*.ipynb")}


def headline(path: Path) -> Any:
    """The figures that a page stored."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    return next(data["application/json"]["headline"] for data in outputs if "application/json" in data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--branches", type=int, default=30)
    parser.add_argument("--page", default="loyalty/retention")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = branches(Path(folder), options.branches)
        mine, own = _timed(lambda: ours(data, options.page, Path(folder) / "ours", options.jobs))
        theirs, other = _timed(lambda: loop(data, options.page, Path(folder) / "loop", sorted(mine)))
    assert mine == theirs, "the figures differ"
    case = f"{len(mine)} of {options.page}, {options.jobs} jobs"
    print(json.dumps({"case": case, "ours": own, "theirs": other}))


def _timed(run: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], dict[str, float]]:
    """What it finds, and the seconds on the clock: kernels that are forked are nobody's children to add up."""
    started = time.perf_counter()
    found = run()
    return found, {"wall": time.perf_counter() - started}


if __name__ == "__main__":
    main()
