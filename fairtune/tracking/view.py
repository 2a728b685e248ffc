"""The page of MLflow's interface that shows a search: its trainings, with the columns that matter.

MLflow keeps a view that is shared by a link as a tag of the experiment; ours is made like that.
"""

from __future__ import annotations

import json

from fairtune.metrics import HEADLINES, SCORES
from fairtune.rules import objectives_of
from fairtune.spec import SearchSpec
from fairtune.study.mirror import Mirror
from fairtune.study.verdict import improves

_TAG = "mlflow.sharedViewState."
_MOST_VALUES = 8


def view_tag(spec: SearchSpec, mirror: Mirror, parent_tag: str) -> tuple[str, str]:
    """The tag of an experiment by which MLflow knows the view of a search.

    Args:
        spec: the search.
        mirror: where it is in MLflow.
        parent_tag: by which a child run names the search's.

    Returns:
        Name and content: the search's trainings, the best in what the rule improves first; their scores, whether they are feasible,
        their method and their searched values.
    """
    scores = dict.fromkeys(("accuracy", *objectives_of(spec.select), *HEADLINES, "feasible"))
    searched = dict.fromkeys(name for space in spec.spaces.values() for name in space.search)
    values = [name.replace("optimizer.", "optimizer/") for name in searched][:_MOST_VALUES]
    best = improves(spec.select)
    state = {
        "searchFilter": f"tags.`{parent_tag}` = '{mirror.run_id}'",
        "orderByKey": f"metrics.`{best}`",
        "orderByAsc": SCORES[best].better == "lower",
        "selectedColumns": [f"metrics.`{name}`" for name in scores] + [f"params.`{name}`" for name in ("method", *values)],
    }
    return f"{_TAG}{_key(mirror)}", json.dumps(state)


def view_page(mirror: Mirror) -> str:
    """The path of the view behind the address of a server, in the part of its interface that is for training models."""
    return f"#/experiments/{mirror.experiment_id}/runs?workflowType=machine_learning&viewStateShareKey={_key(mirror)}"


def _key(mirror: Mirror) -> str:
    return f"fairtune-{mirror.run_id}"
