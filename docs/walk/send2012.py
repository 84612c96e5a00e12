"""Sends one file over the 2012 wire, which protects nothing: python3 send2012.py HOST PORT PASSWORD FILE"""
import base64, hashlib, socket, sys

host, port, password, name = sys.argv[1:]
key = hashlib.sha256(password.encode()).digest()
for _ in range(20):
    key = hashlib.sha256(key + password.encode()).digest()

text = open(name, "rb").read()
padding = 32 - len(text) % 32
text += bytes([padding]) * padding
sealed = b""
for at in range(0, len(text), 32):
    sealed += bytes(a ^ b for a, b in zip(text[at:at + 32][::-1], key))

with socket.create_connection((host, int(port))) as connection:
    connection.sendall(key + base64.b64encode(sealed))
    connection.shutdown(socket.SHUT_WR)  # "that was all"
    connection.recv(1)  # b"" once the message is kept; an error where it is refused
