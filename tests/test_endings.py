"""How processes answer who asks them to end; real ones, sent real signals."""

import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from fairtune import endings

ENDINGS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
IN_GOOD_ORDER = """
import time
from fairtune.endings import ended_by_signals, ended_in_good_order
try:
    with ended_by_signals(), ended_in_good_order(lambda: print("keeping", flush=True)) as wish:
        print("ready", flush=True)
        while not wish.granted:
            time.sleep(0.01)
        print("granted", flush=True)
        time.sleep(SETTLES)
        print("settled", flush=True)
except KeyboardInterrupt:
    print("at once", flush=True)
"""
AT_ONCE = """
import time
from fairtune.endings import ended_by_signals
try:
    with ended_by_signals(once=ONCE):
        try:
            print("ready", flush=True)
            time.sleep(60)
        finally:
            print("ending", flush=True)
            time.sleep(4)
            print("settled", flush=True)
except KeyboardInterrupt:
    print("ended", flush=True)
"""
LOST = """
import time
from fairtune.endings import ended_by_signals
class Deleted:
    def __del__(self):
        print("ready", flush=True)
        time.sleep(3)
try:
    with ended_by_signals(once=ONCE):
        Deleted()
        time.sleep(30)
        print("not ended", flush=True)
except KeyboardInterrupt:
    print("ended", flush=True)
"""
PARENT = """
import subprocess, sys
from fairtune.endings import ended_by_signals, kept_from_children
try:
    with ended_by_signals():
        with kept_from_children():
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            print("ready", flush=True)
            sys.stdin.readline()
        print("not ended")
except KeyboardInterrupt:
    print("ended, child", child.poll(), flush=True)
    child.kill()
"""


def hear_all():
    """In a new process: tests may run where somebody, such as nohup, has signals ignored."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_DFL)


def python(code, prepare=hear_all):
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True, preexec_fn=prepare)


def heard(process, word):
    assert process.stdout.readline().strip() == word


def end(process):
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return output.split("\n")[:-1]


@pytest.mark.parametrize("number", ENDINGS)
def test_the_first_signal_ends_in_good_order(number):
    process = python(IN_GOOD_ORDER.replace("SETTLES", "0"))
    heard(process, "ready")
    process.send_signal(number)
    assert end(process) == ["keeping", "granted", "settled"]


def test_signals_sent_together_are_one():
    process = python(IN_GOOD_ORDER.replace("SETTLES", "1"))
    heard(process, "ready")
    for number in (*ENDINGS, *ENDINGS):
        process.send_signal(number)
    assert end(process) == ["keeping", "granted", "settled"]


def test_whoever_asks_again_does_not_wait():
    process = python(IN_GOOD_ORDER.replace("SETTLES", "60"))
    heard(process, "ready")
    process.send_signal(signal.SIGTERM)
    heard(process, "keeping")
    heard(process, "granted")
    time.sleep(endings._SAME_WISH_S + 0.2)
    process.send_signal(signal.SIGINT)
    assert end(process) == ["at once"]


@pytest.mark.parametrize(("once", "said"), [(True, ["settled", "ended"]), (False, ["ended"])])
def test_elsewhere_a_signal_is_ctrl_c(once, said):
    process = python(AT_ONCE.replace("ONCE", str(once)))
    heard(process, "ready")
    process.send_signal(signal.SIGTERM)
    heard(process, "ending")
    time.sleep(endings._SAME_WISH_S + 0.2)
    process.send_signal(signal.SIGTERM)
    assert end(process) == said


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize("number", ENDINGS)
def test_a_wish_that_python_would_have_lost_is_heard(number, once):
    process = python(LOST.replace("ONCE", str(once)))
    heard(process, "ready")
    process.send_signal(number)
    assert end(process) == ["ended"]


def test_what_a_process_was_started_to_ignore_it_ignores():
    process = python(IN_GOOD_ORDER.replace("SETTLES", "0"), prepare=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    heard(process, "ready")
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert end(process) == ["keeping", "granted", "settled"]


def test_what_is_sent_to_all_is_kept_from_children():
    process = python(PARENT)
    heard(process, "ready")
    os.killpg(process.pid, signal.SIGTERM)
    os.killpg(process.pid, signal.SIGHUP)
    assert end(process) == ["ended, child None"]


def test_a_closed_terminal_ends_in_good_order_although_nothing_can_be_printed(tmp_path):
    leader, terminal = pty.openpty()
    note = tmp_path / "note"
    code = IN_GOOD_ORDER.replace("SETTLES", "1") + f"open({str(note)!r}, 'w').write('settled')"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=hear_all,
    )
    os.close(terminal)
    assert os.read(leader, 7).strip() == b"ready"
    process.send_signal(signal.SIGHUP)  # some systems send one of their own when the terminal goes: it must find it awake
    os.close(leader)
    assert process.wait(timeout=60) == 0
    assert note.read_text() == "settled"
