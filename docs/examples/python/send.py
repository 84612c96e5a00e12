"""Sends one file to a Sealpost server: python3 send.py FILE [MESSAGE_ID]

A client in Python 3.11's standard library, written from docs/PROTOCOL.md. Settings: CLIENT_TOKEN,
CLIENT_SERVER_IDENTITY and CLIENT_SERVER, as in the env file of `server sender add`. It checks that the
server is the pinned one and nothing else: the receipt's signature and proof are not verified. Before OpenSSL 3.5 it
has X25519 alone: who records the connection can read it once they have a quantum computer. Prints the
receipt's manifest line. Exit status: 0 receipted, 1 internal, 2 usage, 3 refused for good, 4 not known.
"""
import base64, contextlib, hashlib, os, secrets, socket, ssl, struct, sys

HELLO, OFFER, DATA, END, CANCEL = 0x01, 0x02, 0x03, 0x04, 0x05
WELCOME, ACCEPT, RECEIPT, REFUSAL, CLOSE = 0x81, 0x82, 0x83, 0x84, 0x85
ED25519_INFO = bytes.fromhex("302a300506032b6570032100")  # a SubjectPublicKeyInfo up to the key, RFC 8410

def stop(status: int, reason: str) -> None:
    print("send.py:", ascii(reason)[1:-1], file=sys.stderr)
    sys.exit(status)

def element(der: bytes, at: int, tag: int) -> tuple[int, int]:
    """Start and end of a DER element's content. BER's indefinite length (0x80) is refused: OpenSSL takes
    it, so that this function and OpenSSL could see different keys in one certificate."""
    size, start = der[at + 1], at + 2
    if der[at] != tag or size == 0x80:
        raise ValueError("the server's certificate is not one")
    if size > 0x80:
        start, size = start + size - 0x80, int.from_bytes(der[start:start + size - 0x80])
    return start, start + size

def public_key_info(certificate: bytes) -> bytes:
    at, _ = element(certificate, element(certificate, 0, 0x30)[0], 0x30)  # TBSCertificate, RFC 5280, section 4.1
    for tag in (0xA0, 0x02, 0x30, 0x30, 0x30, 0x30):  # version, serial number, signature, issuer, validity, subject
        _, at = element(certificate, at, tag)
    return certificate[at:element(certificate, at, 0x30)[1]]

def connect(server: str, keys: list[bytes]) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["sealpost/1"])
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # names and issuer mean nothing, the key does
    host, _, port = server.rpartition(":")
    sock = context.wrap_socket(socket.create_connection((host.strip("[]"), int(port)), timeout=60))
    info = public_key_info(sock.getpeercert(binary_form=True))
    if info not in [ED25519_INFO + key for key in keys] or sock.selected_alpn_protocol() != "sealpost/1":
        stop(3, f"the server's key is {info.hex()}, expected one of {[key.hex() for key in keys]} and sealpost/1")
    return sock

def send(sock: ssl.SSLSocket, kind: int, payload: bytes = b"") -> None:
    sock.sendall(struct.pack(">BI", kind, len(payload)) + payload)

def receive(stream, *wanted: int) -> tuple[int, bytes]:
    kind, size = struct.unpack(">BI", stream.read(5))  # fails where the stream ends
    payload = stream.read(min(size, 16388))
    if len(payload) != size:
        raise ValueError("an answer is not whole")
    if kind in (REFUSAL, CLOSE):
        body = payload[4:] if kind == REFUSAL else payload
        reason = f"{body[2:].decode()} (code 0x{body[:2].hex()})"
        if body[0] in (1, 3):  # the code's class: for good
            stop(3, reason)
        raise OSError(reason)
    if kind not in wanted:
        raise ValueError(f"record 0x{kind:02x} is out of turn")
    return kind, payload

def deliver(sock: ssl.SSLSocket, token: str, offer: bytes, file, size: int) -> bytes:
    stream, sent = sock.makefile("rb"), 0
    send(sock, HELLO, token.encode())
    kind, payload = receive(stream, WELCOME)
    window, = struct.unpack_from(">I", payload, 8)
    send(sock, OFFER, offer)
    while kind != RECEIPT and (piece := file.read(min(65536, size - sent))):
        if sent <= window < sent + len(piece):  # no further before ACCEPT, or RECEIPT where the server has this message
            kind, payload = receive(stream, ACCEPT, RECEIPT)
        if kind != RECEIPT:
            send(sock, DATA, piece)
            sent += len(piece)
    send(sock, END if sent == size else CANCEL)
    return (payload if kind == RECEIPT else receive(stream, RECEIPT)[1])[4:]

def manifest_line(receipt: bytes) -> str:
    version, extra = receipt.split(b"\n")[:2]
    if version != b"c2sp.org/tlog-proof@v1" or not extra.startswith(b"extra "):
        raise ValueError("the receipt is none")
    return base64.b64decode(extra[6:], validate=True).decode()

def main() -> None:
    try:
        path, id_ = sys.argv[1], bytes.fromhex(sys.argv[2]) if len(sys.argv) > 2 else secrets.token_bytes(16)
        token, pins = os.environ["CLIENT_TOKEN"], os.environ["CLIENT_SERVER_IDENTITY"].split(",")
        keys = [base64.b64decode(pin.strip().split("+", 2)[2], validate=True)[1:] for pin in pins]
        if len(id_) != 16:
            raise ValueError("a message id has 32 hex digits")
    except (LookupError, ValueError) as error:
        stop(2, f"usage: send.py FILE [MESSAGE_ID], CLIENT_TOKEN and CLIENT_SERVER_IDENTITY set ({error})")
    with open(path, "rb") as file:
        digest, size = hashlib.file_digest(file, "sha256").digest(), file.tell()
        file.seek(0)
        offer = struct.pack(">I16sBQQ32s", 0, id_, 0, size, 0, digest) + os.path.basename(path).encode()
        try:
            with connect(os.environ.get("CLIENT_SERVER", "localhost:7513"), keys) as sock:
                print(manifest_line(deliver(sock, token, offer, file, size)), flush=True)
                with contextlib.suppress(OSError):
                    sock.unwrap()  # close_notify: the server sees an end, not a lost connection
        except (OSError, LookupError, ValueError, struct.error) as error:
            stop(4, f"not known to be delivered ({error}); again: send.py {path} {id_.hex()}")

if __name__ == "__main__":
    main()
