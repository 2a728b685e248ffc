"""Plug-ins that other packages announce, used through the command line as their users would."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from fairtune import plugins
from fairtune.cli.main import app
from fairtune.errors import InvalidInput
from fairtune.study.folders import RunFolder
from fairtune.study.study import SearchStudy
from tests.plugins.packages import install, install_outsider

NAMES = {
    "method": ["calm"],
    "dataset": ["stripes"],
    "model": ["channel_means", "repeated"],
    "rule": ["latest"],
    "sampler": ["chance"],
    "scheduler": ["patient"],
}


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    return install_outsider(tmp_path_factory.mktemp("site"))


@pytest.fixture
def known(site, monkeypatch):
    """The package is where this process looks for packages."""
    monkeypatch.syspath_prepend(str(site))


@pytest.fixture(scope="session")
def broken(tmp_path_factory):
    """A package of which nothing can be imported, beside one that is whole."""
    points = {"lost": "gone:Mine", "rude": "rude:Mine", "empty": "empty:Mine", "odd": "empty:ODD"}
    text = "\n".join(["[fairtune.methods]", *(f"{name} = broken.{where}" for name, where in points.items())])
    modules = {"rude": "raise SystemExit('no licence')", "empty": "ODD = 3"}
    return install_outsider(install(tmp_path_factory.mktemp("site"), "broken", text, **modules))


def call(*words, site, **changes):
    """What ``fairtune`` with these words answers in a process that finds the packages in a folder."""
    command = [sys.executable, "-c", "from fairtune.cli.main import main; main()", *map(str, words)]
    found = environment(site) | changes
    return subprocess.run(command, capture_output=True, text=True, check=False, env=found, timeout=500)


@pytest.fixture
def shown(monkeypatch):
    """``shown(*words, site=...)``: what the command answers in this process, which finds the packages in a folder from now on."""
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*words, site):
        monkeypatch.syspath_prepend(str(site))
        return CliRunner().invoke(app, [*words])

    return invoke


def environment(site):
    """Of a process that finds the packages in a folder."""
    return {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "200"}


@pytest.mark.parametrize("kind", plugins.KINDS)
def test_they_are_known_by_name(known, kind):
    assert set(NAMES[kind]) <= set(plugins.names(kind))
    for name in NAMES[kind]:
        plugins.check_name(kind, name)
        line = next(line for line in plugins.listed(kind) if line.name.partition(":")[0] == name)
        assert line.package == "outsider"
        assert len(line.summary) > 20
    found = plugins.load(kind, NAMES[kind][0])
    assert (found.kind, found.__module__) == (kind, "outsider.plug_ins")
    assert plugins.give(kind, found) == NAMES[kind][0]
    assert plugins.load(kind, f"outsider.plug_ins:{found.__name__}") is found


@pytest.mark.parametrize("kind", plugins.KINDS)
def test_they_have_near_misses(known, kind):
    name = NAMES[kind][0]
    with pytest.raises(InvalidInput, match=f"unknown {kind} '{name}s': did you mean '{name}'"):
        plugins.load(kind, f"{name}s")


def test_without_the_package_nobody_knows_them():
    with pytest.raises(InvalidInput, match="unknown method 'calm'"):
        plugins.check_name("method", "calm")


def test_a_family_may_come_from_outside(known):
    assert plugins.load("model", "repeated:3").summary() == "Channel means, 3 times."
    assert plugins.load("model", "outsider.plug_ins:ChannelMeans").__name__ == "ChannelMeans"
    with pytest.raises(InvalidInput, match="the model 'repeated' stands for many: write repeated:NAME"):
        plugins.load("model", "repeated")
    with pytest.raises(InvalidInput, match="repeated:often: give a number"):
        plugins.load("model", "repeated:often")


def test_a_package_named_as_its_plug_in_is_still_reached_by_address(tmp_path, monkeypatch):
    code = "from fairtune.methods import Method\nclass Mine(Method): 'Does nothing at all to anybody.'\nclass Other(Mine): ..."
    install(tmp_path, "hers", "[fairtune.methods]\nhers = hers.one:Mine\nsingle = single:Mine\n", one=code)
    (tmp_path / "single.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert plugins.load("method", "single").__name__ == "Mine"
    assert plugins.load("method", "single:Other").__name__ == "Other"


class TestClashes:
    def test_with_fairtune_s_own_the_name_means_nothing(self, tmp_path, monkeypatch):
        install(tmp_path, "rival", "[fairtune.methods]\nmfd = rival.one:Mine\n", one="raise RuntimeError")
        monkeypatch.syspath_prepend(str(tmp_path))
        told = (
            r"the method 'mfd' is claimed by fairtune itself \(fairtune.methods.mfd:FairFeatureDistillation\) and the package "
            r"rival \(rival.one:Mine\): name the one that you mean as package.module:Class, or uninstall"
        )
        for action in (plugins.check_name, plugins.load):
            with pytest.raises(InvalidInput, match=told):
                action("method", "mfd")
        assert plugins.load("method", "fairtune.methods.mfd:FairFeatureDistillation").summary().startswith("Distils")
        assert plugins.load("method", "hkd").summary().startswith("Distils")

    def test_between_packages_it_means_nothing_either(self, tmp_path, monkeypatch):
        for package in ("one", "other"):
            install(tmp_path, package, f"[fairtune.rules]\nbest = {package}.rule:Best\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        assert "best" not in plugins.names("rule")
        with pytest.raises(InvalidInput, match=r"'best' is claimed by the package one \(one.rule:Best\) and the package other"):
            plugins.load("rule", "best")

    def test_are_told_by_list(self, shown, tmp_path):
        install(tmp_path, "rival", "[fairtune.methods]\nmfd = rival.one:Mine\na+b = rival.one:Mine\n")
        done = shown("list", "methods", site=tmp_path)
        assert done.exit_code == 0
        assert "the method 'mfd' is claimed by fairtune itself" in done.stderr
        assert "names a method 'a+b': a name is of letters, digits, _ and -; it can be used as rival.one:Mine" in done.stderr
        assert any(line.startswith("hkd ") for line in done.stdout.splitlines())


class TestABrokenPackage:
    def test_is_named_by_list_with_the_reason(self, broken):
        done = call("list", "methods", site=broken)
        assert done.returncode == 0, done.stderr
        told = " ".join(done.stdout.split())
        for line in (
            "calm outsider Keeps the logits small, whoever they are of.",
            "lost broken cannot load the method 'lost' of the package broken (broken.gone:Mine): No module named 'broken.gone'",
            "rude broken cannot load the method 'rude' of the package broken (broken.rude:Mine): SystemExit: no licence",
            "empty broken cannot load the method 'empty' of the package broken (broken.empty:Mine): module 'broken.empty' has no",
            "odd broken the method 'odd' of the package broken (broken.empty:ODD) is not a class",
            "mfd Distils",
        ):
            assert line in told

    def test_breaks_no_other_command(self, shown, broken):
        done = shown("list", "rules", site=broken)
        assert (done.exit_code, done.stderr) == (0, "")
        done = shown("train", "--method", "rude", site=broken)
        assert (done.exit_code, type(done.exception)) == (2, SystemExit)
        assert "cannot load the method 'rude' of the package broken (broken.rude:Mine): SystemExit: no licence" in done.stderr
        assert "Traceback" not in done.stderr


def test_each_is_described(known):
    told = CliRunner().invoke(app, ["list", "datasets", "stripes"]).stdout
    assert "licence: CC0\ncitation: A. Nobody, Stripes, 2026\nobtain: comes with its package\n" in told
    assert "citation: A. Nobody, Calm Nets, 2026" in CliRunner().invoke(app, ["list", "methods", "calm"]).stdout


class TestFromTheCommandLine:
    @pytest.mark.parametrize(
        ("method", "dataset", "model"),
        [
            ("ss+calm", "stripes", "channel_means"),
            pytest.param("calm", "stripes", "repeated:2", marks=pytest.mark.slow),
            pytest.param(
                "outsider.plug_ins:Calm",
                "outsider.plug_ins:Stripes",
                "outsider.plug_ins:ChannelMeans",
                marks=pytest.mark.slow,
            ),
        ],
    )
    def test_a_training_is_made_of_them(self, site, tmp_path, method, dataset, model):
        words = ("train", "--method", method, "--dataset", dataset, "--model", model, "--set", "weight=0.2")
        done = call(*words, "--epochs", 2, "--runs", tmp_path, site=site, FAIRTUNE_CACHE=str(tmp_path / "cache"))
        assert done.returncode == 0, done.stderr
        assert "accuracy" in done.stdout

    @pytest.mark.ray
    def test_a_search_is_made_of_them_and_its_workers_find_them(self, site, known, tmp_path):
        names = ("--method", "calm,ss+calm", "--dataset", "stripes", "--model", "channel_means", "--select", "latest")
        ways = ("--sampler", "chance", "--scheduler", "patient")
        small = (
            "--epochs",
            4,
            "--set",
            "lr=0.1",
            "--trials",
            4,
            "--final-seeds",
            1,
            "--accuracy-floor",
            0,
            "--runs",
            tmp_path,
            "--name",
            "run",
        )
        done = call("search", *names, *ways, *small, site=site, FAIRTUNE_CACHE=str(tmp_path / "cache"))
        assert done.returncode == 0, done.stderr
        spec, _ = RunFolder(tmp_path / "run").load()
        assert [record.state for record in SearchStudy(RunFolder(tmp_path / "run").study, spec).records()] == ["complete"] * 4
