"""What the control channel says: the running program's side of it, and whoever gives it a command."""

TEXTS = {
    # -- who gives a command -------------------------------------------------------------------------------------------
    "control.no_program": (
        "{path}: no program has it in use ({reason})",
        "{path}: ningún programa lo usa ({reason})",
        "start it, or choose another with --db",
        "inícielo, o elija otro con --db",
    ),
    "control.silent_program": (
        "{path}: is in use ({owner}), but the program does not answer: {reason}",
        "{path}: está en uso ({owner}), pero el programa no responde: {reason}",
        "if it does not run, try again in some seconds; else restart it",
        "si no está en marcha, inténtelo de nuevo en unos segundos; si lo está, reinícielo",
    ),
    "control.lock_there": ("its lock file is there", "su archivo de bloqueo está ahí"),
    "control.no_lock": (
        "{path}: cannot be locked: {fault} ({reason})",
        "{path}: no se puede bloquear: {fault} ({reason})",
        "check that this user may write in its folder",
        "revise que este usuario pueda escribir en su carpeta",
    ),
    "control.other_version": (
        "it speaks version {version} of the control channel, this one {ours}",
        "habla la versión {version} del canal de control, este la {ours}",
        "use the commands of the version that runs",
        "use los comandos de la versión que está en marcha",
    ),
    "control.nobody_listens": (
        "nobody listens on port {port}: {fault}",
        "nadie escucha en el puerto {port}: {fault}",
    ),
    "control.port": ("port {port}: {fault}", "puerto {port}: {fault}"),
    "control.unknown_result": (
        "{command}: was given to the program (process {process}), but its result is unknown: {fault};"
        " look whether it was done before you repeat it",
        "{command}: se entregó al programa (proceso {process}), pero no se sabe su resultado: {fault};"
        " vea si se hizo antes de repetirlo",
    ),
    "control.stranger": (
        "another program listens there, it does not know the key",
        "ahí escucha otro programa, no conoce la clave",
    ),
    "control.long_command": (
        "{command}: has {count} bytes, more than {limit} for one command",
        "{command}: tiene {count} bytes, más de los {limit} de un comando",
    ),
    "control.no_file": ("there is no {path}", "no existe {path}"),
    "control.bad_file": (
        "{path}: is no control file",
        "{path}: no es un archivo de control",
        "restart the program, which writes it anew",
        "reinicie el programa, que lo escribe de nuevo",
    ),
    "control.file_fault": ("{path}: {fault}", "{path}: {fault}"),
    # -- the line ------------------------------------------------------------------------------------------------------
    "channel.long_line": ("a line of more than {limit} bytes", "una línea de más de {limit} bytes"),
    "channel.no_answer": ("no answer in time", "sin respuesta a tiempo"),
    "channel.broken": ("the connection broke: {fault}", "la conexión se cortó: {fault}"),
    "channel.closed": ("the connection was closed", "la conexión se cerró"),
    "channel.no_json": ("a line that is no JSON", "una línea que no es JSON"),
    "channel.no_object": ("a line that is no JSON object", "una línea que no es un objeto JSON"),
    "channel.no_nonce": ("no nonce", "sin nonce"),
    "channel.no_command": ("no command: {fault}", "no es un comando: {fault}"),
    "channel.unsound_command": (
        "no command: its name, arguments, who and origin",
        "no es un comando: su nombre, argumentos, quién y origen",
    ),
    # -- the running program -------------------------------------------------------------------------------------------
    "control.not_accepted": (
        "a command could not be taken: {fault}",
        "no se pudo recibir un comando: {fault}",
    ),
    "control.not_ended": (
        "{count} {count|command|commands} had not ended when the program stopped",
        "{count} {count|comando no había|comandos no habían} terminado al detenerse el programa",
    ),
    "control.connection_failed": (
        "a connection for commands failed",
        "falló una conexión para comandos",
    ),
    "control.refused": (
        "a command without the key of this run was refused",
        "se rechazó un comando sin la clave de esta ejecución",
    ),
    "control.not_told": (
        "command {command}: its result could not be told: {fault}",
        "comando {command}: no se pudo comunicar su resultado: {fault}",
    ),
    "control.failed": ("command {command} failed", "el comando {command} falló"),
    "control.failed_unexpectedly": (
        "{command}: failed unexpectedly, see the program's log: {fault}",
        "{command}: falló de forma inesperada, vea el registro (log) del programa: {fault}",
    ),
    "control.no_such_command": (
        "{command}: the running program has no such command; it has {known}",
        "{command}: el programa en marcha no tiene ese comando; tiene {known}",
    ),
    "control.not_written": (
        "{path} cannot be written: {fault}; until then no command reaches this program",
        "{path} no se puede escribir: {fault}; hasta entonces ningún comando llega a este programa",
        "check that this user may write in its folder, and that the disk is not full",
        "revise que este usuario pueda escribir en su carpeta y que el disco no esté lleno",
    ),
    "control.written_again": ("{path} could be written again", "{path} se pudo escribir de nuevo"),
}
