"""`reconciler completion`: the script that teaches a shell to complete our commands."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

_SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


_HELP = """Print the completion script of a shell.

\b
bash:  eval "$(reconciler completion bash)"     in ~/.bashrc
zsh:   eval "$(reconciler completion zsh)"      in ~/.zshrc
fish:  reconciler completion fish | source      in ~/.config/fish/config.fish
"""


@click.command("completion", help=_HELP)
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script."""
    completer = _SHELLS[shell](ctx.find_root().command, {}, "reconciler", "_RECONCILER_COMPLETE")
    # The template itself: `source()` would first start a bash to look at its version, and zsh users may have none.
    click.echo(completer.source_template % completer.source_vars())
