"""What a controller is asked when it begins anew: who it is, its settings, where its coordinates begin, its texts."""

from typing import Final

from cellctl_drivers.grbl.portrait import Firmware, Portrait

WHO: Final = "$I"
SETTINGS: Final = "$$"
OFFSETS: Final = "$#"
# grblHAL alone can be asked for its texts; builds without the form for spreadsheets have another one.
_TEXTS: Final = {"$EEG": "ERROR", "$EAG": "ALARM", "$ESG": "SETTING", "$EE": "ERROR", "$EA": "ALARM", "$ES": "SETTING"}
_OTHERWISE: Final = {"$EEG": "$EE", "$EAG": "$EA", "$ESG": "$ES"}


class Interview:
    """One question after the other. `question` is the one that is open; empty once all are answered.

    Who it is, is asked twice: the size of the receive buffer comes from there, and a digit that was damaged on its
    way would make us lose lines without a sign.
    """

    def __init__(self, portrait: Portrait, *, texts: bool) -> None:
        self.question = WHO
        self.doubtful = False
        self._portrait = portrait
        self._texts = texts
        self._first: Firmware | None = None
        self._to_ask: list[str] = []
        portrait.firmware = Firmware()

    def hear(self, line: str) -> None:
        """A line that is no answer by itself and no report."""
        topic = _TEXTS.get(self.question)
        if topic is None:
            self._portrait.hear(line)
        else:
            self._portrait.texts.hear(topic, line)

    def answered(self) -> None:
        """The open question is answered: on to the next one."""
        portrait = self._portrait
        if self.question == WHO and self._first is None:
            self._first, portrait.firmware = portrait.firmware, Firmware()
            return
        if self.question == WHO:
            self.doubtful = self._first != portrait.firmware
            self._to_ask = [SETTINGS, OFFSETS]
            if self._texts and portrait.firmware.grblhal and not portrait.texts.told:
                self._to_ask += _OTHERWISE
        self.question = self._to_ask.pop(0) if self._to_ask else ""

    def refused(self) -> None:
        """It does not answer that: ask in another way, or do without."""
        self.question = _OTHERWISE.get(self.question) or (self._to_ask.pop(0) if self._to_ask else "")
