"""An authority of a test's own, and certificates that it signs, made on the spot with the openssl command."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.servers import left_out

_CONFIG = """
[ca]
default_ca = here
[here]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
"""
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    """Signs certificates of servers and clients; `ca` is the file that whoever trusts it names."""

    def __init__(self, folder: Path) -> None:
        if not shutil.which("openssl"):
            left_out("no certificates for tests: the openssl command is missing (Debian: apt-get install openssl)")
        folder.mkdir(parents=True)
        self.folder, self.ca = folder, folder / "ca.pem"
        (folder / "openssl.cnf").write_text(_CONFIG.format(folder=folder))
        (folder / "index.txt").touch()
        self._run(
            *("req", "-x509", *_KEY, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority"),
            *("-addext", "basicConstraints=critical,CA:TRUE"),
        )

    def issue(self, name: str, alt: str = "IP:127.0.0.1,DNS:localhost", *, until: str = "20601231235959Z") -> Path:
        """One PEM file with key and certificate, as Kafka takes it; the certificate alone is beside it as `.crt`."""
        self._run(
            *("req", "-new", *_KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}"),
            *("-addext", f"subjectAltName={alt}"),
        )
        self._run(
            *("ca", "-batch", "-notext", "-in", f"{name}.csr", "-out", f"{name}.crt"),
            *("-cert", "ca.pem", "-keyfile", "ca.key", "-startdate", "20200101000000Z", "-enddate", until),
        )
        whole = self.folder / f"{name}.pem"
        whole.write_text((self.folder / f"{name}.key").read_text() + (self.folder / f"{name}.crt").read_text())
        return whole

    def lock(self, name: str, password: str) -> Path:
        """The key of a certificate once more, in a file that opens with a password."""
        self._run("ec", "-in", f"{name}.key", "-out", f"{name}.locked", "-aes128", "-passout", f"pass:{password}")
        return self.folder / f"{name}.locked"

    def _run(self, command: str, *arguments: str) -> None:
        config = ["-config", "openssl.cnf"] if command in {"req", "ca"} else []
        argv = ["openssl", command, *config, *arguments]
        subprocess.run(argv, cwd=self.folder, check=True, capture_output=True, text=True)
