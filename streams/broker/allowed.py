"""May this user do what a role needs? The brokers are asked before anything begins, so that all that is missing is said at once."""

from __future__ import annotations

from streams.broker.admin import Admin
from streams.errors import NotAllowed
from streams.rights import GROUP, TOPIC, TRANSACTIONS, WRITE, Right, least, told
from streams.settings import Settings


def check_rights(admin: Admin, settings: Settings, role: str) -> None:
    """Raise NotAllowed that names each right of the role that this user lacks."""
    if missing := lacking(admin, settings, role):
        raise NotAllowed(told(missing))


def denied(error: BaseException, operation: str = "", where: str = "") -> NotAllowed | None:
    """What a person is told for a client's error that says a right is missing; None for any other error.

    `operation` and `where` are for callers who know what they asked for; the error itself may know the name only.
    """
    name = type(error).__name__
    for resource, begins in (
        (TOPIC, "Topic"),
        (GROUP, "Group"),
        (TRANSACTIONS, "TransactionalId"),
        ("cluster", "Cluster"),
    ):
        if name.startswith(f"{begins}AuthorizationFailed"):
            what = operation or {GROUP: "Read or Describe", TRANSACTIONS: WRITE}.get(resource, "a right")
            names = where or ", ".join(str(one) for one in _names(error.args))
            return NotAllowed(
                f"this Kafka user lacks {what} on {resource} {names}".rstrip()
                + "; `clout topics acls` lists what to grant"
            )
    return None


def _names(arguments: tuple[object, ...]) -> list[object]:
    """What a client says beside its error: a name, or several."""
    one = arguments[0] if arguments else ()
    return sorted(one) if isinstance(one, set | frozenset | list | tuple) else [one]


def lacking(admin: Admin, settings: Settings, role: str) -> list[Right]:
    """The rights of a role that the brokers deny this user. None for brokers that do not say, nor for topics not there."""
    topics = {found.name: found.allowed for found in admin.find()}
    if all(allowed is None for allowed in topics.values()):
        return []
    missing: list[Right] = []
    group: Right | None = None
    fences: Right | None = None  # of the transactions only the worker's are asked about
    for right in least(settings, role):
        if right.resource == TOPIC:
            allowed = topics[right.name]
            if allowed is not None and right.operation not in allowed:
                missing.append(right)
        elif right.resource == GROUP:
            group = right
        elif right.resource == TRANSACTIONS:
            fences = fences or right
    if group and (may := admin.allowed_in_group()) is not None and group.operation not in may:
        missing.append(group)
    if fences and not admin.may_see_transactions():
        missing.append(fences)
    return missing
