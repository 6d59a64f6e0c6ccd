"""One eUICC, one agent: modems have several AT ports, and a lock on one of them says nothing of the others.

The lock is an advisory one on an empty file in the state directory, which is made once and stays; the kernel lets go
of it when a process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ipad.errors import BusyError
from ipad.ids import Eid

logger = logging.getLogger(__name__)


@contextmanager
def serving_alone(eid: Eid, directory: Path) -> Iterator[None]:
    """Hold the lock of this eUICC as long as the context lasts.

    Raises BusyError when somebody else holds it. Where no file can be made there is no lock: a disk that is full must
    not keep the agent from its work.
    """
    name = hashlib.sha256(eid.octets).hexdigest()[:16]
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(directory / f"euicc-{name}.lock", flags, 0o600)
    except OSError as error:
        logger.debug("no lock on the eUICC: %s", error)
        yield
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"a second instance: eUICC {eid.masked()} is served already, by another process or as another modem",
                hint="see modem.port: two AT ports of one modem lead to the same eUICC",
            ) from None
        yield
    finally:
        os.close(descriptor)
