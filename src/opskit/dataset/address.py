"""Addresses of databases, and the passwords in them, which are used and never shown."""

import hashlib
import os
import re
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from opskit.errors import OpskitError

SCHEMES = ("postgresql://", "postgres://")
_PARTS = re.compile(
    r"postgres(?:ql)?://(?:(?P<user>[^:@/?]*)(?::(?P<password>.*))?@)?(?P<place>[^@?]*)(?:\?(?P<options>[^@]*))?", re.S
)
_SECRET_OPTIONS = {"password", "sslpassword"}
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_SECRETS_IN_TEXT = re.compile(r"(\w+:/+[^\s:@/]*:)(?!\$\{\w+\}@)\S*@|(password=)(?!\$\{)[^&\s'\"]+")


def is_address(source: Any) -> bool:
    """Whether a source is an address of a database rather than a file.

    >>> is_address("postgresql://analyst@db.example/shop"), is_address("orders.csv")
    (True, False)
    """
    return isinstance(source, str) and source.lower().startswith(SCHEMES)


def bare(address: str) -> str:
    """The address without passwords; ${VARIABLE} is none and stays.

    Raises:
        OpskitError: It is not written as an address.

    >>> bare("postgresql://analyst:secret@db.example/shop?sslmode=require&password=secret")
    'postgresql://analyst@db.example/shop?sslmode=require'
    """
    user, password, place, options = _split(address)
    named = quote(unquote(user), safe="${}") if user else ""
    kept = f":{password}" if _VARIABLE.fullmatch(password) else ""
    shown = [f"{name}={value}" for name, value in options if name not in _SECRET_OPTIONS or _VARIABLE.fullmatch(value)]
    return f"postgresql://{named}{kept}{'@' if named or kept else ''}{place}{'?' if shown else ''}{'&'.join(shown)}"


def concealed(source: str) -> str:
    """The source as it may be shown and stored; an address's passwords stay in this process and those it starts.

    They are kept in an environment variable, because parameters of notebooks are written into the reports.
    """
    if not is_address(source):
        return source
    shown = bare(source)
    if secrets(source):
        os.environ[_place(shown)] = source
    return shown


def forget(shown: str) -> None:
    """Do not use the password that was given with an address any more."""
    os.environ.pop(_place(shown), None)


def complete(shown: str) -> str:
    """What the database is asked with: the address with its passwords, and with every ${VARIABLE} filled in.

    Raises:
        OpskitError: A variable is not set.
    """
    user, password, place, options = _split(os.environ.get(_place(shown), shown))
    options += [("fallback_application_name", "opskit")]
    if "connect_timeout" not in dict(options) and "PGCONNECT_TIMEOUT" not in os.environ:
        options.append(("connect_timeout", "10"))  # the system's own patience is minutes
    named = _filled(unquote(user), shown) + (f":{_filled(unquote(password), shown)}" if password else "")
    asked = "&".join(f"{name}={_filled(unquote(value), shown)}" for name, value in options)
    return f"postgresql://{named}{'@' if named else ''}{_filled(place, shown, safe=':/,[]%')}?{asked}"


def secrets(address: str) -> set[str]:
    """The passwords written in an address."""
    _, password, _, options = _split(address)
    values = {password, *(value for name, value in options if name in _SECRET_OPTIONS)}
    return {value for value in values if value and not _VARIABLE.fullmatch(value)}


def scrubbed(text: str, shown: str) -> str:
    """The text without the passwords of an address, whoever wrote it."""
    full = complete(shown)
    for secret in sorted(secrets(full), key=len, reverse=True):
        text = text.replace(secret, "***").replace(unquote(secret), "***")
    return masked(text)


def masked(text: str) -> str:
    """The text with whatever looks like a password of an address replaced by ***.

    >>> masked("there is no file postgre://analyst:secret@db.example/shop")
    'there is no file postgre://analyst:***@db.example/shop'
    """
    return _SECRETS_IN_TEXT.sub(lambda found: f"{found[1]}***@" if found[1] else f"{found[2]}***", text)


def database_name(shown: str) -> str:
    """The database that an address names, or its host.

    >>> database_name("postgresql://analyst@db.example:5432/shop?sslmode=require")
    'shop'
    """
    host, _, database = _split(shown)[2].partition("/")
    return unquote(database) or host or "postgresql"


def _split(address: str) -> tuple[str, str, str, list[tuple[str, str]]]:
    """User, password, host with port and database, and options, all as written."""
    found = _PARTS.fullmatch(address)
    if not found:
        raise OpskitError(
            f"{masked(address)} is not an address of a database: postgresql://user@host:5432/database. Write @ : / ? # "
            "and % within a name as %40 %3A %2F %3F %23 %25, and leave the password to PGPASSWORD."
        )
    written = (found["options"] or "").replace("+", "%2B")  # a plus sign stands for itself here
    options = [(name, quote(value, safe="${}")) for name, value in parse_qsl(written, keep_blank_values=True)]
    return found["user"] or "", found["password"] or "", found["place"], options


def _place(shown: str) -> str:
    return "OPSKIT_ADDRESS_" + hashlib.sha256(shown.encode()).hexdigest()[:16].upper()


def _filled(text: str, shown: str, *, safe: str = "") -> str:
    """The text percent-encoded, each ${VARIABLE} replaced by its value."""

    def value(found: re.Match[str]) -> str:
        if not os.environ.get(found[1]):
            raise OpskitError(
                f"{shown} needs the environment variable {found[1]}, which is not set. Set it where you start opskit "
                f"(export {found[1]}=…; in PowerShell $env:{found[1]} = '…')."
            )
        return os.environ[found[1]]

    return quote(_VARIABLE.sub(value, text), safe=safe)
