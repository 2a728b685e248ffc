"""What every plug-in must say of itself, whatever its kind."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fairtune.plugins import Pluggable


class PlugInContract:
    """What every plug-in must say of itself."""

    @pytest.fixture
    def plug_ins(self) -> Sequence[type[Pluggable]]:
        """The classes; several where methods are joined."""
        raise NotImplementedError

    def test_it_says_what_it_is_in_a_line(self, plug_ins: Sequence[type[Pluggable]]) -> None:
        for plug_in in plug_ins:
            assert vars(plug_in)["__doc__"], "it has no docstring of its own"
            assert len(plug_in.summary()) > 20
            assert not plug_in.summary().endswith(")")
            assert all(plug_in.facts().values())

    def test_whatever_can_be_set_says_what_it_is_and_has_a_legal_default(self, plug_ins: Sequence[type[Pluggable]]) -> None:
        for plug_in in plug_ins:
            options = plug_in.complete({})
            for name, option in plug_in.declared().items():
                assert option.help, name
                assert option.legal.contains(options[name]), name
                assert option.legal.contains(option.default), name
                assert option.search is None or (option.search.faults() == [] and option.search.within(option.legal)), name
