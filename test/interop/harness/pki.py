"""Certificate authorities and certificates for one test."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOSTS = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
USAGES = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]


def _name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(subject, issuer, key):
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
    )


def _pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class Authority:
    def __init__(self, name="a CA"):
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(name, name, self.key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, common_name="localhost", hosts=HOSTS):
        """A certificate and its key, both PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(common_name, self.name, key)
            .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
            .add_extension(x509.ExtendedKeyUsage(USAGES), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM), _pem(key)


class Files:
    """What --tls-cert, --tls-key and --client-ca name, in one directory.

    Each put replaces all of them at once, as the kubelet replaces a volume's
    content: the files are links through ..data, which moves to a new directory.
    """

    def __init__(self, directory):
        self.directory = directory
        self.generation = 0
        directory.mkdir()

    def put(self, **contents):
        """put(tls_crt=…, tls_key=…) writes tls.crt and tls.key."""
        self.generation += 1
        target = self.directory / f"..generation-{self.generation}"
        target.mkdir()
        for name, content in contents.items():
            name = name.replace("_", ".")
            (target / name).write_bytes(content)
            link = self.directory / name
            if not link.is_symlink():
                link.symlink_to(f"..data/{name}")
        fresh = self.directory / "..data_tmp"
        fresh.symlink_to(target.name)
        fresh.replace(self.directory / "..data")

    def put_pair(self, authority, **more):
        certificate, key = authority.issue()
        self.put(tls_crt=certificate, tls_key=key, **more)

    @property
    def flags(self):
        return ["--tls-cert", self.directory / "tls.crt", "--tls-key", self.directory / "tls.key"]

    @property
    def mutual_flags(self):
        return [*self.flags, "--client-ca", self.directory / "ca.crt"]
