import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_carries_spaces_pipelines_and_the_page(unpacked):
    for path in (
        "search_spaces/mfd.yaml",
        "search_spaces/authors/jung_2021.yaml",
        "pipelines/digits.yaml",
        "pipelines/published/mfd_main.csv",
        "report/page.html.j2",
        "pipeline/page.html.j2",
        "report/card.md.j2",
        "report/predict.py.j2",
        "report/report.js",
        "report/report.css",
        "py.typed",
    ):
        assert (unpacked / "fairtune" / path).is_file(), path


def test_the_wheel_works_outside_the_repository(unpacked):
    code = (
        "import fairtune, sys\n"
        "from pathlib import Path\n"
        "from fairtune.request.spaces import build_space\n"
        "from fairtune.pipeline.reading import load\n"
        "print(Path(fairtune.__file__).parent, build_space('mfd', 'celeba').points, load(Path('digits'))[0].searches[0])\n"
    )
    environment = {"PYTHONPATH": str(unpacked), "PATH": "", "HOME": str(unpacked)}
    done = subprocess.run([sys.executable, "-c", code], cwd=unpacked, env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.split() == [str(unpacked / "fairtune"), "({'mfd.weight':", "7.0},)", "{'method':", "'ss'}"]


def test_no_file_names_a_package_registry():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    assert not [name for name in tracked if name.endswith(("uv.lock", "pylock.toml", "poetry.lock"))]
    assert "://" not in (ROOT / "constraints.txt").read_text()


def test_the_cluster_file_is_one_that_ray_accepts():
    util = pytest.importorskip("ray.autoscaler._private.util")
    config = util.prepare_config(yaml.safe_load((ROOT / "cluster.yaml").read_text()))
    util.validate_config(config)
    assert {kind["max_workers"] <= config["max_workers"] for kind in config["available_node_types"].values()} == {True}
