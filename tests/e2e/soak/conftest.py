"""The device of the long run: as in the folder beside this one."""

from tests.e2e.virtual.conftest import _device, _make_device, _pki

__all__ = ["_device", "_make_device", "_pki"]
