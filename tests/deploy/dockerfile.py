"""The Dockerfile as data: its stages, each a list of instructions."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).parents[2] / "Dockerfile"


@dataclass
class Stage:
    """One stage: ``steps`` are (instruction, text) in their order."""

    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def of(self, instruction: str) -> list[str]:
        """Return the texts of an instruction."""
        return [text for name, text in self.steps if name == instruction]

    def environment(self) -> dict[str, str]:
        """Return what ENV sets."""
        return dict(word.split("=", 1) for text in self.of("ENV") for word in shlex.split(text))

    def command(self, instruction: str) -> list[str]:
        """Return the words of an instruction in its exec form."""
        (text,) = self.of(instruction)
        words: list[str] = json.loads(text[text.index("[") :])
        return words


def stages() -> list[Stage]:
    """Read the Dockerfile; comments and line ends are gone."""
    found: list[Stage] = []
    lines = [line for line in FILE.read_text("utf-8").splitlines() if line.strip() and not line.startswith("#")]
    for whole in "\n".join(lines).replace("\\\n", " ").splitlines():
        instruction, _, text = whole.partition(" ")
        if instruction == "FROM":
            found.append(Stage(text.partition(" AS ")[2]))
        elif found:
            found[-1].steps.append((instruction, " ".join(text.split()) if instruction == "RUN" else text))
    return found
