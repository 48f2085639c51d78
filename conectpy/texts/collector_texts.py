"""What the collector says of its threads and PLCs, and what live values say of themselves."""

TEXTS = {
    "collector.connected": ("{plc} ({address}): connected", "{plc} ({address}): conectado"),
    "collector.good_again": (
        "{plc} ({address}): good again after {count} {count|failure|failures}",
        "{plc} ({address}): bien de nuevo después de {count} {count|fallo|fallos}",
    ),
    "live.not_read": ("not read yet", "aún sin leer"),
    "live.no_connection": ("no connection", "sin conexión"),
}
