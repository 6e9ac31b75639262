"""The planted truth: declared as data, overridden by a trainer's file, written beside the shop."""

import json
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from opskit.errors import OpskitError, check, did_you_mean


@cache
def planted() -> Mapping[str, Mapping[str, Any]]:
    """Every planted parameter with value, unit, where it enters, what estimates it and its bounds."""
    files = sorted(resources.files("opskit.sample").joinpath("planted").iterdir(), key=lambda file: file.name)
    return {
        name: spec
        for file in files
        if file.name.endswith(".toml")
        for name, spec in tomllib.loads(file.read_text(encoding="utf-8")).items()
    }


def values(file: str | Path | None = None) -> dict[str, float]:
    """The planted values, those of a JSON file {name: value} in place of the defaults.

    Raises:
        OpskitError: The file is no such object, names an unknown parameter, or a value is ill-typed or out of bounds.
    """
    truth = {name: float(spec["value"]) for name, spec in planted().items()}
    if file is None:
        return truth
    try:
        given = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OpskitError(f"truth == {str(file)!r}, must be a readable JSON file: {error}") from error
    if not isinstance(given, dict):
        raise OpskitError(f'truth == {str(file)!r}, must hold one object such as {{"refund.rate": 0.1}}.')
    for name, value in given.items():
        if name not in truth:
            raise OpskitError(f"truth names {name!r}, which is not planted.{did_you_mean(name, truth)}")
        check(value, name, ge=planted()[name]["min"], le=planted()[name]["max"])
        truth[name] = float(value)
    return truth
