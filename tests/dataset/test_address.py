"""Passwords in addresses are used, and never shown."""

import sys
from pathlib import Path

import pytest

import opskit
from opskit.dataset import address
from opskit.dataset.propose import propose
from opskit.reports.plan import _labels

SECRETS = ["secret", "p@ss", "p:w", "p/w", "p?w", "p#w", "100%", "p%40w", "ä b", "p&w=1"]


@pytest.fixture(autouse=True)
def no_password_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address.os, "environ", dict(address.os.environ))


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("place", ["db.example/shop", "[::1]:5432/shop?sslmode=require", "a,b:5433/shop"])
def test_a_password_is_taken_out_and_put_back(secret: str, place: str) -> None:
    from urllib.parse import quote, unquote, urlsplit

    shown = address.concealed(f"postgresql://analyst:{secret}@{place}")
    assert shown == f"postgresql://analyst@{place}"
    full = address.complete(shown)
    assert full.startswith(f"postgresql://analyst:{quote(unquote(secret), safe='')}@{place.partition('?')[0]}?")
    assert urlsplit(full).query.endswith("fallback_application_name=opskit&connect_timeout=10")
    assert unquote(secret) not in address.scrubbed(f'could not translate host name "{unquote(secret)}@db"', shown)
    assert secret not in address.scrubbed(f'could not translate host name "{secret}@db"', shown)


def test_a_password_among_the_options_is_one_too() -> None:
    shown = address.concealed("postgres://db.example/shop?user=analyst&password=p%26w&options=-c%20a%3Db")
    assert shown == "postgresql://db.example/shop?user=analyst&options=-c%20a%3Db"
    assert "password=p%26w&" in address.complete(shown)


def test_what_the_user_says_about_patience_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "connect_timeout=10" in address.complete("postgresql://db/shop")
    assert address.complete("postgresql://db/shop?connect_timeout=3").count("connect_timeout=3") == 1
    monkeypatch.setitem(address.os.environ, "PGCONNECT_TIMEOUT", "5")
    assert "connect_timeout" not in address.complete("postgresql://db/shop")


def test_a_variable_is_filled_in_and_only_its_name_is_shown() -> None:
    written = "postgresql://analyst:${SHOP_PASSWORD}@${SHOP_HOST}/shop"
    assert address.concealed(written) == address.bare(written) == written
    with pytest.raises(opskit.OpskitError, match="needs the environment variable SHOP_PASSWORD, which is not set"):
        address.complete(written)
    address.os.environ |= {"SHOP_PASSWORD": "p@${x}", "SHOP_HOST": "db.example:5433"}
    assert address.complete(written).startswith("postgresql://analyst:p%40%24%7Bx%7D@db.example:5433/shop?")


def test_a_source_that_is_no_address_stays_as_it_is() -> None:
    assert [address.concealed(one) for one in ("shop", "a@b.csv", "/x:y@z")] == ["shop", "a@b.csv", "/x:y@z"]
    with pytest.raises(opskit.OpskitError, match="Write @ : / ") as caught:
        address.bare("postgresql://db/shop?password=geheim@x")
    assert "geheim" not in str(caught.value)


def test_a_mistyped_address_does_not_show_its_password() -> None:
    for typed in ("postgre://analyst:geheim@db/shop", "postgresql:/analyst:geheim@db/shop"):
        with pytest.raises(opskit.OpskitError, match="there is no such file or folder") as caught:
            opskit.open(typed)
        assert "geheim" not in str(caught.value)


def test_runs_are_called_by_their_database() -> None:
    one, other = "postgresql://a@h:5432/shop?sslmode=require", "postgresql://a@h:5432/old"
    assert _labels([one, other]) == {one: "shop", other: "old"}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('"postgresql://a:geheim@h/d"', "holds a password, and files are passed on. Write a variable instead"),
        ('["postgresql://a:geheim@h/d", "x.csv"]', "lists several sources; a database stands alone"),
        ('"postgresql://a@h/d"\ntable = "x"\nquery = "SELECT 1"', "names both a table and a query"),
        ('"orders.csv"\nquery = "SELECT 1"', "has a query, which only a database answers"),
        ('{ url = "postgresql://a:geheim@h/d" }', "source"),
    ],
)
def test_opskit_toml_is_refused_when_it_cannot_be_meant(tmp_path: Path, source: str, message: str) -> None:
    (tmp_path / "opskit.toml").write_text(f"[tables.orders]\nsource = {source}\n")
    with pytest.raises(opskit.OpskitError, match=message) as caught:
        opskit.open(tmp_path)
    assert "geheim" not in str(caught.value)


def test_without_the_driver_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    with pytest.raises(opskit.OpskitError, match=r"not installed: pip install adbc-driver-postgresql$"):
        opskit.open("postgresql://analyst:geheim@127.0.0.1:1/shop")


def test_several_tables_in_one_file_are_not_read_twice(tmp_path: Path) -> None:
    """Of two sheets that look like orders the second is told about, and the first is not taken for both."""
    import pandas as pd

    orders = pd.DataFrame({"customer_id": ["A"], "ordered_at": ["2025-01-03"], "revenue": [1.0]})
    path = tmp_path / "book.xlsx"
    with pd.ExcelWriter(path) as book:
        orders.to_excel(book, sheet_name="new", index=False)
        orders.to_excel(book, sheet_name="old", index=False)
    proposal = propose([path], base=tmp_path)
    assert proposal.config.tables["orders"].source == "book.xlsx"
    assert "book.xlsx (old) looks like orders too and is not used: orders is new." in proposal.notes
    assert opskit.open(path).used()["rows_read"].tolist() == [1]
