"""A command group that imports a verb's module only when that verb is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class ReaderGoneError(Exception):
    """Whoever read our stdout has closed it (`reconciler status | head -1`)."""


class LazyGroup(click.Group):
    """A group whose commands are named by module; help lists them in the order of the table."""

    def __init__(self, *args: Any, modules: Mapping[str, str] | None = None, **options: Any) -> None:
        """Take click's own arguments, and ``modules``: verb → module that holds its `command`."""
        super().__init__(*args, **options)
        self._modules = dict(modules or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs, in the table's order."""
        return [*self._modules, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command, or None where there is none of that name."""
        module = self._modules.get(cmd_name)
        if module is None:
            return super().get_command(ctx, cmd_name)
        command = import_module(module).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.command is no command")
        return command

    def commands_with(self, ctx: click.Context, option: str) -> list[str]:
        """Return the verbs that have an option, in the table's order."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        return [name for name, verb in found if verb and any(option in each.opts for each in verb.params)]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb. click would end the process with 1, our "no", where a pipe has lost its reader."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGoneError from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; one that does not exist is answered with those that are written alike."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            known = self.list_commands(ctx)
            raise click.exceptions.NoSuchCommand(error.command_name, possibilities=known, ctx=ctx) from error
