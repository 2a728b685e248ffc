"""The commands."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import search_efficiency
from benchmarks.search_efficiency.grids import RECORDED
from benchmarks.search_efficiency.record import record
from fairtune.files import data_root


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.search_efficiency",
        description=search_efficiency.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record", help="train the table; a table that is begun is gone on with")
    recording.add_argument("--table", type=Path, required=True, help="folder of the table")
    recording.add_argument("--dataset", choices=RECORDED, default="digits")
    recording.add_argument("--data", help="folder of the original data files")
    recording.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    recorded = RECORDED[given.dataset]
    record(recorded, given.table / recorded.dataset, data_root(given.data), processes=given.processes)


if __name__ == "__main__":
    main()
