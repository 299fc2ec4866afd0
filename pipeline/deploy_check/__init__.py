"""Which runs that wait in Redis the code of this process could not go on with, and why: asked before it goes live."""

from __future__ import annotations

from pipeline.deploy_check.checking import check_deploy
from pipeline.deploy_check.examiner import Examiner
from pipeline.deploy_check.report import Group, Report, Trouble

__all__ = ["Examiner", "Group", "Report", "Trouble", "check_deploy"]
