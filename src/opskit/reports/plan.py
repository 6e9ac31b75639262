"""Which pages run with which parameters: all of it checked before the first one starts."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import opskit
from opskit.dataset.address import concealed, database_name, is_address
from opskit.dataset.opening import parse_where
from opskit.errors import OpskitError, check
from opskit.reports import parameters
from opskit.reports.pages import Page

if TYPE_CHECKING:
    from opskit.dataset.dataset import Dataset

_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class _Draft:
    """A job before its run has a name that no other run has."""

    data: str
    marks: tuple[str, ...]
    page: Page
    typed: dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One page to run with one set of parameters."""

    run: str
    page: Page
    given: Mapping[str, Any]
    folder: str

    @property
    def target(self) -> str:
        """Where its report goes, relative to the output folder and without suffix."""
        return f"{self.folder}/{self.page.name}"

    @property
    def effective(self) -> dict[str, Any]:
        """Every parameter's value: those given over the page's defaults."""
        return {name: each.default for name, each in parameters.declared(self.page).items()} | dict(self.given)


def plan(
    pages: Sequence[Page],
    *,
    data: Sequence[str] = (),
    options: Mapping[str, str] | None = None,
    each: str = "",
    batch: Path | None = None,
) -> list[Job]:
    """The jobs of one invocation.

    Args:
        pages: Pages to run, each for every parameter set.
        data: Datasets by name, path or address; passwords in addresses stay out of the jobs. None: each page's own default.
        options: Parameter values as text, for all runs.
        each: Attribute whose values make one run each, through `where`.
        batch: Table whose columns are parameters and whose rows are runs.

    Raises:
        OpskitError: A parameter is unknown or ill-typed, a dataset cannot be opened, or the same parameter comes
            from two places.
    """
    options = dict(options or {})
    rows = parameters.from_batch(batch) if batch else [{}]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    for name in columns:
        if name in options or (name == "data" and data):
            raise OpskitError(f"{name} is given both by the batch file and on the command line: keep one of them.")
    if "data" in options and data:
        raise OpskitError("data is given both by --data and by -p: keep one of them.")
    parameters.refuse_unknown(options, pages)
    parameters.refuse_unknown(columns, pages, source=batch.name if batch else "")
    drafts: list[_Draft] = []
    for number, row in enumerate(rows, start=2):
        source = f"row {number} of {batch.name}" if batch else ""
        for dataset in data or [""]:
            given = options | row | ({"data": dataset} if dataset else {})
            if "data" in given:
                given["data"] = concealed(given["data"])
            for page in pages:
                drafts += _drafts(page, given, row, each=each, source=source)
    return _placed(drafts)


def _drafts(
    page: Page, given: Mapping[str, str], row: Mapping[str, str], *, each: str, source: str
) -> Iterator[_Draft]:
    """The page with its typed parameters; several when `each` splits them."""
    typed = parameters.check(page, given, source=source)
    effective = {name: p.default for name, p in parameters.declared(page).items()} | typed
    for where in _wheres(page, effective, each):
        if where:
            typed = parameters.check(page, {**typed, "where": where}, source=source)
        _check_shared({**effective, **typed}, source)
        filtered = str(typed.get("where", effective.get("where", "")))
        marks = [f"{name}={value}" for name, value in row.items() if name not in {"data", "where"}]
        yield _Draft(str(effective.get("data", page.name)), tuple(filter(None, [filtered, *marks])), page, typed)


def _wheres(page: Page, effective: Mapping[str, Any], each: str) -> list[str]:
    """The `where` of every run: "" to leave it, or one for each value of the attribute."""
    if not each:
        return [""]
    if "data" not in effective:
        raise OpskitError(f"--each {each} needs a parameter 'data', which {page.name} lacks.")
    if each in parse_where(str(effective.get("where") or "")):
        raise OpskitError(
            f"--each {each} and where == {effective['where']!r} filter by the same column: keep one of them."
        )
    opened = {name: str(effective.get(name) or "") for name in ("data", "as_of", "where")}
    values = _values(opened["data"], opened["as_of"], opened["where"], each)
    if split := [value for value in values if ";" in value]:
        raise OpskitError(f"{each} has the value {split[0]!r}, and ';' joins conditions in where: rename that value.")
    return ["; ".join(filter(None, [opened["where"], f"{each}={value}"])) for value in values]


@cache
def _values(data: str, as_of: str, where: str, column: str) -> list[str]:
    values = opskit.open(data, as_of=as_of, where=where).values(column)
    if not values:
        raise OpskitError(f"--each {column}: {data} has no value in {column!r}.")
    return list(values)


def _check_shared(effective: Mapping[str, Any], source: str) -> None:
    """What every page would refuse anyway, refused now."""
    place = f"{source}: " if source else ""
    try:
        if as_of := effective.get("as_of"):
            _check_day(str(as_of))
        if isinstance(effective.get("confidence"), float):
            check(effective["confidence"], "confidence", gt=0, lt=1)
        if "data" in effective:
            opened(*(str(effective.get(name) or "") for name in ("data", "where")))
    except OpskitError as error:
        raise OpskitError(f"{place}{error}") from error


def _check_day(text: str) -> None:
    try:
        dt.date.fromisoformat(text)
    except ValueError as error:
        raise OpskitError(f"as_of == {text!r}, must be a day written YYYY-MM-DD, or empty.") from error


@cache
def opened(data: str, where: str) -> "Dataset":
    """The dataset, once it is known to be there and to have the filter; tables are read when first used."""
    return opskit.open(data, where=where)


def _placed(drafts: list[_Draft]) -> list[Job]:
    """Jobs with readable run names and folders; different runs never share either."""
    labels = _labels([draft.data for draft in drafts])
    jobs: list[Job] = []
    folders: dict[str, str] = {}
    for draft in drafts:
        run = once = " · ".join([labels[draft.data], *draft.marks])
        repeat = 1
        while any(job.run == run and job.page.name == draft.page.name for job in jobs):
            repeat += 1
            run = f"{once} ({repeat})"
        folders.setdefault(run, _unused(_folder(run), set(folders.values())))
        jobs.append(Job(run, draft.page, draft.typed, folders[run]))
    return jobs


def _labels(datasets: list[str]) -> dict[str, str]:
    """A short name for each dataset: the file's stem or the folder, or what was typed when two would be alike."""

    def short(data: str) -> str:
        if is_address(data):
            return database_name(data)
        path = Path(data)
        stem = path.resolve().parent.name if path.suffix == ".toml" else path.stem if path.suffix else path.name
        return stem or path.resolve().name or data

    names = {data: short(data) for data in datasets}
    return {data: name if list(names.values()).count(name) == 1 else data for data, name in names.items()}


def _folder(run: str) -> str:
    """The run's name as a folder that every system accepts."""
    name = re.sub(r'[<>:"/\\|?*\x00-\x1f]+', "-", run.replace(" · ", "_").replace("; ", "_")).strip(" .-")[:80]
    return f"_{name}" if not name or _RESERVED.fullmatch(name) else name


def _unused(folder: str, taken: set[str]) -> str:
    lower, unused, number = {name.lower() for name in taken}, folder, 1
    while unused.lower() in lower:
        number += 1
        unused = f"{folder}-{number}"
    return unused
