"""``import fairtune`` is quick, and its names are functions and packages whatever was imported first."""

import inspect
import pickle
import subprocess
import sys

import pytest

import fairtune as ft
from fairtune.request.options import Request, TrainRequest

LARGE = {"torch", "ray", "pandas", "mlflow", "optuna", "sklearn", "scipy", "matplotlib", "numpy", "pydantic"}


def said(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_it_loads_nothing_large():
    assert said(f"import sys, fairtune; print(sorted({LARGE} & set(sys.modules)))") == "[]"


ORDERS = [
    "import fairtune as ft; print(callable(ft.search)); import fairtune.search.plan, fairtune.methods.mfd",
    "import fairtune.search.plan, fairtune.methods.mfd; import fairtune as ft; print(callable(ft.search))",
    "from fairtune import search; print(callable(search)); import fairtune.search.plan",
    "from fairtune.methods.mfd import mfd_loss; import fairtune as ft; print(ft.methods.mfd.mfd_loss is mfd_loss)",
]
EACH_IN_A_CHILD = """
import os, sys, pandas, torch, torch.utils.data

assert "fairtune" not in sys.modules
for order in {orders}:
    if not (child := os.fork()):
        exec(order, {{}})
        sys.stdout.flush()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, order
"""


def test_a_room_can_be_called_and_entered_in_any_order():
    then = "; import fairtune as ft; assert ft.search.__name__ == 'fairtune.search'; assert ft.methods().loc['mfd', 'what']"
    assert said(EACH_IN_A_CHILD.format(orders=[order + then for order in ORDERS])).split() == ["True"] * len(ORDERS)


@pytest.mark.parametrize("kind", ["methods", "datasets", "models", "rules", "samplers", "schedulers"])
def test_what_there_is_comes_as_a_table(kind):
    assert getattr(ft, kind)().index.is_unique
    assert getattr(ft, kind)()["what"].str.len().min() > 10


@pytest.mark.parametrize(("verb", "request_type"), [("search", Request), ("train", TrainRequest)])
def test_the_signature_is_the_requests(verb, request_type):
    parameters = inspect.signature(getattr(ft, verb)).parameters
    assert {name: parameter.default for name, parameter in parameters.items()} == {
        name: field.default for name, field in request_type.model_fields.items()
    }
    assert parameters["epochs"].annotation == int | None
    assert parameters["method"].annotation == str | type
    assert {parameter.kind for parameter in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}


def test_help_shows_every_argument():
    text = inspect.getdoc(ft.search)
    assert "trials: int" in text.replace("typing.Annotated[int", "int")
    assert "trials: Settings to try." in text
    assert "address: Ray cluster: auto, HOST:PORT, or local. None is this machine." in text
    assert "Search one method's hyperparameters" in text


def test_a_room_is_pickled_by_its_name():
    assert pickle.loads(pickle.dumps(ft.search)) is ft.search


def test_an_unknown_name_is_not_there():
    with pytest.raises(AttributeError, match="module 'fairtune' has no attribute 'serch'"):
        ft.serch  # type: ignore[attr-defined]  # noqa: B018  mypy says so too
    assert {"search", "open_run"} <= set(dir(ft))
