"""Every git command line of the product, one function each; nothing else puts a word on one.

Words are constants, full ref names, 40-digit ids, checked paths and a checked address. Options end by ``--`` or
``--end-of-options`` before anything that varies, so that a name can never become an option even where a check were
missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reconciler.model.errors import BugError
from reconciler.repo.names import full_ref, object_id
from reconciler.repo.remote import Remote

Argv = tuple[str, ...]


def _git(git_dir: Path, *words: str) -> Argv:
    return ("git", f"--git-dir={git_dir}", *words)


def _pathspec(path: str) -> str:
    if "\0" in path or not path:
        raise BugError(f"not a path for git: {path[:80]!r}")
    return path


# Making and looking at repositories


def version() -> Argv:
    """``git version``."""
    return ("git", "version")


def init(git_dir: Path) -> Argv:
    """Make an empty bare repository without template, hence without hooks."""
    return ("git", "init", "--quiet", "--bare", "--template=", "--initial-branch=none", "--", str(git_dir))


def create(folder: Path, head: str, *, bare: bool) -> Argv:
    """Make an empty repository of a person's, bare or with a work tree; ``head`` is the full ref that HEAD names."""
    kind = ("--bare",) if bare else ()
    branch = full_ref(head).removeprefix("refs/heads/")
    return ("git", "init", "--quiet", *kind, f"--initial-branch={branch}", "--", str(folder))


def config_known() -> Argv:
    """Print all settings that hold where one stands, in a repository or not, as `config_all` does."""
    return ("git", "config", "--null", "--list", "--includes")


def reset_hard(folder: Path) -> Argv:
    """Lay out the work tree of a repository that was just made."""
    return ("git", "-C", str(folder), "reset", "--quiet", "--hard")


def locate(path: Path) -> Argv:
    """Print the git directory and the common directory of a path (bare, work tree or linked work tree)."""
    return ("git", "-C", str(path), "rev-parse", "--path-format=absolute", "--absolute-git-dir", "--git-common-dir")


def locate_named(git_dir: Path) -> Argv:
    """Print the same of a git directory that somebody named; fails where it is none."""
    return _git(git_dir, "rev-parse", "--path-format=absolute", "--absolute-git-dir", "--git-common-dir")


def tracked(work_tree: Path, path: Path) -> Argv:
    """Exit 0 where the index of a work tree has a file."""
    return ("git", "-C", str(work_tree), "ls-files", "--error-unmatch", "--", _pathspec(str(path)))


def top_level(path: Path) -> Argv:
    """Print the top of the work tree that a path is in; fails in a bare repository."""
    return ("git", "-C", str(path), "rev-parse", "--path-format=absolute", "--show-toplevel")


def rev_parse(git_dir: Path, text: str) -> Argv:
    """Print the id of the commit that a person's expression means; it can be no option, whatever it is."""
    return _git(git_dir, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{text}^{{commit}}")


def config_list(file: Path) -> Argv:
    """Print all settings of one configuration file, NUL-terminated."""
    return ("git", "config", "--file", str(file), "--null", "--list")


def for_each_ref(git_dir: Path, prefix: str) -> Argv:
    """Print ``<id> <ref>`` for the refs of a git directory below a prefix that ends with a slash."""
    return _git(git_dir, "for-each-ref", "--format=%(objectname) %(refname)", "--", full_ref(f"{prefix}x")[:-1])


def update_ref(git_dir: Path) -> Argv:
    """Change refs by instructions on standard input, NUL-terminated, all or none."""
    return _git(git_dir, "update-ref", "--stdin", "-z")


# The persistent children


def cat_file_contents(git_dir: Path) -> Argv:
    """Answer object names on standard input with the objects."""
    return _git(git_dir, "cat-file", "--batch")


def cat_file_headers(git_dir: Path) -> Argv:
    """Answer object names on standard input with id, type and size."""
    return _git(git_dir, "cat-file", "--batch-check")


def diff_tree(git_dir: Path) -> Argv:
    """Answer pairs of tree ids on standard input with their differences."""
    return _git(git_dir, "diff-tree", "--stdin", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--no-ext-diff")


def diff_tree_counted(git_dir: Path) -> Argv:
    """Do as `diff_tree`, naming folders too, so that those without files take memory, and caching little itself."""
    where, *words = diff_tree(git_dir)[1:]
    return ("git", where, "-c", "core.deltaBaseCacheLimit=16m", *words, "-t")


def fast_import(git_dir: Path) -> Argv:
    """Take commits on standard input. ``--force`` is about the private ref, which jumps between unrelated tips."""
    return _git(git_dir, "fast-import", "--quiet", "--done", "--force", "--date-format=raw")


def hash_commits(git_dir: Path) -> Argv:
    """Store commit objects from the files that are named on standard input, checking their form; print their ids."""
    return _git(git_dir, "hash-object", "-t", "commit", "-w", "--no-filters", "--stdin-paths")


# Reading, one process each


def ls_tree(git_dir: Path, tree: str) -> Argv:
    """Print all files and folders below a tree, NUL-terminated, each folder before what is in it."""
    return _git(git_dir, "ls-tree", "-r", "-t", "-z", "--full-tree", "--end-of-options", object_id(tree))


def rev_list(
    git_dir: Path, tip: str, *, since: str | None = None, paths: Sequence[str] = (), limit: int | None = None
) -> Argv:
    """Print ids of commits reachable from the tip (and not from ``since``), children before parents."""
    words = ["rev-list", "--topo-order"]
    if paths:
        # Side branches count: a step may have come in through a merge that a person made.
        words.append("--full-history")
    if limit is not None:
        words.append(f"--max-count={int(limit)}")
    words += ["--end-of-options", object_id(tip)]
    if since is not None:
        words.append("^" + object_id(since))
    return _git(git_dir, *words, "--", *map(_pathspec, paths))


def first_parents(git_dir: Path, tip: str, since: str | None) -> Argv:
    """Print ids of the commits from the tip along first parents, as far as they are not reachable from ``since``."""
    words = () if since is None else ("^" + object_id(since),)
    return _git(git_dir, "rev-list", "--first-parent", "--end-of-options", object_id(tip), *words, "--")


def rev_list_but(git_dir: Path, tip: str, line: str) -> Argv:
    """Print ids of the commits reachable from the tip of whose messages no line matches, children before parents.

    ``line`` is an extended regular expression of ours.
    """
    words = ("rev-list", "--topo-order", "--invert-grep", "--extended-regexp", f"--grep=^{line}$")
    return _git(git_dir, *words, "--end-of-options", object_id(tip), "--")


def is_shallow(git_dir: Path) -> Argv:
    """Print whether a part of the history is missing."""
    return _git(git_dir, "rev-parse", "--is-shallow-repository")


def deletions(git_dir: Path, under: str) -> Argv:
    """Answer ids of commits on standard input with the files that each deleted below a folder; merges delete none."""
    words = ("diff-tree", "--stdin", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--no-ext-diff")
    return _git(git_dir, *words, "--no-commit-id", "--diff-filter=D", "--", _pathspec(under))


def merge_base(git_dir: Path, one: str, other: str) -> Argv:
    """Print the best common ancestor of two commits; fails where there is none."""
    return _git(git_dir, "merge-base", "--end-of-options", object_id(one), object_id(other))


def last_change(git_dir: Path, tip: str, path: str, *, first_parent: bool = False) -> Argv:
    """Print the id of the newest commit that changed the path, along the history as it was simplified by git."""
    words = ("--max-count=1", *(("--first-parent",) if first_parent else ()))
    return _git(git_dir, "rev-list", *words, "--end-of-options", object_id(tip), "--", _pathspec(path))


def beyond(git_dir: Path, tip: str) -> Argv:
    """Answer ids of commits on standard input with those of them, and of their past, that the tip does not reach."""
    return _git(git_dir, "rev-list", "--stdin", "--end-of-options", "^" + object_id(tip))


def is_ancestor(git_dir: Path, old: str, new: str) -> Argv:
    """Exit 0 where ``old`` is reachable from ``new``, 1 where it is not."""
    return _git(git_dir, "merge-base", "--is-ancestor", object_id(old), object_id(new))


# Moving


def ls_remote(remote: Remote, refs: Sequence[str]) -> Argv:
    """Print the remote's refs of these full names."""
    return ("git", "ls-remote", "--quiet", "--refs", "--", remote.url, *map(full_ref, refs))


def ls_remote_below(remote: Remote, prefix: str) -> Argv:
    """Print the remote's branches below a prefix that ends with a slash."""
    return ("git", "ls-remote", "--quiet", "--refs", "--heads", "--", remote.url, full_ref(f"{prefix}x")[:-1] + "*")


def ls_remote_head(remote: Remote) -> Argv:
    """Print what the remote's HEAD points to."""
    return ("git", "ls-remote", "--quiet", "--symref", "--", remote.url, "HEAD")


def fetch(git_dir: Path, remote: Remote, refs: Sequence[tuple[str, str]]) -> Argv:
    """Bring refs of the remote into private refs: pairs of (theirs, ours), all in one conversation.

    The plus sign lets *our private* ref follow a branch that was rewritten; it says nothing about the remote.
    """
    return _git(
        git_dir,
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-show-forced-updates",
        "--no-auto-maintenance",
        "--no-recurse-submodules",
        "--no-progress",
        "--",
        remote.url,
        *(f"+{full_ref(theirs)}:{full_ref(ours)}" for theirs, ours in refs),
    )


def push(git_dir: Path, remote: Remote, updates: Sequence[tuple[str, str | None, str | None]]) -> Argv:
    """Move refs of the remote, all or none, each only from the id it is expected at: (ref, old or None, new or None).

    ``--force-with-lease`` with a value is the compare; that the new id descends from the old one is the caller's duty.
    """
    leases = (f"--force-with-lease={full_ref(ref)}:{object_id(old) if old else ''}" for ref, old, _ in updates)
    return _git(
        git_dir,
        "push",
        "--porcelain",
        "--atomic",
        "--no-follow-tags",
        "--no-signed",
        "--no-progress",
        "--recurse-submodules=no",
        *leases,
        "--",
        remote.url,
        *(f"{object_id(new) if new else ''}:{full_ref(ref)}" for ref, _, new in updates),
    )


# Upkeep of the mirror


def repack(git_dir: Path) -> Argv:
    """Combine packs of similar size; cost follows what is new."""
    return _git(git_dir, "repack", "--geometric=2", "-d", "-q", "--write-midx")


def repack_own(git_dir: Path) -> Argv:
    """Keep only reachable objects that no alternate has, in one pack."""
    return _git(git_dir, "repack", "-a", "-d", "-l", "-q")


def prune_own(git_dir: Path) -> Argv:
    """Remove loose objects of this repository, not of an alternate, that no ref reaches or that are in a pack."""
    return _git(git_dir, "prune", "--expire=now")


def commit_graph(git_dir: Path) -> Argv:
    """Add the commits whose ids come on standard input, and their history, to the commit graph."""
    return _git(git_dir, "commit-graph", "write", "--stdin-commits", "--split", "--changed-paths", "--no-progress")


def pack_refs(git_dir: Path) -> Argv:
    """Collect the private refs in one file."""
    return _git(git_dir, "pack-refs", "--all")


def ssh_exit(socket: Path) -> Argv:
    """End the shared ssh connection that listens on a control socket; the host's name is not looked at."""
    return ("ssh", "-o", f"ControlPath={socket}", "-O", "exit", "--", "localhost")


# A person's own clone


def config_all(git_dir: Path) -> Argv:
    """Print all settings that hold in a repository, NUL-terminated, later ones winning."""
    return _git(git_dir, "config", "--null", "--list", "--includes")


def fetch_branch(git_dir: Path, remote: str, ref: str) -> Argv:
    """Bring one branch of a named remote to where `git fetch` itself would put it."""
    branch = full_ref(ref).removeprefix("refs/heads/")
    ours = full_ref(f"refs/remotes/{remote}/{branch}")
    return _git(git_dir, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", remote, f"+{ref}:{ours}")


def fetch_branches(git_dir: Path, remote: str) -> Argv:
    """Bring all branches of a named remote to where `git fetch --prune` itself would put them."""
    ours = full_ref(f"refs/remotes/{remote}/x").removesuffix("x")
    spec = f"+refs/heads/*:{ours}*"
    return _git(git_dir, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--prune", "--", remote, spec)


def remote_head(git_dir: Path, remote: str) -> Argv:
    """Print what the HEAD of a named remote points to, asking it."""
    full_ref(f"refs/remotes/{remote}/x")
    return _git(git_dir, "ls-remote", "--quiet", "--symref", "--", remote, "HEAD")


def symbolic_ref(git_dir: Path, ref: str) -> Argv:
    """Print what a symbolic ref points to; fails where there is none."""
    return _git(git_dir, "symbolic-ref", "--quiet", full_ref(ref))


def push_branch(git_dir: Path, remote: str, ref: str, old: str | None, new: str) -> Argv:
    """Move one branch of a named remote from the id where it is expected to one that descends from it."""
    lease = f"--force-with-lease={full_ref(ref)}:{object_id(old) if old else ''}"
    words = ("push", "--porcelain", "--no-follow-tags", "--no-progress", lease, "--", remote, f"{object_id(new)}:{ref}")
    return _git(git_dir, *words)


def commit_tree_signed(git_dir: Path, tree: str, parent: str | None) -> Argv:
    """Make a signed commit of a tree; the message comes on standard input, people and dates from the environment."""
    parents = () if parent is None else ("-p", object_id(parent))
    return _git(git_dir, "commit-tree", "-S", *parents, "-F", "-", object_id(tree))


def worktrees(git_dir: Path) -> Argv:
    """Print the work trees of a repository and the branch that each has checked out."""
    return _git(git_dir, "worktree", "list", "--porcelain")


def changed_files(work_tree: Path, paths: Sequence[str]) -> Argv:
    """Print those of the paths that differ from HEAD in the index or the work tree, untracked ones too."""
    words = ("status", "--porcelain", "-z", "--untracked-files=all", "--ignored", "--", *map(_pathspec, paths))
    return ("git", "-C", str(work_tree), *words)


def restore(work_tree: Path, commit: str, paths: Sequence[str]) -> Argv:
    """Make the paths in index and work tree what they are in a commit."""
    words = ("restore", f"--source={object_id(commit)}", "--staged", "--worktree", "--", *map(_pathspec, paths))
    return ("git", "-C", str(work_tree), *words)
