"""Reports of the registration: +CREG, +CGREG and +CEREG read and unsolicited (TS 27.007 7.2, 10.1.20, 10.1.22)."""

from __future__ import annotations

from collections.abc import Callable

from hil.modem.personality import RegistrationStyle
from hil.modem.power_saving import Grant
from hil.modem.radio import RadioView, Stat
from hil.network import Access

_LTE = (Access.E_UTRAN, Access.NB_IOT, Access.NR)


class RegistrationReports:
    """Which reports are on, and what was reported last."""

    def __init__(
        self,
        style: RegistrationStyle,
        announce: Callable[[str], None],
        grant: Callable[[], Grant | None] = lambda: None,
    ) -> None:
        """`grant` gives the timers of power saving mode."""
        self._style = style
        self._grant = grant
        self._announce = announce
        self._view = RadioView()
        self._last: dict[str, str] = {}
        self.modes = {"+CREG": 0, "+CGREG": 0, "+CEREG": 0}

    def reset(self) -> None:
        self.modes = dict.fromkeys(self.modes, 0)
        self._last.clear()

    def highest(self, name: str) -> int:
        """Highest <n> that the modem takes, -1 when the command does not exist."""
        return {"+CREG": self._style.creg, "+CGREG": self._style.cgreg, "+CEREG": self._style.cereg}[name]

    def set_mode(self, name: str, mode: int) -> None:
        self.modes[name] = mode
        self._last[name] = self._fields(name)

    def read(self, name: str) -> str:
        """The line of the read form: <n> in front of the fields."""
        return f"{name}: {self.modes[name]},{self._fields(name)}"

    def show(self, view: RadioView) -> None:
        """Send the lines that are on and changed."""
        self._view = view
        for name, mode in self.modes.items():
            fields = self._fields(name)
            if mode and fields != self._last.get(name) and self._style.events:
                self._announce(f"{name}: {fields}")
            self._last[name] = fields

    def refresh(self) -> None:
        """Send what changed beside the registration itself."""
        self.show(self._view)

    def stat(self, name: str) -> Stat:
        """On 2G and 3G there is no EPS registration; with LTE the circuit-switched side is registered along."""
        operator = self._view.operator
        if name == "+CEREG" and operator is not None and operator.access not in _LTE:
            return Stat.NOT_SEARCHING
        return self._view.stat

    def _fields(self, name: str) -> str:
        mode, stat = self.modes[name], self.stat(name)
        fields = [str(int(stat))]
        operator = self._view.operator
        place = mode >= 2 and operator is not None and stat in (Stat.HOME, Stat.ROAMING)
        if place and operator is not None:
            quote = '"' if self._style.quoted else ""
            access = [str(int(operator.access))]
            if name == "+CGREG":
                access.append(f"{quote}01{quote}")
            fields += [f"{quote}{operator.tac:04X}{quote}", f"{quote}{operator.cell:08X}{quote}", *access]
        with_cause = mode == 3 or (mode == 5 and name == "+CEREG")
        if with_cause and self._view.cause is not None and stat is Stat.DENIED:
            gap = 4 if name == "+CGREG" else 3
            fields += [""] * (gap - (len(fields) - 1)) + ["0", str(self._view.cause)]
        grant = self._grant()
        if place and name == "+CEREG" and mode >= 4 and grant is not None:
            fields += ["", "", f'"{grant.active_bits}"', f'"{grant.update_bits}"']
        return ",".join(fields)
