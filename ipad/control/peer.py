"""Who is at the other end of a socket of the file system, as the kernel says (unix(7): SO_PEERCRED, SO_PEERGROUPS)."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import socket
import struct
from typing import Final

from ipad.errands.asking import user_name
from ipad.records import dataclass

_CREDENTIALS: Final = struct.Struct("iII")
_SO_PEERGROUPS: Final = 59
"""Not in the module `socket`; this is the number of every architecture but PA-RISC and SPARC."""
_GROUP: Final = struct.Struct("I")
_ROOM: Final = 256 * _GROUP.size


@dataclass(frozen=True, slots=True)
class Peer:
    """A process: its number, its user and its groups, when it connected."""

    pid: int
    uid: int
    groups: frozenset[int]

    @property
    def name(self) -> str:
        """The name of the user, else the number; as the audit trail has it."""
        return user_name(self.uid)


def peer_of(connection: socket.socket) -> Peer:
    """The process that connected. Raises OSError where the kernel does not tell."""
    pid, uid, gid = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return Peer(pid, uid, frozenset({gid, *_supplementary(connection, uid)}))


def group_number(name: str) -> int | None:
    """The number of a group, None when there is no such group."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


@dataclass(frozen=True, slots=True)
class Permission:
    """Who may operate: root, the user that the daemon runs as, and a group. Everybody else may look."""

    group: int | None
    own: int

    @classmethod
    def of_process(cls, group: str) -> Permission:
        """For this process. `group` "" is none."""
        return cls(group_number(group) if group else None, os.geteuid())

    def operates(self, peer: Peer) -> bool:
        """Whether this one may operate the device."""
        return peer.uid in (0, self.own) or (self.group is not None and self.group in peer.groups)


def _supplementary(connection: socket.socket, uid: int) -> tuple[int, ...]:
    try:
        data = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _ROOM)
    except OSError as error:
        if error.errno not in (errno.ENOPROTOOPT, errno.ERANGE):
            raise
        return _from_database(uid)
    return tuple(number for (number,) in _GROUP.iter_unpack(data))


def _from_database(uid: int) -> tuple[int, ...]:
    """The groups of a user as the system knows them: the kernel does not tell those of the process, or not so many."""
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return ()
    return tuple(os.getgrouplist(user.pw_name, user.pw_gid))
