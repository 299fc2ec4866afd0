"""Probes: what a process answers when it is asked whether it is alive, ready, and up; see docs/health.md."""

from pipeline.probes.checks import Check
from pipeline.probes.pulse import Pulse, probing
from pipeline.probes.settings import PORTS, ProbesSettings

__all__ = ["PORTS", "Check", "ProbesSettings", "Pulse", "probing"]
