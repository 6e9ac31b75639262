"""Time every row-level function beside SQL written by hand, on the sample shop made large.

python -m benchmarks                                       everything at 10^6 and 10^7 rows
python -m benchmarks events stages --rows 100000000        two groups at 10^8 rows
python -m benchmarks events --rows 100000000 --memory-limit 2GB
python -m benchmarks peers                                 beside lifetimes, clvkit, retentioneering, ...
python -m benchmarks runs                                  a report set per branch beside papermill in a loop

Answers are compared before times. Each case runs in a process of its own. Results join those of earlier runs in
benchmarks/results.json, from which benchmarks/README.md and its chart are made.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
from benchmarks import made, report
from benchmarks.case import groups

FOLDER = Path(__file__).parent
APART = ("peers", "runs")
"""Comparisons that are modules of their own."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join([*groups(), *APART])}; all of them if none is given")
    parser.add_argument("--rows", type=int, action="append", help="10^6 and 10^7 if not given")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--data", type=Path, default=FOLDER / "data", help="where the shops are kept between runs")
    parser.add_argument(
        "--memory-limit", default="", help="of DuckDB, for both sides, such as 2GB; the rest goes to disk"
    )
    given = parser.parse_args()
    unknown = set(given.names) - {*groups(), *APART}
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: not among {', '.join([*groups(), *APART])}")
    failed: list[str] = []
    for name in given.names or [*groups(), *APART]:
        try:
            if name in APART:
                for found in _run(f"benchmarks.{name}", *(["--data", str(given.data)] if name == "peers" else [])):
                    report.add(FOLDER, {"group": name, **found})
            else:
                for rows in given.rows or (10**6, 10**7):
                    _time(name, rows, given)
        except subprocess.CalledProcessError as error:  # the others are timed all the same
            failed.append(f"{' '.join(error.cmd[2:])} failed:\n{error.stderr[-3000:]}")
    report.write(FOLDER)
    if failed:
        raise SystemExit("\n\n".join(failed))


def _time(name: str, rows: int, given: argparse.Namespace) -> None:
    group = groups()[name]
    shop = made.tables(given.data, group.TABLES, counted=group.ROWS, rows=rows)
    options = ["--shop", str(shop), "--repeats", str(given.repeats), "--memory-limit", given.memory_limit]
    for case in _names(name, shop):
        people = ["--people"] if rows <= 10**7 and not given.memory_limit else []
        (found,) = _run("benchmarks.measure", name, case, *options, *people)
        report.add(
            FOLDER, {"group": name, "case": case, "memory_limit": given.memory_limit, "counted": group.ROWS, **found}
        )
        ours, by_hand = found["ours"]["cpu"], found["by_hand"]["cpu"]
        told = f"{ours:8.2f} {by_hand:8.2f} {ours / by_hand:6.2f}x   {found['memory']:.2f} GB"
        print(f"{found['rows']:>12,} {group.ROWS:12} {name + ': ' + case:40} {told}", flush=True)


def _names(name: str, shop: Path) -> list[str]:
    """Cases of a group; its views need not hold rows for that."""
    group = groups()[name]
    con = duckdb.connect()
    for table, columns in group.TABLES.items():
        con.sql(f"create view {table} as select {columns} from '{shop / table}.parquet'")
    return list(group.cases(con))


def _run(module: str, *arguments: str) -> list[dict[str, Any]]:
    """JSON objects that a module prints, one a line."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


if __name__ == "__main__":
    main()
