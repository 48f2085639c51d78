"""A file's access list on Windows, by SIDs: names of accounts differ by language, and SYSTEM has none that works."""

from __future__ import annotations

import ctypes
import msvcrt
import os
import sys
from ctypes import wintypes
from typing import Any

assert sys.platform == "win32"  # tells the type checker too

_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_advapi32 = ctypes.WinDLL("advapi32", use_last_error=True)

_GENERIC_WRITE = 0x40000000
_FILE_SHARE_READ_DELETE = 0x1 | 0x4
_CREATE_NEW = 1
_INVALID_HANDLE = wintypes.HANDLE(-1).value
_SDDL_REVISION_1 = 1
_TOKEN_QUERY = 0x8
_TOKEN_USER = 1


class _SecurityAttributes(ctypes.Structure):
    _fields_ = (
        ("length", wintypes.DWORD),
        ("descriptor", wintypes.LPVOID),
        ("is_inherited_by_children", wintypes.BOOL),
    )


class _SidAndAttributes(ctypes.Structure):
    _fields_ = (("sid", wintypes.LPVOID), ("attributes", wintypes.DWORD))


_kernel32.CreateFileW.restype = wintypes.HANDLE
_kernel32.CreateFileW.argtypes = (
    wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, wintypes.LPVOID, wintypes.DWORD, wintypes.DWORD, wintypes.HANDLE,
)  # fmt: skip
_kernel32.GetCurrentProcess.restype = wintypes.HANDLE
_kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)
_kernel32.LocalFree.argtypes = (wintypes.LPVOID,)
_advapi32.OpenProcessToken.argtypes = (wintypes.HANDLE, wintypes.DWORD, wintypes.LPVOID)
_advapi32.GetTokenInformation.argtypes = (
    wintypes.HANDLE, ctypes.c_int, wintypes.LPVOID, wintypes.DWORD, wintypes.LPVOID,
)  # fmt: skip
_advapi32.ConvertSidToStringSidW.argtypes = (wintypes.LPVOID, wintypes.LPVOID)
_advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW.argtypes = (
    wintypes.LPCWSTR, wintypes.DWORD, wintypes.LPVOID, wintypes.LPVOID,
)  # fmt: skip


def create_restricted(path: str) -> int:
    """Make a file for this user, SYSTEM and the administrators alone; its descriptor, open for writing bytes.

    Raises FileExistsError, OSError.
    """
    descriptor = wintypes.LPVOID()
    rights = f"D:P(A;;FA;;;{current_user_sid()})(A;;FA;;;SY)(A;;FA;;;BA)"  # P: nothing inherited; FA: full access
    _check(
        _advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW(
            rights, _SDDL_REVISION_1, ctypes.byref(descriptor), None
        )
    )
    try:
        attributes = _SecurityAttributes(ctypes.sizeof(_SecurityAttributes), descriptor, False)
        handle = _kernel32.CreateFileW(
            path, _GENERIC_WRITE, _FILE_SHARE_READ_DELETE, ctypes.byref(attributes), _CREATE_NEW, 0, None
        )
        if handle == _INVALID_HANDLE:
            raise _last_error(path)
    finally:
        _kernel32.LocalFree(descriptor)
    return msvcrt.open_osfhandle(handle, os.O_WRONLY | os.O_BINARY | os.O_NOINHERIT)


def current_user_sid() -> str:
    """The SID of the user this process runs as, such as `S-1-5-18`. Raises OSError."""
    token = wintypes.HANDLE()
    _check(_advapi32.OpenProcessToken(_kernel32.GetCurrentProcess(), _TOKEN_QUERY, ctypes.byref(token)))
    try:
        size = wintypes.DWORD()
        _advapi32.GetTokenInformation(token, _TOKEN_USER, None, 0, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        _check(_advapi32.GetTokenInformation(token, _TOKEN_USER, buffer, size, ctypes.byref(size)))
        text = wintypes.LPWSTR()
        _check(_advapi32.ConvertSidToStringSidW(_SidAndAttributes.from_buffer(buffer).sid, ctypes.byref(text)))
    finally:
        _kernel32.CloseHandle(token)
    try:
        return str(text.value)
    finally:
        _kernel32.LocalFree(text)


def _check(result: Any) -> None:
    if not result:
        raise _last_error()


def _last_error(path: str = "") -> OSError:
    number = ctypes.get_last_error()
    return OSError(0, ctypes.FormatError(number), path or None, number)
