"""Whether a Ray cluster answers and lets this user in, known within seconds.

Ray's own client waits for minutes for a cluster that does not answer, and ends its process when it lacks a token. So another
process asks: ``python -m fairtune.search.knock ADDRESS``.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.parse
from functools import cache
from typing import Literal, NamedTuple, NotRequired, TypedDict

from fairtune.errors import InvalidInput

_CONNECT_S, _ANSWER_S = 4, 6
_TOKEN_HELP = "set RAY_AUTH_TOKEN_PATH to a file that holds the cluster's token, or put it in ~/.ray/auth_token"
_SENTENCES = {
    "nowhere": "no Ray cluster answers at --address {address}: {reason}",
    "local": "--address {address} is no cluster: leave it out to search on this machine",
    "tokenless": "the Ray cluster at --address {address} wants a token: " + _TOKEN_HELP,
    "refused": "the Ray cluster at --address {address} refuses this user's token: " + _TOKEN_HELP,
    "outside": "this machine is no node of the Ray cluster at --address {address}: run the search on one that is, for instance "
    "with ray exec or ray job submit",
}


class _Answer(TypedDict):
    """What the process that asks prints."""

    state: Literal["in", "nowhere", "local", "tokenless", "refused", "outside"]
    reason: NotRequired[str]
    hosts: NotRequired[list[str]]


class Cluster(NamedTuple):
    """A cluster that lets this user in.

    Attributes:
        authenticates: whether it refuses who has no token.
        hosts: addresses of its nodes; none if it is reached through a Ray client server.
    """

    authenticates: bool
    hosts: tuple[str, ...]


@cache
def knock(address: str) -> Cluster:
    """Ask a cluster for its nodes, without a token and then with the user's.

    Args:
        address: ``auto``, ``HOST:PORT`` or ``ray://HOST:PORT``.

    Raises:
        InvalidInput: nothing answers there, it refuses this user, or this machine is not part of it.
    """
    answer = _ask(address, "disabled")
    authenticates = answer["state"] == "refused"
    if authenticates:
        answer = _ask(address, "token")
    if answer["state"] != "in":
        raise InvalidInput(_SENTENCES[answer["state"]].format(address=address, reason=answer.get("reason")))
    return Cluster(authenticates, tuple(answer["hosts"]))


def _ask(address: str, mode: str) -> _Answer:
    command = [sys.executable, "-m", __name__, address]
    asked = subprocess.run(command, env=os.environ | {"RAY_AUTH_MODE": mode}, capture_output=True, text=True, check=False)
    if asked.returncode == 0:
        answer: _Answer = json.loads(asked.stdout.splitlines()[-1])
        return answer
    if asked.returncode == -signal.SIGALRM:
        return {"state": "nowhere", "reason": f"no answer within {_ANSWER_S} s"}
    return {"state": "tokenless"} if mode == "token" else {"state": "nowhere", "reason": "Ray's client cannot speak to it"}


def _answer(address: str) -> _Answer:
    from ray._private.services import canonicalize_bootstrap_address, find_node_ids
    from ray._raylet import AuthenticationTokenLoader, GcsClient  # type: ignore[attr-defined]  # not in its stub
    from ray.exceptions import AuthenticationError, RpcError

    signal.alarm(_ANSWER_S)
    with_token = os.environ["RAY_AUTH_MODE"] == "token"
    has_token = AuthenticationTokenLoader.instance().has_token
    try:
        if "://" in address:  # a Ray client server does not say; whoever has a token shows it
            _connect(urllib.parse.urlsplit(address).netloc)
            return {"state": "in", "hosts": []} if with_token or not has_token(ignore_auth_mode=True) else {"state": "refused"}
        found = canonicalize_bootstrap_address(address)
        if found is None:
            return {"state": "local"}
        _connect(found)
        if with_token and not has_token(ignore_auth_mode=True):
            return {"state": "tokenless"}
        nodes = GcsClient(address=found).get_all_node_info(timeout=_CONNECT_S)
    except AuthenticationError:
        return {"state": "refused"}
    except (OSError, ValueError, RpcError) as error:
        return {"state": "nowhere", "reason": str(error)}
    if not {node.hex() for node in nodes} & find_node_ids():
        return {"state": "outside"}
    return {"state": "in", "hosts": sorted({node.node_manager_address for node in nodes.values()})}


def _connect(place: str) -> None:
    host, _, port = place.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()


if __name__ == "__main__":
    json.dump(_answer(sys.argv[1]), sys.stdout)
