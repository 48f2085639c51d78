"""What the collector says of its threads and PLCs, and what live values say of themselves."""

TEXTS = {
    "live.not_read": ("not read yet", "aún sin leer"),
    "live.no_connection": ("no connection", "sin conexión"),
}
