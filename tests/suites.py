"""The suites that plug-ins have in files of tests of their own."""

import importlib
import importlib.util
import inspect


def own_suite(room: str, name: str, contract: type) -> type | None:
    """What derives from a contract in ``tests/ROOM/test_NAME.py``, if anything does.

    It says what the contract's suite wants to know of that plug-in: where its files are, how small its inputs may be.
    """
    address = f"tests.{room}.test_{name}"
    if importlib.util.find_spec(address) is None:
        return None
    here = [item for item in vars(importlib.import_module(address)).values() if inspect.isclass(item)]
    return next((item for item in here if issubclass(item, contract) and item.__module__ == address), None)
