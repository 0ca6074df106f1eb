"""How a double's flags look in the answers of Unleash 7.5.1, field by field as captured from the real one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciler.embedded.unleash.world import Account, Flag, World

_ORDER = {"development": 2, "production": 3}


def created(flag: Flag) -> dict[str, Any]:
    """The flag as create, patch and put answer it."""
    return {
        "name": flag.name,
        "description": flag.description,
        "type": flag.type,
        "project": flag.project,
        "stale": flag.stale,
        "createdAt": flag.created_at,
        "lastSeenAt": None,
        "impressionData": False,
        "archived": flag.archived_at is not None,
    }


def whole(world: World, flag: Flag) -> dict[str, Any]:
    """The flag with its environments, as GET answers it. Environments taken off the project are left out."""
    creator = user(flag.creator)
    children = [other.name for other in world.flags.values() if any(p["feature"] == flag.name for p in other.parents)]
    return {
        "environments": [
            {
                **_environment(name),
                "lastSeenAt": None,
                "enabled": flag.places[name].enabled,
                "yes": 0,
                "no": 0,
                "strategies": [dict(strategy) for strategy in flag.places[name].strategies],
            }
            for name in world.projects[flag.project]
        ],
        **created(flag),
        "createdBy": creator,
        "variants": [],
        "dependencies": flag.parents,
        "children": children,
        "links": flag.links,
        "collaborators": {"users": [creator]},
    }


def in_environment(flag: Flag, environment: str) -> dict[str, Any]:
    """The flag's state in one environment; strategies come without segments and with the flag's name."""
    place = flag.places[environment]
    strategies = [
        {"featureName": flag.name, **{key: value for key, value in strategy.items() if key != "segments"}}
        for strategy in place.strategies
    ]
    return {"name": flag.name, "environment": environment, "enabled": place.enabled, "strategies": strategies}


def listed(world: World, flag: Flag) -> dict[str, Any]:
    """The flag in the list of a project."""
    return {
        "type": flag.type,
        "description": flag.description,
        "favorite": False,
        "name": flag.name,
        "createdAt": flag.created_at,
        "stale": flag.stale,
        "impressionData": False,
        "lastSeenAt": None,
        "environments": [_summary(flag, name) for name in world.projects[flag.project]],
    }


def found(world: World, flag: Flag) -> dict[str, Any]:
    """The flag in the answer of a search."""
    view = {
        **listed(world, flag),
        "project": flag.project,
        "archivedAt": flag.archived_at,
        "dependencyType": "child" if flag.parents else None,
        "segments": [],
        "createdBy": user(flag.creator),
    }
    for environment in view["environments"]:
        environment.update({"yes": 0, "no": 0, "changeRequestIds": []})
    if flag.archived_at is None:
        view["lifecycle"] = {"stage": "initial", "enteredStageAt": flag.created_at}
    if flag.tags:
        view["tags"] = [{"value": value, "type": type_, "color": None} for type_, value in flag.tags]
    return view


def told(event: dict[str, Any], flag_url: str) -> dict[str, Any]:
    """An event in the answer of a search: with a label and a summary for people."""
    label = event["type"].replace("feature-environment-", "Flag ")
    return {
        **event,
        "label": label,
        "summary": f"**{event['createdBy']}** {label} **[{event['featureName']}]({flag_url})**",
    }


def user(account: Account) -> dict[str, Any]:
    """An account as a flag's creator."""
    name = "Unleash Admin Token User" if account.id == -42 else account.name
    return {"id": account.id, "name": name, "imageUrl": f"https://gravatar.com/avatar/{abs(account.id):064x}"}


def _environment(name: str) -> dict[str, Any]:
    return {"name": name, "type": name if name in _ORDER else "production", "sortOrder": _ORDER.get(name, 9)}


def _summary(flag: Flag, name: str) -> dict[str, Any]:
    place = flag.places[name]
    return {
        **_environment(name),
        "enabled": place.enabled,
        "variantCount": 0,
        "lastSeenAt": None,
        "hasStrategies": bool(place.strategies),
        "hasEnabledStrategies": any(not strategy["disabled"] for strategy in place.strategies),
    }


def project_environment(world: World, project: str, name: str) -> dict[str, Any]:
    """An environment of a project."""
    enabled = sum(1 for flag in world.flags.values() if flag.project == project and flag.places[name].enabled)
    return {
        **_environment(name),
        "enabled": True,
        "protected": False,
        "requiredApprovals": None,
        "projectApiTokenCount": 1,
        "projectEnabledToggleCount": enabled,
        "visible": name in world.projects.get(project, ()),
    }
