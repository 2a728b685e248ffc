"""Plug-ins by name: methods, datasets, models, rules, samplers and schedulers.

``fairtune/methods/mfd.py`` is ``--method mfd``: a plug-in module holds exactly one public class defined there. Other packages
announce theirs as entry points (``fairtune.methods`` and so on), ``package.module:Class`` names any class that can be imported,
and ``prefix:rest`` one of a :class:`Family`. A class of a notebook or a script, which no other process can import, is given with
:func:`give` and named ``given.DIGEST:Class``.
"""

from fairtune.plugins._contract import Pluggable, load
from fairtune.plugins._family import Family
from fairtune.plugins._find import check_name, give, names, parts
from fairtune.plugins._given import given, take
from fairtune.plugins._kinds import KINDS, Kind
from fairtune.plugins._listing import Listed, faults, listed

__all__ = [
    "KINDS",
    "Family",
    "Kind",
    "Listed",
    "Pluggable",
    "check_name",
    "faults",
    "give",
    "given",
    "listed",
    "load",
    "names",
    "parts",
    "take",
]
