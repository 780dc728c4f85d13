"""The errors people see. Each says what, where and what to do, and knows the exit code of the command it ends.

CloutError
├── UsageError        a setting, a flag or an input file is wrong (2)
├── DependencyDown    Kafka, Redis or an extra package is not there (3)
├── NotAllowed        this user of Kafka lacks rights (1)
├── TopicMismatch     a topic is not what the registry says (1)
├── LostInput         going on would skip or repeat input, so the worker ends (1)
├── LostPlace         the group refuses this worker, or has given its place to another (1)
└── Stalled           a worker has something to do and gets nothing done, so it ends (1)
"""

from __future__ import annotations


class CloutError(Exception):
    """Root of all expected failures."""

    exit_code = 1


class UsageError(CloutError):
    """The caller can mend this: a wrong setting, flag or file."""

    exit_code = 2


class DependencyDown(CloutError):
    """Something Clout stands on does not answer or is not installed."""

    exit_code = 3


class NotAllowed(CloutError):
    """The broker denies this user something: whoever runs it has to grant it."""


class TopicMismatch(CloutError):
    """A topic is missing or has another shape than the registry says."""


class LostInput(CloutError):
    """A hole, a moved position or a split partition: stopping is the only way not to lose or double input."""


class LostPlace(CloutError):
    """The group has no place for this worker: joining again and again would disturb the others."""


class Stalled(CloutError):
    """No progress where there should be some: ending is the only way to go on, from the last commit."""
