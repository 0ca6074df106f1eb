"""What names may be, before they become paths, refs, arguments, trailers or Kubernetes names.

Projects, stages and services are named in all of these places, so one rule serves all: ASCII letters, digits, `-`, `_`
and `.`, starting and ending with a letter or digit. That leaves out everything that `git check-ref-format` refuses,
`.git` and its look-alikes, leading dashes (which commands would take for options), separators, controls and characters
that look like others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from reconciler.model.errors import Place, UserError
from reconciler.model.names import ProjectName, ServiceName, ServicePath, StageName
from reconciler.model.reader import shown

NAME_LIMIT: Final = 63
"""What a Kubernetes label's value takes (API conventions), and safely within a path segment's 255."""
SERVICE_DEPTH: Final = 3
"""How deep in the tree a service's directory may lie."""
RESERVED: Final = frozenset(
    {"ops", "problems", "commands", "remediations", "state", "steps", "prometheus", "dynatrace"}
)
"""Folder names that have a meaning of their own and therefore name no service, in any capitals."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?\Z")
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*\Z")
_STAGES_RESERVED = frozenset({"ops", "proposals", "head", "refs"})
_REF_BAD = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\./|\.lock(?:/|\Z)|\A[-./]|[./]\Z|\A@\Z")


def project_name(text: str, place: Place | None = None) -> ProjectName:
    """Return the project's name; it begins namespaces (`<project>-<stage>`), so it is a DNS label (RFC 1123).

    Raises:
        UserError: for anything else.
    """
    dns_label(text, "project", place)
    return ProjectName(text)


def stage_name(text: str, place: Place | None = None) -> StageName:
    """Return the stage's name, which is its branch's. Raises UserError for a name that cannot be one."""
    _name(text, "stage", place)
    if text.lower() in _STAGES_RESERVED:
        raise _refused(text, "stage", "is reserved", place, "another name", "rename the branch")
    return StageName(text)


def service_name(text: str, place: Place | None = None) -> ServiceName:
    """Return the service's name, which is its folder's. Raises UserError for a name that cannot be one."""
    _name(text, "service", place)
    if text.lower() in RESERVED:
        raise _refused(
            text, "service", "has a meaning of its own", place, "another name", "rename the service's folder"
        )
    return ServiceName(text)


def service_path(text: str, place: Place | None = None) -> ServicePath:
    """Return the service's directory from the branch's root: one to three folders, each named as a service may be.

    Raises:
        UserError: for any other path.
    """
    folders = text.split("/")
    if len(folders) > SERVICE_DEPTH:
        raise _refused(
            text,
            "service",
            f"lies {len(folders)} folders deep",
            place,
            f"at most {SERVICE_DEPTH} folders",
            "move it up, as in `shop/carts/`",
        )
    for folder in folders:
        service_name(folder, place)
    return ServicePath(text)


def branch_name(text: str, place: Place | None = None) -> str:
    """Return the name of a branch, checked as `git check-ref-format --branch` does. Raises UserError."""
    if not text or len(text) > 200 or _REF_BAD.search(text) or not text.isascii():
        raise _refused(
            text, "branch", "cannot be a branch", place, "letters, digits, `-`, `_`, `.` and `/`", _branch_meant(text)
        )
    return text


def dns_label(text: str, what: str, place: Place | None = None) -> str:
    """Return the name of a namespace: a DNS label (RFC 1123; Kubernetes, "Object Names and IDs"). Raises UserError."""
    if len(text) > NAME_LIMIT or not _LABEL.match(text):
        raise _refused(
            text, what, "is no DNS label", place, "lower-case letters, digits and `-`, at most 63", _lowered(text)
        )
    return text


def dns_subdomain(text: str, what: str, place: Place | None = None) -> str:
    """Return a workload's name: a DNS subdomain (RFC 1123; Kubernetes, "Object Names and IDs"). Raises UserError."""
    if len(text) > 253 or not _SUBDOMAIN.match(text):
        raise _refused(
            text, what, "is no DNS name", place, "lower-case letters, digits, `-` and `.`, at most 253", _lowered(text)
        )
    return text


def colliding(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the groups of names that differ in capitals only: one folder, and one ref file, on many machines."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.casefold(), []).append(name)
    return [tuple(sorted(group)) for group in groups.values() if len(set(group)) > 1]


def _name(text: str, what: str, place: Place | None) -> None:
    if len(text) > NAME_LIMIT:
        raise _refused(
            text, what, f"has {len(text)} characters", place, f"at most {NAME_LIMIT} characters", "shorten it"
        )
    if not _NAME.match(text) or ".." in text or text.lower().endswith(".lock"):
        raise _refused(
            text,
            what,
            "cannot be used in paths and refs",
            place,
            "letters, digits, `-`, `_` and `.`, with a letter or digit at both ends",
            _lowered(text),
        )


def _branch_meant(text: str) -> str:
    candidate = re.sub(r"[^A-Za-z0-9._/-]+", "-", text).strip("-./")
    fits = candidate and len(candidate) <= 200 and not _REF_BAD.search(candidate)
    return f"write for example `{candidate}`" if fits else "write for example `ops/{stage}`"


def _lowered(text: str) -> str:
    candidate = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:NAME_LIMIT].rstrip("-")
    return f"rename it, for example to `{candidate}`" if candidate else "rename it"


def _refused(text: str, what: str, why: str, place: Place | None, expected: str, hint: str) -> UserError:
    return UserError(f"the {what} name `{shown(text)}` {why}", place=place, expected=expected, hint=hint)
