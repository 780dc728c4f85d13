"""One Kafka that has a listener for each way to be secured, with users and rights: for tests of TLS, logins and ACLs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from agents.local.cluster import KafkaCluster, lacks_for_kafka
from agents.local.embedded import ATTEMPTS, ChildFailed, free_port
from streams.rights import Right
from streams.settings import Settings
from tests.certificates import Authority
from tests.servers import left_out

PASSWORD = "s3cret-of-all"
USERS = ("ann", "bob", "cay", "dan", "eve", "fay", "gil")
NOWHERE = "broker-x.invalid"  # a name that never resolves

#: listener: what it speaks, and its certificate
LISTENERS = {
    "SECURE": ("SASL_SSL", "broker"),
    "TLS": ("SSL", "broker"),
    "LOGIN": ("SASL_PLAINTEXT", ""),
    "MUTUAL": ("SSL", "broker"),
    "EXPIRED": ("SSL", "expired"),
    "OTHER": ("SSL", "other"),
    "LOST": ("PLAINTEXT", ""),
}


class Secured:
    """The addresses of its listeners by name, and the rights of its users. `plain` is the broker's own, whose user may do all."""

    def __init__(self, cluster: KafkaCluster, ports: dict[str, int], folder: Path) -> None:
        self.plain = cluster.bootstrap
        self.folder = folder
        self._ports = ports

    def at(self, listener: str, host: str = "127.0.0.1") -> str:
        """host:port of a listener."""
        return f"{host}:{self._ports[listener]}"

    def settings(self, **own: Any) -> Settings:
        """Settings of ann, who logs in over TLS."""
        (self.folder / "password").write_text(PASSWORD + "\n")
        login = {
            "kafka": self.at("SECURE"),
            "kafka_security": "SASL_SSL",
            "kafka_user": "ann",
            "kafka_password_file": str(self.folder / "password"),
            "kafka_ca": str(self.folder / "authority" / "ca.pem"),
        }
        return Settings.load({}, **(login | own))

    def grant(self, user: str, rights: Iterable[Right]) -> None:
        """Gives them; they hold a moment later."""
        with self.asking() as client:
            assert not client.create_acls([_acl(user, right) for right in rights])["failed"]

    def take(self, user: str, rights: Iterable[Right]) -> None:
        """Takes them away; a moment later they no longer hold."""
        with self.asking() as client:
            client.delete_acls([_acl(user, right) for right in rights])

    @contextlib.contextmanager
    def asking(self) -> Iterator[KafkaAdminClient]:
        """An admin client of the user that may do all."""
        client = KafkaAdminClient(bootstrap_servers=self.plain)
        try:
            yield client
        finally:
            client.close()


def _acl(user: str, right: Right) -> ACL:
    pattern = ACLResourcePatternType.PREFIXED if right.prefixed else ACLResourcePatternType.LITERAL
    return ACL(
        f"User:{user}",
        "*",
        ACLOperation[right.operation.upper()],
        ACLPermissionType.ALLOW,
        ResourcePattern(ResourceType[right.resource.upper().replace("-", "_")], right.name, pattern),
    )


@contextlib.contextmanager
def secured(folder: Path) -> Iterator[Secured]:
    """Started and ended with the block."""
    if lack := lacks_for_kafka():
        left_out(lack)
    authority = Authority(folder / "authority")
    authority.issue("broker")
    authority.issue("expired", until="20210101000000Z")
    authority.issue("other", "DNS:kafka.example")
    with contextlib.ExitStack() as stack:
        for attempt in range(1, ATTEMPTS + 1):
            ports = {name: free_port() for name in LISTENERS}
            try:
                cluster = stack.enter_context(KafkaCluster(environ=_environ(authority, ports)))
            except ChildFailed:  # a port was snatched away
                if attempt == ATTEMPTS:
                    raise
            else:
                break
        yield Secured(cluster, ports, folder)


def _environ(authority: Authority, ports: dict[str, int]) -> dict[str, str]:
    return {
        "KAFKA_LISTENERS": ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items()),
        "KAFKA_EXTRA": "\n".join(_properties(authority, ports)),
        "KAFKA_SCRAM": " ".join(
            f"SCRAM-SHA-{bits}=[name={user},password={PASSWORD}]" for user in USERS for bits in (256, 512)
        ),
    }


def _properties(authority: Authority, ports: dict[str, int]) -> Sequence[str]:
    speaks = {"CLIENT": "PLAINTEXT", "CONTROL": "PLAINTEXT"} | {name: how for name, (how, _) in LISTENERS.items()}
    hosts = {name: NOWHERE if name == "LOST" else "127.0.0.1" for name in LISTENERS}
    lines = [
        "listener.security.protocol.map=" + ",".join(f"{name}:{how}" for name, how in speaks.items()),
        "advertised.listeners=CLIENT://127.0.0.1:{port},"
        + ",".join(f"{name}://{hosts[name]}:{port}" for name, port in ports.items()),
        "sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256,PLAIN",
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users=User:ANONYMOUS",
        "ssl.truststore.type=PEM",
        f"ssl.truststore.location={authority.ca}",
        "ssl.keystore.type=PEM",
        f"ssl.keystore.location={authority.folder / 'broker.pem'}",
        "listener.name.mutual.ssl.client.auth=required",
        "listener.name.login.sasl.enabled.mechanisms=SCRAM-SHA-512",
    ]
    for name, (_, certificate) in LISTENERS.items():
        if certificate:
            at = f"listener.name.{name.lower()}.ssl.keystore"
            lines += [f"{at}.type=PEM", f"{at}.location={authority.folder / certificate}.pem"]
    for name in ("secure", "login"):
        for mechanism in ("scram-sha-512", "scram-sha-256"):
            lines.append(
                f"listener.name.{name}.{mechanism}.sasl.jaas.config="
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            )
    lines.append(
        "listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required "
        f'user_ann="{PASSWORD}";'
    )
    return lines
