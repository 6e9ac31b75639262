import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from opskit import OpskitError
from opskit.dataset.shared import VARIABLE
from opskit.reports import folder, html, runner
from opskit.reports.pages import Page
from opskit.reports.plan import Job, plan

FIGURES = """import json
from IPython.display import display
rows = [{"name": "Customers", "value": 3, "low": None, "high": None, "n": 3, "unit": ""},
        {"name": "=cmd <script>alert(1)</script>", "value": confidence, "low": 0.1, "high": 1, "n": seed, "unit": "share"}]
display({"application/json": {"headline": rows}, "text/html": "<b>figures</b>", "text/plain": "figures"}, raw=True)"""
RAISES = "rows = {}\nrows['<img src=x onerror=alert(1)>']"
MISSING = (
    "from opskit import MissingTableError\nraise MissingTableError('shop has no table surveys. Add [tables.surveys].')"
)


class Heard:
    """Remembers what it is told."""

    def __init__(self):
        self.names = []

    def started(self, job):
        self.names.append(("started", job.page.name))

    def finished(self, result):
        self.names.append((result.status, result.job.page.name))


def job(page, **given):
    return Job("shop", page, given, "shop")


@pytest.fixture(scope="module")
def pages(tmp_path_factory, write_page):
    root = tmp_path_factory.mktemp("pages")
    cells = {
        "ok": [("headline", FIGURES), "import os; open_here = os.getcwd()"],
        "raising": ["print('before')", RAISES, "print('after')"],
        "missing": [MISSING],
        "endless": ["while True: pass"],
    }
    return {name: Page(name, write_page(root / f"{name}.ipynb", *code, title=name)) for name, code in cells.items()}


@pytest.fixture(scope="module")
def ran(pages, tmp_path_factory):
    """All kinds of pages run together, once for all tests: out folder, results by page, what was heard."""
    out, heard = tmp_path_factory.mktemp("reports") / "new", Heard()
    jobs = [
        job(pages["ok"], confidence=0.8, seed=11),
        *(job(pages[name]) for name in ("raising", "missing", "endless")),
    ]
    before = pd.DataFrame(
        [("shop", "ok", "ok", "Customers", 2.0, float("nan"), float("nan"), 2, "")],
        columns=["run", "page", "status", "name", "value", "low", "high", "n", "unit"],
    )
    results = runner.run(jobs, out=folder.usable(out), progress=heard, parallel=2, timeout_seconds=2, before=before)
    return out, {result.job.page.name: result for result in results}, heard


def test_one_page_does_not_stop_the_others(ran):
    _, results, heard = ran
    statuses = {name: result.status for name, result in results.items()}
    assert statuses == {"ok": "ok", "raising": "failed", "missing": "skipped", "endless": "failed"}
    assert sorted(heard.names) == sorted([*statuses_told(statuses), *(("started", name) for name in statuses)])


def statuses_told(statuses):
    return [(status, name) for name, status in statuses.items()]


def test_reasons_are_plain(ran):
    _, results, _ = ran
    assert results["ok"].reason == ""
    assert results["missing"].reason == "shop has no table surveys. Add [tables.surveys]."
    assert results["raising"].reason == "KeyError: '<img src=x onerror=alert(1)>'"
    assert results["endless"].reason.startswith("endless has a cell that was still running after 2 seconds.")


def test_parameters_reach_the_page(ran):
    _, results, _ = ran
    assert [(row["value"], row["n"]) for row in results["ok"].headline] == [(3, 3), (0.8, 11)]


def test_reports_and_notebooks_are_where_the_index_says(ran):
    out, results, _ = ran
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    reports = {f"shop/{name}.{suffix}" for name in ("ok", "raising", "endless") for suffix in ("html", "ipynb")}
    assert files == {*reports, "index.html", "headlines.csv", "changes.csv"}
    index = (out / "index.html").read_text(encoding="utf-8")
    for name, result in results.items():
        assert (f'href="{result.link}"' in index) == (name != "missing")
    assert "Add [tables.surveys]." in index


def test_a_failed_page_keeps_what_it_had(ran):
    out, _, _ = ran
    notebook = json.loads((out / "shop/raising.ipynb").read_text(encoding="utf-8"))
    assert "before" in json.dumps(notebook)
    assert "after\\n" not in json.dumps([cell.get("outputs") for cell in notebook["cells"]])
    report = (out / "shop/raising.html").read_text(encoding="utf-8")
    assert report.index("This page did not finish") < report.index("before")


def test_text_from_data_is_escaped_everywhere(ran):
    out, _, _ = ran
    for path in out.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        assert "<img src=x" not in page
        assert "<script>alert" not in page


def test_headlines_for_machines(ran):
    out, _, _ = ran
    with (out / "headlines.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["run", "page", "status", "name", "value", "low", "high", "n", "unit"]
    assert [(row["page"], row["status"]) for row in rows] == [
        ("ok", "ok"),
        ("ok", "ok"),
        ("raising", "failed"),
        ("missing", "skipped"),
        ("endless", "failed"),
    ]
    assert rows[1]["name"] == "'=cmd <script>alert(1)</script>"
    assert (float(rows[1]["value"]), rows[1]["n"], rows[0]["low"]) == (0.8, "11", "")


def test_changes_are_in_the_index_and_in_a_file(ran):
    out, _, _ = ran
    changed = pd.read_csv(out / "changes.csv").set_index("name")
    assert changed.loc["Customers", "change"] == 1
    index = (out / "index.html").read_text(encoding="utf-8")
    assert "Changes since the earlier run" in index
    assert "+50.0%" in index


def test_nothing_of_this_machine_is_written(ran, pages):
    out, _, _ = ran
    for path in out.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert os.environ["PATH"] not in text
            assert str(out) not in text
            if path.stem == "ok":
                assert str(pages["ok"].path.parent) not in text


def test_no_kernel_is_left(ran):
    assert not kernels(os.getpid())


def test_a_page_that_is_now_skipped_does_not_leave_its_old_report(pages, tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/missing.html").write_text("old")
    results = runner.run([job(pages["missing"])], out=tmp_path, progress=Heard(), parallel=1, timeout_seconds=60)
    assert [result.status for result in results] == ["skipped"]
    assert not (tmp_path / "shop/missing.html").exists()


def test_pages_run_isolated_and_in_the_callers_folder(write_page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = (
        "import builtins, os\nassert not hasattr(builtins, 'seen')\nbuiltins.seen = 1\nprint(os.path.exists('here'))"
    )
    (tmp_path / "here").touch()
    jobs = plan([Page(name, write_page(tmp_path / f"{name}.ipynb", source)) for name in ("a", "b")])
    results = runner.run(jobs, out=tmp_path / "out", progress=Heard(), parallel=1, timeout_seconds=60)
    assert [result.status for result in results] == ["ok", "ok"]
    assert "True" in (tmp_path / "out/shop/b.html").read_text(encoding="utf-8")


def test_pages_share_cleaned_tables_and_the_run_leaves_none(write_page, tmp_path):
    look = f"import os\nopen(r'{tmp_path}/{{}}', 'w').write(os.environ['{VARIABLE}'])"
    jobs = plan([Page(name, write_page(tmp_path / f"{name}.ipynb", look.format(name))) for name in ("a", "b")])
    runner.run(jobs, out=tmp_path / "out", progress=Heard(), parallel=2, timeout_seconds=60)
    first, second = ((tmp_path / name).read_text() for name in ("a", "b"))
    assert first == second
    assert not Path(first).exists()
    assert VARIABLE not in os.environ


def test_a_kernel_that_dies_is_told_plainly(write_page, tmp_path):
    page = Page("dies", write_page(tmp_path / "dies.ipynb", "import os\nos._exit(9)"))
    (result,) = runner.run([job(page)], out=tmp_path, progress=Heard(), parallel=1, timeout_seconds=60)
    assert (result.status, result.reason.split(",")[0]) == ("failed", "Its Python process died")


def test_an_output_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OpskitError, match=r"--out .*file is a file; give a folder"):
        folder.usable(tmp_path / "file")
    with pytest.raises(OpskitError, match=r"nothing can be written there .*Give another folder"):
        folder.usable(tmp_path / "file" / "below")


def kernels(parent):
    """The kernels among its descendants: each leads a session of its own."""
    return [p for p in psutil.Process(parent).children(recursive=True) if os.getsid(p.pid) == p.pid]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process on Windows")
@pytest.mark.parametrize("kind", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_ctrl_c_kills_the_kernels_and_keeps_what_is_finished(pages, write_page, tmp_path, kind):
    marker = tmp_path / "endless-started"
    endless = write_page(tmp_path / "slow.ipynb", f"open({str(marker)!r}, 'w').close()\nwhile True: pass")
    later = write_page(tmp_path / "later.ipynb", "1")
    command = [sys.executable, "-m", "opskit", "run", str(pages["ok"].path)]
    command += [str(endless), str(later), "--jobs", "1", "--out", "out"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(marker.exists, process)
    running = kernels(process.pid)
    assert len(running) == 1
    process.send_signal(kind)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, out + err
    assert "Traceback" not in err
    assert "Stopped. What was finished is in" in err
    _, alive = psutil.wait_procs(running, timeout=5)
    assert not alive
    index = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert (tmp_path / "out/shop/ok.html").is_file()
    assert [index.count(f'badge {status}">{status}') for status in ("ok", "stopped")] == [1, 2]


def wait_for(condition, process):
    for _ in range(600):
        if condition():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    raise AssertionError("the page never started")


def test_the_stub_for_the_slow_import_is_gone_afterwards():
    code = (
        "import sys; from opskit.reports.execution import prepare; prepare(); "
        "assert 'rfc3987_syntax' not in sys.modules; import papermill; "
        "from jsonschema import FormatChecker; FormatChecker().check('2025-01-01', 'date')"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)


def test_the_next_page_does_not_wait_for_a_report_to_be_written(pages, tmp_path, monkeypatch):
    begun = threading.Event()
    render = html.render

    def slow(notebook, head):
        assert begun.wait(60), "the second page did not begin while the first one's report was written"
        return render(notebook, head)

    class Listening(Heard):
        def started(self, job):
            super().started(job)
            if job.page.name == "missing":
                begun.set()

    monkeypatch.setattr(html, "render", slow)
    jobs = [job(pages["ok"]), job(pages["missing"])]
    results = runner.run(jobs, out=tmp_path, progress=Listening(), parallel=1, timeout_seconds=60)
    assert [result.status for result in results] == ["ok", "skipped"]
