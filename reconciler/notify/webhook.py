"""The generic receiver: the notice as a JSON document."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.notice import Notice
from reconciler.notify.posting import Receiver


@dataclass(frozen=True)
class WebhookSender:
    """Posts the document of a notice."""

    receiver: Receiver

    def send(self, notice: Notice) -> None:
        """See `Sender.send`."""
        self.receiver.tell(notice.document(), notice.commit)
