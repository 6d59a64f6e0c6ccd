"""`dataclass` for a device where start and memory count: the same classes, made without generating code.

The decorator of the standard library writes and compiles some seven functions for each class when its module is
imported. Five hundred classes cost a third of the processor time of a start and three megabytes, and most of them are
never used in a day. Here all classes share their methods (`shared_methods.py`), and the module of the standard library,
which loads `inspect` and a syntax tree, is not needed either; type checkers see the standard library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipad.shared_methods import defaults, hints, refuse_change

if TYPE_CHECKING:
    from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass, replace
else:
    from ipad.shared_methods import MISSING, asdict, dataclass, field, fields, is_dataclass, replace

__all__ = [
    "MISSING",
    "asdict",
    "dataclass",
    "defaults",
    "field",
    "fields",
    "hints",
    "is_dataclass",
    "refuse_change",
    "replace",
]
