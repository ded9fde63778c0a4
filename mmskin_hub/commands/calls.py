"""Between a command and its function in :mod:`mmskin_hub.api`: an option is the parameter of its name.

The defaults of the command line are those of the function's signature, and stand nowhere else.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any, TypeVar

T = TypeVar("T")


def take_defaults(parser: argparse.ArgumentParser, function: Callable[..., Any]) -> None:
    """Give the options of ``parser``, all of which have been added, the defaults of the parameters of their names."""
    parameters = signature(function).parameters
    for action in parser._actions:
        if action.dest in parameters and not action.required:
            default = parameters[action.dest].default
            # What is said several times is gathered in a list.
            gathers = action.nargs in ("*", "+") or isinstance(action, argparse._AppendAction)
            action.default = list(default) if gathers and default is not None else default


def call(function: Callable[..., T], args: argparse.Namespace, **more: Any) -> T:
    """Call ``function`` with every option that it has a parameter for; ``more`` goes to its ``**keys``."""
    taken = {
        name: getattr(args, name)
        for name, parameter in signature(function).parameters.items()
        if parameter.kind is not Parameter.VAR_KEYWORD and hasattr(args, name)
    }
    return function(**taken, **more)
