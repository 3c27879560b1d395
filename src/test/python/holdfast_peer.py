"""The other end of Holdfast's formats, over Python's `cryptography`: for tests.

Written from docs/protocol-handshake.md and docs/sealing.md alone. Reads commands and hexadecimal
fields, one line each, from standard input; answers one line each on standard output.
"""
import base64
import hashlib
import hmac
import os
import struct
import sys

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand


def h(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def extract(salt, ikm):
    return mac(salt, ikm)


def expand(prk, label, ctx=b"", length=32):
    return HKDFExpand(hashes.SHA256(), length, label + b"\0" + ctx).derive(prk)


def fernet(key):
    return Fernet(base64.urlsafe_b64encode(key))


def seal(key, plain):
    return base64.urlsafe_b64decode(fernet(key).encrypt(plain))


def unseal(key, token):
    return fernet(key).decrypt(base64.urlsafe_b64encode(token))


def v(data):
    return struct.pack(">H", len(data)) + data


class Reader:
    def __init__(self, data):
        self.data = data

    def raw(self, n):
        if n > len(self.data):
            raise ValueError("short message")
        out, self.data = self.data[:n], self.data[n:]
        return out

    def v(self):
        return self.raw(struct.unpack(">H", self.raw(2))[0])

    def end(self):
        if self.data:
            raise ValueError("long message")


MGF = padding.MGF1(hashes.SHA256())
OAEP = padding.OAEP(mgf=MGF, algorithm=hashes.SHA256(), label=b"holdfast/1 session")
PSS = padding.PSS(mgf=MGF, salt_length=32)


def sign(key, context, digest):
    return key.sign(b" " * 64 + context + b"\0" + digest, PSS, hashes.SHA256())


def verify(key, context, digest, signature):
    key.verify(signature, b" " * 64 + context + b"\0" + digest, PSS, hashes.SHA256())


def spki(public):
    return public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def load_public(der):
    key = serialization.load_der_public_key(der)
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size != 3072:
        raise ValueError("not RSA-3072")
    if key.public_numbers().e != 65537 or spki(key) != der:
        raise ValueError("not the canonical form")
    return key


def raw_public(private):
    return private.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )


def check_certificate(cert, pool, node, role, home):
    assert len(cert) == 485 and cert[:4] == b"HFC1"
    assert cert[4:36] == pool and cert[36:68] == node and cert[68] == role
    assert cert[69:101] == h(spki(home))
    verify(home, b"holdfast/1 certificate", h(cert[:101]), cert[101:])


class Line:
    """One line in, one line out."""

    def read(self):
        line = sys.stdin.readline()
        if not line:
            sys.exit(3)
        return bytes.fromhex(line.strip())

    def write(self, data):
        print(data.hex(), flush=True)


def derive(ck2, th5):
    return [expand(ck2, label, th5) for label in (b"i>r", b"r>i", b"exporter")]


def first_frame(ts, kind, request, payload):
    token = seal(expand(ts, b"frame"), struct.pack(">QBI", 1, kind, request) + payload)
    return struct.pack(">I", len(token)) + token


def open_first_frame(ts, frame):
    assert struct.unpack(">I", frame[:4])[0] == len(frame) - 4
    plain = unseal(expand(ts, b"frame"), frame[4:])
    assert struct.unpack(">Q", plain[:8])[0] == 1
    return plain[8:]


def setup(io):
    pool, secret = io.read(), io.read()
    own = serialization.load_der_private_key(io.read(), None)
    certificate, home = io.read(), load_public(io.read())
    gate = expand(extract(pool, secret), b"gate")
    salt = extract(h(b"holdfast/1", pool), secret)
    return pool, own, certificate, home, gate, salt


def wait(ck1, th4, place):
    told = b"\0" + struct.pack(">H", place)
    return told + mac(expand(ck1, b"wait", th4), told)


def check_wait(message, ck1, th4, below):
    place = struct.unpack(">H", message[1:3])[0]
    assert place < below and message == wait(ck1, th4, place)


def initiator(io):
    pool, own, certificate, home, gate, salt = setup(io)
    data_key_id = io.read()
    instance = os.urandom(16)
    ephemeral = x25519.X25519PrivateKey.generate()
    m1 = b"HFH1" + bytes([1, 7, 7, 1]) + os.urandom(32) + raw_public(ephemeral)
    m1 += mac(gate, b"M1", m1)
    io.write(m1)
    m2 = io.read()
    assert len(m2) == 1099 and m2[0] == 7 and m2[1] == 1
    clear, t2 = m2[:66], m2[66:]
    shared = ephemeral.exchange(x25519.X25519PublicKey.from_public_bytes(clear[34:66]))
    ck1 = extract(salt, shared)
    th1 = h(m1, clear)
    t = Reader(unseal(expand(ck1, b"m2", th1), t2))
    key_r, cert_r, instance_r = t.v(), t.v(), t.raw(16)
    assert t.raw(3) == bytes([7, 7, 1])
    t.raw(36)
    t.end()
    peer = load_public(key_r)
    check_certificate(cert_r, pool, h(key_r), 1, home)
    s = os.urandom(32)
    th2 = h(th1, t2)
    t3a = seal(expand(ck1, b"m3a", th2), peer.encrypt(s, OAEP))
    th3 = h(th2, t3a)
    ck2 = extract(ck1, s)
    own_der = spki(own.public_key())
    digest = h(th3, h(own_der), h(key_r), pool, b"\2", instance, data_key_id)
    plain = v(own_der) + v(certificate) + b"\2" + instance + data_key_id
    plain += v(sign(own, b"holdfast/1 initiator", digest))
    t3b = seal(expand(ck2, b"m3b", th3), plain)
    io.write(v(t3a) + v(t3b))
    th4 = h(th3, t3b)
    m4, place = io.read(), 16385
    while m4[0] == 0:
        check_wait(m4, ck1, th4, place)
        m4, place = io.read(), struct.unpack(">H", m4[1:3])[0]
    t = Reader(unseal(expand(ck2, b"m4", th4), m4))
    digest = h(th4, h(key_r), h(own_der), pool, instance_r)
    verify(peer, b"holdfast/1 responder", digest, t.v())
    session = t.raw(16)
    t.raw(8)
    assert t.raw(1) == b"\0"
    t.end()
    out, back, exporter = derive(ck2, h(th4, m4))
    io.write(first_frame(out, 7, 42, b"from python"))
    assert open_first_frame(back, io.read())[5:] == b"from java"
    nonce = os.urandom(32)
    attach = b"HFH1" + bytes([2, 7, 7, 1]) + session + nonce
    key = expand(exporter, b"attach mac")
    io.write(attach + mac(key, attach))
    answer = io.read()
    assert answer[32:] == mac(key, b"r", nonce, answer[:32])
    out = expand(exporter, b"attach i>r", nonce + answer[:32])
    io.write(first_frame(out, 9, 1, b"attached"))
    print("done", flush=True)


def responder(io):
    pool, own, certificate, home, gate, salt = setup(io)
    instance = os.urandom(16)
    m1 = io.read()
    assert len(m1) == 104 and m1[:8] == b"HFH1" + bytes([1, 7, 7, 1])
    assert hmac.compare_digest(m1[72:], mac(gate, b"M1", m1[:72]))
    ephemeral = x25519.X25519PrivateKey.generate()
    clear = bytes([7, 1]) + os.urandom(32) + raw_public(ephemeral)
    shared = ephemeral.exchange(x25519.X25519PublicKey.from_public_bytes(m1[40:72]))
    ck1 = extract(salt, shared)
    th1 = h(m1, clear)
    own_der = spki(own.public_key())
    plain = v(own_der) + v(certificate) + instance + bytes([7, 7, 1])
    plain += struct.pack(">I", 1) + bytes(32)
    t2 = seal(expand(ck1, b"m2", th1), plain)
    io.write(clear + t2)
    m3 = Reader(io.read())
    t3a, t3b = m3.v(), m3.v()
    m3.end()
    th2 = h(th1, t2)
    s = own.decrypt(unseal(expand(ck1, b"m3a", th2), t3a), OAEP)
    th3 = h(th2, t3a)
    ck2 = extract(ck1, s)
    t = Reader(unseal(expand(ck2, b"m3b", th3), t3b))
    key_i, cert_i, role = t.v(), t.v(), t.raw(1)
    instance_i, data_key_id, signature = t.raw(16), t.raw(8), t.v()
    t.end()
    client = load_public(key_i)
    check_certificate(cert_i, pool, h(key_i), role[0], home)
    digest = h(th3, h(key_i), h(own_der), pool, role, instance_i, data_key_id)
    verify(client, b"holdfast/1 initiator", digest, signature)
    th4 = h(th3, t3b)
    io.write(wait(ck1, th4, 130))
    io.write(wait(ck1, th4, 0))
    digest = h(th4, h(own_der), h(key_i), pool, instance)
    plain = v(sign(own, b"holdfast/1 responder", digest)) + os.urandom(16)
    plain += struct.pack(">IHH", 262144, 256, 8) + b"\0"
    m4 = seal(expand(ck2, b"m4", th4), plain)
    io.write(m4)
    out, back, _ = derive(ck2, h(th4, m4))
    assert open_first_frame(out, io.read())[5:] == b"from java"
    io.write(first_frame(back, 8, 43, b"from python"))
    print("done", flush=True)


def fernet_seal(io):
    key, plain = io.read(), io.read()
    print(fernet(key).encrypt(plain).decode(), flush=True)


def fernet_open(io):
    key = io.read()
    io.write(fernet(key).decrypt(sys.stdin.readline().strip().encode()))


def recover(io):
    """A chunk's plaintext from data key, suite and salt: the public recipe."""
    key, suite, salt, chunk = io.read(), io.read()[0], io.read(), io.read()
    key_id = expand(key, b"key id")[:8]
    header = b"HFK1" + bytes([suite, 0, 0, 0]) + key_id + salt
    assert chunk[:32] == header
    prk = extract(salt, expand(key, b"chunk"))
    full = 65609 if suite == 1 else 65552
    plain, at, index = b"", 32, 0
    while at < len(chunk):
        block = chunk[at : at + full]
        number = struct.pack(">I", index)
        if suite == 1:
            plain += unseal(expand(prk, b"block", header + number), block)
        else:
            gcm = AESGCM(expand(prk, b"gcm", header))
            plain += gcm.decrypt(bytes(8) + number, block, header)
        at, index = at + full, index + 1
    io.write(h(plain))


def name_key(io):
    return AESSIV(expand(io.read(), b"name", length=64))


def name_seal(io):
    siv, seal_id, name = name_key(io), io.read(), io.read()
    padded = name + bytes(-len(name) % 32)
    io.write(siv.encrypt(padded, [b"holdfast/1 name" + seal_id]))


def name_open(io):
    siv, seal_id, sealed = name_key(io), io.read(), io.read()
    io.write(siv.decrypt(sealed, [b"holdfast/1 name" + seal_id]).rstrip(b"\0"))


COMMANDS = [initiator, responder, fernet_seal, fernet_open, recover, name_seal, name_open]

if __name__ == "__main__":
    {command.__name__: command for command in COMMANDS}[sys.argv[1]](Line())
