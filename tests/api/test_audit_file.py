"""Predictions of any model, audited from a table."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    equal_opportunity_difference,
    equalized_odds_difference,
)
from rich.console import Console
from sklearn.metrics import accuracy_score, roc_auc_score

from fairtune.api.audit_file import audit_file
from fairtune.api.predictions import Columns, read_predictions
from fairtune.errors import DataError, InvalidInput
from tests.consoles import text_on

CLASSES = ("benign", "malignant")


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    n = 400
    y, sex, age = rng.integers(0, 2, n), rng.choice(["f", "m"], n), rng.choice(["old", "young"], n)
    score = np.clip(0.3 + 0.4 * y + 0.15 * (sex == "m") * y + rng.normal(0, 0.25, n), 0, 1).round(3)
    answer = np.array(CLASSES)[(score > 0.5).astype(int)]
    weight = rng.uniform(0.2, 3, n).round(2)
    columns = {"label": np.array(CLASSES)[y], "prediction": answer, "score": score, "group": sex, "age": age, "weight": weight}
    return pd.DataFrame(columns)


@pytest.fixture
def audited(table, tmp_path):
    def run(columns=None, drop=("weight",), out=None, **changes):
        file = tmp_path / "predictions.csv"
        table.assign(**changes).drop(columns=list(drop)).to_csv(file, index=False)
        console = Console(file=io.StringIO(), width=200, record=True)
        return audit_file(file, columns or Columns(), console, out), text_on(console)

    return run


def refused(table, tmp_path, columns=None):
    file = tmp_path / "predictions.csv"
    table.to_csv(file, index=False)
    with pytest.raises(InvalidInput) as caught:
        read_predictions(file, columns or Columns())
    return "\n".join(caught.value.faults)


@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_those_of_fairlearn_and_sklearn(table, audited, weighted):
    table["weight"] *= np.where(table["group"] == "f", 200, 1)
    found, _ = audited(drop=() if weighted else ("weight",))
    scores = found.by["group"].scores
    y, answer = (table[name] == "malignant" for name in ("label", "prediction"))
    weight = table["weight"] if weighted else None
    given = {"sensitive_features": table["group"], "sample_weight": weight}
    frame = MetricFrame(
        metrics=accuracy_score,
        y_true=y,
        y_pred=answer,
        sensitive_features=table["group"],
        sample_params={"sample_weight": weight} if weighted else None,
    )
    assert scores["accuracy"].value == pytest.approx(accuracy_score(y, answer, sample_weight=weight))
    assert scores["worst_group_accuracy"].value == pytest.approx(frame.group_min())
    assert scores["equalized_odds"].value == pytest.approx(equalized_odds_difference(y, answer, **given))
    assert scores["deo_m"].value == pytest.approx(equalized_odds_difference(y, answer, **given))
    assert scores["demographic_parity"].value == pytest.approx(demographic_parity_difference(y, answer, **given))
    assert scores["equal_opportunity"].value == pytest.approx(equal_opportunity_difference(y, answer, **given))
    assert scores["auc"].value == pytest.approx(roc_auc_score(y, table["score"], sample_weight=weight), abs=0.01)
    assert found.weighted == weighted
    assert not any(score.low > score.high for score in scores.values())


def test_every_cell_has_its_samples_and_accuracy(table, audited):
    found, text = audited()
    rows = {(cell.of_class, cell.group): cell for cell in found.by["group"].cells}
    for (label, group), part in table.groupby(["label", "group"]):
        cell = rows[label, group]
        assert cell.samples == len(part)
        assert cell.accuracy.value == pytest.approx((part["label"] == part["prediction"]).mean())
        assert cell.accuracy.low < cell.accuracy.value < cell.accuracy.high
    assert "accuracy of each cell by group" in text


def test_several_groups_are_audited_one_by_one_and_crossed(audited):
    found, _ = audited(Columns(groups=("group", "age")))
    assert list(found.by) == ["group", "age", "group x age"]
    assert found.by["group x age"].groups == ("f, old", "f, young", "m, old", "m, young")
    assert found.by["group x age"].scores["accuracy"].value == pytest.approx(found.by["age"].scores["accuracy"].value)


def test_scores_alone_are_predictions_too(table, audited):
    alone, _ = audited(drop=("prediction", "weight"))
    both, _ = audited()
    assert alone.by["group"].scores["deo_m"] == both.by["group"].scores["deo_m"]


def test_each_class_may_have_a_column_of_scores(tmp_path):
    file = tmp_path / "three.csv"
    rows = [["2", 0.1, 0.2, 0.7, "x"], ["10", 0.2, 0.5, 0.3, "y"], ["9", 0.4, 0.35, 0.25, "x"], ["9", 0.1, 0.8, 0.1, "y"]]
    pd.DataFrame(rows, columns=["label", "score_9", "score_10", "score_2", "group"]).to_csv(file, index=False)
    given = read_predictions(file, Columns())
    assert given.classes == ("2", "9", "10")
    assert [given.classes[k] for k in given.predicted] == ["2", "10", "9", "10"]


def test_a_class_whose_name_ends_in_anothers_has_its_own_scores(tmp_path):
    file = tmp_path / "two.csv"
    rows = [["b", 0.9, 0.1, "x"], ["c_b", 0.2, 0.8, "y"], ["b", 0.7, 0.3, "y"], ["c_b", 0.4, 0.6, "x"]]
    pd.DataFrame(rows, columns=["label", "score_b", "score_c_b", "group"]).to_csv(file, index=False)
    given = read_predictions(file, Columns())
    assert [given.classes[k] for k in given.predicted] == ["b", "c_b", "b", "c_b"]


def test_small_cells_are_named(table, audited):
    few = np.where((table["label"] == "malignant") & (np.arange(400) % 20 > 0), "m", table["group"])
    found, text = audited(group=few)
    small = found.by["group"].small_cells
    assert [cell[:2] for cell in small] == [(1, 0)]
    assert f"class 1 (malignant), group f has {small[0][2]}" in " ".join(text.split())


def test_weights_never_make_a_cell_surer_than_its_samples(table, audited):
    plain, _ = audited()
    heavy, _ = audited(drop=(), weight=np.where(table["group"] == "f", 100.0, 1.0))
    for one, other in zip(plain.by["group"].cells, heavy.by["group"].cells, strict=True):
        assert other.accuracy.value == pytest.approx(one.accuracy.value)
        assert other.accuracy.high - other.accuracy.low >= one.accuracy.high - one.accuracy.low - 1e-9


def test_what_is_found_is_written_where_a_folder_is_given(audited, tmp_path):
    found, _ = audited(out=tmp_path / "new" / "folder")
    kept = json.loads((tmp_path / "new" / "folder" / "audit.json").read_text())
    assert kept["schema"] == "fairtune-file-audit/1"
    assert kept["by"]["group"]["scores"]["deo_m"]["value"] == found.by["group"].scores["deo_m"].value
    assert "| DEO_M |" in (tmp_path / "new" / "folder" / "audit.md").read_text()


def test_missing_columns_are_named_all_together(table, tmp_path):
    said = refused(table.rename(columns={"label": "labels"}), tmp_path, Columns(groups=("sex", "age")))
    assert "unknown column 'label': did you mean 'labels'" in said
    assert "Name it with --label" in said
    assert "unknown column 'sex'" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"group": None}, "the column group is empty, in 400 of 400 rows"),
        ({"group": "f"}, "the column group has 'f' alone: give samples of two groups or more"),
        ({"label": "benign"}, "the column label has 'benign' alone: give samples of two classes or more"),
        ({"prediction": "malign"}, "the column prediction has 'malign', and the labels are benign, malignant"),
        ({"score": 1.2}, r"the column score is outside 0 to 1: give probabilities, in 400 of 400 rows: 1, 2, 3"),
        ({"score": "high"}, "the column score has 'high', no number"),
        ({"weight": -1}, "the column weight is below 0"),
        ({"weight": 0}, "all weights of the column weight are 0"),
    ],
)
def test_values_that_are_none_are_refused(table, tmp_path, change, said):
    assert said in refused(table.assign(**change), tmp_path)


def test_without_predictions_or_rows_there_is_nothing_to_audit(table, tmp_path):
    assert "has no predictions: name a column" in refused(table[["label", "group"]], tmp_path)
    assert "has a heading and no rows" in refused(table[:0], tmp_path)
    two = table.assign(score_benign=0.9, score_malignant=0.9)[["label", "group", "score_benign", "score_malignant"]]
    assert "do not add up to 1" in refused(two, tmp_path)
    assert "no scores of all classes: give a column for each, called NAME_benign, NAME_malignant" in refused(
        table.assign(score_a=0.5, score_b=0.5)[["label", "group", "score_a", "score_b"]], tmp_path
    )


def test_a_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"there is no file .*none\.csv: give a CSV file"):
        read_predictions(tmp_path / "none.csv", Columns())
    (tmp_path / "torn.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot read"):
        read_predictions(tmp_path / "torn.csv", Columns())


def test_crossed_groups_whose_names_have_commas_stay_apart(audited):
    """Of White with "Hispanic, north" and "White, Hispanic" with north the joined names would be the same."""
    groups = {
        "race": ["White", "White, Hispanic"] * 200,
        "site": ["Hispanic, north", "north"] * 100 + ["south"] * 200,
    }
    found, text = audited(Columns(groups=("race", "site")), **groups)
    crossed = ('"White, Hispanic", north', '"White, Hispanic", south', 'White, "Hispanic, north"', "White, south")
    assert found.by["race x site"].groups == crossed
    assert all(name in text for name in crossed)


@pytest.mark.parametrize(
    ("columns", "left_out"),
    [
        ({"score_old": 7}, ("score_old",)),
        ({"score_malignant": 0.5, "score_benign": 0.5}, ("score",)),
        ({"score_benign": 0.5, "score_old": 7}, ("score_benign", "score_old")),
    ],
)
def test_a_column_called_as_scores_are_that_is_of_no_class_is_left_out(audited, columns, left_out):
    """Predictions are there, and scores are not asked for: nobody would know how to turn such a column off."""
    found, text = audited(**columns)
    assert "auc" in found.by["group"].scores
    assert found.left_out == left_out
    assert f"no scores of all classes, and left out: {', '.join(left_out)}" in text
    assert audited(drop=("weight", "prediction"), **columns)[0].left_out == left_out


def test_scores_of_some_of_several_classes_are_left_out(audited):
    found, _ = audited(drop=("weight", "score"), label=["a", "b", "c", "c"] * 100, prediction="a", score_a=0.2, score_b=0.3)
    assert "auc" not in found.by["group"].scores
    assert found.left_out == ("score_a", "score_b")


@pytest.mark.parametrize("largest", [1e-3, 1.0, 1e6, 1e308])
def test_how_large_weights_are_does_not_matter(table, audited, largest):
    weight = table["weight"] / table["weight"].max()
    plain, _ = audited(drop=(), weight=weight)
    other, _ = audited(drop=(), weight=weight * largest)
    for name, told in plain.by["group"].scores.items():
        assert other.by["group"].scores[name].model_dump() == pytest.approx(told.model_dump(), rel=1e-6), name


def test_cells_of_small_weight_are_compared(table, audited):
    """Seeds at which the smallest cell once counted for empty, its weights scaled to a sum of 1 less rounding."""
    label, answer = (table[name].to_numpy() for name in ("label", "prediction"))
    for seed in range(10):
        weight = np.random.default_rng(seed).random(len(table))
        found, _ = audited(drop=(), weight=weight / weight.sum())
        rates = [
            [
                np.average((label == answer)[here], weights=weight[here])
                for group in "fm"
                for here in [(label == of) & (table["group"] == group)]
            ]
            for of in CLASSES
        ]
        gaps = np.ptp(rates, axis=1)
        scores = found.by["group"].scores
        assert [scores[name].value for name in ("deo_m", "deo_a", "equal_opportunity")] == pytest.approx(
            [gaps.max(), gaps.mean(), gaps[1]]
        )


def test_a_weight_too_small_for_full_precision_is_one(tmp_path):
    file = tmp_path / "tiny.csv"
    rows = [[1, 1, "x", 1], [1, 0, "y", 1], [0, 0, "x", 1e-320], [0, 1, "y", 1]]
    pd.DataFrame(rows, columns=["label", "prediction", "group", "weight"]).to_csv(file, index=False)
    scores = audit_file(file, Columns(), Console(file=io.StringIO())).by["group"].scores
    assert {scores[name].value for name in ("deo_m", "deo_a", "equalized_odds")} == {1.0}


def test_predictions_that_are_one_class_are_said_to_be_of_no_use(audited):
    found, text = audited(prediction="malignant")
    assert found.by["group"].scores["deo_m"].value == 0
    assert found.only_class == 1
    assert "every sample is called class 1 (malignant): such a model treats all groups alike, and is of no use" in text
    several, text = audited()
    assert several.only_class is None
    assert "of no use" not in text


@pytest.mark.parametrize("other", ["prediction", "label"])
def test_whole_numbers_with_a_point_are_those_without(tmp_path, other):
    """As pandas writes the column of integers of which one was missing once."""
    file = tmp_path / "floats.csv"
    whole = pd.DataFrame({"label": [0, 1, 1, 10], "prediction": [0, 1, 10, 10], "group": [1, 2, 1, 2]})
    whole.assign(**{other: whole[other].astype(float), "group": [1.0, 2.0, 1.0, 2.0]}).to_csv(file, index=False)
    given = read_predictions(file, Columns())
    assert given.classes == ("0", "1", "10")
    assert [given.classes[k] for k in given.predicted] == ["0", "1", "10", "10"]
    assert list(given.groups["group"]) == ["1", "2", "1", "2"]


def test_scores_are_found_by_classes_with_a_point(tmp_path):
    file = tmp_path / "scores.csv"
    scores = {"score_0.0": [0.9, 0.2, 0.8], "score_1.0": [0.1, 0.8, 0.2]}
    pd.DataFrame({"label": [0.0, 1.0, 1.0], **scores, "group": ["a", "b", "a"]}).to_csv(file, index=False)
    assert list(read_predictions(file, Columns()).predicted) == [0, 1, 0]


@pytest.mark.parametrize("names", [("1.5", "1.0"), ("v1.0", "1.0"), ("01.0", "1.0"), ("01", "1"), ("1", "1.0")])
def test_other_names_stay_as_they_are(tmp_path, names):
    file = tmp_path / "names.csv"
    file.write_text("\n".join(["label,prediction,group", *(f"{name},{name},{group}" for name in names for group in "ab")]))
    assert sorted(read_predictions(file, Columns()).classes) == sorted(names)


def test_a_column_of_more_groups_than_can_be_compared_is_told_first_and_cut_short(table, audited, tmp_path):
    found, text = audited(group=np.arange(400) // 10, out=tmp_path / "out")
    assert text.startswith("by group: 40 of 40 groups have fewer than 25 samples, too few to be compared\n")
    assert text.count("too few to be compared") == 1
    more = f"and {len(found.by['group'].cells) - 20} more"
    assert more in text
    page = (tmp_path / "out" / "audit.md").read_text()
    assert more in page
    assert page.count("too few to be compared") == 1
    assert "to be compared" not in audited()[1]


def test_it_is_said_why_there_is_no_gap(table, audited):
    found, text = audited(group=table["label"].map({"benign": "x", "malignant": "y"}))
    assert np.isnan(found.by["group"].scores["deo_m"].value)
    assert "by group: no class has samples in two groups, so that there is nothing to compare, and - stands for the gaps" in text
