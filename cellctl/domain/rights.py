"""Who may ask for what, in classes."""

from enum import Enum


class Right(Enum):
    """The classes of commands: a broker's ACL, a role and a topic level speak of these."""

    STOP = "stop"
    QUERY = "query"
    JOB = "job"
    MOTION = "motion"
    CONFIG = "config"
