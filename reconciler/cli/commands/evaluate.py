"""`reconciler evaluate`: whether values meet the objectives, for pipelines and whoever writes objectives.

The values are measured now, or given in files; `cli/live_evaluation.py` has the former.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.configured import config_option
from reconciler.cli.exits import COULD_NOT, NO, OK
from reconciler.cli.messages import complain, render, say
from reconciler.cli.options import fetch_option, repo_options, service_option, stage_option
from reconciler.cli.output import Format, output_option, table, write

if TYPE_CHECKING:
    from reconciler.decide.evaluation.evaluate import Evaluated
    from reconciler.decide.evaluation.judging import Judged, Target

_HEADINGS = ("OBJECTIVE", "STATUS", "VALUE", "EARLIER", "PASS", "WARNING", "POINTS")
_LIVE = frozenset({"service", "stage", "repo", "project", "fetch", "window", "start", "end", "labels", "file"})
"""The options of an evaluation against servers."""
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True)


@click.command("evaluate")
@click.option("--slo", type=_FILE, help="From files: the objectives, slo.yaml in Keptn's format.")
@click.option("--values", type=_FILE, help="From files: the measured values, a JSON list; `-` is stdin.")
@click.option("--previous", type=_FILE, help="From files: earlier evaluations, a JSON list, newest first.")
@service_option(required=False)
@stage_option
@repo_options
@fetch_option
@click.option("--window", help="How long before its end, as `10m`, or from --from on; without it, as the stage has it.")
@click.option("--from", "start", help="When the window begins, as `2026-11-21T10:00:00Z`.")
@click.option("--to", "end", help="When the window ends, with --from.")
@click.option("--label", "labels", multiple=True, help="A label of a problem, as NAME=VALUE, for `$LABEL.NAME`.")
@config_option
@click.option(
    "--warning-is", type=click.Choice(["pass", "fail"]), default="pass", show_default=True,
    help="What a warning is for the exit code.",
)  # fmt: skip
@output_option
def command(warning_is: str, form: Format, **options: Any) -> int:
    """Evaluate the objectives of a service now, or objectives with given values, without any server.

    With --service its objectives and queries are those of the configuration repository, its values come from the
    providers that the daemon's configuration names, and earlier evaluations are those that the daemon made. Nothing is
    written. Without --from the window ends now, or so much earlier as a provider has its values later (Dynatrace: two
    minutes, six for user sessions).

    With --slo and --values everything comes from files. Each item of the values is {"metric", "value", "success",
    "message"}; each earlier evaluation is {"result", "indicators": [the same]}, or what this command wrote with
    -o json.

    Exit code 0: pass; 1: fail, no data, or a warning with --warning-is fail; 2: it could not be evaluated.
    """
    from reconciler.model.errors import UserError

    from_files = any(options[name] is not None for name in ("slo", "values", "previous"))
    _check_usage(click.get_current_context(), from_files=from_files)
    try:
        evaluated, data = _from_files(options) if from_files else _live(options)
    except UserError as error:
        # 1 says that the objectives were missed; a file that cannot be read says nothing of the kind.
        complain(render(error))
        return COULD_NOT
    write(form, data, lambda: _text(evaluated))
    if form == "table" and evaluated.unused:
        say(f"no objective is about {', '.join(evaluated.unused)}")
    return _exit_code(evaluated, warning_is)


def _check_usage(context: click.Context, *, from_files: bool) -> None:
    """Refuse options of the one form in the other; what the environment sets does not count."""
    given = {
        name for name in context.params if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }
    if not from_files:
        if context.params["service"] is None:
            raise click.UsageError("name a service with --service, or files with --slo and --values.", context)
        return
    for name in ("slo", "values"):
        if context.params[name] is None:
            raise click.UsageError(f"Missing option '--{name}'.", context)
    for parameter in context.command.params:
        if parameter.name in _LIVE & given:
            raise click.UsageError(f"{parameter.opts[0]} means nothing with --slo and --values.", context)


def _from_files(options: Mapping[str, Any]) -> tuple[Evaluated, dict[str, Any]]:
    from reconciler.decide.evaluation.record import plain

    evaluated = _evaluated(options["slo"], options["values"], options["previous"])
    return evaluated, plain(evaluated)


def _live(options: Mapping[str, Any]) -> tuple[Evaluated, dict[str, Any]]:
    from reconciler.cli.context import now
    from reconciler.cli.live_evaluation import Wish, evaluate_live
    from reconciler.model.instant import Instant

    wish = Wish(
        repo=options["repo"],
        project=options["project"],
        stage=options["stage"],
        service=options["service"],
        config=options["file"],
        start=options["start"] or "",
        end=options["end"] or "",
        timeframe=options["window"] or "",
        labels=tuple(_label(text) for text in options["labels"]),
        fetch=options["fetch"],
    )
    live = evaluate_live(wish, Instant(int(now().timestamp())))
    return live.evaluated, live.plain()


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE.", param_hint="'--label'")
    return name, value


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
