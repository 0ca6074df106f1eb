"""Which playbook entry a problem matches: one rule for both generations of playbooks.

Equal to the root cause, else equal to the title, else the longest entry that the title starts with, else `default`
(Keptn 0.6 matched titles, 0.7+ root cause before title). An empty name matches nothing.
"""

from __future__ import annotations

from reconciler.model.playbook import Entry, Playbook

DEFAULT = "default"


def match(playbook: Playbook, *, root_cause: str, title: str) -> Entry | None:
    """Return the entry for a problem, None where nothing matches."""
    named = {entry.name: entry for entry in playbook.entries if entry.name}
    if root_cause and root_cause in named:
        return named[root_cause]
    if title and title in named:
        return named[title]
    prefixes = [name for name in named if name != DEFAULT and title.startswith(name)]
    if prefixes:
        return named[max(prefixes, key=len)]
    return named.get(DEFAULT)
