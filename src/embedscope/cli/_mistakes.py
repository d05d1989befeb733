"""Command lines that cannot be read: one sentence with what was likely meant, in place of a framework's box."""

from __future__ import annotations

import difflib
import functools
import re
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from embedscope.cli._help import fold_tables
from embedscope.core.printable import printable

_LONGEST = 330
_NEAR = 0.6


class Verbs(TyperGroup):
    """The verbs of the command line."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, with no name cut."""
        fold_tables()
        super().format_help(ctx, formatter)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a verb; a command line that cannot be read ends with one sentence and its exit code."""
        run = functools.partial(super().main, args, prog_name, complete_var, False, windows_expand_args, **extra)
        if not standalone_mode:
            return run()
        try:
            code = run()
        except Exception as error:
            if not hasattr(error, "format_message"):
                raise
            typer.echo(printable(f"embedscope: {sentence(error)}"), err=True)
            sys.exit(getattr(error, "exit_code", 2))
        sys.exit(code if isinstance(code, int) else 0)


def sentence(error: Any) -> str:
    """What is wrong with a command line, from the error of the framework that read it."""
    context = getattr(error, "ctx", None)
    verb = getattr(context, "command_path", "") or "embedscope"
    said = " ".join(str(error.format_message()).split())
    parameter = getattr(error, "param", None)
    option = getattr(error, "option_name", None)
    mistake = _choice(parameter, said) or _no_verb(context, said)
    if mistake is None and option is not None and "o such option" in said:
        names = [name for each in context.command.params for name in each.opts] if context is not None else []
        mistake = f"`{verb}` has no option {option}{_near(option, [n for n in names if n.startswith('--')])}"
    if mistake is None and type(error).__name__ == "MissingParameter":
        among = re.search(r"Choose from: (.*)", said)
        mistake = f"`{verb}` lacks {_name(parameter)}{f', one of {among[1]}' if among else ''}"
    if mistake is None:
        words = re.sub(r"^Invalid value for .*?: (?!'None'\))", "", said)
        words = re.sub(r"^(Input|Value error,) ", "", words).rstrip(".")
        mistake = words[:1].lower() + words[1:] if parameter is None else f"{_name(parameter)} {words}"
    if " " not in verb and not said.startswith("No such command"):
        return mistake[:_LONGEST]
    help_ = f"`{verb} --help` shows {'all options' if ' ' in verb else 'all verbs'}"
    return f"{mistake[:_LONGEST]}{'' if mistake.endswith('?') else ';'} {help_}"


def _choice(parameter: Any, said: str) -> str | None:
    match = re.search(r"'([^']*)' is not one of (.*)", said)
    if match is None:
        return None
    value, choices = match[1][:60], re.findall(r"'([^']*)'", match[2])
    return f"{_name(parameter)} is '{value}', wanted one of {', '.join(choices)}{_near(value, choices)}"


def _no_verb(context: Any, said: str) -> str | None:
    value = re.search(r"No such command '([^']*)'", said)
    if value is None:
        return None
    verbs = list(context.command.commands) if context is not None else []
    return f"there is no verb '{value[1][:60]}'{_near(value[1], verbs)}"


def _near(value: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(value, names, n=1, cutoff=_NEAR)
    return f"; did you mean {near[0]}?" if near else ""


def _name(parameter: Any) -> str:
    if getattr(parameter, "param_type_name", "") == "option":
        return max(parameter.opts, key=len)  # type: ignore[no-any-return]
    return str(getattr(parameter, "metavar", None) or getattr(parameter, "human_readable_name", "an argument"))
