"""The published schemas in the language server that VS Code, Neovim, Helix and Emacs use: what a person sees."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.published_schema import PUBLISHED, published
from tests.acceptance.editor.lsp import Editor
from tests.acceptance.editor.written import OFFERED, RIGHT, SHOWN, WRONG

ROOT = Path(__file__).parents[3]
MODULES = ROOT / ".make" / "editor" / "node_modules"
SERVER = MODULES / "yaml-language-server" / "bin" / "yaml-language-server"
EXAMPLES = {
    f"examples/{name}-{number}.yaml": (name, example)
    for name in PUBLISHED
    for number, example in enumerate(json.loads((ROOT / f"schemas/{name}.schema.json").read_bytes())["examples"])
}
DAEMON = re.search(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
STRICT = """
const ajv = new (require("ajv").default)({
  strict: true, strictTypes: false, strictTuples: false, strictRequired: false, allowUnionTypes: true,
});
const known = "defaultSnippets markdownDescription errorMessage patternErrorMessage deprecationMessage";
known.split(" ").forEach((keyword) => ajv.addKeyword(keyword));
ajv.compile(JSON.parse(require("fs").readFileSync(0)));
"""
"""As SchemaStore compiles what is given to it: strictly, and with the keywords of editors known."""


def at(text: str) -> tuple[str, int, int]:
    """The text without its cursor, and where that was (from 0)."""
    before, _, after = text.partition("|")
    return before + after, before.count("\n"), len(before) - before.rfind("\n") - 1


def modelined(name: str, example: Any) -> str:
    return f"# yaml-language-server: $schema=../editor/{name}.schema.json\n{json.dumps(example, indent=2)}\n"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stage of a new configuration repository, and the settings that a person put into their editor."""
    folder = tmp_path_factory.mktemp("editor") / "shop"
    own = [sys.executable, "-m", "reconciler"]
    subprocess.run([*own, "init", str(folder)], check=True, cwd=folder.parent, capture_output=True)
    subprocess.run(["git", "switch", "-q", "production"], check=True, cwd=folder)
    subprocess.run([*own, "schemas", "--to", "editor"], check=True, cwd=folder, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def laid_out(workspace: Path) -> list[str]:
    """The files of the template that name a schema of ours, of both its branches; schemas of forges are elsewhere."""
    shown = ["git", "show", "main:project.yaml"]
    (workspace / "of-the-project.yaml").write_bytes(
        subprocess.run(shown, check=True, cwd=workspace, capture_output=True).stdout
    )
    ours = re.compile(rb"# yaml-language-server: \$schema=(\.\./)*\.schemas/")
    files = (path for path in workspace.rglob("*.yaml") if ours.match(path.read_bytes()))
    return sorted(str(path.relative_to(workspace)) for path in files)


@pytest.fixture(scope="module")
def editor(workspace: Path, laid_out: list[str]) -> Iterator[Editor]:
    """All files are opened before the first is asked about: the server thinks for a moment about each."""
    assert DAEMON is not None
    assert len(laid_out) >= 7
    given = json.loads((workspace / "editor" / "vscode-settings.json").read_bytes())
    settings = {
        "schemas": given["yaml.schemas"],
        "validate": True,
        "hover": True,
        "completion": True,
        "schemaStore": {"enable": False},
        "kubernetesCRDStore": {"enable": False},
    }
    with Editor(SERVER, workspace, settings) as editor:
        for path in laid_out:
            editor.open(path, (workspace / path).read_text("utf-8"))
        for path, text in {
            **{f"right/{path}": text for path, text in RIGHT.items()},
            "reconciler.yaml": DAEMON[1],
        }.items():
            editor.open(path, text)
        for path, (name, example) in EXAMPLES.items():
            editor.open(path, modelined(name, example))
        for number, (text, _, _) in enumerate(WRONG.values()):
            editor.open(f"written/wrong-{number}.yaml", text.replace("=.schemas", "=../.schemas"))
        for kind, table in (("offered", OFFERED), ("shown", SHOWN)):
            for number, (text, _, _) in enumerate(table.values()):
                editor.open(f"written/{kind}-{number}.yaml", at(text)[0].replace("=.schemas", "=../.schemas"))
        yield editor


def told(editor: Editor, path: str) -> list[tuple[int, str]]:
    return [(one["range"]["start"]["line"], one["message"]) for one in editor.diagnostics(path)]


def test_the_template_is_right(editor: Editor, laid_out: list[str]) -> None:
    assert {path: told(editor, path) for path in laid_out} == {path: [] for path in laid_out}


@pytest.mark.parametrize("path", RIGHT)
def test_a_right_file_is_left_alone(editor: Editor, path: str) -> None:
    assert told(editor, f"right/{path}") == []


def test_the_daemons_configuration_is_right(editor: Editor) -> None:
    assert told(editor, "reconciler.yaml") == []


@pytest.mark.parametrize("path", EXAMPLES)
def test_the_examples_of_the_schemas_are_right(editor: Editor, path: str) -> None:
    assert told(editor, path) == []


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_marked_on_its_line_in_words(editor: Editor, mistake: str) -> None:
    _, line, words = WRONG[mistake]
    assert told(editor, f"written/wrong-{list(WRONG).index(mistake)}.yaml") == [(line, words)]


@pytest.mark.parametrize("case", OFFERED)
def test_what_may_be_written_is_offered(editor: Editor, case: str) -> None:
    text, wanted, unwanted = OFFERED[case]
    _, line, column = at(text)
    labels = {
        one["label"] for one in editor.completion(f"written/offered-{list(OFFERED).index(case)}.yaml", line, column)
    }
    assert wanted <= labels
    assert not labels & unwanted


@pytest.mark.parametrize("case", SHOWN)
def test_a_key_says_what_it_means(editor: Editor, case: str) -> None:
    text, title, words = SHOWN[case]
    _, line, column = at(text)
    shown = editor.hover(f"written/shown-{list(SHOWN).index(case)}.yaml", line, column)
    assert shown.startswith(f"#### {title}\n")
    assert words in shown


def test_files_get_their_schema_by_the_settings_that_we_write(editor: Editor) -> None:
    for path in RIGHT:
        editor.open(f"settings/{path}", "- not at all\n")
    assert [path for path in RIGHT if not told(editor, f"settings/{path}")] == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_strict_compiler_takes_the_schema(name: str) -> None:
    done = subprocess.run(
        ["node", "-e", STRICT],
        cwd=MODULES.parent,
        input=json.dumps(published(name)),
        text=True,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
