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
    "log.lost": (
        "{count} log {count|line|lines} could not be written in time and {count|is|are} lost",
        "{count} {count|línea|líneas} de registro no se pudieron escribir a tiempo y se perdieron",
    ),
    "log.unusable": ("log_file: {path}: {fault}", "log_file, archivo {path}: {fault}"),
    "log.no_file": ("is no file", "no es un archivo"),
    "log.database": (
        "is a database, not a log: choose another name",
        "es una base de datos, no un registro: elija otro nombre",
    ),
    "monitor.stopped": ("stopped", "detenido"),
    "console.not_read": ("not read", "no se leyó"),
    "console.several_pki": (
        "--pki: the PLCs have several folders, name one: {names}",
        "--pki: los PLC tienen varias carpetas, nombre una: {names}",
    ),
}
