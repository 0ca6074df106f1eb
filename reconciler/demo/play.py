"""The demo from beginning to end: a folder, a world in it, the story, and what is left to look at."""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from reconciler.demo import promises, settings
from reconciler.demo.acts import ACTS, CALM
from reconciler.demo.carts import CACHE, PROMOTION
from reconciler.demo.daemon_process import last_lines
from reconciler.demo.pace import Pace
from reconciler.demo.person import Commit
from reconciler.demo.sight import FlagState
from reconciler.demo.story import State, Story
from reconciler.demo.telling import Teller
from reconciler.demo.waiting import Patience, UnmetError
from reconciler.demo.world import Places, World, running
from reconciler.model.errors import ConfigError, ReconcilerError

_LOG_LINES: Final = 12


def play(
    teller: Teller, patience: Patience, pace: Pace, *, keep: Path | None = None, stay: bool = False
) -> None:  # fmt: skip
    """Play the three acts; return only if each of them ended as told.

    ``keep`` is the folder to do it in, which stays; without it a temporary one is taken and removed, except after a
    failure. With ``stay`` everything goes on running at the end, until KeyboardInterrupt.

    Raises:
        ConfigError: ``keep`` has something in it.
        UnmetError, TerminalError: something did not happen; the hint has the daemon's last words.
    """
    places = Places(_folder(keep))
    try:
        _play_in(places, teller, patience, pace, kept=keep is not None, stay=stay)
    except (KeyboardInterrupt, SystemExit):  # SystemExit: stdout has no reader any more
        _remove(places, keep)
        raise
    _remove(places, keep)


def _folder(keep: Path | None) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="reconciler-demo-"))
    folder = keep.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} is not empty", hint="name a folder that does not exist yet, or empty it")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _remove(places: Places, keep: Path | None) -> None:
    if keep is None:
        shutil.rmtree(places.folder)


def _play_in(
    places: Places, teller: Teller, patience: Patience, pace: Pace, *, kept: bool, stay: bool
) -> None:  # fmt: skip
    try:
        with running(places, patience, pace) as world:
            commits = _tell(world, teller, patience, pace)
            if stay:
                world.users.ask(CALM, "1h")
                _go_on(places, commits, teller, live=world)
                with suppress(KeyboardInterrupt):
                    threading.Event().wait()
            _stop_daemon(world)
    except ReconcilerError as error:
        teller.failed("this did not happen; everything that was started is stopped")
        raise UnmetError(error.message, hint=_last_words(places, error.hint)) from error
    _everything_lies(places, teller, kept=kept, commits=len(commits))
    if kept and not stay:
        _go_on(places, commits, teller, live=None)


def _tell(world: World, teller: Teller, patience: Patience, pace: Pace) -> list[Commit]:
    story = Story(world, teller, patience, pace)
    teller.part(
        "Set up",
        f"A Git remote, a cluster with carts in it, feature flags, monitoring, users and the reconciler, "
        f"in {world.places.folder}",
    )
    teller.done(f"{world.places.remote.name}, a bare Git remote, and a clone", how="reconciler init --bare, git clone")
    teller.done("objectives and a playbook for carts", how=f"git push   {' '.join(promises.files(pace))}")
    teller.done(f"a cluster at {world.cluster.url} and a balancer before carts at {world.balancer.url}")
    teller.done(f"monitoring, with a clone of its own; it reads {world.balancer.metrics_url}")
    teller.done(f"the daemon, process {world.daemon.pid}", how="reconciler run -c reconciler.yaml")
    teller.done(f"all that happens, in a browser: {world.pages}/{settings.PROJECT}")
    states = [story.begin()]
    for act in ACTS:
        states.extend(story.play(act))
    teller.part("Before and after")
    teller.table(("", "before", *(heading for act in ACTS for heading in (act.heading, "after"))), _rows(states))
    teller.chart(world.watcher.spells(), story.marks, promises.SLOWEST)
    commits = story.history()
    teller.part(f"What the branch {settings.STAGE} tells", "git log --reverse")
    width = max(len(commit.author) for commit in commits)
    teller.text(*(f"  {commit.short} {commit.author:<{width}} {commit.subject}" for commit in commits))
    teller.pause()
    return commits


def _rows(states: Sequence[State]) -> list[list[str]]:
    def on(flag: FlagState) -> str:
        return "on" if flag.enabled else "off"

    spells = [state.spell for state in states]
    return [
        ["p90 in ms", *("-" if spell.p90 is None else f"{spell.p90:,.0f}" for spell in spells)],
        ["failed", *("-" if spell.failed is None else f"{spell.failed:.0%}" for spell in spells)],
        ["answers a second", *(f"{spell.rate:.0f}" for spell in spells)],
        ["replicas", *(str(state.pods.ready) for state in states)],
        [CACHE, *(on(state.cache) for state in states)],
        [PROMOTION, *(on(state.promotion) for state in states)],
    ]


def _stop_daemon(world: World) -> None:
    status = world.daemon.stop()
    if status:
        raise UnmetError(f"the daemon was asked to stop and ended with {status}")


def _last_words(places: Places, hint: str) -> str:
    lines = last_lines(places.daemon_log, _LOG_LINES) or ["(nothing)"]
    return "\n".join([*([hint] if hint else []), "the daemon's last lines:", *lines, f"all of it: {places.folder}"])


def _everything_lies(places: Places, teller: Teller, *, kept: bool, commits: int) -> None:
    teller.part(f"All of it {'lies' if kept else 'lay'} in {places.folder}")
    rows = [
        (places.remote, f"the Git remote, {commits} commits on {settings.STAGE}"),
        (places.clone, "your clone"),
        (places.monitoring, "monitoring's clone, which problems were pushed from"),
        (places.flags, "the flag file"),
        (places.config, "the daemon's configuration"),
        (places.daemon_log, "the daemon's log"),
        (places.carts_log, "the replicas' log"),
        (places.load_log, "the load generator's log; what it counted is in loadgen-1.json and so on"),
    ]
    teller.text(*(f"  {path.name:<17} {what}" for path, what in rows))
    teller.text("", "Everything that was started is stopped.")
    if not kept:
        teller.text("The folder is removed; `reconciler demo --keep DIR` keeps it.")


def _go_on(places: Places, commits: Sequence[Commit], teller: Teller, *, live: World | None) -> None:
    """Tell how to go on by hand; ``live`` is None where nothing runs any more."""
    beside = shlex.quote(str(Path(sys.executable).with_name("reconciler")))
    command = "reconciler" if shutil.which("reconciler") else beside
    here = f"--stage {settings.STAGE}"
    newest = next(commit for commit in reversed(commits) if commit.event == "decided")
    teller.part("To go on by hand")
    teller.text(
        f"  cd {shlex.quote(str(places.clone))}",
        f"  git pull && git log {settings.STAGE}",
        f"  {command} status {here}",
        f"  {command} problem open {here} --service carts --title {shlex.quote(promises.FAILING)}",
        f"  git pull && git revert --no-edit {newest.short} && git push   # takes back: {newest.subject}",
    )
    if live is not None:
        teller.text(
            f"  {command} loadgen {live.balancer.url} --mode cpu --rate 28",
            "", f"Everything is still running, the pages at {live.pages}/{settings.PROJECT} too. Ctrl-C stops it.",
        )  # fmt: skip
    else:
        teller.text(
            f"  {command} bridge   # all that happened, in a browser",
            "", "What is pushed now waits for a daemon and a cluster. To see it acted on at once, let them run on",
            f"after the story:  {command} demo --keep ANOTHER-DIR --stay",
        )  # fmt: skip
