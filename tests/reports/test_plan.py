import pytest

from opskit import OpskitError
from opskit.reports.pages import Page
from opskit.reports.plan import plan

ORDERS = """customer_id,ordered_at,revenue,region
1,2025-01-03,10,North
2,2025-01-04,20,=South
1,2025-02-05,30,North
"""


@pytest.fixture
def orders(tmp_path):
    path = tmp_path / "my orders.csv"
    path.write_text(ORDERS)
    return str(path)


@pytest.fixture
def pages(tmp_path, write_page):
    own = 'data: str = "cdnow"\nwindow_days: int = 30'
    return [
        Page("loyalty/retention", write_page(tmp_path / "retention.ipynb")),
        Page("mine", write_page(tmp_path / "mine.ipynb", parameters=own)),
    ]


def test_without_data_every_page_keeps_its_own(pages):
    jobs = plan(pages)
    assert [(job.run, job.page.name, dict(job.given)) for job in jobs] == [
        ("shop", "loyalty/retention", {}),
        ("cdnow", "mine", {}),
    ]
    assert jobs[0].target == "shop/loyalty/retention"


def test_every_dataset_meets_every_page(pages, orders):
    jobs = plan(pages, data=["shop", orders])
    assert [(job.run, job.page.name) for job in jobs] == [
        ("shop", "loyalty/retention"),
        ("shop", "mine"),
        ("my orders", "loyalty/retention"),
        ("my orders", "mine"),
    ]
    assert jobs[2].given["data"] == orders


def test_a_parameter_goes_to_the_pages_that_declare_it(pages):
    given = {job.page.name: dict(job.given) for job in plan(pages, options={"window_days": "7"})}
    assert given == {"loyalty/retention": {}, "mine": {"window_days": 7}}


def test_each_makes_one_run_per_value(pages, orders):
    jobs = plan(pages[:1], data=[orders], each="region")
    assert [job.given["where"] for job in jobs] == ["region==South", "region=North"]
    assert [job.run for job in jobs] == ["my orders · region==South", "my orders · region=North"]
    assert len({job.folder for job in jobs}) == 2


def test_each_adds_to_a_filter_that_is_there(pages, orders):
    jobs = plan(pages[:1], data=["shop"], options={"where": "channel=search"}, each="region")
    assert jobs[0].given["where"] == "channel=search; region=Central"
    with pytest.raises(OpskitError, match="--each region and where == 'region=North' filter by the same column"):
        plan(pages[:1], data=[orders], options={"where": "region=North"}, each="region")


def test_a_batch_makes_one_run_per_row(pages, tmp_path, orders):
    (tmp_path / "runs.csv").write_text(
        f"data,as_of,where\nshop,2025-06-30,\n{orders},,region=North\nshop,2025-06-30,\n"
    )
    jobs = plan(pages[:1], batch=tmp_path / "runs.csv")
    assert [job.run for job in jobs] == [
        "shop · as_of=2025-06-30",
        "my orders · region=North",
        "shop · as_of=2025-06-30 (2)",
    ]
    assert dict(jobs[1].given) == {"data": orders, "where": "region=North"}


def test_datasets_of_one_name_are_told_apart(pages, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "orders.csv").write_text(ORDERS)
    data = [str(tmp_path / folder / "orders.csv") for folder in ("a", "b")]
    jobs = plan(pages[:1], data=data)
    assert [job.run for job in jobs] == data
    assert len({job.folder for job in jobs}) == 2


@pytest.mark.parametrize("value", ["con", "..", "a/b\\c", 'x<>:"|?*', "华东", "a" * 300])
def test_any_value_makes_a_folder_name_for_every_system(pages, tmp_path, value):
    (tmp_path / "runs.csv").write_text('seed,where\n7,"region={}"\n'.format(value.replace('"', '""')))
    (job,) = plan(pages[:1], batch=tmp_path / "runs.csv")
    assert not set('<>:"/\\|?*') & set(job.folder)
    assert job.folder.strip(". ") == job.folder
    assert len(job.folder) <= 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"options": {"confidense": "0.9"}}, "no chosen page has a parameter 'confidense'. Did you mean 'confidence'?"),
        ({"options": {"seed": "x"}}, "seed == 'x', must be int for loyalty/retention (default 7)."),
        ({"options": {"confidence": "95"}}, "confidence == 95.0, must be < 1."),
        ({"options": {"as_of": "31.12.2025"}}, "as_of == '31.12.2025', must be a day written YYYY-MM-DD, or empty."),
        ({"options": {"where": "North"}}, "where == 'North', must be written column=value"),
        ({"data": ["shopp"]}, "data == 'shopp': there is no such file or folder"),
        ({"data": ["shop"], "options": {"data": "cdnow"}}, "data is given both by --data and by -p: keep one of them."),
        ({"each": "regio"}, "Did you mean 'region'?"),
    ],
)
def test_a_wrong_argument_is_refused(pages, arguments, message):
    with pytest.raises(OpskitError) as caught:
        plan(pages[:1], **arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dta\nshop\n", "runs.csv: no chosen page has a parameter 'dta'. Did you mean 'data'?"),
        (
            "data,seed\nshop,7\nshop,x\n",
            "row 3 of runs.csv: seed == 'x', must be int for loyalty/retention (default 7).",
        ),
        ("data\nshop\nnowhere\n", "row 3 of runs.csv: data == 'nowhere': there is no such file or folder"),
        ("confidence\n1.5\n", "row 2 of runs.csv: confidence == 1.5, must be < 1."),
    ],
)
def test_a_bad_batch_is_refused_naming_the_row(pages, tmp_path, text, message):
    (tmp_path / "runs.csv").write_text(text)
    with pytest.raises(OpskitError) as caught:
        plan(pages[:1], batch=tmp_path / "runs.csv")
    assert message in str(caught.value)


def test_a_parameter_from_two_places_is_refused(pages, tmp_path):
    (tmp_path / "runs.csv").write_text("data,seed\nshop,7\n")
    with pytest.raises(OpskitError, match="data is given both by the batch file and on the command line"):
        plan(pages[:1], batch=tmp_path / "runs.csv", data=["shop"])
    with pytest.raises(OpskitError, match="seed is given both by the batch file and on the command line"):
        plan(pages[:1], batch=tmp_path / "runs.csv", options={"seed": "1"})
