import pytest

from opskit import OpskitError
from opskit.reports.pages import Page, plain, resolve


@pytest.fixture(scope="module")
def known(tmp_path_factory, write_page):
    root = tmp_path_factory.mktemp("pages")
    names = ["overview", "loyalty/retention", "loyalty/churn"]
    return {name: Page(name, write_page(root / f"{name}.ipynb", title=f"The {name}")) for name in names}


def names(pages):
    return [page.name for page in pages]


def test_a_page_tells_its_title_and_question(known):
    assert known["overview"].title == "The overview"
    assert known["overview"].question == "Does it work?"


def test_a_topic_is_all_its_pages_and_nothing_is_everything(known):
    assert names(resolve(["loyalty"], known)) == ["loyalty/retention", "loyalty/churn"]
    assert names(resolve(["loyalty/churn", "loyalty"], known)) == ["loyalty/churn", "loyalty/retention"]
    assert names(resolve([], known)) == list(known)
    assert names(resolve(["loyalty\\churn"], known)) == ["loyalty/churn"]


def test_a_file_of_ones_own_is_a_page(known, tmp_path, write_page):
    path = write_page(tmp_path / "mine.ipynb")
    assert [(page.name, page.path) for page in resolve([str(path)], known)] == [("mine", path)]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("loyalti", "There is no page 'loyalti'. Did you mean 'loyalty'?"),
        ("loyalty/retentoin", "Did you mean 'loyalty/retention'?"),
        ("retention", "Did you mean 'loyalty/retention'?"),
        ("zzz", "There is no page 'zzz'. The pages are overview, loyalty/retention, loyalty/churn."),
        ("./mine.ipynb", "./mine.ipynb is not a file. `opskit copy PAGE` makes an editable copy"),
    ],
)
def test_an_unknown_page_is_refused_with_a_suggestion(known, word, message):
    with pytest.raises(OpskitError) as caught:
        resolve([word], known)
    assert message in str(caught.value)


def test_two_files_of_one_name_are_refused(known, tmp_path, write_page):
    path = write_page(tmp_path / "overview.ipynb")
    with pytest.raises(OpskitError, match="are both named 'overview': rename one"):
        resolve(["overview", str(path)], known)


def test_tables_are_those_required_or_else_those_mentioned(tmp_path, write_page):
    required = Page("a", write_page(tmp_path / "a.ipynb", 'ds.require("orders", "events")', "x = ds.orders, ds.spend"))
    mentioned = Page("b", write_page(tmp_path / "b.ipynb", "x = ds.orders", "y = ds.spend; z = ds.as_of", "%magic ("))
    assert required.tables == ("orders", "events")
    assert mentioned.tables == ("orders", "spend")


def test_a_damaged_notebook_is_one_sentence(tmp_path):
    path = tmp_path / "bad.ipynb"
    path.write_text("{")
    with pytest.raises(OpskitError, match=r"bad.ipynb cannot be read as a notebook"):
        _ = Page("bad", path).cells


def test_plain_text_of_markdown():
    assert (
        plain("Do **they** come [back](x.md)? *Yes*, `n_orders` says\nso") == "Do they come back? Yes, n_orders says so"
    )
