"""What a process and its descendants listen on, from /proc."""

import ipaddress
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
_LISTENING = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}
"""State of a socket that takes what comes: a listening TCP socket, a UDP socket without a peer."""


class Socket(NamedTuple):
    """A socket that others can reach, and the program that holds it."""

    program: str
    protocol: str
    host: str
    port: int

    @property
    def loopback(self) -> bool:
        address = ipaddress.ip_address(self.host)
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def running() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def words(pid: int, file: str) -> list[str]:
    """The command line or the environment of a process; nothing if it has ended."""
    with suppress(OSError):
        return (PROC / str(pid) / file).read_text(errors="replace").split("\0")
    return []


def descendants(*roots: int) -> set[int]:
    """The processes and everything they started that has not been left to another."""
    parents = {pid: parent for pid in running() if (parent := _parent(pid)) is not None}
    found = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found & parents.keys()


def listening(pids: Iterable[int]) -> set[Socket]:
    """The TCP and UDP sockets on which these processes can be reached."""
    program_of = {inode: _program(pid) for pid in pids for inode in _inodes(pid)}
    found = set()
    for protocol, state in _LISTENING.items():
        for line in (PROC / "net" / protocol).read_text().splitlines()[1:]:
            _, local, _, current, *rest = line.split()
            if current == state and rest[5] in program_of:
                host, port = local.split(":")
                found.add(Socket(program_of[rest[5]], protocol, _address(host), int(port, 16)))
    return found


def _parent(pid: int) -> int | None:
    with suppress(OSError):
        state, parent, *_ = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return None if state == "Z" else int(parent)
    return None


def _inodes(pid: int) -> set[str]:
    found = set()
    with suppress(OSError):
        for entry in (PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                found.add(str(entry.readlink()).removeprefix("socket:[").removesuffix("]"))
    return found


def _program(pid: int) -> str:
    command = [word for word in words(pid, "cmdline") if word]
    script = next((word for word in command[1:] if word.endswith(".py")), None)
    return Path((script or (command[0].split() or [""])[0]) if command else "").name


def _address(text: str) -> str:
    """An address as the kernel writes it: words of four bytes, each the other way round."""
    parts = [bytes.fromhex(text[start : start + 8])[::-1] for start in range(0, len(text), 8)]
    return str(ipaddress.ip_address(b"".join(parts)))
