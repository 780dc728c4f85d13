"""Why Redis does not take what is written, in words: what it is and what to do."""

from __future__ import annotations

import re

from redis import exceptions
from redis.exceptions import ResponseError

#: the codes with which a server answers and refuses: what that means and what to do
_SAYS = {
    "OOM": "is full and refuses writes (maxmemory is reached, nothing may be evicted): raise its maxmemory, or make room",
    "READONLY": "is a read-only replica: point CLOUT_REDIS to the primary",
    "MISCONF": "cannot save to its disk and so refuses writes: its log says why (is the disk full?)",
    "NOREPLICAS": "has too few replicas and so refuses writes (min-replicas-to-write): bring them back",
    "NOPERM": "does not let this user write: see `least rights` in deploy/README.md",
    "NOAUTH": "wants a user and a password: put them in CLOUT_REDIS as redis://user:password@host:port",
    "WRONGPASS": "refuses user or password: see CLOUT_REDIS",
    "MASTERDOWN": "is a replica that has lost its primary: point CLOUT_REDIS to the primary",
    "CLUSTERDOWN": "is a cluster that does not serve all slots: see its log",
    "LOADING": "is loading its data: it takes scores when it is ready",
    "BUSY": "is busy with a script of another program: end that with SCRIPT KILL",
    "WRONGTYPE": "has another program's data under one of our keys: set another CLOUT_REDIS_PREFIX",
}


#: the client takes the code away where it has a class for it
_CLASSES = {
    exceptions.OutOfMemoryError: "OOM",
    exceptions.ReadOnlyError: "READONLY",
    exceptions.NoPermissionError: "NOPERM",
    exceptions.AuthenticationError: "WRONGPASS",
    exceptions.AuthenticationWrongNumberOfArgsError: "NOAUTH",
    exceptions.MasterDownError: "MASTERDOWN",
    exceptions.ClusterDownError: "CLUSTERDOWN",
    exceptions.BusyLoadingError: "LOADING",
}
_WITH_DETAILS = {"NOPERM", "WRONGTYPE", "MISCONF"}


def refusal(error: BaseException) -> str:
    """What an error of a write means, and what to do: "is full and refuses writes (...): raise its maxmemory"."""
    text = str(error)
    code = next((code for kind, code in _CLASSES.items() if isinstance(error, kind)), None)
    code = code or next((code for code in _SAYS if re.search(rf"(?:^|[\s-]){code}\b", text[:300])), None)
    if code:
        return f"{_SAYS[code]} ({text})" if code in _WITH_DETAILS else _SAYS[code]
    if isinstance(error, ResponseError):
        return f"answers, and does not take what is written: {text}"
    return f"does not answer ({text or type(error).__name__}): start it, or set CLOUT_REDIS to where it runs"
