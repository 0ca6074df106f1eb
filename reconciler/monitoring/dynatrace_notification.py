"""The notification by which Dynatrace reports its problems to `/webhooks/dynatrace`: a custom integration.

No secret is in it. The header names a variable that whoever sends the object to Dynatrace puts the token in for.
"""

from __future__ import annotations

from typing import Any, Final

SCHEMA: Final = "builtin:problem.notifications"
PATH: Final = "/webhooks/dynatrace"
DEFAULT_PROFILE: Final = "00000000-0000-0000-0000-000000000000"
"""The alerting profile that the schema has as its default."""
TOKEN: Final = "$RECONCILER_TOKEN"  # noqa: S105 - the name of the place where a token is to be put, not one
PAYLOAD: Final = """\
{
  "State": "{State}",
  "PID": "{PID}",
  "ProblemID": "{ProblemID}",
  "ProblemTitle": "{ProblemTitle}",
  "ProblemURL": "{ProblemURL}",
  "ProblemSeverity": "{ProblemSeverity}",
  "ImpactedEntity": "{ImpactedEntity}",
  "ImpactedEntities": {ImpactedEntities},
  "Tags": "{Tags}",
  "ProblemDetails": {ProblemDetailsJSONv2}
}
"""
"""Keptn's keys. The properties of metric events are in the details, the tags of entities in `Tags`."""


def notification(project: str, daemon: str, profile: str = DEFAULT_PROFILE) -> dict[str, Any]:
    """Return the object for `POST /api/v2/settings/objects`.

    ``daemon`` is its address as Dynatrace reaches it, with or without the webhook's path.
    """
    return {
        "schemaId": SCHEMA,
        "scope": "environment",
        "externalId": f"reconciler:{project}",
        "value": {
            "enabled": True,
            "type": "WEBHOOK",
            "displayName": f"reconciler: {project}"[:100],
            "alertingProfile": profile,
            "webHookNotification": {
                "url": f"{daemon.rstrip('/').removesuffix(PATH)}{PATH}",
                "urlContainsSecret": False,
                "acceptAnyCertificate": False,
                "useOAuth2": False,
                "headers": [{"name": "Authorization", "secret": True, "secretValue": f"Bearer {TOKEN}"}],
                "notifyClosedProblems": True,
                "notifyEventMergesEnabled": False,
                "payload": PAYLOAD,
            },
        },
    }
