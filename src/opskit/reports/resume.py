"""Which reports of an earlier run are what running their pages again would give."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import opskit
from opskit.reports.plan import Job, opened

_MARK = "opskit"


def mark(notebook: Any, made_from: str, facts: dict[str, str]) -> None:
    """Note in a finished page's notebook what it was made from."""
    notebook.metadata[_MARK] = {"made_from": made_from, "facts": facts}


def finished(job: Job, out: Path) -> Any:
    """The notebook of the job in the folder, if its report is there and was made from the same; else None.

    The same are the page, its parameters, opskit's version, and the files that the data are read from (by name, size
    and time of change) or the rows of a database.
    """
    stored = out / f"{job.target}.ipynb"
    if not (stored.is_file() and (out / f"{job.target}.html").is_file()):
        return None
    from nbformat import v4

    notebook = v4.reads(stored.read_text(encoding="utf-8"))
    marked = notebook.metadata.get(_MARK, {})
    return notebook if marked.get("made_from") == made_from(job) else None


def facts(notebook: Any) -> dict[str, str]:
    """What the page's kernel told when it ran."""
    return dict(notebook.metadata[_MARK]["facts"])


def made_from(job: Job) -> str:
    """What a job's report is made from, as a checksum."""
    parameters = job.effective
    data = str(parameters.get("data") or "")
    read = _read_from(data, str(parameters.get("where") or "")) if data else ""
    parts = [opskit.__version__, _text(job.page.path), json.dumps(parameters, sort_keys=True, default=str), read]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _read_from(data: str, where: str) -> str:
    return opened(data, where).fingerprint
