"""A dataset before any search: counted, measured, drawn, and shown on one page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fairtune.api.data import tell_remarks
from fairtune.datasets import (
    Dataset,
    Info,
    check_images_apart,
    check_test_part,
    nearly_equal,
    open_part,
    open_splits,
    open_test_labels,
    prepare,
    remarks_on,
    skipped,
)
from fairtune.errors import DataError, FairtuneError
from fairtune.files import write_text
from fairtune.metrics import name_small_cells, small_cells
from fairtune.records import Ints
from fairtune.report.association import mutual_information, normalised_information
from fairtune.report.decoding import progress_bars
from fairtune.report.inspection import Findings, Inspected, render_inspection
from fairtune.request.options import DataRequest
from fairtune.request.resolve import resolve_dataset
from fairtune.space import Text
from fairtune.spec import PlugIn

PAGE = "inspection.html"


def inspect_data(
    request: DataRequest, folder: Path, console: Console, *, pictures: bool = False, near_duplicates: bool = False
) -> Path:
    """Print how many samples each cell has and how skewed they are, and write all that is to be seen as one page.

    Of the test part only labels, groups, and what was noted as it was decoded are looked at; where near duplicates are looked for,
    its images too, none of which is shown. Equal images in several splits, which a search would refuse, are shown.

    Args:
        request: names the dataset, its settings and the folder of its files; ``target`` may be several separated by commas.
        folder: where the page goes.
        console: where to print.
        pictures: whether pictures are shown even if the licence of the dataset does not allow them to be passed on.
        near_duplicates: whether images that look alike are looked for, within splits and across them.

    Returns:
        The page.

    Raises:
        InvalidInput, DataError: what is wrong with the request or the files.
    """
    views, asked, dataset, root = [], None, None, Path()
    for one in _of_each_target(request):
        asked, root = resolve_dataset(one)
        dataset = _lenient(asked)
        views.append(_inspected(one.dataset, dataset, root, console))
    assert dataset is not None
    refused = [] if dataset is asked else _refused(dataset, root)
    tell_remarks(dataset, root, console)
    for reason in refused:
        console.print(reason, style="yellow", soft_wrap=True)
    for view in views:
        _tell_counts(view, console)
    found = _findings(request, dataset, root, refused, pictures=pictures, near_duplicates=near_duplicates)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / PAGE, render_inspection(found, views))
    console.print(f"drawn: {folder / PAGE}", soft_wrap=True)
    return folder / PAGE


def _of_each_target(request: DataRequest) -> Iterator[DataRequest]:
    """The request, or one for each of several targets."""
    target = next((setting for setting in request.set if setting.key in ("target", "dataset.target")), None)
    legal = Dataset.load(request.dataset).declared().get("target")
    if target is None or legal is None or not isinstance(legal.legal, Text) or "," not in target.text or _is_one(request):
        yield request
        return
    others = [setting for setting in request.set if setting is not target]
    for name in filter(None, map(str.strip, target.text.split(","))):
        yield request.model_copy(update={"set": (*others, target._replace(text=name))})


def _is_one(request: DataRequest) -> bool:
    """Whether a target with a comma is the name of one column."""
    try:
        dataset, root = resolve_dataset(request)
        dataset.describe(root)
    except FairtuneError:
        return False
    return True


def _lenient(dataset: Dataset) -> Dataset:
    """The same that does not refuse equal images in several splits; itself where it never does."""
    refuses = getattr(dataset, "on_duplicate", None) == "error"
    return dataset.build(**{**vars(dataset), "on_duplicate": "keep"}) if refuses else dataset


def _refused(dataset: Dataset, root: Path) -> list[str]:
    """That a search refuses equal images in several splits, and what helps; empty where there are none."""
    try:
        check_images_apart(open_part(dataset, root, dataset.training_parts()[0]))
    except DataError as error:
        return [f"a search refuses these data: {error}"]
    return []


def _inspected(name: str, dataset: Dataset, root: Path, console: Console) -> Inspected:
    info = dataset.describe(root)
    with progress_bars(console) as report:
        prepare(dataset, root, report=report)
    check_test_part(dataset, root)
    splits = open_splits(dataset, root) | {"test": open_test_labels(dataset, root)}
    options = {option: getattr(dataset, option) for option in dataset.declared()}
    return Inspected(PlugIn(name=name, options=options), str(getattr(dataset, "target", "class")), info, splits)


def _findings(
    request: DataRequest, dataset: Dataset, root: Path, refused: list[str], *, pictures: bool, near_duplicates: bool
) -> Findings:
    pools = {str(part): open_part(dataset, root, part) for part in dataset.training_parts()}
    first = next(iter(pools.values()))
    looked_for = near_duplicates and len(first.x.shape) == 4
    return Findings(
        name=request.dataset,
        summary=dataset.summary(),
        licence=dataset.licence,
        options={setting.key: setting.text for setting in request.set},
        remarks=[*remarks_on(dataset, root), *refused],
        pools=pools,
        twins=first.twins,
        near=nearly_equal(dataset, root) if looked_for else None,
        broken=skipped(prepare(dataset, root)),
        shows=dataset.may_be_shown or pictures,
    )


def _tell_counts(view: Inspected, console: Console) -> None:
    counts = view.counts
    for table in _count_tables(counts, view.info):
        console.print(table)
    console.print(_skew_table(counts))
    for name, cells in counts.items():
        if name != "train" and (small := name_small_cells(name, small_cells(cells), view.info.names)):
            console.print(small, style="yellow", soft_wrap=True)


def _count_tables(counts: dict[str, Ints], info: Info) -> Iterator[Table]:
    """All splits side by side where they have room, else one table each."""
    if len(info.groups) <= 3:
        yield _count_table(counts, info)
    else:
        for name, cells in counts.items():
            yield _count_table({name: cells}, info)


def _count_table(counts: dict[str, Ints], info: Info) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("class")
    for split in counts:
        for group in info.groups:
            table.add_column(f"{split}\n{group}", justify="right")
    for y, name in enumerate(info.classes):
        table.add_row(name, *(f"{cells[a, y]:,}" for cells in counts.values() for a in range(len(info.groups))))
    totals = (f"{cells[a].sum():,}" for cells in counts.values() for a in range(len(info.groups)))
    table.add_row("all", *totals, style="bold")
    return table


def _skew_table(counts: dict[str, Ints]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("split", "samples", "smallest cell", "largest cell", "mutual information", "normalised"):
        table.add_column(title, justify="left" if title == "split" else "right")
    for name, cells in counts.items():
        nats, share = mutual_information(cells), normalised_information(cells)
        table.add_row(name, f"{cells.sum():,}", f"{cells.min():,}", f"{cells.max():,}", f"{nats:.4f} nats", f"{share:.3f}")
    return table
