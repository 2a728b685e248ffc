"""The head of a joined cluster that no longer answers."""

import socket

import pytest

from fairtune.search.head import Head
from fairtune.search.watch import RayDied


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def place():
    """Where a head answers, until it is closed, and the socket."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}", server


def looked(head, clock, *moments):
    for moment in moments:
        clock.now = moment
        head.look()


def test_one_that_is_silent_is_named_within_ten_seconds_and_once(place, clock, caplog):
    address, server = place
    head = Head("auto", address, clock)
    looked(head, clock, 1, 5)
    server.close()
    looked(head, clock, 6, 8, 10)
    assert not caplog.messages
    looked(head, clock, 11, 12, 20)
    assert caplog.messages == ["waiting for the head of the Ray cluster at auto: no answer for 6 s"]
    head.check()


def test_one_that_stays_silent_ends_the_search_before_ray_ends_the_process(place, clock):
    address, server = place
    head = Head("auto", address, clock)
    server.close()
    looked(head, clock, 34)
    head.check()
    looked(head, clock, 40)
    with pytest.raises(RayDied, match="the head of the Ray cluster at auto has not answered for 40 s: it or the way to it is gone"):
        head.check()


def test_one_that_answers_again_was_only_away(place, clock, caplog):
    address, server = place
    head = Head("auto", address, clock)
    server.close()
    looked(head, clock, 9)
    host, port = address.split(":")
    with socket.create_server((host, int(port))):
        looked(head, clock, 30)
    clock.now = 50.0
    head.check()
    assert caplog.messages[-1] == "the head of the Ray cluster at auto answers again"
