"""Chat systems that take Slack's incoming webhooks: Slack, Mattermost, Rocket.Chat and others.

Titles and texts come from files that many may push, so they go into blocks of plain text, and into the line for phones
with everything escaped by which a message could ping somebody or hide a link
(https://api.slack.com/reference/surfaces/formatting). Mattermost and Rocket.Chat read Markdown wherever text is, so
what they would take for a mention, a link or code is broken by a space that nobody sees.
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
_READ: Final = re.compile(r"@|\](?=[(\[])")
"""What begins a mention, and what ends the words of a link that shows another address than it has."""
_ENTITY: Final = re.compile(r"&[a-z]{0,3}\Z")
_UNSEEN: Final = "\u200b"


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
    return {"text": _escaped(headline, _LINE), "blocks": blocks}


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
    return {"type": "plain_text", "text": _cut(_broken(text), most), "emoji": False}


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 4]} ..."


def _broken(text: str) -> str:
    # Not a space in place of a backtick: what stands between two of them is there to be copied.
    return _READ.sub(lambda found: found[0] + _UNSEEN, text.replace("`", "'"))


def _escaped(text: str, most: int) -> str:
    """Return a text in which nothing means anything, cut as it is sent, and never within an escape."""
    sent = _broken(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if len(sent) <= most:
        return sent
    return f"{_ENTITY.sub('', sent[: most - 4])} ..."
