"""`reconciler evaluate`: whether measured values meet the objectives, for pipelines and whoever writes objectives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.exits import COULD_NOT, NO, OK
from reconciler.cli.messages import complain, render, say
from reconciler.cli.output import Format, output_option, table, write

if TYPE_CHECKING:
    from reconciler.decide.evaluation.evaluate import Evaluated
    from reconciler.decide.evaluation.judging import Judged, Target

_HEADINGS = ("OBJECTIVE", "STATUS", "VALUE", "EARLIER", "PASS", "WARNING", "POINTS")
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True)


@click.command("evaluate")
@click.option("--slo", type=_FILE, required=True, help="The objectives: slo.yaml in Keptn's format.")
@click.option("--values", type=_FILE, required=True, help="The measured values: a JSON list; `-` is stdin.")
@click.option("--previous", type=_FILE, help="Earlier evaluations for comparison: a JSON list, newest first.")
@click.option(
    "--warning-is", type=click.Choice(["pass", "fail"]), default="pass", show_default=True,
    help="What a warning is for the exit code.",
)  # fmt: skip
@output_option
def command(slo: Path, values: Path, previous: Path | None, warning_is: str, form: Format) -> int:
    """Evaluate objectives with given values, without any server.

    Each item of the values is {"metric", "value", "success", "message"}; each earlier evaluation is {"result",
    "indicators": [the same]}, or what this command wrote with -o json. Exit code 0: pass; 1: fail, no data, or a
    warning with --warning-is fail; 2: it could not be evaluated.
    """
    from reconciler.model.errors import UserError

    try:
        evaluated = _evaluated(slo, values, previous)
    except UserError as error:
        # 1 says that the objectives were missed; a file that cannot be read says nothing of the kind.
        complain(render(error))
        return COULD_NOT
    from reconciler.decide.evaluation.record import plain

    write(form, plain(evaluated), lambda: _text(evaluated))
    if form == "table" and evaluated.unused:
        say(f"no objective is about {', '.join(evaluated.unused)}")
    return _exit_code(evaluated, warning_is)


def _exit_code(evaluated: Evaluated, warning_is: str) -> int:
    result = warning_is if evaluated.result == "warning" else evaluated.result
    return OK if result == "pass" else NO


def _evaluated(slo: Path, values: Path, previous: Path | None) -> Evaluated:
    from reconciler.cli.measurements import load_previous, load_values, read
    from reconciler.decide.evaluation.evaluate import evaluate
    from reconciler.decide.evaluation.objectives import load_objectives

    if [str(path) for path in (slo, values, previous)].count("-") > 1:
        raise click.UsageError("only one of the files can be stdin.", click.get_current_context())
    objectives = load_objectives(*read(slo))
    return evaluate(objectives, load_values(*read(values)), load_previous(*read(previous)) if previous else ())


def _text(evaluated: Evaluated) -> str:
    from reconciler.decide.evaluation.telling import reason

    rows = table(_HEADINGS, [_row(each) for each in evaluated.objectives])
    end = f"{evaluated.result}: {reason(evaluated)}"
    return f"{rows}\n\n{end}" if rows else end


def _row(judged: Judged) -> Sequence[str]:
    from reconciler.decide.evaluation.shown import shown

    targets = [each for sets in (judged.passing, judged.warning) for targets in sets for each in targets]
    compared = [judged.value, judged.compared, *(each.target for each in targets)]
    numbers = list(dict.fromkeys(each for each in compared if each is not None))
    texts = dict(zip(numbers, shown(*numbers), strict=True))
    name = judged.display_name or judged.sli
    return (
        f"{name} (key)" if judged.key_sli else name,
        judged.status,
        f"none: {judged.message}" if judged.value is None else texts[judged.value],
        "" if judged.compared is None else texts[judged.compared],
        _criteria(judged.passing, judged.value, texts),
        _criteria(judged.warning, judged.value, texts),
        f"{judged.score:g} of {judged.weight}" if judged.counts else "",
    )


def _criteria(sets: Sequence[Sequence[Target]], value: float | None, texts: Mapping[float, str]) -> str:
    return " or ".join(" and ".join(_criterion(each, value, texts) for each in set_) or "always" for set_ in sets)


def _criterion(target: Target, value: float | None, texts: Mapping[float, str]) -> str:
    """Return a criterion with the limit that it came to, where that is not what stands in it."""
    text = target.criterion.replace(" ", "")
    if value is None:
        return text
    if target.target is None:
        return f"{text} (nothing to compare with)"
    limit = f" ({texts[target.target]})" if target.relative else ""
    return f"{text}{limit}{', missed' if target.violated else ''}"
