"""The files in deploy/: valid to the tools that will read them, and true of the program that they run."""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from pipeline.metrics.catalogue import CATALOGUE
from pipeline.probes import PORTS
from pipeline.settings import Settings
from tests.support import deployed
from tests.support.deployed import DEPLOY, DOCKERFILE, needs
from tests.support.processes import ROOT

#: What the supervisor waits for its processes beyond DRAMATURG_SHUTDOWN_GRACE (see pipeline/cli/worker.py).
BEYOND = timedelta(seconds=5)

#: How exposed a unit may be, from 0 to 10, as systemd-analyze security judges it.
MOST_EXPOSED = 2.0


def grace() -> float:
    """How long a worker may take to stop when nothing is set."""
    shutdown: timedelta = Settings.model_fields["shutdown_grace"].default
    return (shutdown + BEYOND).total_seconds()


def program(name: str) -> str:
    """A program that comes from a wheel."""
    return str(Path(sys.executable).with_name(name))


def run(*argv: str, **more: object) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, **more)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize(("place", "arguments"), deployed.commands().items(), ids=str)
def test_every_command_is_one_of_ours(place: str, arguments: list[str]) -> None:
    """With arguments that it takes."""
    assert deployed.parsed(arguments) in {"worker", "scheduler", "web", "database migrate", "drain"}, place


def test_a_command_that_is_not_there_is_found() -> None:
    """So the test above can fail."""
    for wrong in (["worker", "--treads", "8"], ["wroker"], ["database", "migrat"]):
        with pytest.raises(ValueError, match="dramaturg"):
            deployed.parsed(wrong)


def test_every_variable_is_a_setting() -> None:
    """A variable of ours that is none would keep every process from starting."""
    unknown = {name: files for name, files in deployed.variables().items() if name not in deployed.settings()}
    assert not unknown


def test_every_metric_that_scales_is_measured() -> None:
    """What KEDA asks Prometheus for has the names and labels of the catalogue."""
    asked = [
        (name, set(re.findall(r"(\w+)=~?\"", labels)))
        for found in deployed.manifests("keda")
        for trigger in found["spec"]["triggers"]
        for name, labels in re.findall(r"(dramaturg_\w+)\{([^}]*)\}", trigger["metadata"]["query"])
    ]
    assert {name for name, _ in asked} == {"dramaturg_queue_oldest_due_age_seconds", "dramaturg_queue_runs"}
    for name, labels in asked:
        assert labels - {"namespace"} <= set(CATALOGUE[name].labels), name


def test_ports_are_those_that_the_processes_listen_on() -> None:
    """Of probes and metrics: in manifests, units, Prometheus and the image."""
    wanted = {name: PORTS[name] for name in ("worker", "scheduler", "web")}
    for name, pod in deployed.pods().items():
        ports = {port["name"]: port["containerPort"] for port in pod["containers"][0].get("ports", [])}
        assert ports.get("probes") == wanted.get(name), name
    found = {
        deployment["metadata"]["labels"]["app.kubernetes.io/component"]: deployment["spec"]["template"]["metadata"]
        for deployment in deployed.manifests()
        if deployment["kind"] == "Deployment"
    }
    assert {k: int(v["annotations"]["prometheus.io/port"]) for k, v in found.items()} == wanted
    scraped = yaml.safe_load((DEPLOY / "compose" / "prometheus.yml").read_text())["scrape_configs"][0]
    assert {group["names"][0]: group["port"] for group in scraped["dns_sd_configs"]} == wanted
    exposed = re.search(r"^EXPOSE (.*)$", DOCKERFILE.read_text(), re.MULTILINE)
    assert exposed is not None
    assert {str(port) for port in wanted.values()} < set(exposed[1].split())
    asks = re.search(r"^PORTS = \((.*)\)$", (DEPLOY / "docker" / "healthcheck.py").read_text(), re.MULTILINE)
    assert asks is not None
    assert [int(port) for port in asks[1].split(",")] == list(PORTS.values())


def test_whoever_stops_a_worker_waits_longer_than_it_may_take() -> None:
    """Docker, systemd, PM2 and Kubernetes kill what does not end in time: a worker has to have ended before."""
    assert deployed.seconds(deployed.compose()["services"]["worker"]["stop_grace_period"]) > grace()
    assert deployed.pods()["worker"]["terminationGracePeriodSeconds"] > grace()
    assert deployed.seconds(deployed.units()["dramaturg-worker@.service"]["TimeoutStopSec"][0]) > grace()
    worker = next(app for app in deployed.ecosystem() if app["name"] == "dramaturg-worker")
    assert worker["kill_timeout"] / 1000 > grace()


def test_pm2_runs_our_commands_and_leaves_processes_to_them() -> None:
    """In fork mode, with no interpreter, and with a signal for the supervisor alone."""
    apps = deployed.ecosystem()
    assert [deployed.parsed(app["args"]) for app in apps] == ["worker", "scheduler", "web"]
    assert {(app["interpreter"], app["exec_mode"], app["treekill"]) for app in apps} == {("none", "fork", False)}


def test_the_compose_file_fits_its_specification() -> None:
    """By the schema of the Compose specification that check-jsonschema carries."""
    schema = "vendor.compose-spec"
    said = run(program("check-jsonschema"), "--builtin-schema", schema, str(DEPLOY / "compose.yaml"))
    assert said.returncode == 0, said.stdout


def test_compose_mounts_what_is_there_and_gives_away_nothing() -> None:
    """Files that are mounted exist; containers may write to volumes and tmpfs, and ports are this machine's only."""
    said = deployed.compose()
    for name, service in said["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert re.fullmatch(r"\d+[mg]", service["mem_limit"]), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in said["volumes"] or (DEPLOY / source).exists(), f"{name}: {volume}"
        assert set(service.get("secrets", [])) <= set(said["secrets"]), name
        for needed, on in service.get("depends_on", {}).items():
            if on["condition"] == "service_healthy":
                assert "test" in said["services"][needed]["healthcheck"], f"{name} needs {needed}"


def test_compose_fits_a_server_of_4_gb() -> None:
    """All limits of memory together: 3.8 GB, with migrate, which has ended by then, left out."""
    limits = {name: service["mem_limit"] for name, service in deployed.compose()["services"].items()}
    mib = {name: int(text[:-1]) * {"m": 1, "g": 1024}[text[-1]] for name, text in limits.items()}
    assert sum(mib.values()) - mib["migrate"] <= 3.8 * 1000**3 / 1024**2


def test_the_dockerfile_is_well_formed() -> None:
    """By hadolint, which knows Docker's grammar and runs shellcheck over its commands."""
    said = run(program("hadolint"), str(DOCKERFILE))
    assert said.returncode == 0, said.stdout


def test_the_image_gets_everything_it_copies() -> None:
    """What is copied is there, and is let through to the builder; a `.env`, or what git keeps, is not."""
    rules = (DEPLOY / "docker" / "Dockerfile.dockerignore").read_text().splitlines()
    let_in = [rule[1:] for rule in rules if rule.startswith("!")]
    for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE.read_text(), re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert source in let_in, source
    assert rules[1] == "*"
    for secret in (".env", ".git", "deploy/secrets/REDIS_URL", "tests"):
        assert not any(fnmatch.fnmatch(secret, rule) for rule in let_in)


@pytest.mark.parametrize(
    "found",
    [*deployed.manifests(), yaml.safe_load((DEPLOY / "kubernetes" / "secret.example.yaml").read_text())],
    ids=lambda found: f"{found['kind']}-{found['metadata']['name']}",
)
def test_a_manifest_fits_the_schema_of_kubernetes(found: dict[str, object]) -> None:
    """Every field is one that the newest version knows."""
    kubernetes_validate.validate(found, kubernetes_validate.latest_version(), strict=True)


def test_the_scaled_object_fits_the_schema_of_keda() -> None:
    """By the models that cloudcoil makes from KEDA's own definitions; a field that they do not know would be gone."""
    from cloudcoil.models.keda.v1alpha1 import ScaledObject

    (found,) = deployed.manifests("keda")
    assert ScaledObject.model_validate(found).model_dump(by_alias=True, exclude_unset=True, mode="json") == found
    target = found["spec"]["scaleTargetRef"]["name"]
    assert target in {made["metadata"]["name"] for made in deployed.manifests() if made["kind"] == "Deployment"}


def test_pods_are_not_root_and_write_to_volumes_only() -> None:
    """All that the strictest of Kubernetes' pod security standards asks for, and a read-only root file system."""
    for name, pod in deployed.pods().items():
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert not pod["automountServiceAccountToken"], name
        assert "memory" in container["resources"]["limits"], name
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}, name


def test_kustomize_makes_one_whole_of_it() -> None:
    """Of the base with KEDA: nothing but KEDA says how many workers there are then."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed: the manifests are checked one by one")
    said = run(kubectl, "kustomize", str(DEPLOY / "kubernetes" / "keda"))
    assert said.returncode == 0, said.stderr
    made = {(m["kind"], m["metadata"]["name"]): m for m in yaml.safe_load_all(said.stdout)}
    assert "replicas" not in made["Deployment", "dramaturg-worker"]["spec"]
    assert len(made) == len(deployed.manifests()) + 1


def test_systemd_reads_the_units_and_finds_them_safe(tmp_path: Path) -> None:
    """Nothing is unknown or missing, and a service may do little besides its work."""
    analyze = needs("systemd-analyze", "apt-get install systemd")
    instance = {"dramaturg-worker@.service": "dramaturg-worker@1.service"}
    for file in [*(DEPLOY / "systemd").glob("*.service"), DEPLOY / "systemd" / "dramaturg.target"]:
        text = file.read_text().replace("/opt/dramaturg/venv/bin/dramaturg", program("dramaturg"))
        (tmp_path / file.name).write_text(text)
        if file.name in instance:
            (tmp_path / instance[file.name]).write_text(text)
    made = sorted(str(path) for path in tmp_path.iterdir() if "@." not in path.name)
    said = run(analyze, "verify", "--man=no", *made)
    assert (said.returncode, said.stderr) == (0, "")
    for unit in [path for path in made if path.endswith(".service")]:
        judged = run(analyze, "security", "--offline=true", "--no-pager", unit)
        level = re.search(r"Overall exposure level for \S+: ([\d.]+)", judged.stdout)
        assert level is not None, judged.stderr
        assert float(level[1]) <= MOST_EXPOSED, judged.stdout[-4000:]


def test_prometheus_reads_the_file_that_compose_gives_it(tmp_path: Path) -> None:
    """By promtool, without a look at the rules, which have tests of their own."""
    promtool = needs("promtool", "apt-get install prometheus")
    shutil.copy(DEPLOY / "compose" / "prometheus.yml", tmp_path)
    said = run(promtool, "check", "config", "--syntax-only", str(tmp_path / "prometheus.yml"))
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_page_names_commands_files_and_settings_that_exist() -> None:
    """Every command of ours in docs/deploy.md parses, every file is there, every variable is a setting."""
    page = (ROOT / "docs" / "deploy.md").read_text()
    named = re.findall(r"(?:`|/bin/|^\$ (?:[A-Z_]+=\S+ )?| worker )dramaturg ([a-z][^`\n]*)", page, re.MULTILINE)
    assert len(named) >= 10
    for command in named:
        deployed.parsed(command.partition("#")[0].split())
    for file in set(re.findall(r"\bdeploy/[\w./@*-]+[\w*]", page)):
        assert list(ROOT.glob(file)) or file.startswith("deploy/secrets") or file == "deploy/dramaturg.env", file
    assert set(re.findall(r"\bDRAMATURG_[A-Z_]*[A-Z]\b", page)) <= deployed.settings()
