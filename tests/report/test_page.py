import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from fairtune.metrics import label
from fairtune.report import write_report
from fairtune.report.formats import describe_intervals, format_error, format_params, format_setting
from fairtune.report.material import gather
from fairtune.report.page import _why, render_page
from fairtune.study.summary import summarise

pytestmark = pytest.mark.usefixtures("trained_once")


def page_of(session):
    write_report(session.spec, session.place, session.study)
    return session.folder.page.read_text()


def material_of(session):
    return gather(session.spec, session.place, session.study, summarise(session.spec, session.place, session.study))


class Tags(HTMLParser):
    """Opening and closing tags, balanced."""

    VOID = ("meta", "img", "br")

    def __init__(self, page):
        super().__init__()
        self.open, self.seen, self.text = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_is_sound_and_needs_nothing_beside_it(any_search):
    page = page_of(any_search)
    tags = Tags(page)
    assert tags.open == []
    assert {"link", "b", "iframe"}.isdisjoint(tags.seen)
    assert set(re.findall(r'(?:src|href)="([^"]{0,22})', page)) <= {"data:image/png;base64,"}
    assert "url(" not in page
    assert "fetch(" not in page


def test_every_figure_says_what_is_to_be_seen(any_search):
    page = page_of(any_search)
    described = re.findall(r'<svg class="chart(?: told)?" [^>]*role="img" aria-label="([^"]+)"', page)
    assert len(described) == page.count("<figure>") > 3
    assert all(len(words) > 20 for words in described)


def test_what_is_told_of_a_trial_is_there_for_each_that_is_drawn(mixed):
    page = page_of(mixed)
    tips = json.loads(re.search(r'id="tips">(.+?)</script>', page)[1])
    drawn = set(re.findall(r'data-trial="(\d+)"', page))
    assert drawn == {"0", "3"}
    assert drawn <= set(tips)
    assert tips["3"][:2] == ["trial 3: mfd", "weight 4"]
    assert f"accuracy {mixed.trials[3].result.val['accuracy']:.4f}" in tips["3"]


def test_an_error_cannot_end_a_script(mixed):
    material = material_of(mixed)
    material.summary.trials[0].params["mfd.kernel"] = "</script><script>alert(1)</script>"
    page = render_page(material)
    assert page.count("<script") == page.count("</script>") == 2


def test_it_tells_what_was_chosen(mixed):
    number = mixed.study.choice.number
    text = Tags(page_of(mixed)).text
    assert f"Chosen: trial {number}" in text
    assert "(failed: 2)" in text
    assert mixed.study.openings[0].when in text


def test_it_tells_how_it_was_made_without_brackets(mixed):
    text = Tags(page_of(mixed)).text
    assert f"name {mixed.spec.optimizer.name}, lr {mixed.spec.optimizer.lr:g}" in text
    assert "{" not in text.partition("How it was made")[2]


def test_it_names_small_cells(mixed):
    page_of(mixed)
    summary = summarise(mixed.spec, mixed.place, mixed.study).model_copy(
        update={"small_cells": [(3, 1, 7), (4, 0, 2)], "small_test_cells": [(1, 0, 3)]}
    )
    text = " ".join(Tags(render_page(replace(material_of(mixed), summary=summary))).text.split())
    assert "validation: 2 cells have fewer than 25 samples, too few to conclude from" in text
    assert "class 3, group green has 7; class 4, group red has 2." in text
    assert "test: 1 cell has fewer than 25 samples" in text


def test_it_shows_the_score_that_was_searched_for(by_iou):
    page = page_of(by_iou)
    chosen = by_iou.trials[by_iou.study.choice.number].result
    assert f"and sigma_IOU {chosen.val['sigma_iou']:.4f}," in page
    assert re.findall("<th[^>]*>([^<]*DEO_M|sigma_IOU)</th>", page) == ["sigma_IOU", "DEO_M"] * 2


def test_it_shows_every_objective(by_three):
    page = page_of(by_three)
    val, baseline = by_three.trials[by_three.study.choice.number].result.val, by_three.study.baseline.result.val
    names = ("accuracy", "deo_m", "worst_group_accuracy")
    first, second, third = (f"{label(name)} {val[name]:.4f}" for name in names)
    assert f"on validation {first}, {second} and {third}," in page
    first, second, third = (f"{baseline[name]:.4f}" for name in names)
    assert f"the baseline {first}, {second} and {third}." in page
    assert "accuracy against DEO_M against worst group accuracy" in page
    assert page.count("<td>chosen, ") + page.count("<td>chosen</td>") == 1
    assert "highest worst group accuracy" in page


def test_errors_are_text_not_markup(mixed):
    page = page_of(mixed)
    assert "&lt;b&gt;/a[/b]" in page
    assert "/<b>/" not in page
    text = Tags(page).text
    assert "failed: train.mfd became inf in epoch 1" in text or "failed: train.loss became" in text
    assert "failed: IsADirectoryError: " in text
    assert "failed: Traceback" not in text


def test_it_says_that_no_trial_reached_the_floor(infeasible):
    text = Tags(page_of(infeasible)).text
    assert (
        "Nothing is chosen, and the test split stays sealed: no trial reached the floor; closest to accuracy 1.0000 (1): " in text
    )
    assert "What may help: lower --accuracy-floor, widen the search with --set, or give it more --trials or --epochs." in text
    assert "Nothing was chosen: the test split stays sealed." in text


def test_it_says_from_where_the_hypervolume_is_measured(mixed):
    summary = summarise(mixed.spec, mixed.place, mixed.study)
    worst = f"accuracy {summary.floor - 0.01:.4g}, deo_m {summary.baseline.score('deo_m'):.4g}"
    assert f"{summary.hypervolume:.4f} of all feasible trials as measured, from {worst} to perfect" in Tags(page_of(mixed)).text


def test_what_was_taken_over_costs_this_search_nothing(mixed):
    page_of(mixed)
    summary = summarise(mixed.spec, mixed.place, mixed.study)
    bought = [trial for trial in summary.trials if trial.state == "complete"]
    bought[0].taken_from = "earlier/trial-0"
    page = render_page(replace(material_of(mixed), summary=summary))
    row = re.search(r"<td>trials, complete</td>" + r'<td class="n">(\d+)</td>' * 2, page)
    assert [int(number) for number in row.groups()] == [len(bought) - 1, sum(trial.epochs for trial in bought[1:])]


def test_it_says_that_the_search_has_not_ended(unfinished):
    text = Tags(page_of(unfinished)).text
    assert "The search has not ended; this is how it stands." in text
    assert "Not yet." in text


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({}, "-"),
        ({"ad.weight": 1.0, "hkd.weight": 4.0, "hkd.temperature": 3.0}, "ad.weight 1, hkd.weight 4, temperature 3"),
        ({"mfd.weight": 2.727353195, "t": 3.0, "mfd.kernel": "rbf"}, "weight 2.727, t 3, kernel rbf"),
    ],
)
def test_settings_fit_in_a_line(params, text):
    assert format_params(params) == text


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ("it became nan", "it became nan"),
        ("Traceback\n  File x\nKeyError: 'a'\n", "KeyError: 'a'"),
        ("", ""),
    ],
)
def test_the_last_line_of_an_error_says_what_happened(error, line):
    assert format_error(error) == line


def test_it_says_how_each_interval_is_made():
    assert describe_intervals(["accuracy", "auc"]) == (
        "accuracy, auc from the test samples, and by Student's t over the seeds where there are several"
    )
    assert describe_intervals(["accuracy", "mutual_information"]).endswith(
        "; mutual information by Student's t over the seeds, none for a single one"
    )


def test_it_says_what_a_teacher_of_its_own_cost_and_how_long_the_baseline_was_trained(mixed):
    material = material_of(mixed)
    cost = material.summary.cost.model_copy(update={"teacher_epochs": 50, "teacher_s": 7.0, "baseline_epochs": 40})
    page = render_page(replace(material, summary=material.summary.model_copy(update={"cost": cost})))
    assert '<tr><td>teacher</td><td class="n">1</td><td class="n">50</td><td class="n">7.0</td></tr>' in page
    assert re.search(r'<tr><td colspan="3">baseline</td>.*<td class="n">40</td>\n', page)
    assert "<td>teacher</td>" not in page_of(mixed)


def test_it_says_by_what_trials_are_ranked(mixed, by_iou):
    assert "Trials are ranked by DEO_M, shrunken, which is in the table of the trials" in Tags(page_of(mixed)).text
    assert "Trials are ranked by" not in page_of(by_iou)


def test_one_of_something_is_no_plural(mixed):
    summary = summarise(mixed.spec, mixed.place, mixed.study)
    one = summary.model_copy(update={"trials": summary.trials[:1], "front": [0]})
    assert _why(one).startswith("1 complete trial, 1 at or above the floor, 1 on the front; the rule deo_m takes: ")
    assert "1 CPU core and 0 GPUs for each trial" in Tags(page_of(mixed)).text


def test_roles_and_cells_are_named_in_words(mixed):
    page = page_of(mixed)
    assert "most accurate: accuracy" in page
    assert "most_accurate" not in page
    assert re.search(r"The baseline is worst in class \d, group (red|green): \d", page)


def test_a_method_without_hyperparameters_is_named_alone():
    assert format_setting("ss", {}) == "ss"
    assert format_setting("mfd", {"mfd.weight": 3.0}) == "mfd weight 3"
