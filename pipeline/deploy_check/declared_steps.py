"""Which steps an actor's code names, read from the code itself: a step is declared by nothing but its call."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from pipeline.signature import parameters

#: Calls of a run that remember results under a function's name, and what a name of one ends with.
_CALLS = {
    "step": re.compile(r"(?P<name>[^\[\]#~:]+)"),
    "each": re.compile(r"(?P<name>[^\[\]#~:]+)\[\d+\](?:\.\d+)*"),
    "gate": re.compile(r"(?P<name>[^\[\]#~:]+)#\d+"),
}

#: Functions that are looked through for one actor: what calls so many is looked at in part.
_MOST = 200


class DeclaredSteps:
    """The functions that an actor uses for steps, as far as its code says so plainly."""

    def __init__(self, actor: Callable[..., Any], name: str) -> None:
        self._found: dict[tuple[str, str], set[Any]] = {}
        #: Whether all of the code that the run is passed to could be read.
        self.complete = True
        source = inspect.unwrap(actor)
        self._seen: set[tuple[Any, str]] = set()
        for run_name in _run_names(source, name):
            self._look(source, run_name)

    def function_of(self, remembered: str) -> Callable[..., Any] | None:
        """Give the function whose result is remembered under a name, if the code has exactly one."""
        found = {fn for how in _CALLS for fn in self._of(how, remembered)}
        return found.pop() if len(found) == 1 else None

    def knows(self, remembered: str) -> bool:
        """Say whether the code uses the name, or may use it in a part that could not be read."""
        return not self.complete or any(fn for how in _CALLS for fn in self._of(how, remembered))

    def is_step(self, remembered: str) -> bool:
        """Say whether a name is that of a step, and not one of the framework's own notes."""
        return any(pattern.fullmatch(remembered) for pattern in _CALLS.values())

    def _of(self, how: str, remembered: str) -> set[Any]:
        match = _CALLS[how].fullmatch(remembered)
        return self._found.get((how, match["name"]), set()) if match else set()

    def _look(self, fn: Any, run_name: str) -> None:
        if (fn, run_name) in self._seen or len(self._seen) >= _MOST:
            return
        self._seen.add((fn, run_name))
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(fn)))
        except (OSError, TypeError, SyntaxError):
            self.complete = False
            return
        passed: set[int] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                passed.update(self._take(node, fn, run_name))
            elif isinstance(node, ast.Attribute) and _is(node.value, run_name) and node.attr not in _CALLS:
                passed.add(id(node.value))
        uses = {id(node) for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == run_name}
        if uses - passed:  # it is kept, or passed on in a way that is not followed
            self.complete = False

    def _take(self, call: ast.Call, fn: Any, run_name: str) -> Iterator[int]:
        """Note a step, or follow the run into a function; gives the uses of the run that are understood."""
        target = call.func
        if isinstance(target, ast.Attribute) and _is(target.value, run_name):
            yield id(target.value)
            if target.attr in _CALLS and call.args:
                step = _resolve(call.args[0], fn)
                if isinstance(name := getattr(step, "__name__", None), str):
                    self._found.setdefault((target.attr, name), set()).add(step)
                else:
                    self.complete = False
            return
        called = _resolve(target, fn)
        if not isinstance(called, FunctionType):
            return
        names = list(inspect.signature(called).parameters)
        for at, given in enumerate(call.args):
            if _is(given, run_name) and at < len(names):
                yield id(given)
                self._look(called, names[at])
        for word in call.keywords:
            if word.arg in names and _is(word.value, run_name):
                yield id(word.value)
                self._look(called, str(word.arg))


def _run_names(fn: Any, name: str) -> list[str]:
    payload, takes_run = parameters(fn, name)
    return [one for one in inspect.signature(fn).parameters if takes_run and one != payload]


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _resolve(node: ast.AST, fn: Any) -> Any:
    """Give what a plain name, or a name of a module or class, stands for in a function; nothing for all else."""
    if isinstance(node, ast.Name):
        code = fn.__code__
        if node.id in code.co_freevars and fn.__closure__:
            cell = fn.__closure__[code.co_freevars.index(node.id)]
            try:
                return cell.cell_contents
            except ValueError:
                return None
        return None if node.id in code.co_varnames else fn.__globals__.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _resolve(node.value, fn)
        return getattr(owner, node.attr, None) if isinstance(owner, ModuleType | type) else None
    return None
