import subprocess

from fairtune.api.origin import commit_of, origin
from fairtune.study.origin import keep_origin, read_origins


def test_sessions_are_kept_in_order(tmp_path):
    now = origin()
    file = tmp_path / "origins.json"
    assert read_origins(file) == []
    keep_origin(file, now)
    later = now.model_copy(update={"host": "another"})
    keep_origin(file, later)
    assert read_origins(file) == [now, later]
    assert now.packages.keys() >= {"python", "torch", "ray", "optuna", "mlflow"}
    assert now.device


def test_a_file_that_cannot_be_read_tells_of_none(tmp_path):
    file = tmp_path / "origins.json"
    for text in ("", "{", "[1]", '[{"when": "now"}]', "7"):
        file.write_text(text)
        assert read_origins(file) == []


def test_the_commit_of_a_checkout_and_whether_it_was_changed(tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    assert commit_of(package) == ""
    (package / "file.py").write_text("1")
    command = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*command, *arguments], check=True)
    commit = commit_of(package)
    assert len(commit) == 40
    (package / "file.py").write_text("2")
    assert commit_of(package) == f"{commit}+"
