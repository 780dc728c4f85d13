"""What a row of the table has: one float64 each, by these columns; the marks of a user; what an entry of a memory has."""

from __future__ import annotations

KINDS = 6
# What a user did: decayed number of actions (grown, week landmark), exact number of actions, newest event time in ms.
ACTED, ACTIONS, DID_TS = 0, 1, 2
# What was done to them: weighted engagement by kind and window (grown; SUMS + 3 kind + window), then exact counts.
SUMS = 3
ENGAGEMENTS = SUMS + 3 * KINDS
ACTORS, FOLLOWERS, GOT_TS = ENGAGEMENTS + 1, ENGAGEMENTS + 2, ENGAGEMENTS + 3
# What was last published: score, version.
SCORE, PUBLISHED = GOT_TS + 1, GOT_TS + 2
KEPT = PUBLISHED + 1  #: columns that `state` keeps
MORE = KEPT  #: the number of what few have beside their row, see `streams.fold.more`; 0: nothing
EPISODES = MORE + 1  #: the number of the first of what rules keep of them, see `streams.fold.episodes`; 0: nothing
WIDTH = EPISODES + 1
#: columns of a line that an account sends to its person: everything they did and got
LINE = GOT_TS + 1

# marks: since the last cut they acted, were engaged with, moved in silence, were engaged with by somebody new, were linked, given
# facts, or told by an account of theirs, have other lists (`streams.fold.tops`); Redis has an older record of them, or (with no
# hurry) may have lost it
DID, GOT, MOVED, UNSEEN, AGAIN, MET, TIED, LISTED = 1, 2, 4, 8, 16, 32, 64, 128
CHANGED, OWED = DID | GOT | MOVED | MET | TIED | LISTED, UNSEEN | AGAIN

DAY, WEEK, QUARTER = 0, 1, 2  # windows
LISTS = 3  # behind them: the landmark of lists, whose weights have 32 bits, is that of now

# codes of an engagement: the kind, and flags
KIND_BITS = 7
FOLLOW = 16  #: changes the number of net followers
UNDO = 32  #: takes back: the weight is negative
KIN = 64  #: at its time the actor was an account of a person
FOLLOW_KIND = 1

# places in an array of counts, in the order of `streams.model.table.Counts`
FOLDED, REJECTED, REPEATS, STRAYS, UNDONE, UNDO_UNKNOWN, SELF_ENGAGEMENTS = range(7)

FOR_EVER = 2**62  #: ms: until when somebody is an account who was not unlinked

DAYS = 90  #: daily closes that are kept of a user
MARK_MS = 1_200_000  #: from one mark to the next: see `streams.fold.hours`
LEDGER_DAYS = 7  #: closed days of which it is kept what came on them

LONGEST = 64 + 1 + 256  #: bytes of a user's name, network:id

# an actor's memory, see `streams.fold.memories`: bytes before the entries (one a kind), of an entry without its name; most
# entries a kind
HEAD, ENTRY, PER_KIND = KINDS, 31, 16

# what an engagement is about: its object and topics, as bytes behind one another: object, and BEHIND before each topic; of an undo
# OF_KEYS and their keys, eight hexadecimal digits each, the object's first (0: none)
MOST_OBJECT, MOST_TOPIC, MOST_TOPICS, TOPICS_BYTES = 256, 128, 5, 320  #: bytes, bytes, how many, bytes of all with what parts them
MOST_ABOUT = MOST_OBJECT + 1 + TOPICS_BYTES  #: bytes
MOST_KEYS = 1 + MOST_TOPICS
BEHIND, OF_KEYS = 31, 30
EXACT_WHO = 16  #: people behind an entry of a list who are known exactly, see `streams.fold.who`
MOST_NAME = max(LONGEST, MOST_OBJECT)  #: bytes of a name in a list
