"""The commands."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from benchmarks import search_efficiency
from benchmarks.search_efficiency.arms import ABLATED, COMPARED
from benchmarks.search_efficiency.compare import MEASURES, SHARES, Arena, Result
from benchmarks.search_efficiency.early import FAIREST, below_early_floors
from benchmarks.search_efficiency.grids import RECORDED, Recorded
from benchmarks.search_efficiency.printing import (
    difference_table,
    markdown,
    ranking_table,
    reached_table,
    real_tables,
    speed_table,
)
from benchmarks.search_efficiency.ranking import comparable, study
from benchmarks.search_efficiency.real import REAL, Found, search
from benchmarks.search_efficiency.record import record
from benchmarks.search_efficiency.table import Table, read
from fairtune.files import data_root

GRID, OURS = "papers' grids", "ours"


def main() -> None:
    given = _arguments()
    recorded, root = RECORDED[given.dataset], data_root(given.data)
    folder = given.table / recorded.dataset
    if given.command == "record":
        record(recorded, folder, root, processes=given.processes)
        return
    if given.command == "real":
        kinds = {name: [_real(given, recorded, root, name, seed) for seed in range(given.repeats)] for name in given.kinds}
        print(real_tables(kinds, OURS))
        return
    table = read(recorded, folder, root)
    _describe(recorded, table)
    if given.command == "estimates":
        print(ranking_table(study(table)))
    else:
        rows = below_early_floors(table)
        shares = ((str(epoch), f"{fairest:.0%}", f"{others:.0%}") for epoch, fairest, others in rows)
        print(markdown(("epoch", f"of the {FAIREST} fairest below its floor", "of the others"), shares), end="\n\n")
        _replay(Arena(recorded, table), given.repeats)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.search_efficiency",
        description=search_efficiency.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record", help="train the table; a table that is begun is gone on with")
    recording.add_argument("--processes", type=int, default=1, help="trainings at a time")
    estimating = commands.add_parser("estimates", help="which estimate of DEO_M ranks settings best")
    replaying = commands.add_parser("replay", help="compare searches on the table")
    replaying.add_argument("--repeats", type=int, default=24, help="searches of each kind")
    searching = commands.add_parser("real", help="the same with real searches, trained and confirmed")
    searching.add_argument("--repeats", type=int, default=6, help="searches of each kind, each on another split")
    searching.add_argument("--share", type=float, default=0.2, help="of the table's epochs, for the trials of one search")
    searching.add_argument(
        "--kinds", nargs="+", choices=REAL, default=list(REAL), help="which kinds; ours is compared with the others"
    )
    for command in (recording, estimating, replaying, searching):
        command.add_argument("--table", type=Path, required=True, help="folder of the tables")
        command.add_argument("--dataset", choices=RECORDED, default="digits")
        command.add_argument("--data", help="folder of the original data files")
    return parser.parse_args()


def _real(given: argparse.Namespace, recorded: Recorded, root: Path, name: str, seed: int) -> Found:
    epochs = (len(recorded.settings()) - 1) * recorded.search(seed, root).epochs
    return search(recorded, given.table / "real", root, name, epochs=round(given.share * epochs), seed=seed)


def _describe(recorded: Recorded, table: Table) -> None:
    splits = len({replicate.split for replicate in table.replicates})
    print(
        f"{recorded.dataset}: {len(table.settings) - 1} settings of {len(recorded.grids)} methods and the baseline, "
        f"{len(table.replicates)} trainings each on {splits} validation splits, {table.length} epochs; "
        f"{len(comparable(table))} settings are as accurate as the floor on the test split\n"
    )


def _replay(arena: Arena, repeats: int) -> None:
    whole = {"random, the whole table": arena.run(COMPARED["random"], len(arena.table.replicates), shares=(1.0,))}
    for measure in MEASURES:
        print(reached_table(whole, (1.0,), measure), end="\n\n")
    for title, policies in (("Searches compared", COMPARED), ("Ours without each of its parts", ABLATED)):
        results: Mapping[str, Result] = {name: arena.run(policy, repeats) for name, policy in policies.items()}
        print(f"## {title}\n")
        for measure in MEASURES:
            print(reached_table(results, SHARES, measure), end="\n\n")
        print(difference_table(results, SHARES, "regret", OURS), end="\n\n", flush=True)
        if GRID in results:
            print(speed_table(results, GRID), end="\n\n")


if __name__ == "__main__":
    main()
