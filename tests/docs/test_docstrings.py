"""The examples in docstrings say what happens."""

import doctest
import importlib
import pkgutil

import pytest

import buildstate_api
import buildstate_cli
import buildstate_core
import buildstate_flows
import buildstate_worker

PACKAGES = (
    buildstate_core,
    buildstate_worker,
    buildstate_api,
    buildstate_cli,
    buildstate_flows,
)
MODULES = [
    module.name
    for package in PACKAGES
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if ".migrations" not in module.name
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert not failed
