"""What is installed is what was locked: every file by its hash, from a registry, and nothing beside (S13)."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK: dict[str, Any] = tomllib.loads((ROOT / "uv.lock").read_text())
PACKAGES: dict[str, list[dict[str, Any]]] = {}
for _package in LOCK["package"]:
    PACKAGES.setdefault(_package["name"], []).append(_package)


def test_every_file_of_the_lock_has_a_hash_and_comes_from_a_registry() -> None:
    """A file that was changed on its way, or a source of its own, is refused by the installer."""
    others = [p for versions in PACKAGES.values() for p in versions if p["name"] != "dramaturg"]
    assert all(set(package["source"]) == {"registry"} for package in others)
    files = [
        (package["name"], file)
        for package in others
        for file in [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
    ]
    assert len(files) > 1000
    assert [name for name, file in files if not file.get("hash", "").startswith("sha256:")] == []


@pytest.mark.parametrize("group", ["", *PROJECT["project"]["optional-dependencies"]])
def test_the_lock_is_the_projects_own(group: str) -> None:
    """What the project asks for, extra by extra, is what the lock was made from, and a locked version meets it."""
    [ours] = PACKAGES["dramaturg"]
    project = PROJECT["project"]
    wanted = map(Requirement, project["optional-dependencies"][group] if group else project["dependencies"])
    marker = f"extra == '{group}'"
    recorded = {
        entry["name"]: entry.get("specifier", "")
        for entry in ours["metadata"]["requires-dist"]
        if (marker in entry.get("marker", "") if group else "extra ==" not in entry.get("marker", ""))
    }
    for requirement in wanted:
        name = requirement.name.lower()
        assert Requirement(f"{name}{recorded.pop(name)}").specifier == requirement.specifier, name
        assert any(requirement.specifier.contains(package["version"]) for package in PACKAGES[name]), name
    assert not recorded, "the lock has what the project no longer asks for"
