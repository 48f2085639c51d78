"""What the collector says of its threads and PLCs, and what live values say of themselves."""

TEXTS = {
    "collector.connected": ("{plc} ({address}): connected", "{plc} ({address}): conectado"),
    "collector.good_again": (
        "{plc} ({address}): good again after {count} {count|failure|failures}",
        "{plc} ({address}): bien de nuevo después de {count} {count|fallo|fallos}",
    ),
    "collector.repeated": (
        "{plc} ({address}): the last failure happened {count} more {count|time|times}",
        "{plc} ({address}): el último fallo ocurrió {count} {count|vez|veces} más",
    ),
    "collector.removed": ("{plc} ({address}): no longer configured", "{plc} ({address}): ya no está configurado"),
    "collector.no_sign_of_life": (
        "gave no sign of life; its connection was closed from outside",
        "no dio señales de vida; se cerró su conexión desde fuera",
    ),
    "collector.thread_hangs": ("thread {thread} {cause}", "el hilo {thread} {cause}"),
    "collector.thread_died": ("thread {thread} died", "el hilo {thread} murió"),
    "collector.thread_again": (
        "thread {thread} is started again ({count})",
        "el hilo {thread} se inicia de nuevo ({count})",
    ),
    "collector.thread_stuck": ("thread {thread} did not stop", "el hilo {thread} no se detuvo"),
    "live.not_read": ("not read yet", "aún sin leer"),
    "live.no_connection": ("no connection", "sin conexión"),
}
