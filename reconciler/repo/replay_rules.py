"""Steps of rules that are not ours: what nobody here can decide again, judged as the daemon judges it (ADR 136).

What older rules made is nobody's: a few lines of script write the same, so it is somebody's change like any other. What
newer rules made is taken by its form, in its place only, and brings trust in nothing but what it writes and names. No
step of ours can come after it, since its stage is held.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from reconciler.decide.draft import RULES
from reconciler.repo.replay_findings import Finding, Kind
from reconciler.repo.steps import Claimed

_OLDER: Final = "replay it with the reconciler that made it; where none did, find out who pushed it"
_NEWER: Final = "replay it with a newer reconciler"
_BACK: Final = "find out who made it: reconciler never goes back to older rules, it holds the stage"


def of_other_rules(claim: Claimed) -> Finding:
    """Return that a step follows rules which are not known here."""
    if claim.rules < RULES:
        told = f"it follows rules {claim.rules}, and steps of older rules than {RULES} are nobody's"
    else:
        told = f"it follows rules {claim.rules}, and this reconciler knows {RULES}: it was not replayed"
    return _finding(claim, told, _OLDER if claim.rules < RULES else _NEWER)


def gone_back(claim: Claimed, newer: Claimed | None) -> list[Finding]:
    """Return that a step goes back to older rules than those of a step that came before it; nothing where none did."""
    if newer is None or claim.rules >= newer.rules:
        return []
    told = f"it follows rules {claim.rules} after step {newer.sequence} of rules {newer.rules}, where nobody takes it"
    return [replace(_finding(claim, told, _BACK), expected=f"{newer.rules} or more")]


def _finding(claim: Claimed, what: str, todo: str) -> Finding:
    return Finding(
        Kind.RULES, claim.commit, what, todo, True, claim.sequence, "Rules", str(RULES), str(claim.rules)
    )  # fmt: skip
