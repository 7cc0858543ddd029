"""A certificate for localhost that nobody but the tests' clients trusts."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """Files in PEM form.

    Attributes:
        trust: the variables with which a client trusts it.
    """

    certificate: Path
    key: Path

    @property
    def trust(self) -> dict[str, str]:
        """See the class."""
        return {
            "SSL_CERT_FILE": str(self.certificate),
            "REQUESTS_CA_BUNDLE": str(self.certificate),
        }


def make_certificate(folder: Path) -> Certificate:
    """Makes one in that folder, good for two days."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    openssl = shutil.which("openssl")
    assert openssl, "openssl makes the certificate"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-keyout", str(made.key), "-out", str(made.certificate), "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return made
