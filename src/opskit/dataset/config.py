"""opskit.toml: what the user's own files and columns are called."""

import datetime as dt
import tomllib
import zoneinfo
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from opskit import contract
from opskit.dataset.address import is_address, masked, secrets
from opskit.errors import OpskitError, did_you_mean

FILE_NAME = "opskit.toml"


class TableConfig(BaseModel):
    """One table: where it is and how its columns are called."""

    model_config = ConfigDict(extra="forbid")

    source: str | list[str] = ""
    table: str = ""
    query: str = ""
    encoding: str = ""
    date_format: str = ""
    decimal: Literal[".", ","] = "."
    columns: dict[str, str] = Field(default_factory=dict)
    exclude: dict[str, list[str]] = Field(default_factory=dict)
    keep: dict[str, list[str]] = Field(default_factory=dict)
    repeated_rows: Literal["lines", "totals"] = "lines"


class SparkConfig(BaseModel):
    """Where Spark runs, for the engine of that name."""

    model_config = ConfigDict(extra="forbid")

    master: str = ""
    folder: str = ""
    """Where tables lie for it; every machine of a cluster must see it."""
    settings: dict[str, str] = Field(default_factory=dict)


class Config(BaseModel):
    """A whole dataset."""

    model_config = ConfigDict(extra="forbid")

    name: str = ""
    currency: str = ""
    timezone: str = ""
    point_value: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    as_of: str = ""
    hash_ids: bool = False
    spark: SparkConfig = Field(default_factory=SparkConfig)
    events: dict[str, str] = Field(default_factory=dict)
    tables: dict[str, TableConfig] = Field(default_factory=dict)

    @field_validator("as_of", mode="before")
    @classmethod
    def _date_to_text(cls, value: Any) -> Any:
        return value.isoformat() if isinstance(value, dt.date) else value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value and value not in zoneinfo.available_timezones():
            hint = did_you_mean(value, zoneinfo.available_timezones())
            raise ValueError(f"is not a time zone, e.g. Asia/Shanghai.{hint}")
        return value


def read(path: Path) -> Config:
    """Read and validate an opskit.toml.

    Raises:
        OpskitError: The file is no TOML, names an unknown table, column or option, or a value is of the wrong type.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise OpskitError(
            f"{path} is not valid TOML: {error}. Correct it, or write it anew with opskit init."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise OpskitError(f"{path} cannot be read: {error}. Save it as UTF-8 text.") from error
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise OpskitError("\n".join(_sentence(path, problem) for problem in error.errors())) from error
    for name, table in config.tables.items():
        _check_source(f"{path} [tables.{name}]", table)
        known = contract.table(name).columns
        for column in table.columns:
            if column not in known:
                raise OpskitError(
                    f"{path} [tables.{name}.columns] names {column!r}, which the contract does not know; "
                    f"known are {', '.join(known)}.{did_you_mean(column, known)} "
                    "Extra columns need no mapping: they are kept under their own name."
                )
    return config


def _check_source(place: str, table: TableConfig) -> None:
    """Refuse a password in the file, and a query that nobody would answer."""
    if isinstance(table.source, list) and any(map(is_address, table.source)):
        raise OpskitError(f"{place} lists several sources; a database stands alone. A query joins tables: UNION ALL.")
    if isinstance(table.source, str) and is_address(table.source):
        if secrets(table.source):
            raise OpskitError(
                f"{place} holds a password, and files are passed on. Write a variable instead, "
                "postgresql://user:${SHOP_PASSWORD}@host/database, and set it where you start opskit; or leave the "
                "password to PGPASSWORD or ~/.pgpass."
            )
    elif table.query:
        raise OpskitError(f'{place} has a query, which only a database answers: source = "postgresql://user@host/db".')
    if table.query and table.table:
        raise OpskitError(f"{place} names both a table and a query: keep one of them.")


def parse_day(value: str | dt.date, name: str = "as_of") -> dt.date:
    """A day from YYYY-MM-DD or a date.

    >>> parse_day("2025-12-31")
    datetime.date(2025, 12, 31)
    """
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value.strip())
    except (ValueError, AttributeError) as error:
        raise OpskitError(f"{name} == {value!r}, must be a day written YYYY-MM-DD, e.g. 2025-12-31.") from error


def _sentence(path: Path, problem: Any) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        model = {"tables": TableConfig, "spark": SparkConfig}.get(str(problem["loc"][0]), Config)
        options = (model if len(problem["loc"]) > 1 else Config).model_fields
        return (
            f"{path} has an unknown option {where!r}; known are {', '.join(options)}."
            f"{did_you_mean(str(problem['loc'][-1]), options)}"
        )
    message = problem["msg"].removeprefix("Value error, ")
    return masked(f"{path}: {where} == {problem['input']!r}: {message}")
