"""What deploy/docker/Dockerfile makes, without Docker: its steps done in a root of their own, and programs run there.

A mount namespace holds this machine's system read-only, and /app, /src and /data of the image's own. What the
Dockerfile's steps say is done as it stands; left out are Debian's packages, and uv is the one that is here.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from tests.support.deployed import DOCKERFILE, needs
from tests.support.processes import ROOT, Process, Processes

#: Of this machine; the rest of the root is the image's.
_SYSTEM = ("bin", "dev", "etc", "lib", "lib64", "proc", "sbin", "usr")

#: How this machine reaches the package registry.
_ABOUT_DOWNLOADS = re.compile(r"^(SSL_CERT_|UV_|https?_proxy$|no_proxy$)|_PROXY$", re.IGNORECASE)

_ENTER = """
root=$1 folder=$2 writable=$3 python=$4 cache=$5
shift 5
mount -t tmpfs -o size=1m,mode=755 tmpfs "$root"
for name in SYSTEM; do
  if [ -e "/$name" ]; then
    mkdir "$root/$name"
    mount --rbind "/$name" "$root/$name"
    [ "$name" = dev ] || [ "$name" = proc ] || mount -o remount,bind,ro "$root/$name"
  fi
done
case "$python" in
  /usr | /usr/*) ;;
  *)
    mkdir -p "$root$python"
    mount --bind -o ro "$python" "$root$python"
    ;;
esac
mkdir "$root/tmp" "$root/app" "$root/src" "$root/data" "$root/tools"
mount -t tmpfs -o size=512m,mode=1777 tmpfs "$root/tmp"
for name in app src data; do
  mount --bind "$folder/$name" "$root/$name"
  case "$writable" in *"$name"*) ;; *) mount -o remount,bind,ro "$root/$name" ;; esac
done
mount --rbind "$folder/tools" "$root/tools"
if [ -n "$cache" ]; then
  mkdir "$root/cache"
  mount --bind "$cache" "$root/cache"
fi
mount -o remount,ro "$root"
exec chroot "$root" "$@"
""".replace("SYSTEM", " ".join(_SYSTEM))

#: How a container is started: not root, with no rights, and no way to any.
_UNPRIVILEGED = [
    *("setpriv", "--reuid", "10001", "--regid", "10001", "--clear-groups"),
    *("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"),
]


class Image:
    """An image in a folder, and the containers that are started from it."""

    def __init__(self, folder: Path, running: Processes) -> None:
        for program in ("unshare", "setpriv", "chroot"):
            needs(program, "apt-get install util-linux coreutils")
        self._folder, self._running = folder, running
        for name in ("root", "app", "src", "data", "tools"):
            (folder / name).mkdir()
        shutil.copy(Path(sys.executable).with_name("uv"), folder / "tools" / "uv")
        os.chown(folder / "data", 10001, 10001)
        folder.chmod(0o755)
        self._text = DOCKERFILE.read_text().replace("\\\n", " ")

    def build(self, extras: str, cache: Path | None = None) -> None:
        """Do the steps of the first stage, with these extras; what is downloaded may be kept in a cache."""
        stage = self._text.split("\nFROM ")[1]
        env = {**_env(stage), "EXTRAS": extras, "PATH": "/tools:/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp"}
        env |= {name: value for name, value in os.environ.items() if _ABOUT_DOWNLOADS.search(name)}
        env |= {"UV_PYTHON": f"{sys.base_prefix}/bin/python3"}
        if cache is not None:
            env["UV_CACHE_DIR"] = "/cache"
            del env["UV_NO_CACHE"]
        for step in re.findall(r"^(RUN|COPY) (.*)$", stage, re.MULTILINE):
            if step[0] == "COPY":
                self._copy(step[1].split())
            elif step[1].startswith("uv "):
                done = self._enter(["sh", "-ec", f"cd /src && {step[1]}"], env, writable="app,src", cache=cache)
                assert done.wait(timedelta(seconds=300)) == 0, done.output

    def run(self, *arguments: str, env: Mapping[str, str], program: str = "dramaturg") -> Process:
        """Start a container: not root, with no rights, and nothing to write to but /data and /tmp."""
        stage = self._text.split("\nFROM ")[2]
        inside = {**_env(stage), "PATH": "/app/venv/bin:/usr/bin:/bin", **env}
        assert re.search(r"^USER 10001:10001$", stage, re.MULTILINE)
        entry = json.loads(re.search(r"^ENTRYPOINT (.*)$", stage, re.MULTILINE)[1])  # type: ignore[index]
        assert entry == ["tini", "--", "dramaturg"]
        return self._enter([*_UNPRIVILEGED, program, *arguments], inside, writable="data")

    def _copy(self, names: list[str]) -> None:
        *sources, to = names
        target = self._folder / ("src" if not to.startswith("/app") else "app")
        for name in sources:
            place = target / (Path(to).name if to.startswith("/app") or (ROOT / name).is_dir() else name)
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, place)

    def _enter(self, argv: list[str], env: Mapping[str, str], *, writable: str, cache: Path | None = None) -> Process:
        said = [f"{name}={value}" for name, value in env.items()]
        command = ["/usr/bin/env", "-i", *said, *argv]
        folder = str(self._folder)
        script = [
            "sh",
            "-euc",
            _ENTER,
            "enter",
            f"{folder}/root",
            folder,
            writable,
            sys.base_prefix,
            str(cache or ""),
            *command,
        ]
        return self._running.start(["unshare", "--mount", "--propagation", "private", *script], cwd=Path("/"))


def _env(stage: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in re.findall(r"^ENV (.*)$", stage, re.MULTILINE):
        found |= dict(word.split("=", 1) for word in shlex.split(line))
    found.pop("PATH", None)
    return found
