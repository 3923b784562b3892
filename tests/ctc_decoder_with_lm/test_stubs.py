"""The stubs of the native core say what is in it."""

import ast
import inspect
import re

import pytest

from ctc_decoder_with_lm.library import PACKAGE, core

STUBS = ast.parse((PACKAGE / "_core.pyi").read_text())


def parameters_of(function):
    """How many parameters, and which can be left out or named."""
    arguments = function.args
    named = [one.arg for one in arguments.args if not re.fullmatch(r"self|arg\d", one.arg)]
    return len(arguments.posonlyargs + arguments.args), named, len(arguments.defaults)


def in_stubs(body):
    """What each public name is: a property, the parameters of a function, a class's names."""
    found = {}
    for node in body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = in_stubs(node.body)
        if isinstance(node, ast.FunctionDef):
            is_property = any(getattr(one, "id", "") == "property" for one in node.decorator_list)
            found[node.name] = "property" if is_property else parameters_of(node)
    return found


def in_module(owner):
    found = {}
    for name, value in vars(owner).items():
        if name.startswith("_") and name != "__init__":
            continue
        if inspect.isclass(value):
            found[name] = {} if issubclass(value, Exception) else in_module(value)
        elif isinstance(value, property):
            found[name] = "property"
        elif callable(value):  # pybind11's documentation begins with the signature
            signature = value.__doc__.splitlines()[0]
            found[name] = parameters_of(ast.parse(f"def {signature}: ...").body[0])
    return found


def test_stubs_have_what_the_core_has():
    assert in_stubs(STUBS.body) == in_module(core())


@pytest.mark.parametrize("name", ["default_scoring", "default_options", "presets"])
def test_what_takes_nothing_returns_a_dictionary(name):
    assert all(isinstance(key, str) for key in getattr(core(), name)())
