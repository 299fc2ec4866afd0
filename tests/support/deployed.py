"""What the files in deploy/ say: the commands they run, the variables they set, how long they let a program stop."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import typer
import yaml

from pipeline.cli.program import program
from pipeline.sections import Section
from pipeline.settings import Settings, variable
from tests.support.databases import missing
from tests.support.processes import ROOT

DEPLOY = ROOT / "deploy"
DOCKERFILE = DEPLOY / "docker" / "Dockerfile"


def needs(name: str, how: str) -> str:
    """Give the path of a program; without it the test is skipped, or failed where ``DRAMATURG_CI`` is 1."""
    if (found := shutil.which(name)) is not None:
        return found
    missing(f"{name} is not installed: {how}")
    return ""


def compose() -> dict[str, Any]:
    """Give the compose file."""
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


def manifests(folder: str = "base") -> list[dict[str, Any]]:
    """Give every object of the Kubernetes manifests in a folder."""
    files = sorted((DEPLOY / "kubernetes" / folder).glob("*.yaml"))
    return [
        found
        for file in files
        for found in yaml.safe_load_all(file.read_text())
        if not found["apiVersion"].startswith("kustomize")
    ]


def pods(folder: str = "base") -> dict[str, dict[str, Any]]:
    """Give the specification of the pods of each component."""
    return {
        found["metadata"]["labels"]["app.kubernetes.io/component"]: found["spec"]["template"]["spec"]
        for found in manifests(folder)
        if found["kind"] in {"Deployment", "Job"}
    }


def units() -> dict[str, dict[str, list[str]]]:
    """Give the settings of each systemd unit of a service; one that is said twice has two values."""
    found: dict[str, dict[str, list[str]]] = {}
    for file in sorted((DEPLOY / "systemd").glob("*.service")):
        said: dict[str, list[str]] = {}
        for line in file.read_text().splitlines():
            name, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                said.setdefault(name, []).append(value)
        found[file.name] = said
    return found


def ecosystem() -> list[dict[str, Any]]:
    """Give the applications of PM2's file, as node reads it."""
    node = needs("node", "apt-get install nodejs")
    file = DEPLOY / "pm2" / "ecosystem.config.cjs"
    said = subprocess.run(
        [node, "-p", f"JSON.stringify(require({json.dumps(str(file))}).apps)"],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return list(json.loads(said.stdout))


def commands() -> dict[str, list[str]]:
    """Give the arguments of every ``dramaturg ...`` that a file runs, by where it stands."""
    found = {f"Dockerfile: {line}": json.loads(line.removeprefix("CMD ")) for line in _lines(DOCKERFILE, "CMD [")}
    for name, service in compose()["services"].items():
        if "dramaturg" in service["image"]:
            found[f"compose.yaml: {name}"] = service["command"]
    for name, pod in pods().items():
        (container,) = pod["containers"]
        found[f"kubernetes: {name}"] = container["args"]
        before = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [""])
        if before[0] == "dramaturg":
            found[f"kubernetes: {name}, preStop"] = before[1:]
    for name, unit in units().items():
        found[name] = shlex.split(unit["ExecStart"][0])[1:]
    return found


def parsed(arguments: list[str]) -> str:
    """Give the name of the command that these arguments call; raises ``ValueError`` if there is none."""
    command: Any = typer.main.get_command(program)
    names: list[str] = []
    try:
        context = command.make_context("dramaturg", list(arguments))
        while hasattr(command, "resolve_command") and (rest := [*context._protected_args, *context.args]):
            name, command, rest = command.resolve_command(context, rest)
            context = command.make_context(name, rest, parent=context)
            names.append(name)
    except Exception as error:
        raise ValueError(f"dramaturg {shlex.join(arguments)}: {error}") from error
    return " ".join(names)


def variables() -> dict[str, list[str]]:
    """Give every variable of ours that a file in deploy/ names, with the files that do."""
    found: dict[str, list[str]] = {}
    for file in sorted(path for path in DEPLOY.rglob("*") if path.is_file() and "secrets" not in path.parts):
        for name in re.findall(r"\bDRAMATURG_[A-Z0-9_]*[A-Z0-9]\b", file.read_text()):
            found.setdefault(name, []).append(str(file.relative_to(DEPLOY)))
    return found


def settings() -> set[str]:
    """Give every variable that is a setting."""
    for file in [path for package in ("pipeline", "actors") for path in (ROOT / package).rglob("*.py")]:
        if "(Section)" in file.read_text():
            importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    known = {variable(field) for field in Settings.model_fields}
    return known | {
        section.prefix + field.upper() for section in Section.__subclasses__() for field in section.model_fields
    }


def seconds(text: object) -> float:
    """Give a duration of a compose file, or of a unit, in seconds."""
    number, unit = re.fullmatch(r"(\d+)(s|m|)", str(text)).groups()  # type: ignore[union-attr] # fails the test
    return int(number) * {"s": 1, "": 1, "m": 60}[unit]


def _lines(file: Path, beginning: str) -> list[str]:
    return [line for line in file.read_text().splitlines() if line.startswith(beginning)]
