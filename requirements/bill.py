"""Write the software bill of materials (CycloneDX 1.6, JSON) of the image: from the lock, and from the Dockerfile.

The lock names the Python packages; the Dockerfile the base, and what it installs of the base's distribution, in the
version that is the newest when an image is built (what else a base brings is told by its makers' own bill).
`bill.py FILE` writes it; without a file it is only made and checked, which is part of `make check`: each component is
locked with its hashes, of a licence that may be passed on with the product, and the whole is what CycloneDX says it is.
The same lock gives the same bytes: number and time of making are left out.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.hash.factories import HashTypeFactory
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

ROOT: Final = Path(__file__).parent.parent
ACCEPTED: Final = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0", "Unlicense",
    }
)  # fmt: skip
"""Licences, by their SPDX names, under which packages may go out with the product unchanged."""
_CLASSIFIED: Final[Mapping[str, str]] = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_WORDED: Final[Mapping[str, str]] = {
    "Apache 2.0": "Apache-2.0", "3-Clause BSD License": "BSD-3-Clause", "BSD License": "BSD-3-Clause",
}  # fmt: skip
_PINNED: Final = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")
_DOCKERFILE: Final = ROOT / "Dockerfile"
_BASE: Final = re.compile(r"^ARG BASE=(?P<name>[a-z0-9./_-]+):(?P<tag>\S+)$", re.MULTILINE)
_SYSTEM: Final = re.compile(
    r"apt-get install --yes --no-install-recommends (?P<names>[a-z0-9.+ -]+?) *\\?$", re.MULTILINE
)
_HASH: Final = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


class UnfitError(Exception):
    """What must not go out as it is: a package without hashes or version, or of a licence that is not accepted."""


@dataclass(frozen=True)
class Locked:
    """One package of a lock file, by its normalised name; ``hashes`` are those of its files, `sha256:...`."""

    name: str
    version: str
    hashes: tuple[str, ...]


def locked(text: str) -> list[Locked]:
    """Return the packages of a lock file in its order. Raises UnfitError for one without hashes."""
    found: list[Locked] = []
    for block in re.split(r"(?<!\\)\n(?! )", text):
        match = _PINNED.match(block)
        if match is None:
            continue
        hashes = tuple(_HASH.findall(block))
        if not hashes:
            raise UnfitError(f"{match['name']} is locked without a hash; run `make lock`")
        found.append(Locked(match["name"].lower(), match["version"], hashes))
    return found


def licence(metadata: Mapping[str, str], classifiers: list[str]) -> str:
    """Return the SPDX expression of a package's licence, from its own metadata; raises UnfitError if not accepted."""
    words = metadata.get("License-Expression") or metadata.get("License") or ""
    classified = [_CLASSIFIED.get(each, each) for each in classifiers]
    expression = _WORDED.get(words, words) if words and "\n" not in words else " OR ".join(sorted(classified))
    terms = [term for term in re.split(r"\s+(?:AND|OR)\s+", expression.replace("(", "").replace(")", "")) if term]
    alternatives = " OR " in expression and " AND " not in expression
    fits = (any if alternatives else all)(term in ACCEPTED for term in terms)
    if not terms or not fits:
        raise UnfitError(
            f"{metadata.get('Name')} is under {expression or 'no licence that it names'}, which is not among those that"
            f" are accepted ({', '.join(sorted(ACCEPTED))}); use another package, or accept it in requirements/bill.py"
        )
    return expression


def bill(lock: str) -> Bom:
    """Return the bill of what a lock file names. Each package must be installed in the version that it names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    made = Bom(serial_number=uuid5(NAMESPACE_URL, lock))
    factory = LicenseFactory()
    root = Component(
        name=project["name"], version=project["version"], type=ComponentType.APPLICATION, bom_ref=project["name"],
        purl=PackageURL("pypi", name=project["name"], version=project["version"]),
        licenses=[factory.make_from_string(project["license"])],
    )  # fmt: skip
    made.metadata.component = root
    packages = {each.name: each for each in locked(lock)}
    installed = {name: distribution(name) for name in packages}
    components = {name: _component(each, installed[name], factory) for name, each in packages.items()}
    for name, component in components.items():
        made.components.add(component)
        wanted = (components[each] for each in _needs(installed[name]) if each in components)
        made.register_dependency(component, wanted)
    direct = {_normal(re.split(r"[\s\[<>=!~;]", each)[0]) for each in project["dependencies"]}
    options = (each for option in project["optional-dependencies"].values() for each in option)
    direct |= {_normal(re.split(r"[\s\[<>=!~;]", each)[0]) for each in options}
    system = beneath(_DOCKERFILE.read_text("utf-8"))
    for component in system:
        made.components.add(component)
    made.register_dependency(root, [*(components[name] for name in sorted(direct) if name in components), *system])
    return made


def beneath(dockerfile: str) -> list[Component]:
    """Return the base of an image and what is installed of its distribution. Raises UnfitError where it is unsaid."""
    base, system = _BASE.search(dockerfile), _SYSTEM.search(dockerfile)
    if base is None or system is None:
        raise UnfitError("the Dockerfile names no base (`ARG BASE=name:tag`) or installs nothing by `apt-get install`")
    distro = base["tag"].rpartition("-")[2]
    image = PackageURL("docker", name=base["name"], version=base["tag"])
    packages = [PackageURL("deb", "debian", name, qualifiers={"distro": distro}) for name in system["names"].split()]
    return [
        Component(
            name=base["name"], version=base["tag"], type=ComponentType.CONTAINER, purl=image, bom_ref=str(image),
            description="the image's base: Python and what it needs of its distribution",
        ),
        *(
            Component(
                name=each.name, type=ComponentType.LIBRARY, purl=each, bom_ref=str(each),
                description="the newest of its distribution when the image is built",
            )
            for each in packages
        ),
    ]  # fmt: skip


def _component(package: Locked, installed: Distribution, factory: LicenseFactory) -> Component:
    if installed.version != package.version:
        raise UnfitError(f"{package.name} is locked as {package.version}, {installed.version} is here: `make install`")
    metadata = installed.metadata
    words = {key: str(metadata[key]) for key in ("Name", "License", "License-Expression") if metadata[key]}
    classifiers = [
        each.rpartition("::")[2].strip() for each in metadata.get_all("Classifier") or [] if each.startswith("License")
    ]
    purl = PackageURL("pypi", name=package.name, version=package.version)
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION, url=XsUri(str(purl)), comment="the files that the lock accepts",
        hashes=[HashTypeFactory().from_composite_str(each) for each in package.hashes],
    )  # fmt: skip
    return Component(
        name=package.name, version=package.version, type=ComponentType.LIBRARY, purl=purl, bom_ref=str(purl),
        licenses=[factory.make_from_string(licence(words, classifiers))], external_references=[files],
    )  # fmt: skip


def _needs(installed: Distribution) -> Iterator[str]:
    for each in installed.requires or ():
        if "extra ==" not in each:
            yield _normal(re.split(r"[\s\[<>=!~;(]", each)[0])


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def written(made: Bom) -> str:
    """Return a bill as text, the same for the same bill. Raises UnfitError where it is not what CycloneDX asks for."""
    made.metadata.timestamp = None  # type: ignore[assignment]  # optional in CycloneDX, and no two bills would be equal
    text = JsonV1Dot6(made).output_as_string(indent=1)
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        raise UnfitError(f"the bill is not what CycloneDX 1.6 asks for: {wrong.data}")
    return text + "\n"


def main(words: list[str]) -> int:
    """Make the bill, and write it where a file is named. Returns the exit status."""
    try:
        made = bill((ROOT / "requirements" / "run.txt").read_text("utf-8"))
        text = written(made)
    except UnfitError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if words:
        Path(words[0]).parent.mkdir(parents=True, exist_ok=True)
        Path(words[0]).write_text(text, "utf-8")
    packages = sum(bool(each.licenses) for each in made.components)
    beside = len(made.components) - packages
    sys.stdout.write(
        f"bill of materials: {packages} packages, each locked, of accepted licences; the base and {beside - 1} of its "
        "distribution\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
