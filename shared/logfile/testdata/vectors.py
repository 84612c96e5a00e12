"""Makes the test vectors of this directory anew: python3 vectors.py

A second writer of log files and manifest lines, written from
docs/PROTOCOL.md and not from the Go code. The files it makes must never
change.
"""

import base64
import hashlib
import json
import pathlib

HERE = pathlib.Path(__file__).parent


def derive(password: bytes) -> bytes:
    h = hashlib.sha256(password).digest()
    for _ in range(20):
        h = hashlib.sha256(h + password).digest()
    return h


def encrypt(key: bytes, plain: bytes) -> bytes:
    n = 32 - len(plain) % 32
    plain += bytes([n]) * n
    out = bytearray()
    for at in range(0, len(plain), 32):
        out += bytes(b ^ k for b, k in zip(plain[at:at + 32][::-1], key))
    return base64.b64encode(out)


def write(folder: str, name: str, header: dict, body: bytes) -> None:
    (HERE / folder).mkdir(exist_ok=True)
    lines = "".join(f"{k}: {v}\n" for k, v in header.items())
    (HERE / folder / f"{name}.txt").write_bytes(lines.encode() + b"\n" + body)


KEY = derive(b"log file")
ID = "3f0c9a51e2b84d7786c1d05e9fa2b344"
TIME = "Sun Jul 22, 2012 20:44:41"
LINE = b"The harbour log of the ninth: two barges in, one out, wind from the south-west, and the lamp was lit at six"
TITLE = "-----\n%s MESSAGE CONTENT\n-----\n\n"
BOOK = (b"Ledger of a small shop, one line to a day and a sum to a line.\n" * 40)[:2169]


def log_file(plain: bytes, cipher: str, sender="store-17", name="report.txt", left_out=False) -> bytes:
    text = encrypt(KEY, plain) if cipher == "2012" else b""
    head = f"Message Received at: {TIME}\n\n"
    if text:
        head += f"Total Encrypted Message Size: {len(text)} bytes\n"
    head += f"Total Decrypted Message Size: {len(plain)} bytes\n"
    head += f"Sender: {sender}\n"
    if name:
        head += f"Message Name: {name}\n"
    head += f"Message ID: {ID}\n"
    if left_out:
        head += "Encrypted Message Content: left out\n"
    out = (head + TITLE % "DECRYPTED").encode() + plain + b"\n"
    if text and not left_out:
        out += ("\n" + TITLE % "ENCRYPTED").encode()
        for at in range(0, len(text), 76):
            out += text[at:at + 76] + b"\n"
    return out


def good(vector: str, note: str, plain: bytes, cipher: str, **more) -> None:
    text = encrypt(KEY, plain) if cipher == "2012" else b""
    write("files", vector, {
        "expect": "success", "note": note, "key": KEY.hex(),
        "time": "2012-07-22T20:44:41Z", "cipher": cipher,
        "sender": more.get("sender", "store-17"), "name": more.get("name", "report.txt"), "id": ID,
        "size": len(plain), "encrypted-size": len(text), "sha256": hashlib.sha256(plain).hexdigest(),
        "left-out": str(more.get("left_out", False)).lower(),
    }, log_file(plain, cipher, **more))


def bad(vector: str, expect: str, note: str, body: bytes) -> None:
    write("files", vector, {"expect": expect, "note": note}, body)


good("none", "cipher none: the file ends after the message", LINE, "none")
good("none-empty", "an empty message", b"", "none")
good("none-lf", "a message of one line feed", b"\n", "none")
good("2012-size-107", "172 characters on three lines", LINE, "2012")
good("2012-size-2169", "2904 characters", BOOK, "2012")
good("2012-empty", "an empty message, 44 characters", b"", "2012")
good("2012-size-32", "one block exactly, 88 characters", b"0123456789abcdefghijklmnopqrstuv", "2012")
good("2012-full-line", "684 characters: the last of nine lines is full", b"=" * 500, "2012")
good("2012-wire", "no sender, no name", LINE, "2012", sender="-", name="")
good("2012-left-out", "the base64 text is left out, the header says so", LINE, "2012", left_out=True)
good("2012-left-out-empty", "the same with an empty message", b"", "2012", left_out=True)
good("crlf", "line ends stay as they are", b"one\r\ntwo\rthree\n\r\n", "2012")
good("bytes", "a message that is no text", bytes(range(256)) * 2, "2012")
good("separators", "a message that contains a whole log file", log_file(LINE, "2012") * 2, "2012")
good("separators-end", "a message that ends like one", b"end\n\n" + (TITLE % "ENCRYPTED").encode(), "2012")
good("separators-start", "a message that begins like a title", (TITLE % "DECRYPTED").encode() + b"x", "none")
good("utf8-name", "a name in several scripts", LINE, "none", name="Bericht für 東京 и всё.txt")
good("name-long", "255 bytes of name, 64 of sender", LINE, "none", sender="s" * 64, name="n" * 255)
good("name-like-header", "a name that looks like a line of the header", LINE, "2012", name="Message ID: " + ID)

whole = log_file(LINE, "2012")
plain = log_file(LINE, "none")


def change(old: str, new: str, of: bytes = whole) -> bytes:
    assert of.count(old.encode()) == 1, old
    return of.replace(old.encode(), new.encode())


bad("bad-empty", "header", "an empty file", b"")
bad("bad-cut-header", "header", "cut inside the header", whole[:60])
bad("bad-cut-title", "header", "cut inside the first title", whole[:whole.index(b"MESSAGE CONTENT")])
bad("bad-long-line", "header", "no line end in the first 8 KiB", b"Message Received at: " + b"x" * 9000)
bad("bad-crlf", "header", "CR LF line ends", whole.replace(b"\n", b"\r\n"))
bad("bad-weekday", "header", "that day was a Sunday", change("Sun Jul", "Mon Jul"))
bad("bad-day", "header", "no such day", change("Jul 22", "Jul 32"))
bad("bad-no-blank", "header", "the empty line is missing", change("44:41\n\n", "44:41\n"))
bad("bad-leading-zero", "header", "a number with a leading zero", change("107 bytes", "0107 bytes"))
bad("bad-sign", "header", "a number with a sign", change("107 bytes", "+107 bytes"))
bad("bad-unit", "header", "another unit", change("107 bytes", "107 byte"))
bad("bad-no-sender", "header", "no sender line", change("Sender: store-17\n", ""))
bad("bad-sender", "header", "a sender outside the alphabet", change("Sender: store-17", "Sender: store 17"))
bad("bad-no-name", "header", "a sender, but no name", change("Message Name: report.txt\n", ""))
bad("bad-empty-name", "header", "an empty name", change("report.txt", ""))
bad("bad-name", "header", "a control character in the name", change("report.txt", "re\x1bport.txt"))
bad("bad-name-utf8", "header", "a name that is not UTF-8", whole.replace(b"report.txt", b"re\xffport.txt"))
bad("bad-id", "header", "upper case in the id", change(ID, ID.upper()))
bad("bad-order", "header", "the sizes in the other order", change(
    "Total Encrypted Message Size: 172 bytes\nTotal Decrypted Message Size: 107 bytes\n",
    "Total Decrypted Message Size: 107 bytes\nTotal Encrypted Message Size: 172 bytes\n"))
bad("bad-encrypted-zero", "header", "an encrypted size of 0", change("172 bytes", "0 bytes"))
bad("bad-left-out-none", "header", "left out, but nothing was encrypted", change(
    f"{ID}\n", f"{ID}\nEncrypted Message Content: left out\n", plain))
bad("bad-left-out-more", "header", "left out, and more on that line", change(
    "left out\n", "left out here\n", log_file(LINE, "2012", left_out=True)))
bad("bad-unknown-line", "header", "a line that is not known", change(f"{ID}\n", f"{ID}\nColour: red\n"))
bad("bad-too-large", "size", "a declared size of 2^64-1", change("107 bytes", f"{2**64 - 1} bytes"))
bad("bad-encrypted-too-large", "size", "a declared size of 2^63", change("172 bytes", f"{2**63} bytes"))
bad("bad-number-too-large", "header", "a declared size of 2^64", change("107 bytes", f"{2**64} bytes"))
bad("bad-wraps-around", "size", "a size that wraps around to a file that ends after its header",
    log_file(b"", "none").replace(b": 0 bytes", f": {2**64 - 1} bytes".encode())[:-1])
bad("bad-size-plus", "size", "one byte more declared", change("107 bytes", "108 bytes"))
bad("bad-size-minus", "size", "one byte less declared", change("107 bytes", "106 bytes"))
bad("bad-cut-plain", "size", "cut inside the message", plain[:-20])
bad("bad-cut-end", "size", "the last line end is missing", whole[:-1])
bad("bad-more", "size", "a byte after the end", whole + b"\n")
bad("bad-not-left-out", "size", "left out, but it is there", change(
    f"{ID}\n", f"{ID}\nEncrypted Message Content: left out\n"))
bad("bad-title", "trailer", "another second title", change("\nENCRYPTED", "\nENCIPHERED"[:10]))
bad("bad-end", "trailer", "no line end after the message", plain[:-1] + b"x")
bad("bad-shifted", "trailer", "sizes that only fit together", change("107 bytes", "106 bytes", change("172 bytes", "173 bytes")))
bad("bad-wrap", "wrap", "a line end in the wrong place", (lambda at: whole[:at] + b"A" + whole[at + 1:])(len(whole) - 22))
bad("bad-wrap-end", "wrap", "the last byte is not a line end", whole[:-1] + b"A")

# One fault, one name: the header is judged as a whole before any size, the sizes before the bytes behind the message.
bad("order-weekday-size", "header", "another day of the week, and a size of 2^64-1",
    change("Sun Jul", "Mon Jul", change("107 bytes", f"{2**64 - 1} bytes")))
bad("order-zero-size", "header", "a leading zero in the day, cut off, and a size that does not fit",
    change("Jul 22", "Jul 2", change("107 bytes", "108 bytes")))
bad("order-unknown-size", "header", "a line that is not known, and a size of 2^63",
    change(f"{ID}\n", f"{ID}\nColour: red\n", change("172 bytes", f"{2**63} bytes")))
bad("order-size-trailer", "size", "another second title, and a byte behind the end", change("\nENCRYPTED", "\nENCIPHERED"[:10]) + b"\n")
bad("order-trailer-wrap", "trailer", "another second title, and the last byte is not a line end",
    change("\nENCRYPTED", "\nENCIPHERED"[:10])[:-1] + b"A")

# The header's time.
for vector, at, note in (
        ("day-of-month", "Tue Feb 30, 2012 20:44:41", "no such day of that month"), ("leap-day", "Tue Feb 29, 2011 20:44:41", "no leap year"),
        ("year-0", "Sat Jul 22, 0000 20:44:41", "the years begin with 1"), ("year-5", "Sun Jul 22, 12012 20:44:41", "five digits for the year"),
        ("hour", "Sun Jul 22, 2012 24:00:00", "no such hour"), ("hour-short", "Sun Jul 22, 2012 8:44:41", "one digit for the hour"),
        ("second", "Sat Jun 30, 2012 23:59:60", "a leap second"), ("month", "Sun July 22, 2012 20:44:41", "the month's whole name"),
        ("case", "SUN JUL 22, 2012 20:44:41", "capitals"), ("zone", "Sun Jul 22, 2012 20:44:41 UTC", "a zone"),
        ("fraction", "Sun Jul 22, 2012 20:44:41.5", "a fraction"), ("day-space", "Sun Jul  2, 2012 20:44:41", "a blank for the day's zero")):
    bad("bad-time-" + vector, "header", note, change(TIME, at))

# The lines of base64 text.
at = whole.index(b"CONTENT\n-----\n\n", whole.index(b"ENCRYPTED MESSAGE CONTENT", 200)) + len(b"CONTENT\n-----\n\n")
bad("wrap-line-end-inside", "wrap", "a line end in place of a character of the first line", whole[:at + 10] + b"\n" + whole[at + 11:])
bad("wrap-line-end-first", "wrap", "a line end in place of the first character", whole[:at] + b"\n" + whole[at + 1:])
bad("wrap-line-end-last", "wrap", "a line end in place of the last character", whole[:-2] + b"\n\n")
bad("wrap-75", "wrap", "a first line of 75 characters, a second one of 77", whole[:at + 75] + b"\n" + whole[at + 75:at + 76] + whole[at + 77:])
bad("wrap-one-line", "wrap", "all in one line, then line ends", whole[:at] + whole[at:].replace(b"\n", b"") + b"\n" * whole[at:].count(b"\n"))

# Manifest lines.

ENTRY = {
    "v": 1, "seq": 7, "file": "server_message7.txt", "id": ID, "sender": "store-17", "name": "report.txt",
    "cipher": "2012", "received_at": "2012-07-22T20:44:41.000000000Z", "size": 107, "encrypted_size": 172,
    "sha256": hashlib.sha256(LINE).hexdigest(), "file_size": len(whole), "file_sha256": hashlib.sha256(whole).hexdigest(),
}


def dump(entry: dict) -> str:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":"))


def line(vector: str, expect: str, note: str, text, **fields) -> None:
    body = dump({**ENTRY, **fields}) if text is None else text
    write("lines", vector, {"expect": expect, "note": note}, body if isinstance(body, bytes) else body.encode())


line("entry", "success", "every field", None)
line("none", "success", "cipher none", None, cipher="none", encrypted_size=0)
line("first", "success", "number 0, an empty message", None, seq=0, file="server_message0.txt", size=0, encrypted_size=44)
line("wire-2012", "success", "no sender, no name", None, sender="-", name="")
line("escapes", "success", "a name with quotes and backslashes", None, name='say "no" \\ or <&> / not')
line("scripts", "success", "a name in several scripts", None, name="Grüße 東京 и всё 👋")
line("name-long", "success", "255 bytes that all need an escape", None, name='"' * 255, sender="s" * 64)
line("large", "success", "the largest numbers", None, seq=2**64 - 1, file=f"server_message{2**64 - 1}.txt",
     size=2**64 - 1, encrypted_size=2**64 - 1, file_size=2**64 - 1)
line("nanoseconds", "success", "a time to the nanosecond", None, received_at="2024-02-29T23:59:59.123456789Z")
line("year-9999", "success", "the last time there is", None, received_at="9999-12-31T23:59:59.999999999Z")

text = dump(ENTRY)
line("bad-empty", "failure", "no line", "")
line("bad-null", "failure", "null", "null")
line("bad-array", "failure", "an array", "[" + text + "]")
line("bad-lf", "failure", "with its line end", text + "\n")
line("bad-cut", "failure", "cut", text[:-1])
line("bad-two", "failure", "two objects", text + text)
line("bad-blank", "failure", "a blank after a comma", text.replace(',"seq"', ', "seq"'))
line("bad-start", "failure", "a blank before it", " " + text)
line("bad-bom", "failure", "a byte order mark before it", "\ufeff" + text)
line("bad-order", "failure", "two fields the other way round", dump(dict(reversed(ENTRY.items()))))
line("bad-unknown", "failure", "a field that is not known", None, colour="red")
line("bad-twice", "failure", "a field twice", text.replace('"seq":7', '"seq":7,"seq":7'))
line("bad-case", "failure", "a key in upper case", text.replace('"seq"', '"SEQ"'))
line("bad-missing", "failure", "a field is missing", text.replace('"size":107,', ""))
line("bad-version", "failure", "another version", None, v=2)
line("bad-version-0", "failure", "version 0", None, v=0)
line("bad-version-negative", "failure", "a negative version", None, v=-1)
line("bad-file", "failure", "the file of another number", None, file="server_message8.txt")
line("bad-file-path", "failure", "a path", None, file="../server_message7.txt")
line("bad-float", "failure", "a number with an exponent", text.replace('"size":107', '"size":1.07e2'))
line("bad-zero", "failure", "a number with a leading zero", text.replace('"size":107', '"size":0107'))
line("bad-negative", "failure", "a negative size", None, size=-1)
line("bad-string", "failure", "a number as a string", None, size="107")
line("bad-too-large", "failure", "a number of 65 bits", None, size=2**64)
line("bad-id", "failure", "upper case in the id", None, id=ID.upper())
line("bad-digest", "failure", "upper case in a digest", None, sha256=ENTRY["sha256"].upper())
line("bad-digest-short", "failure", "a short digest", None, sha256=ENTRY["sha256"][2:])
line("bad-sender", "failure", "a sender outside the alphabet", None, sender="store 17")
line("bad-sender-empty", "failure", "an empty sender", None, sender="")
line("bad-name-empty", "failure", "a sender, but no name", None, name="")
line("bad-name-control", "failure", "an escaped control character", None, name="a\x1bb")
line("bad-name-raw", "failure", "a raw control character", text.replace("report", "re\x1bport"))
line("bad-name-utf8", "failure", "a name that is not UTF-8", text.encode().replace(b"report", b"re\xffport"))
line("bad-name-surrogate", "failure", "half a surrogate pair", text.replace("report", "\\ud800"))
line("bad-name-long", "failure", "256 bytes of name", None, name="n" * 256)
line("bad-escape", "failure", "an escape that is not needed", text.replace("report", "\\u0072eport"))
line("bad-slash", "failure", "an escaped slash", text.replace("report", "re\\/port"))
line("bad-cipher", "failure", "a cipher that is not known", None, cipher="aes")
line("bad-none-encrypted", "failure", "cipher none with an encrypted size", None, cipher="none")
line("bad-2012-encrypted", "failure", "cipher 2012 without an encrypted size", None, encrypted_size=0)
line("bad-time-short", "failure", "a time without its nine digits", None, received_at="2012-07-22T20:44:41Z")
line("bad-time-zone", "failure", "a time in another zone", None, received_at="2012-07-22T22:44:41.000000000+02:00")
line("bad-time-comma", "failure", "a comma in the time", None, received_at="2012-07-22T20:44:41,000000000Z")
line("bad-time", "failure", "no such day", None, received_at="2012-02-30T20:44:41.000000000Z")
line("bad-too-long", "failure", "4097 bytes", text[:-1] + " " * (4096 - len(text)) + " }")
line("bad-blanks", "failure", "4096 bytes, most of them blanks", text[:-1] + " " * (4095 - len(text)) + " }")
line("first-year", "success", "the first time there is", None, received_at="0001-01-01T00:00:00.000000000Z")
line("no-sender-name", "success", "no sender and a name, which servers do not write", None, sender="-")
line("encrypted-unfit", "success", "an encrypted size that does not belong to the size: none is computed", None, encrypted_size=44)
line("encrypted-no-base64", "success", "an encrypted size that no base64 text has", None, encrypted_size=173)
line("file-size-unfit", "success", "a file smaller than the message in it", None, file_size=1)
line("bad-year-0", "failure", "the years begin with 1", None, received_at="0000-07-22T20:44:41.000000000Z")
line("bad-year-5", "failure", "five digits for the year", None, received_at="12012-07-22T20:44:41.000000000Z")
line("bad-time-hour", "failure", "hour 24", None, received_at="2012-07-22T24:00:00.000000000Z")
line("bad-time-second", "failure", "a leap second", None, received_at="2012-06-30T23:59:60.000000000Z")
line("bad-time-lower", "failure", "small letters in the time", None, received_at="2012-07-22t20:44:41.000000000z")
line("bad-time-ten", "failure", "ten digits behind the point", None, received_at="2012-07-22T20:44:41.0000000000Z")
line("bad-time-space", "failure", "a space for the T", None, received_at="2012-07-22 20:44:41.000000000Z")
line("bad-time-week", "failure", "ISO 8601's week of the year", None, received_at="2012-W29-7T20:44:41.000000000Z")
line("bad-bool", "failure", "true for a version", None, v=True)
line("bad-nan", "failure", "no number", text.replace('"size":107', '"size":NaN'))
line("bad-point-zero", "failure", "a fraction of zero", text.replace('"size":107', '"size":107.0'))
line("bad-minus-zero", "failure", "minus zero", text.replace('"size":107', '"size":-0'))
line("bad-behind", "failure", "a key behind the last", text[:-1] + ',"x":1}')
line("bad-cr", "failure", "a carriage return behind it", text + "\r")
line("bad-nul", "failure", "a zero byte behind it", text + "\0")
line("bad-escape-quote", "failure", "a quote as a hex escape", text.replace("report", "\\u0022report"))
line("bad-hash-space", "failure", "a blank in a digest", text.replace('"sha256":"', '"sha256":" '))
line("bad-file-zeroes", "failure", "a leading zero in the file's name", None, file="server_message07.txt")
line("bad-name-bidi", "failure", "a bidi control in the name", None, name="a\u202eb")
line("bad-name-separator", "failure", "a line separator in the name", None, name="a\u2028b")
line("bad-name-c1", "failure", "a control character of U+0080 to U+009F in the name", None, name="a\u0085b")

# Log files in shard directories.
PATH = "server_message12345678.txt"
line("shard", "success", "the path of a log file in a shard directory", None, file="000000/server_message7.txt")
line("shard-last", "success", "the last number of a shard directory", None, seq=9999, file="000000/server_message9999.txt")
line("shard-next", "success", "the first number of the next one", None, seq=10000, file="000001/server_message10000.txt")
line("shard-many", "success", "a larger number", None, seq=12345678, file="001234/" + PATH)
line("shard-digits", "success", "seven digits, once six are too few", None, seq=10**10, file=f"1000000/server_message{10**10}.txt")
line("shard-large", "success", "the largest number", None, seq=2**64 - 1, file=f"1844674407370955/server_message{2**64 - 1}.txt")
for vector, file, note in (
        ("wrong", "001235/" + PATH, "the shard directory of other numbers"), ("five", "01234/" + PATH, "five digits"),
        ("four", "1234/" + PATH, "no leading zeros"), ("seven", "0001234/" + PATH, "seven digits where six are enough"),
        ("sign", "+01234/" + PATH, "a sign"), ("blank", " 01234/" + PATH, "a blank for a zero"),
        ("up", "../" + PATH, "the directory above"), ("up-inside", "001234/../" + PATH, "out of the shard directory again"),
        ("up-before", "../001234/" + PATH, "a shard directory beside logs/"), ("here", "./001234/" + PATH, "a dot before it"),
        ("root", "/001234/" + PATH, "a slash before it"), ("two", "001234//" + PATH, "two slashes"),
        ("deep", "001234/001234/" + PATH, "a shard directory in a shard directory"), ("behind", "001234/" + PATH + "/", "a slash behind it"),
        ("backslash", "001234\\" + PATH, "a backslash for the slash"), ("alone", "001234/", "no file"),
        ("file", "001234/server_message12345679.txt", "the file of another number in the same directory"),
        ("zeros", "001234/server_message012345678.txt", "a leading zero in the file's name"),
        ("hex", "bc614e/" + PATH, "a number that is not decimal")):
    line("bad-shard-" + vector, "failure", note, None, seq=12345678, file=file)
