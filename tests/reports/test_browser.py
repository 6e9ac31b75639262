"""The index and the reports in a real browser without a network."""

import re
import shutil

import pytest

from opskit.reports import runner
from opskit.reports.pages import Page
from opskit.reports.plan import Job

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PAGE = """import pandas as pd, matplotlib.pyplot as plt
from IPython.display import display
from opskit import reports
display(pd.DataFrame({"region": ["华东", "<script>document.title = 'stolen'</script>"], "rate": [0.5, None]}))
_ = plt.plot([1, 2, 3])"""
HEADLINE = """reports.headline(pd.DataFrame([("b", 20.0, 18.0, 22.0, 9, "days"), ("a", 100.0, None, None, 3, ""),
  ("<img src=x onerror=alert(1)>", 3.0, 1.0, 9.0, 8, "")], columns=["name", "value", "low", "high", "n", "unit"]))"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


class Silent:
    def started(self, job): ...

    def finished(self, result): ...


@pytest.fixture(scope="module")
def out(tmp_path_factory, write_page):
    folder = tmp_path_factory.mktemp("browser")
    pages = [
        Page(
            "topic/fine",
            write_page(folder / "fine.ipynb", PAGE, ("headline", HEADLINE), ("decision", "reports.decision(['Act'])")),
        ),
        Page("bad", write_page(folder / "bad.ipynb", PAGE, "{}['<img src=x onerror=alert(1)>']")),
    ]
    jobs = [Job(f"run {page.name} #1 50%", page, {}, f"run #{number} 50%") for number, page in enumerate(pages)]
    runner.run(jobs, out=folder / "out", progress=Silent(), parallel=2, timeout_seconds=120)
    return folder / "out"


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A page that goes offline and complains of every request, console error and dialog."""
    context = browser.new_context(offline=True, viewport={"width": 1200, "height": 900})
    page, trouble = context.new_page(), []
    page.on("request", lambda r: r.url.startswith(("file:", "data:")) or trouble.append(r.url))
    page.on("requestfailed", lambda r: trouble.append(f"failed: {r.url}"))
    page.on("console", lambda m: m.type in {"error", "warning"} and trouble.append(m.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
    yield page
    context.close()
    assert trouble == []


def column(page, table, position):
    return page.locator(f"#{table} tbody tr:visible td:nth-child({position})").all_inner_texts()


def test_the_index_sorts_filters_and_links(page, out):
    page.goto((out / "index.html").as_uri())
    assert column(page, "headlines", 3) == ["b", "a", "<img src=x onerror=alert(1)>"]
    button = page.get_by_role("button", name="Value")
    button.focus()
    page.keyboard.press("Enter")
    assert column(page, "headlines", 4) == ["3.0", "20.0 days", "100"], "by number, not by text"
    assert page.locator("#headlines th[aria-sort]").get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Space")
    assert column(page, "headlines", 4) == ["100", "20.0 days", "3.0"]
    page.get_by_role("button", name="Low").click()
    assert column(page, "headlines", 3)[-1] == "a", "what has no interval comes last"
    page.get_by_role("searchbox").fill("IMG")
    assert column(page, "headlines", 3) == ["<img src=x onerror=alert(1)>"]
    page.get_by_role("link", name="A page").first.click()
    assert page.title().startswith("A page")
    page.get_by_role("link", name="All reports").click()
    assert page.title() == "Reports"


@pytest.mark.parametrize("name", ["topic/fine", "bad"])
def test_a_report_needs_nothing_but_its_file(page, out, name, tmp_path):
    (report,) = out.glob(f"*/{name}.html")
    alone = tmp_path / "alone.html"
    alone.write_bytes(report.read_bytes())
    page.goto(alone.as_uri())
    assert page.locator("img").count() == 1
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 100)")
    assert not page.locator("pre:visible").count() or name == "bad"
    page.locator("details.code summary").first.click()
    assert page.locator("details.code pre").first.is_visible()
    assert "stolen" not in page.title()
    assert re.search("<script>document.title", page.locator("table").last.inner_text())


@pytest.mark.parametrize("width", [380, 1400])
def test_nothing_sticks_out_sideways(page, out, width):
    page.set_viewport_size({"width": width, "height": 800})
    for path in out.rglob("*.html"):
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path.name
