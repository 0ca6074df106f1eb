"""What somebody may do to a history of steps who can write it anew, and where it starts from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from reconciler.decide.draft import RULES
from reconciler.model.instant import Instant, format_instant
from reconciler.model.names import CommitId
from reconciler.repo.signing import CommitSigner
from reconciler.repo.signing_commits import with_signature
from tests.decide.files import entry, playbook
from tests.decide.surroundings import Workload
from tests.decide.world import START, World
from tests.repo.conftest import git
from tests.repo.replaying import Written

ANN = "Ann <ann@example.org>"
OPS = "ops/production/carts"
PICKED = CommitId("0" * 40)
FOREIGN = CommitId("f" * 40)
BACK = CommitId("b" * 40)
DESIRED = f"{OPS}/state/desired.yaml"
EVALUATIONS = f"{OPS}/state/evaluations.yaml"
CLOSED = "ops/production/closed.yaml"
REMEDIATION = f"{OPS}/remediations/p1"


def story(world: World) -> None:
    """Two problems of one service, and one of another: steps 1 to 5, 6 to 10, 11 to 13; 14 archives the first two."""
    world.playbook(playbook(entry("Response time degradation", "scaling +1")), "orders")
    world.around.workloads["orders"] = Workload()
    world.objectives()
    world.around.values["response_time_p90"] = 80.0
    for problem in ("p1", "p2"):
        world.open(problem)
        world.tick()
        world.over(problem)
        world.later(90_000)
    world.open("p3", service="orders")
    world.tick()
    world.archive(32 * 24 * 3600)


Change = Callable[[list[Written]], list[Written]]


def step(commits: Sequence[Written], sequence: int) -> Written:
    (found,) = (each for each in commits if each.sequence == sequence)
    return found


def changing(sequence: int, change: Callable[[Written], Written]) -> Change:
    return lambda commits: [change(each) if each.sequence == sequence else each for each in commits]


def saying(sequence: int, *words: tuple[str, str]) -> Change:
    """Change words wherever they stand in a step's message and files; they must stand there."""

    def change(each: Written) -> Written:
        said = each.saying(*words)
        assert said != each
        return said

    return changing(sequence, change)


def in_file(sequence: int, path: str, old: str, new: str, *, message: tuple[str, str] | None = None) -> Change:
    """Change one file of a step whose name ends so."""

    def change(each: Written) -> Written:
        (name,) = (name for name in each.files if name.endswith(path))
        content = each.files[name]
        assert content is not None
        assert old.encode() in content
        text = each.message.replace(*message) if message else each.message
        return replace(each, files={**each.files, name: content.replace(old.encode(), new.encode())}, message=text)

    return changing(sequence, change)


def without(sequence: int) -> Change:
    return lambda commits: [each for each in commits if each.sequence != sequence]


def swapped(commits: list[Written]) -> list[Written]:
    four, five = (commits.index(step(commits, number)) for number in (4, 5))
    commits[four], commits[five] = commits[five], commits[four]
    return commits


def squashed(commits: list[Written]) -> list[Written]:
    two, three = step(commits, 2), step(commits, 3)
    both = replace(three, files={**two.files, **three.files})
    return [both if each is three else each for each in commits if each is not two]


def picked(commits: list[Written]) -> list[Written]:
    """The decision about p1 once more, at the end."""
    return [*commits, replace(step(commits, 2), id=PICKED)]


def elsewhere(each: Written) -> Written:
    """The step says that it is about another service, and lies in its folder."""
    files = {path.replace("/carts/", "/orders/"): content for path, content in each.files.items()}
    return replace(each, files=files, message=each.message.replace("Service: carts", "Service: orders"))


def with_facts(sequence: int, old: str, new: str) -> Change:
    """Another fact is recorded, the message has its hash, and nothing else follows from it."""

    def told(text: bytes) -> str:
        return hashlib.sha256(text[2:].replace(b"\n  ", b"\n")).hexdigest()

    def change(each: Written) -> Written:
        name = next(name for name, content in each.files.items() if content is not None and b"\nfacts:\n" in content)
        head, found, facts = (each.files[name] or b"").partition(b"\nfacts:\n")
        assert old.encode() in facts
        forged = facts.replace(old.encode(), new.encode())
        message = each.message.replace(told(facts), told(forged))
        assert message != each.message
        return replace(each, files={**each.files, name: head + found + forged}, message=message)

    return changing(sequence, change)


def renumbered(sequence: int, number: int) -> Change:
    return saying(
        sequence,
        (f"Sequence: {sequence}\n", f"Sequence: {number}\n"),
        (f"sequence: {sequence}\n", f"sequence: {number}\n"),
    )


def founded_elsewhere(each: Written) -> Written:
    config = each.message.partition("Config: ")[2][:40]
    return each.saying((config, "0123456789" * 4))


def earlier(each: Written) -> Written:
    lines = {line.partition(": ")[0]: line.partition(": ")[2] for line in each.message.splitlines()}
    return each.saying((lines["Now"], format_instant(Instant(each.when - 100_000))))


def with_file(path: str, content: bytes) -> Change:
    return changing(2, lambda each: replace(each, files={**each.files, path: content}))


def without_file(path: str) -> Change:
    return changing(2, lambda each: replace(each, files={p: c for p, c in each.files.items() if p != path}))


def by_rules(sequence: int, rules: int) -> Change:
    return saying(sequence, (f"Rules: {RULES}\n", f"Rules: {rules}\n"), (f"rules: {RULES}\n", f"rules: {rules}\n"))


def before(commits: list[Written], sequence: int, path: str) -> bytes:
    """What a file held before a step."""
    until = commits.index(step(commits, sequence))
    held = [each.files[path] for each in commits[:until] if path in each.files]
    assert held
    assert held[-1] is not None
    return held[-1]


def pushed(sequence: int, files: dict[str, bytes | None], *, message: str = "a change\n", back: bool = False) -> Change:
    """Somebody changes files right after a step; ``back``: and takes it back right away."""

    def change(commits: list[Written]) -> list[Written]:
        place = commits.index(step(commits, sequence)) + 1
        more = [Written(FOREIGN, (), files, message, ANN, ANN, START)]
        if back:
            held: dict[str, bytes | None] = {path: before(commits, sequence + 1, path) for path in files}
            more.append(Written(BACK, (), held, "and back\n", ANN, ANN, START))
        return [*commits[:place], *more, *commits[place:]]

    return change


def of_staging(commits: list[Written]) -> list[Written]:
    """The step says that it is another stage's, and lies where it lay."""
    return changing(3, lambda each: each.saying(("Stage: production", "Stage: staging")))(commits)


def brought_otherwise(path: str, old: str, new: str) -> Change:
    """The commit of people's that brought a file brought another one."""

    def change(commits: list[Written]) -> list[Written]:
        first = next(each for each in commits if path in each.files)
        content = first.files[path]
        assert content is not None
        assert old.encode() in content
        forged = {**first.files, path: content.replace(old.encode(), new.encode())}
        return [replace(each, files=forged) if each is first else each for each in commits]

    return change


def signed(path: Path, who: Callable[[int], CommitSigner | None]) -> dict[int, str]:
    """Make a branch again with signatures of whoever signs a step by its number. Returns the steps by number."""
    became: dict[str, str] = {}
    steps: dict[int, str] = {}
    tip = ""
    for commit in git(path, "rev-list", "--reverse", "production").splitlines():
        raw = git(path, "cat-file", "commit", commit) + "\n"
        for old, new in became.items():
            raw = raw.replace(old, new)
        number = int(raw.partition("\nSequence: ")[2].partition("\n")[0] or 0)
        signer = who(number) if number else None
        payload = raw.encode()
        made = with_signature(payload, signer.sign(payload)) if signer is not None else payload
        tip = became[commit] = git(path, "hash-object", "-t", "commit", "-w", "--stdin", data=made)
        steps[number] = tip
    git(path, "update-ref", "refs/heads/production", tip)
    return steps
