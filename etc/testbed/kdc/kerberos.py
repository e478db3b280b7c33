"""What Apache's mod_auth_gssapi does for Rucio in production: it asks for a ticket at /auth/gss, has MIT's GSSAPI verify it,
and passes the principal's name on in REMOTE_USER."""

import base64
import ctypes
import ctypes.util

import wsgi

_GSS = ctypes.CDLL(ctypes.util.find_library("gssapi_krb5"))


class _Buffer(ctypes.Structure):
    _fields_ = (("length", ctypes.c_size_t), ("value", ctypes.c_void_p))

    @classmethod
    def of(cls, data: bytes):
        return cls(len(data), ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p))

    def take(self) -> bytes:
        """Return a copy, and give the library its memory back."""
        data = ctypes.string_at(self.value, self.length) if self.value else b""
        _GSS.gss_release_buffer(ctypes.byref(ctypes.c_uint32()), ctypes.byref(self))
        return data


def accept(token: bytes) -> tuple[str, bytes]:
    """Return the name of the principal whose ticket it is, and the answer to send back; name is empty when it is refused."""
    minor, context, name, answer = ctypes.c_uint32(), ctypes.c_void_p(), ctypes.c_void_p(), _Buffer()
    major = _GSS.gss_accept_sec_context(
        ctypes.byref(minor), ctypes.byref(context), None, ctypes.byref(_Buffer.of(token)), None, ctypes.byref(name), None,
        ctypes.byref(answer), None, None, None)
    try:
        if major or not name:
            return "", answer.take()
        shown = _Buffer()
        _GSS.gss_display_name(ctypes.byref(minor), name, ctypes.byref(shown), None)
        return shown.take().decode(), answer.take()
    finally:
        _GSS.gss_delete_sec_context(ctypes.byref(minor), ctypes.byref(context), None)
        _GSS.gss_release_name(ctypes.byref(minor), ctypes.byref(name))


def application(environ, start_response):
    """The WSGI entry point."""
    environ.pop("REMOTE_USER", None)
    if environ.get("PATH_INFO") != "/auth/gss":
        return wsgi.application(environ, start_response)
    kind, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    name, answer = accept(base64.b64decode(token)) if kind == "Negotiate" else ("", b"")
    if not name:
        start_response("401 Unauthorized", [("WWW-Authenticate", "Negotiate"), ("Content-Type", "text/plain")])
        return [b"a Kerberos ticket is needed"]
    environ["REMOTE_USER"] = name

    def with_answer(status, headers, exc_info=None):
        negotiated = ("WWW-Authenticate", f"Negotiate {base64.b64encode(answer).decode()}")
        return start_response(status, [*headers, negotiated], exc_info)

    return wsgi.application(environ, with_answer)
