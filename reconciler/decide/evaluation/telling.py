"""Why an evaluation ended as it did, in one sentence for people."""

from __future__ import annotations

from reconciler.decide.evaluation.evaluate import Evaluated
from reconciler.decide.evaluation.judging import Judged, Target
from reconciler.decide.evaluation.shown import shown


def reason(evaluated: Evaluated) -> str:
    """Return the sentence, without a full stop."""
    if not evaluated.objectives:
        return "there are no objectives, and an evaluation of nothing is no pass"
    if not any(each.counts for each in evaluated.objectives):
        return "no objective has `pass` criteria, so there was nothing to miss"
    score, needed = _score(evaluated)
    if evaluated.result == "no data":
        return f"no value for {_names(evaluated.missing)}; without it this cannot be judged"
    if evaluated.key_failed:
        return f"{_names(evaluated.key_failed)} failed, and decides alone; the score of {score} does not count"
    match evaluated.result:
        case "pass":
            return f"the score of {score} reaches the {needed} that pass"
        case "warning":
            return f"the score of {score} is below the {needed} that pass and enough for a warning"
        case _:
            return f"the score of {score} is below the {needed} that {'pass' if _no_warning(evaluated) else 'warn'}"


def _no_warning(evaluated: Evaluated) -> bool:
    return evaluated.limits.warning is None


def _score(evaluated: Evaluated) -> tuple[str, str]:
    """Return the score and the limit that it missed or reached, as percentages."""
    limits = evaluated.limits
    limit = limits.warning if evaluated.result == "fail" and limits.warning is not None else limits.passing
    score, needed = shown(evaluated.score, limit)
    return f"{score}%", f"{needed}%"


def _names(judged: tuple[Judged, ...]) -> str:
    return ", ".join(f"`{each.display_name or each.sli}`" for each in judged)


def objective(judged: Judged) -> str:
    """Return one objective with its value and what was asked for, in one line without a full stop."""
    if judged.value is None:
        return f"{judged.sli}: no value ({judged.message or 'nothing was measured'})"
    targets = [target for each in judged.passing for target in each]
    numbers = shown(judged.value, *(each.target for each in targets if each.target is not None))
    limits = iter(numbers[1:])
    asked = " or ".join(
        " and ".join(_criterion(each, next(limits) if each.target is not None else "") for each in group)
        for group in judged.passing
    )
    return f"{judged.sli} is {numbers[0]}: {judged.status}{f', to pass {asked}' if asked else ''}"


def _criterion(target: Target, limit: str) -> str:
    if not target.relative:
        return target.criterion
    return f"{target.criterion} (of an earlier value: {limit})" if limit else f"{target.criterion} (no earlier value)"
