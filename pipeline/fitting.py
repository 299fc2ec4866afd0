"""Whether the output of one actor fits the input of another, by their annotations."""

from __future__ import annotations

from types import UnionType
from typing import Any, Union, get_args, get_origin

from pipeline.outcome import Outcome


def fits(offered: Any, wanted: Any) -> bool:
    """Say whether a value of one annotation may be passed where another is wanted."""
    if wanted is Any or offered is Any or offered == wanted:
        return True
    if get_origin(wanted) in {Union, UnionType}:
        return any(fits(offered, option) for option in get_args(wanted))
    if isinstance(wanted, type) and issubclass(wanted, Outcome):
        return fits(offered, wanted.model_fields["value"].annotation)
    if isinstance(offered, type) and isinstance(wanted, type) and not get_args(wanted):
        return issubclass(offered, wanted)
    origins = get_origin(offered), get_origin(wanted)
    if origins[1] in {list, tuple} and origins[0] in {list, tuple}:
        return fits(get_args(offered)[0], get_args(wanted)[0])
    return False


def tolerates(annotation: Any) -> bool:
    """Say whether an input of this type takes failure as well."""
    if get_origin(annotation) in {list, tuple}:
        return tolerates(get_args(annotation)[0])
    return isinstance(annotation, type) and issubclass(annotation, Outcome)
