"""Addresses of servers and databases, which may hold a password: nothing that is shown or kept does."""

from __future__ import annotations

import ipaddress
import os
import re
import urllib.parse
from typing import Annotated

from pydantic import PlainSerializer

from fairtune.errors import InvalidInput

VARIABLE = "FAIRTUNE_TRACKING_URI"
"""Gives the address of MLflow's records, password and all, without a command line or a file."""
STUDY_VARIABLE = "FAIRTUNE_STUDY"
"""Gives that of the study's database."""
_STORES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", "databricks")
_MASK = "***"
_PASSWORD = re.compile(r"(?<=://)(?P<user>[^:/?#@]*):(?P<password>[^/?#]*)@")
_PARAMETER = re.compile(r"(?i)([?&][^=&#]*(?:pass|pwd|secret|token|key)[^=&#]*=)([^&#]+)")


def shown(address: str) -> str:
    """An address with ``***`` in place of what nobody else may know."""
    return _PARAMETER.sub(rf"\1{_MASK}", _PASSWORD.sub(rf"\g<user>:{_MASK}@", address))


Address = Annotated[str, PlainSerializer(shown)]
"""An address that is whole in memory only: wherever a model of it is written, its secrets are masked."""


def whole(address: str, variable: str = VARIABLE) -> str:
    """An address that was kept without its password, with the one in the environment.

    Args:
        address: as it was kept.
        variable: the environment's, which gives the whole address.

    Raises:
        InvalidInput: it is not there, or it is that of another address.
    """
    if shown(address) != address or _MASK not in address:
        return address
    given = os.environ.get(variable)
    if given is not None and shown(given) == address:
        return given
    reason = f"is {shown(given)}" if given else "is not set"
    raise InvalidInput(f"passwords are not kept, and {variable} {reason}: set it to the whole address of {address}")


def store(address: str) -> str:
    """The whole address of a place where MLflow can keep records.

    Raises:
        InvalidInput: it is none, or its password is missing.
    """
    if urllib.parse.urlparse(address).scheme.partition("+")[0] not in _STORES:
        raise InvalidInput(
            f"--tracking-uri {shown(address)!r}: give http://HOST:PORT of an MLflow server or a database such as sqlite:///mlflow.db"
        )
    return whole(address)


def without_secrets(text: str, address: str) -> str:
    """A text of somebody else's about an address, such as an error of its client, with ``***`` in place of the secrets."""
    found = [match["password"] for match in _PASSWORD.finditer(address)] + [match[2] for match in _PARAMETER.finditer(address)]
    for secret in sorted({*found, *map(urllib.parse.unquote, found)} - {"", _MASK}, key=len, reverse=True):
        text = text.replace(secret, _MASK)
    return text


def login_of(address: str) -> tuple[str, str | None]:
    """A server's address without user and password, and both as ``user:password``, if there are any."""
    match = _PASSWORD.search(address)
    if match is None:
        return address, None
    return _PASSWORD.sub("", address), urllib.parse.unquote(f"{match['user']}:{match['password']}")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host, given by address or as ``localhost``; any other name counts as others'."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)  # which Python before 3.13 does not look into
    return bool((mapped or address).is_loopback)
