"""The program: every command, and what becomes of their failures."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pipeline.cli import (
    backup,
    breakers,
    budgets,
    campaigns,
    database,
    dead,
    dead_edit,
    deploy_check,
    dev,
    doctor,
    drain,
    leads,
    lessons,
    limits,
    metrics,
    policies,
    queues,
    report,
    review,
    runs,
    schedule_acts,
    scheduler,
    send,
    stats,
    study,
    web,
    webhooks,
    worker,
)
from pipeline.cli.exits import Exit, code_of
from pipeline.errors import PipelineError, Unavailable

_EXITS = """\
[bold]Exit codes[/bold], of every command:

  0  completed
  1  dead, failed or partial
  2  wrong usage, a wrong setting, or input that is refused
  3  cancelled
  4  timed out
  5  Redis or the database is out of reach, or no worker can start
 78  Redis would lose runs, or lets strangers in: a setting has to be changed

[bold]Settings[/bold] come from the environment (DRAMATURG_..., REDIS_URL, DATABASE_URL)
and from a file .env here. Without REDIS_URL a private Redis runs for as long
as a command needs one; its data stays in the folder DRAMATURG_HOME.

[bold]Begin with[/bold]

  dramaturg demo                          a study pack of our own document
  dramaturg study notes.pdf slides.pptx   one of yours
  dramaturg doctor                        is everything here that is needed?
"""


class _Commands(TyperGroup):
    """Ends a command that fails with its exit code and a message, and no traceback where the failure was foreseen."""

    def invoke(self, ctx: Any) -> Any:
        from pipeline.cli.output import tell

        try:
            return super().invoke(ctx)
        except (PipelineError, TimeoutError) as error:
            tell(_text(error), "red")
            raise typer.Exit(code_of(error)) from None
        except KeyboardInterrupt:
            tell("Stopped.")
            raise typer.Exit(Exit.CANCELLED) from None
        except BrokenPipeError:  # whoever read our output has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python flushes at its end
            raise typer.Exit(Exit.COMPLETED) from None


def _text(error: BaseException) -> str:
    from pipeline.settings import hide_userinfo

    text = hide_userinfo(str(error))
    if type(error) is Unavailable:
        text += "\nIs Redis running? REDIS_URL says which one to use; without it, one is started. See: dramaturg doctor"
    return text


program = typer.Typer(
    cls=_Commands,
    name="dramaturg",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
    epilog=_EXITS,
)


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"dramaturg {version('dramaturg')}")
        raise typer.Exit(Exit.COMPLETED)


@program.callback()
def _program(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Pipelines that finish: turn documents into study packs, and run jobs that are slow and fail."""


program.command("study", epilog=study.EXAMPLES)(study.study)
program.command("demo", epilog=study.DEMO_EXAMPLES)(study.demo)
program.command("lessons", epilog=lessons.EXAMPLES)(lessons.lessons)
program.command("dev", epilog=dev.EXAMPLES)(dev.dev)
program.command("worker", epilog=worker.EXAMPLES)(worker.worker)
program.command("drain", epilog=drain.EXAMPLES)(drain.drain)
program.command("scheduler", epilog=scheduler.EXAMPLES)(scheduler.scheduler)
program.command("web", epilog=web.EXAMPLES)(web.web)
program.command("webhooks", epilog=webhooks.EXAMPLES)(webhooks.webhooks)
program.command("send", epilog=send.EXAMPLES)(send.send)
program.add_typer(runs.runs)
dead.dead.command("edit", epilog=dead_edit.EXAMPLES)(dead_edit.edit)
program.add_typer(dead.dead)
program.add_typer(review.review)
program.command("report", epilog=report.EXAMPLES)(report.report)
program.add_typer(queues.queues)
program.add_typer(stats.stats)
program.add_typer(schedule_acts.schedules)
program.add_typer(leads.leads)
program.add_typer(campaigns.campaigns)
program.add_typer(limits.limits)
program.add_typer(breakers.breakers)
program.add_typer(budgets.budgets)
program.command("policies", epilog=policies.EXAMPLES)(policies.policies)
program.add_typer(backup.backup)
program.add_typer(database.database)
program.command("deploy-check", epilog=deploy_check.EXAMPLES)(deploy_check.deploy_check)
program.command("metrics", epilog=metrics.EXAMPLES)(metrics.metrics)
program.command("doctor", epilog=doctor.EXAMPLES)(doctor.doctor)
