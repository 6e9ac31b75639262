"""A run that was cut short goes on where it stopped, and two runs never write into one folder."""

import errno
import os
from pathlib import Path

import pandas as pd
import pytest

from opskit import OpskitError
from opskit.reports import folder, runner, tables
from opskit.reports.pages import Page
from opskit.reports.plan import opened, plan
from opskit.reports.resume import _read_from, _text


class Silent:
    def started(self, job):
        """Nothing."""

    def finished(self, result):
        """Nothing."""


@pytest.fixture
def shop(tmp_path, write_page):
    """Two pages that count how often they ran; `later` needs a file. A function runs them as a new process would."""
    data = tmp_path / "data"
    data.mkdir()
    pd.DataFrame({"customer_id": ["A", "B"], "ordered_at": ["2025-01-03", "2025-01-05"], "revenue": [1, 2]}).to_csv(
        data / "orders.csv", index=False
    )
    count = f"open(r'{tmp_path}/{{name}}', 'a').write('x')"
    first = write_page(tmp_path / "first.ipynb", count.format(name="first"))
    later = write_page(tmp_path / "later.ipynb", count.format(name="later") + f"\nopen(r'{tmp_path}/needed').close()")

    def run(confidence="0.95", **options):
        for cached in (opened, _read_from, _text):
            cached.cache_clear()
        pages = [Page("first", first), Page("later", later)]
        jobs = plan(pages, data=[str(data)], options={"confidence": confidence})
        given = {"out": tmp_path / "out", "progress": Silent(), "parallel": 1, "timeout_seconds": 60}
        folder.usable(tmp_path / "out")
        results = runner.run(jobs, **given, **options)
        return [result.status for result in results], [len((tmp_path / p).read_text()) for p in ("first", "later")]

    return run


def test_only_what_is_missing_is_run(shop, tmp_path):
    assert shop() == (["ok", "failed"], [1, 1])
    (tmp_path / "needed").touch()
    before = (tmp_path / "out/data/first.html").read_bytes()
    assert shop(keep_finished=True) == (["ok", "ok"], [1, 2])
    assert (tmp_path / "out/data/first.html").read_bytes() == before
    assert shop(keep_finished=True) == (["ok", "ok"], [1, 2])
    assert shop() == (["ok", "ok"], [2, 3])  # without the option everything runs


def test_what_was_made_from_something_else_is_run_again(shop, tmp_path):
    (tmp_path / "needed").touch()
    assert shop() == (["ok", "ok"], [1, 1])
    assert shop("0.9", keep_finished=True)[1] == [2, 2]
    (tmp_path / "data/orders.csv").write_text("customer_id,ordered_at,revenue\nA,2025-01-03,1\n")
    assert shop("0.9", keep_finished=True)[1] == [3, 3]
    page = tmp_path / "first.ipynb"
    page.write_text(page.read_text().replace("'a'", "'a' "))
    assert shop("0.9", keep_finished=True)[1] == [4, 3]
    (tmp_path / "out/data/later.html").unlink()
    assert shop("0.9", keep_finished=True)[1] == [4, 4]


def test_a_kept_page_keeps_its_figures(write_page, tmp_path):
    figure = "import pandas as pd\nfrom opskit import reports\n"
    figure += "reports.headline(pd.DataFrame([dict(name='N', value=3.0, low=1, high=5, n=9, unit='')]))"
    jobs = plan([Page("figure", write_page(tmp_path / "figure.ipynb", ("headline", figure)))])
    given = {"out": tmp_path / "out", "progress": Silent(), "parallel": 1, "timeout_seconds": 60}
    folder.usable(tmp_path / "out")
    (first,) = runner.run(jobs, **given)
    written = (tmp_path / "out/headlines.csv").read_bytes()
    (kept,) = runner.run(jobs, **given, keep_finished=True)
    assert kept.reason == "Finished before."
    assert first.headline
    assert (tmp_path / "out/headlines.csv").read_bytes() == written


def test_two_runs_do_not_write_into_one_folder(tmp_path):
    given = {"progress": Silent(), "parallel": 1, "timeout_seconds": 1}
    told = r"another run is writing there. Wait until it ends, or give another"
    with folder.claimed(tmp_path), pytest.raises(OpskitError, match=told):
        runner.run([], out=folder.usable(tmp_path), **given)
    with folder.claimed(tmp_path):
        pass  # given back


def test_a_full_disk_costs_no_finished_report(shop, tmp_path, monkeypatch):
    (tmp_path / "needed").touch()
    write = tables.write_text
    full = {"later.html"}

    def until_full(text: str, path: Path) -> None:
        if path.name in full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(text, path)

    monkeypatch.setattr(tables, "write_text", until_full)
    assert shop()[0] == ["ok", "failed"]
    out = tmp_path / "out"
    assert "Its report could not be written: No space left on device. Make room" in (out / "index.html").read_text()
    assert (out / "data/first.html").is_file()
    full.add("index.html")
    with pytest.raises(OpskitError, match=r"index.html could not be written in .*No space left.* with --resume\."):
        shop()
    assert not list(out.rglob(".*"))  # nothing half-written
    full.clear()
    assert shop(keep_finished=True)[0] == ["ok", "ok"]
