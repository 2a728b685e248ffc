"""The audit of a search, for people."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fairtune.metrics import UNDEFINED, Interval, label
from fairtune.report.formats import format_mean, format_score, format_setting
from fairtune.report.text_table import TextTable
from fairtune.study.audit import Audit, Choice, Setting


def sentences(audit: Audit) -> list[str]:
    """What came of the search, and of the audit, each without a full stop."""
    if not audit.settings:
        return [audit.outcome]
    gap = audit.hypervolume
    validation, test = format_score(gap.validation), format_score(gap.test)
    correlated = ", ".join(f"{label(name)} {_signed(value, 2)}" for name, value in audit.rank_correlation.items())
    return [
        audit.outcome,
        f"rank correlation of validation and test over {len(audit.settings)} settings (Spearman): {correlated}",
        f"hypervolume of the confirmed settings: {validation} on validation, {test} on test; optimism {_signed(gap.gap, 4)}",
        *audit.remarks,
    ]


def tables(audit: Audit) -> list[TextTable]:
    """What each rule chooses, and what every confirmed setting is worth."""
    score = label(audit.score)
    of_rules = TextTable(
        f"what each rule chooses, floor {format_score(audit.floor)}",
        (
            "rule",
            "trial",
            *(f"{label(name)}, {split}" for split in ("validation", "test") for name in audit.shown),
            f"regret, {score}",
        ),
        [_of_choice(audit, choice) for choice in audit.choices],
        "test: mean over seeds and 95 % interval; regret: how much worse than the best confirmed setting whose mean test accuracy "
        f"reaches the floor on test, {format_score(audit.test_floor)}; * it does not reach it",
    )
    if not audit.settings:
        return [of_rules]
    of_settings = TextTable(
        "confirmed (test)",
        ("setting", "seeds", *(f"{label(name)} (95 % interval)" for name in audit.shown), f"{score} less the baseline's", "p"),
        [_of_setting(audit, setting) for setting in audit.settings],
    )
    return [of_rules, of_settings]


def unable(audit: Audit) -> Iterator[str]:
    """Why some rules choose none, each reason once and none that the outcome tells, and why some cannot be applied."""
    for why in dict.fromkeys(choice.why_none for choice in audit.choices):
        if why is not None and why not in audit.outcome:
            rules = ", ".join(choice.rule for choice in audit.choices if choice.why_none == why)
            yield f"by {rules} nothing is chosen: {why}"
    yield from (choice.unable for choice in audit.choices if choice.unable)


def _of_choice(audit: Audit, choice: Choice) -> list[str]:
    width = 2 * len(audit.shown) + 1
    if choice.trial is None:
        return [choice.rule, "cannot be applied" if choice.unable else "none feasible", *[""] * width]
    setting = audit.setting(choice.trial)
    if setting is None:
        return [choice.rule, f"#{choice.trial}", *[""] * (width - 1), "not confirmed"]
    val = [format_score(setting.val.get(name, math.nan)) for name in audit.shown]
    found = [setting.test.get(name, UNDEFINED) for name in audit.shown]
    test = [_spanned(format_score(score.mean), score.low, score.high) for score in found]
    return [choice.rule, f"#{choice.trial}", *val, *test, format_score(setting.regret) + ("" if setting.feasible else " *")]


def _of_setting(audit: Audit, setting: Setting) -> list[str]:
    named = "baseline" if setting.trial is None else f"#{setting.trial} {format_setting(setting.method, setting.params)}"
    found = setting.against_baseline
    differ = ["", ""] if found is None else [_spanned(_signed(found.mean, 4), found.low, found.high), f"{found.p_value:.2g}"]
    return [named, str(len(setting.seeds)), *(_scored(setting.test.get(name)) for name in audit.shown), *differ]


def _scored(score: Interval | None) -> str:
    return "-" if score is None else _spanned(format_mean(score), score.low, score.high)


def _spanned(value: str, low: float, high: float) -> str:
    return f"{value} ({low:.3f} to {high:.3f})" if math.isfinite(low + high) else value


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}" if math.isfinite(value) else "-"
