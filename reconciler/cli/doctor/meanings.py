"""All checks there are, and what each means for the daemon where it does not end well."""

from __future__ import annotations

from typing import Final

MEANINGS: Final[dict[str, str]] = {
    "git-version": "without Git 2.31 or newer nothing is read and nothing committed",
    "state-folder": "without a folder to write to no project is read or decided on; nothing in it has to be kept",
    "disk-space": "a clone that does not fit leaves its project unread",
    "secrets": "whoever is reached with it refuses us, or is not asked at all",
    "secrets-open": "whoever has an account on this machine can do with it what the daemon can",
    "clock": "while clocks differ by more than five seconds nothing that is due by time is decided",
    "git-reach": "nothing of the project is decided or applied; webhooks say `come again`",
    "git-format": "the daemon refuses a remote that it cannot read whole",
    "git-fetch": "nothing new of that branch is seen",
    "git-push": "a decision counts when it is pushed: without the right nothing is done",
    "stages": "a stage that cannot be read is left alone",
    "stage-file": "while stage.yaml cannot be used nothing new is done in the stage",
    "allowed": "every action there is refused: the daemon touches nothing that its own configuration does not allow",
    "needed": "actions on it are refused, and what nobody measures ends unverified",
    "webhooks": "nobody can report a problem by a request; problem files in Git count as always",
    "cluster-reach": "the stage is blind: nothing of its workloads is looked at or changed",
    "cluster-rights": "actions that need it fail, or are held because nothing could be seen",
    "cluster-workloads": "the service's actions fail, for there is nothing to act on",
    "leases": "daemons cannot share the work by Leases, and a stage may be looked after by nobody",
    "flags-reach": "flags are neither read nor switched; actions on them are held",
    "flags-place": "actions on flags of that project or environment fail",
    "flags-changes": "the server answers a switch with 403, and the action fails",
    "flags-legacy": "a switch counts for all environments at once",
    "flags-file": "actions on flags fail, for flagd's file cannot be exchanged",
    "evidence-reach": "indicators have no values, so that what was done is never judged as healed",
    "evidence-token": "queries that need the scope have no value",
    "forge-token": "nothing is proposed by pull request and no commit is told what became of it; files count as always",
    "forge-rights": "what the right is for fails on the forge; commands by file count as always",
    "forge-branch": "a push of ours to it may be declined, and then nothing is done in the stage",
    "port": "the daemon does not start, or not with that address",
    "certificate": "senders and browsers refuse the connection",
    "signing": "nothing is committed unsigned: without the key nothing is done",
    "daemon": "the daemon that runs says so itself; docs/operations.md has every condition",
    "unfinished": "what this was to find out is not known",
}
