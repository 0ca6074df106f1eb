"""`reconciler send event`: a problem CloudEvent in a file reaches the daemon, or the repository by a push."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.daemon_options import daemon_options, find_daemon
from reconciler.cli.options import repo_options
from reconciler.cli.output import Format, output_option
from reconciler.model.errors import UserError

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True)


@click.command("event")
@click.argument("file", type=_FILE)
@daemon_options
@repo_options
@output_option
def command(
    file: Path,
    daemon: str | None,
    config: Path | None,
    token_file: Path | None,
    ca_file: Path | None,
    repo: Path,
    project: str | None,
    form: Format,
) -> int:
    """Send the problem CloudEvent in FILE, JSON or YAML, of version 0.2 or 1.0; `-` is stdin.

    With --daemon, or a --config that says where one listens, it is posted to /webhooks/cloudevents there, again for as
    long as the daemon asks for that. Otherwise it is committed and pushed as the file that the daemon would write. The
    same event sent twice is one problem.

    Exit code 0: it is in the repository; 1: it never will be, and why; 2: it could not be sent.
    """
    from reconciler.cli.event_files import load_event, push_event
    from reconciler.cli.measurements import read

    found = find_daemon("cloudevents", daemon, config, token_file, ca_file)
    event = load_event(*read(file))
    if found is None:
        push_event(event, repo, project, form)
        return 0
    if project is not None and event.project not in ("", project):
        raise UserError(f"the event is about the project `{event.project}`, not `{project}`")
    from reconciler.cli.daemon_client import post
    from reconciler.cli.receipts import tell_receipts

    return tell_receipts(post(found, "/webhooks/cloudevents", event.body, "application/cloudevents+json"), form)
