"""The page on plug-ins is true: its package, installed, is used and keeps the contract."""

import re
import subprocess
import sys
from pathlib import Path

from fairtune.request.papers import read_paper
from tests.plugins.packages import install
from tests.plugins.test_installed import environment, shown  # noqa: F401  (a fixture)

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()
METHOD, TEST = re.findall(r"```python\n(.*?)```", PAGE, re.S)
GROUP, NAME, ADDRESS = re.search(r'\[project.entry-points."(.*)"\]\n(\w+) = "(.*)"', PAGE).groups()


def test_the_package_of_the_page_is_found_and_keeps_the_contract(tmp_path, shown):  # noqa: F811
    site = install(tmp_path / "site", "calm-nets", f"[{GROUP}]\n{NAME} = {ADDRESS}\n")
    (site / "calm_nets" / "__init__.py").write_text(METHOD)
    assert "citation: A. Nobody, Calm Nets, 2026" in shown("list", "methods", NAME, site=site).stdout
    (tmp_path / "test_calm.py").write_text(TEST)
    quick = "line or legal or order or cross_entropy or weight"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", quick, "--rootdir", tmp_path, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(site), cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^6 passed", done.stdout, re.M)


def test_the_page_names_every_contract():
    from fairtune import testing

    assert all(f"`{suite}`" in PAGE for suite in testing.__all__)


def test_the_training_of_the_page_s_paper_can_be_read(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    file = tmp_path / "nobody_2026.yaml"
    file.write_text(text)
    calm, plain = (read_paper(file).training_of(method, "cifar10s") for method in ("calm", "scratch"))
    assert (calm.epochs, calm.compare_with, calm.teacher_epochs, plain.epochs) == (20, "teacher", 100, 100)
    assert calm.set == plain.set == {**read_paper(file).training.set, "dataset.skew": 0.8}
    assert calm.differs == ("images are not cropped, theirs are",)
