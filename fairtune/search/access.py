"""Ray's token authentication in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]  # not in its stub

_MODE, _TOKEN = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"


@contextmanager
def authentication(mode: str, token: str | None = None) -> Iterator[None]:
    """Let this process, and what it starts, speak to Ray with a token or without one until the block ends.

    The token lives in the environment only, which on Linux no other user can read: Ray would write one that it makes itself
    to the user's ``~/.ray``, where it changes how other clusters of the user behave.

    Args:
        mode: ``token`` or ``disabled``.
        token: the token; None for the user's own, from ``RAY_AUTH_TOKEN``, ``RAY_AUTH_TOKEN_PATH`` or ``~/.ray/auth_token``.
    """
    before = {name: os.environ.get(name) for name in (_MODE, _TOKEN)}
    _set({_MODE: mode} | ({_TOKEN: token} if token else {}))
    try:
        yield
    finally:
        _set(before)


def _set(environment: Mapping[str, str | None]) -> None:
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()
