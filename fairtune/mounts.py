"""What kind of file system a folder is on."""

from __future__ import annotations

from pathlib import Path

import psutil

_SHARED = ("nfs", "cifs", "smb", "lustre", "beegfs", "gpfs", "ceph", "gluster", "sshfs", "9p", "afs")


def file_system(folder: Path) -> str:
    """The kind of file system of a folder, which need not be there yet."""
    inside = folder.absolute().resolve()
    mounts = [mount for mount in psutil.disk_partitions(all=True) if inside.is_relative_to(mount.mountpoint)]
    return max(mounts, key=lambda mount: len(mount.mountpoint)).fstype if mounts else "an unknown file system"


def is_shared(kind: str) -> bool:
    """Whether several machines write to a file system of this kind, which an SQLite database does not survive for sure."""
    return any(name in kind for name in _SHARED)
