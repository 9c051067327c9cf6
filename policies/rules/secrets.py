"""What looks like a secret. Pure. Errs on the side of refusing: text that whoever may see a pool can read."""

from __future__ import annotations

import re

PATTERNS = {
    "a shared access signature": re.compile(r"(?i)[?&;\s]?\bsig=[\w%+/-]{8,}"),
    "an account key": re.compile(r"(?i)\b(account|shared_?access|storage|batch)_?key\s*[=:]"),
    "a 512-bit key": re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}=="),
    "a password": re.compile(r"(?i)pass(word|wd|phrase)|\bpwd\b\s*[=:]"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a token": re.compile(r"\bey[JK][\w-]{10,}\.[\w-]{10,}\.|(?i:\bbearer\s+\S{16,})|\bgh[pousr]_\w{20,}"),
    "credentials in an address": re.compile(r"\w+://[^/\s:@]+:[^/\s@]+@"),
}
NAMES = re.compile(r"(?i)(^|_)(secret|password|passwd|pwd|passphrase|token|credentials?|(api|access|account)?_?key)$")


def looks_like(text: str) -> str:
    """The kind of secret the text seems to hold, or ""."""
    return next((kind for kind, pattern in PATTERNS.items() if pattern.search(text)), "")


def is_secret_name(name: str) -> bool:
    """Whether a variable of that name is there to hold a secret."""
    return NAMES.search(name) is not None
