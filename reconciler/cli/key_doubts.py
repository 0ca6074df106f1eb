"""Keys that nobody reads, and what was probably meant by them: `needsApproval` in an action, `warn` in an objective.

Keptn ignored what it did not know, so such files are valid. But whoever writes `retry: 3` believes that it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from reconciler.cli.findings.finding import Finding, doubt, remark
from reconciler.model.misplaced import ACTION_OPTIONS, belongs_to
from reconciler.model.reader import shown
from reconciler.model.suggest import CONFUSED, nearest
from reconciler.model.unread import Level, UnreadKey

_WHERE: Final[Mapping[Level, str]] = {
    "file": "the file",
    "spec": "`spec`",
    "entry": "an entry",
    "action": "an action",
    "comparison": "`comparison`",
    "objective": "an objective",
    "criteria": "an item of `pass` or `warning`",
    "total_score": "`total_score`",
}
_NAMED: Final = "the problem is named by `{first}: ...`"
_COMMENT: Final = "make it a comment, which begins with `#`"
_SWITCH: Final = "nothing is switched off by a key: delete {0}, or put `#` before its lines"
_LIMIT: Final = 'write what is good as `pass: [{criteria: ["<600"]}]`, and what is still bearable in `warning`'
_QUERY: Final = "queries stand in sli.yaml, in the folder of their provider (prometheus/sli.yaml)"
_SERVICE: Final = "delete it: what a file is about is said by the folder that it lies in"
_FOLLOWS: Final = "delete it: what fulfils neither `pass` nor `warning` fails"
_MEANT: Final[Mapping[Level, Sequence[tuple[str, str]]]] = {
    "action": (
        (".*(approv|manual|confirm|consent|permission).*|gate", "write `approval: required`, else nobody is asked"),
        (".*(retr|repeat|attempt|tries).*|times", "write `retries: {value}`"),
        (".*(wait|delay|timeout|sleep|pause|duration).*", "write `wait: {value}`"),
        ("rollback|revert|undo", "write `onFail: revert`, or `onResolve: revert` for when the problem is over"),
        ("enabled?|disabled?|active|skip|if|when|condition|only|unless", _SWITCH.format("the action")),
        ("min|max|minimum|maximum|limit|(min|max)replicas", "`bounds` in service.yaml or stage.yaml limit replicas"),
        ("(feature)?(flag|toggle)s?|feature|state", "write flag and state as `value: EnablePromotion:off`"),
        ("service|stage|namespace|project|target|deployment|workload", _SERVICE),
        ("priority|order|weight", "delete it: actions are tried from the top to the bottom"),
        ("comments?|remarks?|notes?|reason|title|displayname", "write `description: ...`, or " + _COMMENT),
    ),
    "entry": (
        (".*(approv|manual|confirm|consent|permission).*|gate", "write `approval: required` into each action"),
        ("enabled?|disabled?|active|skip|if|when|condition", _SWITCH.format("the entry")),
        ("match(es)?|rootcause|problem(type|title)?s?|tit[el]{2}|on|name|type", _NAMED),
        ("default", "write `{first}: default`"),
        ("service|stage|namespace|project|target", _SERVICE),
        ("priority|order|weight|severity", "delete it: a root cause goes first, then the title, then `default`"),
        ("comments?|description|remarks?|notes?|reason", _COMMENT),
    ),
    "objective": (
        ("warn(ings?)?|warningcriteria", 'write `warning: [{criteria: ["<800"]}]`'),
        ("fail(s|ed|ure)?|failcriteria|error", _FOLLOWS),
        ("pass(es|ed)?|passcriteria|threshold|criteri(a|on)|limit|target|max|min|maximum|minimum|value", _LIMIT),
        ("key(sli)?|iskey(sli)?", "write `key_sli: true`"),
        ("name|title|displayname|label", "write `displayName: ...`"),
        ("quer(y|ies)|promql|metric|expression|indicator", _QUERY),
        ("unit|comments?|description|remarks?|notes?", _COMMENT),
    ),
    "total_score": (
        ("warn(ings?)?", "write `warning: {value}`"),
        ("fail(s|ed|ure)?", _FOLLOWS),
        ("pass(es|ed)?", "write `pass: {value}`"),
    ),
    "comparison": (
        ("window|timeframe|duration|wait", "`window` belongs to stage.yaml, service.yaml or an action"),
        ("count|number|results|last", "write `number_of_comparison_results: {value}`"),
    ),
    "file": (
        ("quer(y|ies)|indicators?|slis?", _QUERY),
        ("service|stage|namespace|project|name|metadata|kind|apiversion", _SERVICE),
        ("comments?|description|remarks?|notes?|author|owner|team", _COMMENT),
    ),
}
"""What keys of other tools, or of a good guess, stand for; the first pattern that fits the whole key counts."""
_FORMS: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    "retries": (re.compile(r"10|[0-9]"), "2"),
    "wait": (re.compile(r"(?:[0-9]{1,4}[hms])+"), "5m"),
    "number_of_comparison_results": (re.compile(r"[1-9][0-9]?"), "3"),
    "pass": (re.compile(r"[0-9.]{1,5}%?"), '"90%"'),
    "warning": (re.compile(r"[0-9.]{1,5}%?"), '"75%"'),
}
"""Which values can be taken over to a key, and what is written for others."""
_ALIKE: Final = 0.7
"""How alike a key must be to be taken for a known one."""
_KEPT: Final = re.compile(r"write `(?P<key>[a-z_]+): \{value\}`")


def about_keys(keys: Iterable[UnreadKey], *, keptn: bool = False) -> Iterator[Finding]:
    """Yield the keys that nobody reads; in Keptn's later form, ``keptn``, those that say nothing as notices."""
    for key in keys:
        guess = _guess(key)
        say = remark if keptn and not guess else doubt
        names = ", ".join(f"`{name}`" for name in key.known)
        yield say(
            "unknown-key",
            f"nobody reads the key `{shown(key.name)}` in {_WHERE[key.level]}: it counts for nothing",
            key.place,
            expected=f"one of {names}" if len(key.known) > 1 else f"{names} alone",
            hint=guess or _near(key) or f"delete it, or {_COMMENT}",
        )


def _guess(key: UnreadKey) -> str:
    name = "".join(letter for letter in key.name.casefold() if letter.isalnum())
    table = _MEANT.get(key.level, ())
    hint = next((hint for pattern, hint in table if re.fullmatch(pattern, name)), "")
    if key.level == "objective" and not key.value and (meant := nearest(key.name, ("pass", "warning"))):
        return f"did you mean `{meant}`?"  # with what stands below it
    if (kept := _KEPT.search(hint)) is not None:
        fits, example = _FORMS[kept["key"]]
        quoted = f'"{key.value}"' if key.value.endswith("%") else key.value
        return hint.replace("{value}", quoted if fits.fullmatch(key.value) else example)
    return hint.replace("{first}", key.known[0])


def _near(key: UnreadKey) -> str:
    meant = nearest(key.name, key.known, cutoff=_ALIKE)
    if meant:
        return f"did you mean `{meant}`?"
    elsewhere = key.name if key.name in ACTION_OPTIONS else nearest(key.name, ACTION_OPTIONS, cutoff=CONFUSED)
    return belongs_to(elsewhere or key.name, "slo.yaml")
