"""How fast batches come from the cache, against JPEG files through torchvision's and torch's own loaders, and in how much memory.

    python benchmarks/data.py [--images 4000] [--rounds 3] [--cache-mb 2048]

Speed: one epoch of batches alone, nothing trained: 128 images of 64x64 a batch, mirrored at random, scaled to floating point. The
files are JPEG images of 178x218 drawn here, as large as CelebA's. The usual way decodes, resizes and mirrors each of them in one of
two worker processes of a ``DataLoader`` that stay alive between epochs; fairtune gathers them in this process, on two threads, from
the cache that it decoded once. Both by the clock, in turn; expect a ratio of at least 20 on two processors.

Memory: a process fills a cache and reads all of it in batches while its own memory, beyond what Python and torch take, may not
grow by more than an eighth of the cache (RLIMIT_DATA). What it holds of the cache itself is the operating system's page cache,
which it takes back where memory is short. Then two processes read the same cache at once: each is charged half of it. Linux only.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import resource
import statistics
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from fairtune.batches.augment import Augment
from fairtune.batches.split import DeviceSplit
from fairtune.batches.transforms import Flip
from fairtune.datasets import Dataset, ImageFiles, Info, Part, Pool, open_part, prepare
from fairtune.records import Bytes
from fairtune.seeding import generator

CPU = torch.device("cpu")
HEIGHT, WIDTH, SIZE, BATCH, WORKERS = 218, 178, 64, 128, 2
MB = 2**20


class _Plain(Dataset):
    """Images without meaning."""

    def describe(self, root: Path) -> Info:
        return Info(classes=("all",), groups=("all",), shape=(3, SIZE, SIZE), balanced_test=False, model="cnn", epochs=1)

    def check(self, root: Path) -> None:
        """Nothing to check."""


class Files(_Plain):
    """The drawn JPEG files."""

    cache_name: ClassVar[str] = "benchmark-files"

    def decode(self, root: Path) -> dict[Part, Pool]:
        """All files below the folder."""
        names = sorted(f"{path.parent.name}/{path.name}" for path in root.glob("*/*.jpg"))
        return {"train": pool(ImageFiles(root, names, (SIZE, SIZE)))}


@dataclass(frozen=True)
class Noise:
    """Random images made when they are asked for."""

    images: int

    @property
    def shape(self) -> tuple[int, ...]:
        """``(N, H, W, 3)``."""
        return (self.images, SIZE, SIZE, 3)

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """uint8."""
        return np.dtype(np.uint8)

    def __getitem__(self, rows: slice, /) -> Bytes:
        number = len(range(*rows.indices(self.images)))
        return np.frombuffer(generator(0, "data", rows.start).bytes(number * SIZE * SIZE * 3), np.uint8).reshape(-1, SIZE, SIZE, 3)


@dataclass(kw_only=True)
class Large(_Plain):
    """A pool of a given size."""

    cache_name: ClassVar[str] = "benchmark-large"
    megabytes: int = 0

    def decode(self, root: Path) -> dict[Part, Pool]:
        """As many images as fit."""
        return {"train": pool(Noise(self.megabytes * MB // (SIZE * SIZE * 3)))}


def pool(x: Any) -> Pool:
    zeros = np.zeros(x.shape[0], dtype=np.int64)
    return Pool(x, {"y": zeros, "a": zeros, "source": np.arange(x.shape[0])})


def draw_files(folder: Path, images: int) -> None:
    """JPEG files that take as long to decode as photographs: smooth shapes with grain, about 15 kB each."""
    rng = generator(0, "data")
    row, column = np.mgrid[0:HEIGHT, 0:WIDTH]
    (folder / "all").mkdir(parents=True)
    for number in range(images):
        waves = [np.sin(row / rng.uniform(5, 40)) * np.cos(column / rng.uniform(5, 40) + rng.uniform(0, 6)) for _ in range(3)]
        pixels = 128 + 90 * np.stack(waves, axis=-1) + rng.normal(0, 8, (HEIGHT, WIDTH, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "all" / f"{number:06}.jpg", quality=90)


def epoch_of_files(loader: DataLoader[Any]) -> float:
    """Seconds of one epoch through torchvision and a ``DataLoader``."""
    began = time.perf_counter()
    for x, _ in loader:
        assert x.dtype == torch.float32
    return time.perf_counter() - began


def epoch_of_cache(split: DeviceSplit, number: int) -> float:
    """Seconds of one epoch from the cache, its order and its flips included."""
    began = time.perf_counter()
    order = torch.from_numpy(generator(0, "order", number).permutation(len(split)))[: len(split) // BATCH * BATCH].view(-1, BATCH)
    drawn = split.draw((len(order), BATCH), generator(0, "order", number, 1))
    for step, index in enumerate(order):
        assert split.batch(index, tuple(values[step] for values in drawn)).x.dtype == torch.float32
    return time.perf_counter() - began


def open_split(dataset: Dataset, root: Path) -> DeviceSplit:
    pool = open_part(dataset, root, "train")
    return DeviceSplit(dataset.split(pool, np.arange(len(pool)), dataset.describe(root)), CPU, torch.float32, Augment((Flip(),)))


def measure_speed(images: int, rounds: int, folder: Path, console: Console) -> None:
    draw_files(folder, images)
    began = time.perf_counter()
    prepare(Files(), folder)
    decoding = time.perf_counter() - began
    split = open_split(Files(), folder)
    steps = transforms.Compose([transforms.Resize((SIZE, SIZE)), transforms.RandomHorizontalFlip(), transforms.ToTensor()])
    files = ImageFolder(folder, steps)
    loader = DataLoader(files, BATCH, shuffle=True, drop_last=True, num_workers=WORKERS, persistent_workers=True)
    epoch_of_files(loader)
    epoch_of_cache(split, 0)
    times = [(epoch_of_files(loader), epoch_of_cache(split, number)) for number in range(1, rounds + 1)]
    usual, ours = (statistics.median(column) for column in zip(*times, strict=True))
    ratio = statistics.median(slow / fast for slow, fast in times)
    console.print(f"{images:,} images, one epoch of batches, median of {rounds}")
    console.print(f"  JPEG files, DataLoader with {WORKERS} workers  {images / usual:>10,.0f} images/s")
    console.print(f"  cache, {WORKERS} threads                     {images / ours:>10,.0f} images/s")
    console.print(f"  ratio {ratio:.1f}; decoding into the cache once took {decoding:.1f} s, {images / decoding:,.0f} images/s")


def own_mb(field: str, file: str = "status") -> float:
    """A field of this process in /proc, in MiB."""
    found = re.search(rf"^{field}:\s+(\d+) kB", Path(f"/proc/self/{file}").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def read_within_limit(megabytes: int, results: Any) -> None:
    """Fill a cache and read it, allowed little memory of its own."""
    torch.set_num_threads(1)
    limit = int((own_mb("VmData") + megabytes / 8) * MB)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    before = own_mb("RssAnon")
    prepare(Large(megabytes=megabytes), Path())
    filled = own_mb("RssAnon") - before
    epoch_of_cache(open_split(Large(megabytes=megabytes), Path()), 0)
    results.put((filled, own_mb("RssAnon") - before, own_mb("RssFile")))


def read_beside_another(megabytes: int, both: Barrier, results: Any) -> None:
    """Read a cache while another process has read it too."""
    torch.set_num_threads(1)
    split = open_split(Large(megabytes=megabytes), Path())
    epoch_of_cache(split, 0)
    both.wait()
    mapped = Path("/proc/self/smaps").read_text().split("benchmark-large")[1]
    results.put(tuple(int(re.search(rf"^{field}:\s+(\d+) kB", mapped, re.MULTILINE)[1]) / 1024 for field in ("Rss", "Pss")))  # type: ignore[index]
    both.wait()


def measure_memory(megabytes: int, console: Console) -> None:
    context = multiprocessing.get_context("spawn")
    results, both = context.SimpleQueue(), context.Barrier(2)
    run([context.Process(target=read_within_limit, args=(megabytes, results))])
    filled, read, mapped = results.get()
    console.print(f"a cache of {megabytes:,} MiB in a process allowed {megabytes / 8:,.0f} MiB more of its own")
    console.print(f"  after filling it {filled:+,.0f} MiB, after reading it {read:+,.0f} MiB; {mapped:,.0f} MiB are mapped files")
    run([context.Process(target=read_beside_another, args=(megabytes, both, results)) for _ in range(2)])
    for number in range(2):
        resident, charged = results.get()
        console.print(
            f"  process {number + 1} of two that read it: {resident:,.0f} MiB of it resident, {charged:,.0f} MiB charged (PSS)"
        )


def run(processes: Iterable[Any]) -> None:
    processes = list(processes)
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode:
            raise SystemExit(f"a measuring process ended with {process.exitcode}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=4000, help="JPEG files drawn")
    parser.add_argument("--rounds", type=int, default=3, help="epochs of each way")
    parser.add_argument("--cache-mb", type=int, default=2048, help="size of the cache that is read within a memory limit")
    arguments = parser.parse_args()
    torch.set_num_threads(WORKERS)
    console = Console(soft_wrap=True, highlight=False)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["FAIRTUNE_CACHE"] = str(Path(scratch) / "cache")
        measure_speed(arguments.images, arguments.rounds, Path(scratch) / "files", console)
        measure_memory(arguments.cache_mb, console)


if __name__ == "__main__":
    main()
