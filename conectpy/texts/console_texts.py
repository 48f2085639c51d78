"""What the monitor's script, the commands and the control channel say."""

TEXTS = {
    "monitor.simulated": (
        "{plc} ({address}) is SIMULATED: its values are made up by this program",
        "{plc} ({address}) es SIMULADO: sus valores los inventa este programa",
    ),
    "monitor.open": ("open {url}", "abra {url}"),
    "monitor.not_stored": (
        "not every transition could be stored",
        "no se pudieron guardar todas las transiciones",
    ),
    "monitor.stopped": ("stopped", "detenido"),
    "console.not_read": ("not read", "no se leyó"),
    "console.several_pki": (
        "--pki: the PLCs have several folders, name one: {names}",
        "--pki: los PLC tienen varias carpetas, nombre una: {names}",
    ),
}
