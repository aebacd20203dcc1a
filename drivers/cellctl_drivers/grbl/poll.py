"""When to ask for a status report."""


class Poll:
    """One question at a time, asked again when no answer comes; and how long there was none.

    `fresh`: a report has come that was asked for after the last `begin`. An older one may tell of a time
    before the bytes that went out since.
    """

    def __init__(self, repeat_s: float) -> None:
        self.fresh = False
        self._repeat_s = repeat_s
        self._interval_s: float | None = None
        self._due_s: float | None = None
        self._leaves = False
        self._open = False
        self._older_open = False
        self._unanswered_since_s: float | None = None

    def begin(self, interval_s: float | None, first_s: float) -> None:
        """Ask at `first_s` and from then on at this interval; None: stop asking."""
        self.fresh = False
        self._interval_s = interval_s
        self._due_s = None if interval_s is None else first_s
        self._older_open = self._open or self._leaves
        self._unanswered_since_s = None

    def due(self, now_s: float) -> bool:
        """Whether to ask now."""
        return self._due_s is not None and now_s >= self._due_s

    def asked(self, now_s: float) -> None:
        """The question goes out next."""
        self._leaves = True
        self._due_s = now_s + self._repeat_s
        if self._unanswered_since_s is None:
            self._unanswered_since_s = now_s

    def departed(self) -> None:
        """What was to go out is on its way; only what comes after that can be an answer."""
        self._open = self._open or self._leaves
        self._leaves = False

    def answered(self, now_s: float) -> None:
        """A report has come. One that nobody asked for changes nothing."""
        if not self._open:
            return
        self.fresh = self.fresh or not self._older_open
        self._open = self._older_open = False
        self._unanswered_since_s = None
        if self._interval_s is not None:
            self._due_s = now_s + self._interval_s

    def forgotten(self) -> None:
        """The controller has begun anew; what was asked before will not be answered."""
        self._open = self._older_open = False

    def silent_s(self, now_s: float) -> float:
        """How long a question has been without an answer."""
        return 0.0 if self._unanswered_since_s is None else now_s - self._unanswered_since_s

    @property
    def deadline_s(self) -> float | None:
        """When to ask next."""
        return self._due_s
