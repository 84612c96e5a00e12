"""Sealpost's two wires and its formats in Python, written from docs/PROTOCOL.md and not from the Go code.

For reading beside that page: each module is one or two of its sections. Everything is in the standard library,
except Ed25519 (module ed25519), which is Debian's python3-cryptography. Python 3.11 or later.

    forms        base64, decimals and names, each in their one spelling
    wire         records: layouts, limits, a reader (section 5)
    turns        what a server expects of a client's records, and answers (section 6)
    session      the client's side: several messages in one connection (sections 6 to 8)
    tls          a connection to the pinned server (sections 2 and 3)
    pins         identities (section 3)
    ed25519      the one thing that is not in the standard library
    cipher2012   the cipher of 2012 (section 11)
    wire2012     the wire of 2012 (section 12)
    checkpoint   signed notes (section 10)
    receipt      receipts (section 10)
    tree         Merkle trees of RFC 6962 (section 10)
    manifest     manifest lines (section 14)
    logfile      log files (section 13)
    files        log files and messages, held against their lines (sections 13 and 14)
    collection   a directory of log files, held against what was signed

Whatever is refused is refused with a Breach that bears the class of the fault.
"""
