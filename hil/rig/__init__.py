"""The rig: all virtual parties in one process, and what it takes to run it."""

from hil.rig.options import RigError, RigOptions
from hil.rig.rig import FIRST_EIM, SECOND_EIM, Rig

__all__ = ["FIRST_EIM", "SECOND_EIM", "Rig", "RigError", "RigOptions"]
