"""Chat systems that take Slack's incoming webhooks: Slack, Mattermost, Rocket.Chat and others.

Titles and texts come from files that many may push, so they go into blocks of plain text, and into the line for phones
with everything escaped by which a message could ping a whole channel or hide a link
(https://api.slack.com/reference/surfaces/formatting).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from reconciler.model.instant import format_instant
from reconciler.model.notice import Notice
from reconciler.notify.posting import Receiver

_LINE: Final = 300
_TEXT: Final = 2900
"""Characters; Slack refuses a block of more than 3,000."""
_NAMED: Final = 5
"""Problems that a message names."""
_EVERYBODY = re.compile(r"@(?=channel|here|all|everyone)", re.IGNORECASE)
_BREAKS_IT: Final = "@\u200b"
"""An at sign and a space that nobody sees: Mattermost reads `@all` in any text."""


@dataclass(frozen=True)
class SlackSender:
    """Posts a message."""

    receiver: Receiver

    def send(self, notice: Notice) -> None:
        """See `Sender.send`."""
        self.receiver.tell(message(notice), notice.commit)


def message(notice: Notice) -> dict[str, Any]:
    """Return a notice as a message: a line for phones and old clients, and blocks for the rest."""
    headline = f"{_event(notice)} in {notice.project}/{notice.stage}: {notice.subject}"
    blocks: list[dict[str, Any]] = [_section(headline, _LINE)]
    if said := _said(notice):
        blocks.append(_section(said, _TEXT))
    about = [f"{name}: {value}" for name, value in _about(notice) if value]
    blocks.append({"type": "context", "elements": [_plain(text, _LINE) for text in about]})
    return {"text": _escaped(_cut(headline, _LINE)), "blocks": blocks}


def _event(notice: Notice) -> str:
    return "resolved, not healed" if notice.unhealed else notice.event


def _said(notice: Notice) -> str:
    """Return the body, with reason and what lifts a hold where it does not say so."""
    lines = [notice.body]
    lines += [notice.reason] if notice.reason and notice.reason not in notice.body else []
    lines += [f"Lifted by {notice.lifts}."] if notice.lifts and notice.lifts not in notice.body else []
    return "\n".join(line for line in lines if line)


def _about(notice: Notice) -> list[tuple[str, str]]:
    problems = ", ".join(title or problem for problem, title in notice.problems[:_NAMED])
    more = len(notice.problems) - _NAMED
    return [
        ("service", notice.service),
        ("remediation", notice.remediation),
        ("problems", f"{problems} and {more} more" if more > 0 else problems),
        ("time", format_instant(notice.time)),
        ("commit", notice.commit[:12]),
    ]


def _section(text: str, most: int) -> dict[str, Any]:
    return {"type": "section", "text": _plain(text, most)}


def _plain(text: str, most: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": _EVERYBODY.sub(_BREAKS_IT, _cut(text, most)), "emoji": False}


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 4]} ..."


def _escaped(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _EVERYBODY.sub(_BREAKS_IT, text)
