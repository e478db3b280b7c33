"""Writes account configurations in the formats that oidc-agent before 2.1.0 wrote, with libsodium as it did.

    python3 make.py     # needs libsodium.so.23

`oidc-gen --print` of current versions still reads both. The password is "sésame".
"""

import ctypes
import ctypes.util
import json
import os
from pathlib import Path

sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
ARGON2I, ARGON2ID = 1, 2


def encrypt(text: bytes, password: bytes, passes: int, memory: int, algorithm: int) -> str:
    """Return "length:salt:nonce:cipher"."""
    salt, nonce = os.urandom(16), os.urandom(24)
    key = ctypes.create_string_buffer(32)
    assert not sodium.crypto_pwhash(key, ctypes.c_ulonglong(32), password, ctypes.c_ulonglong(len(password)), salt,
                                    ctypes.c_ulonglong(passes), ctypes.c_size_t(memory), algorithm)
    box = ctypes.create_string_buffer(len(text) + 16)
    assert not sodium.crypto_secretbox_easy(box, text, ctypes.c_ulonglong(len(text)), nonce, key)
    return ":".join([str(len(box)), salt.hex(), nonce.hex(), box.raw.hex()])


for name, passes, memory, algorithm in (("libsodium18", 4, 32 << 20, ARGON2I), ("libsodium23", 2, 64 << 20, ARGON2ID)):
    config = {"name": name, "issuer_url": "https://iam.example.org/", "client_id": "an id", "client_secret": "a secret",
              "refresh_token": "a refresh token", "scope": "openid profile offline_access"}
    Path(__file__).with_name(name).write_text(
        encrypt(json.dumps(config).encode(), "sésame".encode(), passes, memory, algorithm))
