import re

import nbformat.v4 as v4
import pytest
from bs4 import BeautifulSoup

from opskit.reports import html

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script><a href='javascript:alert(3)'>x</a>"
HEAD = html.Head("shop", "loyalty/retention", "Title", [("data", "shop")], "", "../../index.html", "retention.ipynb")


def output(**data):
    return v4.new_output("display_data", {key.replace("_", "/"): value for key, value in data.items()})


def code(source, *outputs, tags=(), count=1):
    cell = v4.new_code_cell(source, metadata={"tags": list(tags)}, execution_count=count)
    cell.outputs = list(outputs)
    return cell


def render(*cells, **head):
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell("# Title\n\nDoes it work?"), *cells])
    return html.render(notebook, html.Head(**vars(HEAD) | head))


def body(page):
    return page.partition("</style>")[2]


def test_nothing_is_asked_of_the_network():
    cells = [
        v4.new_markdown_cell("![x](https://example.org/a.png) <script src='https://example.org/a.js'></script>"),
        code(
            "1",
            output(text_html="<link rel=stylesheet href='https://example.org/a.css'><img src='//example.org/b.png'>"),
        ),
        code("2", output(image_png="aGVsbG8=")),
    ]
    page = render(*cells)
    assert not re.search(r"""(src|href)\s*=\s*["']?(?!data:|#|\.\./|retention\.ipynb)[^"'\s>]""", page)
    assert "<script" not in page
    assert "url(" not in page
    assert "@import" not in page
    assert 'src="data:image/png;base64,aGVsbG8="' in page


@pytest.mark.parametrize(
    "cell",
    [
        v4.new_markdown_cell(HOSTILE),
        code("x", output(text_html=HOSTILE)),
        code("x", output(text_html=f"<table><tr><td>{HOSTILE}</td></tr></table>")),
        code("x", output(text_markdown=HOSTILE)),
        code("x", output(text_plain=HOSTILE)),
        code("x", v4.new_output("stream", name="stdout", text=HOSTILE)),
        code("x", v4.new_output("stream", name="stderr", text=HOSTILE)),
        code("x", v4.new_output("error", ename=HOSTILE, evalue=HOSTILE, traceback=[HOSTILE])),
        code(HOSTILE),
        code("x", output(text_html=HOSTILE), tags=["headline"]),
        code("x", output(text_markdown=HOSTILE), tags=["decision"]),
        code("x", output(image_png='" onerror="alert(1)')),
    ],
)
def test_hostile_text_stays_text(cell):
    for tag in BeautifulSoup(body(render(cell)), "html.parser").find_all(True):
        assert tag.name not in {"script", "iframe", "object"}
        assert not [name for name in tag.attrs if name.startswith("on")]
        assert not [value for value in tag.attrs.values() if str(value).startswith("javascript:")]


@pytest.mark.parametrize("field", ["run", "page", "title", "reason", "notebook"])
def test_hostile_facts_stay_text(field):
    page = render(**{field: HOSTILE}, facts=[(HOSTILE, HOSTILE)])
    assert "<script" not in page
    assert "<img src=x" not in page


def test_headline_and_decision_come_first_and_their_headings_go_with_them():
    page = body(
        render(
            v4.new_markdown_cell("## Baseline"),
            code("baseline = 1"),
            v4.new_markdown_cell("## The headline"),
            code("h", output(text_html="<table class='headline'><tr><td>42</td></tr></table>"), tags=["headline"]),
            v4.new_markdown_cell("## What to do"),
            code("silent = 1"),
            code("d", output(text_markdown="- act now"), tags=["decision"]),
            v4.new_markdown_cell("## Next"),
        )
    )
    assert page.index("42") < page.index("act now") < page.index("Baseline</h2>") < page.index("Next</h2>")
    assert "The headline" not in page
    assert "What to do" not in page
    assert re.findall(r'href="#(section-\d)">(\w+)', page) == [("section-1", "Baseline"), ("section-2", "Next")]


def test_code_is_folded():
    page = render(code("secret_looking = 1"))
    assert page.index('<details class="code">') < page.index("secret_looking") < page.index("</details>")
    assert "<details open" not in page


def test_a_failed_page_says_so_first_and_stops_at_the_cell_that_failed():
    error = v4.new_output("error", ename="KeyError", evalue="99", traceback=["line 1\x1b[31m red", "line 2"])
    after = [v4.new_markdown_cell("## Never reached"), code("never", count=None)]
    page = body(render(code("x"), code("y", error, count=2), *after, reason="KeyError: 99"))
    assert page.index("This page did not finish") < page.index("<strong>KeyError</strong>: 99") < page.index("line 1")
    assert page.index("<summary>Traceback") < page.index("line 1")
    assert "Never reached" not in page


def test_tables_read_well():
    frame = (
        "<div><style scoped>.x {}</style><table border='1' class='dataframe'><thead><tr style='text-align: right;'><th></th>"
        "<th>region</th><th>rate</th></tr></thead><tbody><tr><th>0</th><td>North</td><td>1,234.5</td></tr>"
        "<tr><th>1</th><td>华东</td><td>NaN</td></tr></tbody></table></div>"
    )
    page = body(render(code("x", output(text_html=frame))))
    assert '<td class="num">1,234.5</td>' in page
    assert '<td class="num none">–</td>' in page
    assert '<th class="num">rate</th>' in page
    assert re.search(r'<th( class="(short)?")?>region</th>', page)
    assert not re.search(r"<th[^>]*>0</th>", page)
    assert "scoped" not in page
    assert ".x {}" not in page


def test_a_table_without_rows_says_so():
    head = "<thead><tr><th></th><th>reason</th><th>rows</th></tr></thead>"
    assert html.tables(f"<table>{head}<tbody></tbody></table>").count("no rows") == 1
    assert "no rows" not in html.tables(f"<table>{head}<tbody><tr><th>0</th><td>a</td><td>1</td></tr></tbody></table>")


def test_the_names_of_columns_and_index_share_one_head_row():
    import pandas as pd

    frame = pd.DataFrame({"a": [1.5], "b": [2.5]}, index=pd.MultiIndex.from_tuples([("x", 1)], names=["k", "j"]))
    page = body(render(code("x", output(text_html=frame.rename_axis(columns="metric").to_html()))))
    head = BeautifulSoup(page, "html.parser").select("thead tr")
    assert [[cell.get_text() for cell in row.find_all("th")] for row in head] == [["k", "j", "a", "b"]]
    deep = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "low"), ("a", "high")]))
    page = body(render(code("x", output(text_html=deep.to_html()))))
    assert len(BeautifulSoup(page, "html.parser").select("thead tr")) == 2


def test_links_to_other_files_of_the_notebook_are_not_left_dangling():
    page = body(
        render(v4.new_markdown_cell("See [chapter](../x.md) and [site](https://example.org/a).\n\n[Next](b.ipynb)"))
    )
    assert "../x.md" not in page
    assert 'href="https://example.org/a"' in page
    assert "Next" not in page


def test_widgets_and_sections_of_widgets_alone_are_left_out():
    slider = output(text_plain="IntSlider(value=7)")
    slider.data[html._WIDGET] = {"model_id": "1"}
    explore = v4.new_markdown_cell("## Explore\n\nMove the slider.")
    alone = render(code("table", output(text_plain="kept")), explore, code("slider", slider))
    assert [word in alone for word in ("IntSlider", "Move the slider", "kept")] == [False, False, True]
    beside = render(explore, code("slider", slider), code("figure", output(text_plain="static view")))
    assert "IntSlider" not in beside
    assert [word in beside for word in ("Move the slider", "static view")] == [True, True]


def test_the_notebook_given_is_not_changed():
    notebook = v4.new_notebook(cells=[code("h", output(text_html="<b>1</b>"), tags=["headline"])])
    before = v4.writes(notebook)
    html.render(notebook, HEAD)
    assert v4.writes(notebook) == before


def test_chinese_has_fonts_to_fall_back_on():
    css = (html.TEMPLATES / "report.css").read_text(encoding="utf-8")
    assert all(font in css for font in ("PingFang SC", "Microsoft YaHei", "Noto Sans SC"))
    assert "@media print" in css
