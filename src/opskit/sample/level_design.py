"""The shop's level design, a file beside its tables."""

from importlib import resources

from opskit.incentives.level_system import FILE_NAME as FILE_NAME


def text() -> str:
    """The file as it is written."""
    return resources.files(__package__).joinpath(FILE_NAME).read_text(encoding="utf-8")
