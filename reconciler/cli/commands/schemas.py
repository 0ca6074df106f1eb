"""`reconciler schemas`: what editors know about our files, listed, printed or written to where an editor finds it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from reconciler.cli.messages import say
from reconciler.cli.output import Format, output_option, table, write
from reconciler.model.errors import ConfigError
from reconciler.model.suggest import did_you_mean

_SETTINGS = "vscode-settings.json"


@click.command("schemas")
@click.argument("name", required=False)
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write all schemas into this folder, with their catalogue and settings for VS Code.",
)
@output_option
def command(name: str | None, folder: Path | None, form: Format) -> None:
    """List the JSON Schemas of the files that people write, or print the one called NAME.

    They are for editors, and need no network: docs/editors.md says how to set up which.
    """
    from reconciler.model.published_schema import BASE, PUBLISHED, published

    if name and folder:
        raise click.UsageError("NAME prints one schema and --to writes all of them; leave one of the two out")
    if name and name not in PUBLISHED:
        hint = did_you_mean(name, PUBLISHED) or f"there are {', '.join(PUBLISHED)}"
        raise ConfigError(f"no schema is called {name!r}", hint=hint)
    if name:
        click.echo(_text(published(name)), nl=False)
    elif folder:
        _write(folder)
    else:
        files = _files()
        data = [{"name": each, "files": files[each], "id": f"{BASE}{each}.json"} for each in PUBLISHED]
        rows = [(each, " ".join(files[each])) for each in PUBLISHED]
        write(form, {"schemas": data}, lambda: table(("SCHEMA", "FILES"), rows))


def _write(folder: Path) -> None:
    from reconciler.model.published_schema import PUBLISHED, published
    from reconciler.model.schema import load_catalog

    here = _from_here(folder)
    settings = {"yaml.schemas": {f"{here}/{name}.schema.json": files for name, files in _files().items()}}
    content = {f"{name}.schema.json": published(name) for name in PUBLISHED}
    content |= {"catalog.json": load_catalog(), _SETTINGS: settings}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, value in content.items():
            (folder / file).write_text(_text(value), "utf-8")
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be written to: {error.strerror}", hint="name a folder that is yours by --to"
        ) from error
    say(f"{len(PUBLISHED)} schemas in {folder}")
    say(f"next: put what {folder / _SETTINGS} says into .vscode/settings.json")


def _files() -> dict[str, list[str]]:
    """Return which files each schema is for."""
    from reconciler.model.published_schema import BASE
    from reconciler.model.schema import load_catalog

    return {one["url"].removeprefix(BASE).removesuffix(".json"): one["fileMatch"] for one in load_catalog()["schemas"]}


def _from_here(folder: Path) -> str:
    """Return how settings name a folder: from the opened one where it lies inside, else by its address."""
    whole, here = folder.resolve(), Path.cwd()
    return f"./{whole.relative_to(here)}" if whole.is_relative_to(here) else whole.as_uri()


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
