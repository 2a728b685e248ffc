"""What every plug-in must do, as suites of tests for whoever writes one.

``class TestMine(MethodContract): plug_in = Mine`` in a file of tests is all that it takes. Wants pytest, which fairtune does not.
"""

import pytest

pytest.register_assert_rewrite("fairtune.testing.methods")

from fairtune.testing.methods import MethodContract  # noqa: E402  (once its assertions explain themselves)

__all__ = ["MethodContract"]
