"""Says what a file holds to a Sealpost server, shows the records that come back: python3 say.py HOST PORT FILE

It does NOT check who the server is, as a client must before it sends its token: use it to play, with tokens to throw away.
"""
import socket, ssl, sys

host, port, name = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # see above
context.set_alpn_protocols(["sealpost/1"])

with context.wrap_socket(socket.create_connection((host, int(port)))) as connection:
    connection.sendall(open(name, "rb").read())
    answers, kind = connection.makefile("rb"), 0
    while kind < 0x83:  # RECEIPT, REFUSAL or CLOSE: the last answer to what was said
        kind, size = answers.read(1)[0], int.from_bytes(answers.read(4), "big")
        payload = answers.read(size)
        print(f"0x{kind:02x}, {size} bytes: {payload[:70]}")
    if kind == 0x83:
        open(name + ".tlog-proof", "wb").write(payload[4:])
