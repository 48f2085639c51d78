"""What the operating system says when something fails, in words that do not depend on its own language."""

from __future__ import annotations

import errno
import socket
from typing import Optional

TEXTS = {
    "os.EACCES": ("Permission denied", "Permiso denegado"),
    "os.EADDRINUSE": ("Address already in use", "La dirección ya está en uso"),
    "os.EADDRNOTAVAIL": ("This machine has no such address", "Este equipo no tiene esa dirección"),
    "os.ECONNABORTED": ("Connection aborted", "Conexión abortada"),
    "os.ECONNREFUSED": ("Connection refused", "Conexión rechazada"),
    "os.ECONNRESET": ("Connection reset by peer", "El otro lado cortó la conexión"),
    "os.EHOSTDOWN": ("Host is down", "El equipo no responde en la red"),
    "os.EHOSTUNREACH": ("No route to host", "No hay ruta hasta el equipo"),
    "os.EISDIR": ("Is a directory", "Es una carpeta"),
    "os.EMFILE": ("Too many open files", "Demasiados archivos abiertos"),
    "os.ENETDOWN": ("Network is down", "La red está caída"),
    "os.ENETUNREACH": ("Network is unreachable", "La red no es alcanzable"),
    "os.ENOENT": ("No such file or directory", "No existe el archivo o la carpeta"),
    "os.ENOSPC": ("No space left on device", "No queda espacio en el disco"),
    "os.ENOTDIR": ("Not a directory", "No es una carpeta"),
    "os.EPERM": ("Operation not permitted", "Operación no permitida"),
    "os.EPIPE": ("Broken pipe", "El otro lado cerró la conexión"),
    "os.EROFS": ("Read-only file system", "El disco es de solo lectura"),
    "os.ETIMEDOUT": ("Connection timed out", "El otro lado no respondió a tiempo"),
    "os.timeout": ("timed out", "se agotó el tiempo"),
    "os.unknown_name": ("Name or service not known", "El nombre no existe en la red"),
}


def code_of(exc: OSError) -> Optional[str]:
    """The code of the text for this error; None: only the system's own words are known."""
    if isinstance(exc, socket.gaierror):
        return "os.unknown_name"
    if isinstance(exc, socket.timeout):
        return "os.timeout"
    name = errno.errorcode.get(exc.errno or 0, "")
    code = f"os.{name[3:] if name.startswith('WSA') else name}"  # Windows' own names of its network errors
    return code if code in TEXTS else None
