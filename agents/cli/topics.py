"""`clout topics`: the Kafka topics that Clout reads and writes."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from agents.cli.options import KAFKA, json_option, settings_options
from agents.cli.output import console, json_line, say, table
from agents.cli.progress import progress
from agents.cli.wholefile import whole
from streams.errors import UsageError
from streams.rights import ROLES, Right, least
from streams.settings import Settings
from streams.topics import ALL

if TYPE_CHECKING:
    from streams.broker.admin import Found


@click.group()
def topics() -> None:
    """Create, check or list the Kafka topics, print their schemas, or save what surplus partitions hold.

    All have the same number of partitions (CLOUT_PARTITIONS).

    \b
    clout topics create
    clout topics list
    clout topics acls
    clout topics schema likes
    """


@topics.command()
@settings_options(*KAFKA, "replication")
@json_option
def create(settings: Settings, json: bool) -> None:
    """Create the topics that are missing; those there are stay as they are, and are checked.

    \b
    clout topics create --partitions 12
    """
    from streams.broker.admin import Admin

    with Admin(settings) as admin:
        made = admin.create()
        for name in made:
            if json:
                json_line({"created": name})
            else:
                click.echo(f"created {name}")
        admin.check()
    say(f"{len(made)} created, all topics are as they must be")


@topics.command()
@settings_options(*KAFKA)
@json_option
def check(settings: Settings, json: bool) -> int:
    """Compare the topics with what they must be; exit code 1 if one is not, each line says what to do.

    \b
    clout topics check --json | jq 'select(.ok | not)'
    """
    from streams.broker.admin import Admin

    with Admin(settings) as admin:
        states = admin.find()
    for topic in states:
        if json:
            json_line(_described(topic))
        elif not topic.ok:
            say(f"clout: {topic.problem}")
    wrong = sum(not topic.ok for topic in states)
    if not json and not wrong:
        click.echo(f"all {len(states)} topics are as they must be")
    return 1 if wrong else 0


@topics.command()
@click.option("--out", default="-", show_default=True, show_envvar=True,
              help="Write to this file (.gz and .zst are compressed) instead of stdout.")  # fmt: skip
@settings_options(*KAFKA)
@json_option
def rest(settings: Settings, out: str, json: bool) -> int:
    """Write the events of the surplus partitions: those that a topic has beyond CLOUT_PARTITIONS, and no worker reads.

    One event a line, as it was sent, its `type` filled in: `clout feed` sends them to other topics. What cannot be fed is left
    out, and said by topic[partition]@offset; exit code 1 then. Nobody may send meanwhile. --json is the sum, with --out.

    \b
    clout topics rest --out rest.ndjson.zst
    """
    from agents.admin.rest import write_rest
    from agents.admin.state_export import packed

    with whole(out) as raw, packed(out, raw) as to, progress("reading", "events", None) as bar:
        done = write_rest(settings, to, lambda left_out: say(f"clout: {left_out}"), bar.update)
    if json and out != "-":
        json_line({"file": out, **done.as_dict()})
    else:
        say(str(done))
    return 1 if done.left_out else 0


@topics.command("list")
@settings_options(*KAFKA)
@json_option
def list_(settings: Settings, json: bool) -> None:
    """Every topic: what it holds, by which key, for how long, and what there is of it now.

    \b
    clout topics list
    """
    from streams.broker.admin import Admin

    with Admin(settings) as admin:
        states = admin.find()
    if json:
        for topic in states:
            json_line(_described(topic))
        return
    names = ("topic", "partitions", "key", "kept", "value")
    rows = [(t.name, _partitions(t), t.topic.key, t.topic.kept, t.topic.value) for t in states]
    console().print(table(names, rows, wide=names))


@topics.command()
@click.option("--user", default="USER", show_envvar=True, help="Whose rights: a name for the commands.")
@click.option("--role", type=click.Choice(list(ROLES)), multiple=True, show_envvar=True,
              help="Only this one; several times for several.")  # fmt: skip
@click.option("--commands", is_flag=True, show_envvar=True, help="As commands for Kafka's kafka-acls.sh.")
@settings_options(*KAFKA, "app", "transactions")
@json_option
def acls(settings: Settings, user: str, role: tuple[str, ...], commands: bool, json: bool) -> None:
    """The least rights on the brokers: of workers, of feeds, of who reads scores and alerts, of who operates it.

    Nothing is asked and nothing is changed: grant them with --commands. Write on a topic, and Read, bring Describe with them.

    \b
    clout topics acls
    clout topics acls --role worker --user clout --commands
    """
    rights = [(one, right) for one in role or ROLES for right in least(settings, one)]
    if json:
        for one, right in rights:
            json_line({"role": one, "user": user, **right.described()})
    elif commands:
        for one, right in rights:
            click.echo(f"{_command(user, right)}  # {one}")
    else:
        for one in dict.fromkeys(one for one, _ in rights):
            say(f"{one}: {ROLES[one]}")
        rows = [(one, right.operation, right.resource, right.shown_name()) for one, right in rights]
        console().print(table(("role", "operation", "resource", "name"), rows, wide=("name",)))


@topics.command()
@click.argument("name", required=False)
@settings_options("kafka", "kafka_security", "topic_prefix", "partitions", "replication")
def schema(settings: Settings, name: str | None) -> None:
    """The JSON Schema of what the topic NAME holds; without NAME an AsyncAPI document of all topics. Both are JSON, on stdout.

    Kafka is not asked. `x-key` of a schema is what its records are keyed by. The AsyncAPI document has brokers, names, partitions
    and retention as these settings say. Of internal topics there is no more than what their bytes are.

    \b
    clout topics schema likes > likes.schema.json
    clout topics schema --topic-prefix prod- > asyncapi.json
    """
    from streams.schemas import asyncapi, values
    from streams.schemas.files import text

    known = {topic.name: topic for topic in ALL}
    if name is None:
        found = asyncapi.document(settings)
    elif topic := known.get(name) or known.get(name.removeprefix(settings.topic_prefix)):
        found = values.document(topic)
    else:
        raise UsageError(f"no topic {name!r}: one of {', '.join(known)}")
    click.echo(text(found), nl=False)


def _command(user: str, right: Right) -> str:
    words = ["kafka-acls.sh", "--bootstrap-server", "$KAFKA", "--add", "--allow-principal", f"User:{user}"]
    words += ["--operation", right.operation, f"--{right.resource}", right.name]
    if right.prefixed:
        words += ["--resource-pattern-type", "prefixed"]
    return " ".join(word if word == "$KAFKA" else shlex.quote(word) for word in words)


def _partitions(topic: Found) -> str:
    if topic.ok:
        return str(topic.partitions)
    if topic.partitions is None:
        return "missing"
    return "not shown" if not topic.partitions else f"{topic.partitions}, not {topic.wanted}"


def _described(topic: Found) -> dict[str, object]:
    return {
        "topic": topic.name,
        "ok": topic.ok,
        "partitions": topic.partitions,
        "wanted": topic.wanted,
        "problem": topic.problem or None,
        "key": topic.topic.key,
        "kept": topic.topic.kept,
        "value": topic.topic.value,
    }
