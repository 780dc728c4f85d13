"""From the settings to what the clients are given; what is wrong with a file is said by the setting that names it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from faust.auth import SASLCredentials, SSLCredentials

from streams.broker.security import connection, context, credentials
from streams.errors import UsageError
from streams.settings import Settings
from tests.certificates import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Two certificates of one authority."""
    made = Authority(tmp_path_factory.mktemp("certificates") / "authority")
    made.issue("ann")
    made.issue("bob")
    return made


def test_without_anything() -> None:
    """Plain, as before."""
    given = connection(Settings())
    assert (given["security_protocol"], given["ssl_context"]) == ("PLAINTEXT", None)
    assert not any(name.startswith("sasl") for name in given)
    assert credentials(Settings()) is None


def test_tls_and_login(authority: Authority) -> None:
    """The same for aiokafka, kafka-python and Faust; our own authority is the only one trusted, the name is checked."""
    settings = Settings(
        kafka_security="SASL_SSL",
        kafka_user="ann",
        kafka_password="x",
        kafka_mechanism="PLAIN",
        kafka_ca=str(authority.ca),
    )
    given = connection(settings)
    tls = given["ssl_context"]
    assert (given["sasl_mechanism"], given["sasl_plain_username"]) == ("PLAIN", "ann")
    assert (tls.verify_mode, tls.check_hostname, tls.cert_store_stats()["x509_ca"]) == (ssl.CERT_REQUIRED, True, 1)
    told = credentials(settings)
    assert isinstance(told, SASLCredentials)
    assert (told.protocol.value, told.mechanism.value, told.username, told.password) == (
        "SASL_SSL",
        "PLAIN",
        "ann",
        "x",
    )
    assert isinstance(credentials(Settings(kafka_security="SSL", kafka_ca=str(authority.ca))), SSLCredentials)
    unchecked = context(Settings(kafka_security="SSL", kafka_check_hostname=False))
    assert unchecked
    assert (unchecked.check_hostname, unchecked.verify_mode) == (False, ssl.CERT_REQUIRED)


def test_a_key_with_a_password(authority: Authority) -> None:
    """Is opened with it; a wrong one is refused, and nobody is asked on the terminal."""
    certificate, key = str(authority.folder / "ann.crt"), str(authority.lock("ann", "geheim"))
    settings = {"kafka_security": "SSL", "kafka_certificate": certificate, "kafka_key": key}
    assert context(Settings(**settings, kafka_key_password="geheim"))  # type: ignore[arg-type]
    for wrong in ("", "other"):
        with pytest.raises(UsageError, match=r"CLOUT_KAFKA_KEY=.*CLOUT_KAFKA_KEY_PASSWORD"):
            context(Settings(**settings, kafka_key_password=wrong))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"kafka_ca": "none.pem"}, r"CLOUT_KAFKA_CA=.*No such file"),
        ({"kafka_ca": "."}, r"CLOUT_KAFKA_CA=.*Is a directory"),
        ({"kafka_ca": "ca.key"}, r"CLOUT_KAFKA_CA=.*no certificate in PEM form"),
        ({"kafka_certificate": "none.crt"}, r"CLOUT_KAFKA_CERTIFICATE=.*No such file"),
        ({"kafka_certificate": "openssl.cnf", "kafka_key": "ann.key"}, r"CLOUT_KAFKA_CERTIFICATE=.*no certificate"),
        ({"kafka_certificate": "ann.crt", "kafka_key": "none.key"}, r"CLOUT_KAFKA_KEY=.*No such file"),
        ({"kafka_certificate": "ann.crt", "kafka_key": "openssl.cnf"}, r"CLOUT_KAFKA_KEY=.*no key in PEM form"),
        (
            {"kafka_certificate": "ann.crt", "kafka_key": "bob.key"},
            r"CLOUT_KAFKA_KEY=.*does not belong to the certificate",
        ),
        ({"kafka_certificate": "ann.crt"}, r"CLOUT_KAFKA_CERTIFICATE=.*no key in PEM form"),
    ],
)
def test_a_wrong_file_is_named(authority: Authority, named: dict[str, str], said: str) -> None:
    """The setting, the file and what is wrong with it."""
    files = {name: str(Path(authority.folder, file)) for name, file in named.items()}
    with pytest.raises(UsageError, match=said):
        context(Settings(kafka_security="SSL", **files))  # type: ignore[arg-type]
