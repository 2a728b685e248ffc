"""The head of a cluster that a search has joined."""

import socket

import pytest

from fairtune.search.head import Head
from fairtune.search.watch import RayDied


@pytest.fixture
def server():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def head_at(server, now):
    return Head(f"127.0.0.1:{server.getsockname()[1]}", clock=lambda: now[0])


def turns(head, now, seconds):
    for _ in range(seconds):
        now[0] += 1
        head.check()


def test_that_answers_lets_the_search_go_on(server, caplog):
    now = [0.0]
    turns(head_at(server, now), now, 200)
    assert caplog.messages == []


def test_that_is_gone_ends_it_in_a_sentence_before_ray_ends_the_process(server, caplog):
    now = [0.0]
    head = head_at(server, now)
    turns(head, now, 10)
    address = f"127.0.0.1:{server.getsockname()[1]}"
    server.close()
    with pytest.raises(RayDied, match=rf"^the head of the Ray cluster at {address} has not answered for 2\d s$"):
        turns(head, now, 50)
    assert caplog.messages == [f"the head of the Ray cluster at {address} does not answer"]


def test_that_comes_back_is_forgiven(server, caplog):
    now = [0.0]
    head = head_at(server, now)
    place = server.getsockname()
    server.close()
    turns(head, now, 15)
    with socket.create_server(place):
        turns(head, now, 50)
    assert len(caplog.messages) == 1
