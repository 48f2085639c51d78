"""What is wrong with an event file or with writing it, and what becomes of it."""

TEXTS = {
    # -- where it lies -------------------------------------------------------------------------------------------------
    "store.no_room": (
        "{path}: {purpose} may take {needed} MB of its disk, and {free} MB are free:"
        " free some space; nothing has been changed",
        "{path}: {purpose} puede ocupar {needed} MB de su disco y hay {free} MB libres:"
        " libere espacio; no se cambió nada",
    ),
    "store.for_copy": ("a copy", "una copia"),
    "store.for_step": (
        "the step to version {version} and a copy of the file as it is",
        "el paso a la versión {version} y una copia del archivo como está",
    ),
    "store.folder": (
        "{path}: is a folder, not a database; choose another file with --db",
        "{path}: es una carpeta, no una base de datos; elija otro archivo con --db",
    ),
    "store.no_folder": (
        "{path}: the folder {folder} does not exist; create it, or choose another file with --db",
        "{path}: la carpeta {folder} no existe; créela, o elija otro archivo con --db",
    ),
    "store.share": (
        "{path}: lies on a network share ({share}), where locks are not safe and a lost line corrupts it;"
        " choose a local disk with --db",
        "{path}: está en un disco de red ({share}), donde los bloqueos no son seguros y un corte de línea lo daña;"
        " elija un disco local con --db",
    ),
    "store.irregular": (
        "{path}: is no regular file; choose another file with --db",
        "{path}: no es un archivo normal; elija otro archivo con --db",
    ),
    "store.read_only": (
        "{path}: the file is read-only; allow this user to write it, or choose another file with --db",
        "{path}: el archivo es de solo lectura; permita a este usuario escribirlo, o elija otro archivo con --db",
    ),
    "store.folder_read_only": (
        "{path}: the folder {folder} cannot be written; allow it to this user, or choose another file with --db",
        "{path}: no se puede escribir en la carpeta {folder}; permítalo a este usuario, o elija otro archivo con --db",
    ),
    "store.no_lock": (
        "{path}: the lock file {lock} cannot be made: {fault}",
        "{path}: no se puede crear el archivo de bloqueo {lock}: {fault}",
    ),
    "store.in_use": (
        "{path}: is in use by another collector ({owner}); stop that one, or choose another with --db",
        "{path}: lo usa otro colector ({owner}); deténgalo, o elija otro con --db",
    ),
    # -- what it is ----------------------------------------------------------------------------------------------------
    "store.no_wal": (
        "{path}: this file system cannot keep a write-ahead log; choose a local disk with --db",
        "{path}: este sistema de archivos no permite un registro WAL; elija un disco local con --db",
    ),
    "store.no_sqlite": (
        "{path}: is no SQLite database; it is left as it is, choose another file with --db",
        "{path}: no es una base de datos SQLite; se deja como está, elija otro archivo con --db",
    ),
    "store.damaged_other": (
        "{path}: is damaged ({fault}) and not an event database; it is left as it is",
        "{path}: está dañado ({fault}) y no es una base de eventos; se deja como está",
        "choose another file with --db",
        "elija otro archivo con --db",
    ),
    "store.bad_header": ("its header is damaged", "su encabezado está dañado"),
    "store.newer": (
        "{path}: was written by a newer conectpy (schema version {version}, known here: {known});"
        " it is left as it is, update conectpy or choose another file with --db",
        "{path}: lo escribió un conectpy más nuevo (versión de esquema {version}, aquí se conoce {known});"
        " se deja como está, actualice conectpy o elija otro archivo con --db",
    ),
    "store.foreign": (
        "{path}: is another program's database; it is left as it is, choose another file with --db",
        "{path}: es la base de datos de otro programa; se deja como está, elija otro archivo con --db",
    ),
    "store.lost_column": (
        "{path}: its table events has lost the column {column}; it is left as it is, restore a full copy",
        "{path}: su tabla events perdió la columna {column}; se deja como está, restaure una copia completa",
    ),
    "store.lost_key": (
        "{path}: its table events has lost its primary key; it is left as it is, restore a full copy",
        "{path}: su tabla events perdió su clave primaria; se deja como está, restaure una copia completa",
    ),
    "store.no_events": (
        "{path}: is a database without our table events; it is left as it is, choose another with --db",
        "{path}: es una base de datos sin nuestra tabla events; se deja como está, elija otra con --db",
    ),
    "store.no_open": (
        "{path}: cannot be opened: {fault}; choose another file with --db",
        "{path}: no se puede abrir: {fault}; elija otro archivo con --db",
    ),
    "store.damaged": (
        "{path}: was found damaged: {fault}",
        "{path}: se encontró dañado: {fault}",
        "it is kept aside and a new one begun",
        "se guarda aparte y se empieza uno nuevo",
    ),
    "store.no_read": ("{path}: cannot be read: {fault}", "{path}: no se puede leer: {fault}"),
    "store.full": ("{words}: free some space", "{words}: libere espacio en el disco"),
    "store.locked": ("{words} by another program", "{words}: lo bloquea otro programa"),
    "store.no_plain_file": ("is no plain file", "no es un archivo normal"),
    # -- versions ------------------------------------------------------------------------------------------------------
    "store.climbing": (
        "{path}: is brought to version {version}, a copy of it is kept as {copy}",
        "{path}: se lleva a la versión {version}, se guarda una copia como {copy}",
    ),
    "store.climbed": ("{path}: is at version {version}", "{path}: está en la versión {version}"),
    "store.no_climb": (
        "{path}: could not be brought up to date, it is as it was: {fault}",
        "{path}: no se pudo actualizar, está como estaba: {fault}",
    ),
    "store.climbs_meanwhile": (
        "{path}: is brought up to date meanwhile; what happens until then is kept",
        "{path}: se actualiza mientras tanto; lo que ocurra hasta entonces se guarda",
    ),
    "store.no_file": (
        "{path}: there is no such file",
        "{path}: no existe ese archivo",
        "check the path",
        "revise la ruta",
    ),
    "store.in_use_now": (
        "{path}: is in use by a collector ({owner}); stop that one first",
        "{path}: lo usa un colector ({owner}); deténgalo primero",
    ),
    "store.no_downgrade": (
        "{path}: cannot be copied for version {version}: {fault}",
        "{path}: no se puede copiar para la versión {version}: {fault}",
    ),
    "store.no_copy_needed": (
        "{path}: needs no copy, it is no newer than version {version}",
        "{path}: no necesita copia, no es más nuevo que la versión {version}",
    ),
    "store.copy_exists": (
        "{path}: exists already; choose another name for the copy",
        "{path}: ya existe; elija otro nombre para la copia",
    ),
    "store.copy_no_folder": (
        "{path}: its folder does not exist; create it, or choose another name for the copy",
        "{path}: su carpeta no existe; créela, o elija otro nombre para la copia",
    ),
    "store.zone": (
        "--legacy-timezone: no such time zone: {zone} (for example America/Montevideo)",
        "--legacy-timezone: no existe la zona horaria {zone} (por ejemplo America/Santiago)",
    ),
    "store.migrating_indexes": ("{path}: migrating: indexes", "{path}: migrando: índices"),
    "store.migrating": ("{path}: migrating: {done} of {total} rows", "{path}: migrando: {done} de {total} filas"),
    "store.left_out": (
        "{path}: left out of the migrated file: {sql} ({fault})",
        "{path}: no pasó al archivo migrado: {sql} ({fault})",
    ),
    "store.unreadable": (
        "{path}: {count} {count|row has|rows have} a time that cannot be read; see the table legacy_texts",
        "{path}: {count} {count|fila tiene|filas tienen} una hora que no se puede leer; vea la tabla legacy_texts",
    ),
    "store.followed": (
        "{count} open {count|event was|events were} followed by later ones of their tag; closed as uncertain",
        "{count} {count|evento abierto tenía|eventos abiertos tenían} otros posteriores de su señal; "
        "se cierran como inciertos",
    ),
    # -- while it is used ----------------------------------------------------------------------------------------------
    "store.closing": ("{path}: closing: {fault}", "{path}: al cerrar: {fault}"),
    "store.replaced": (
        "{path}: was replaced by another file while it was in use; the other one is used from now on",
        "{path}: fue reemplazado por otro archivo mientras se usaba; desde ahora se usa el otro",
    ),
    "store.put_back": (
        "{path}: was deleted while in use, and has been put back whole",
        "{path}: fue borrado mientras se usaba y se repuso completo",
    ),
    "store.not_put_back": (
        "{path}: was deleted while in use, and cannot be put back: {fault}",
        "{path}: fue borrado mientras se usaba y no se puede reponer: {fault}",
    ),
    "store.started_over": (
        "{path}: was corrupt ({fault}); it is kept aside as {copy}, and a new one is started",
        "{path}: estaba dañado ({fault}); se guarda aparte como {copy} y se empieza uno nuevo",
    ),
    "store.older_copy": (
        "{path}: is an older copy that was put back; what was recorded since that copy is not in it,"
        " and its revisions count on in a new epoch",
        "{path}: es una copia anterior repuesta; lo registrado desde esa copia no está en ella,"
        " y sus revisiones siguen en una época nueva",
    ),
    "store.witness_anew": (
        "{path}: cannot be understood, and is begun anew; an older copy would not be noticed now",
        "{path}: no se entiende y se empieza de nuevo; ahora no se notaría una copia anterior",
    ),
    "store.no_witness": (
        "{path}: cannot be kept ({fault}): a copy of the database that is put back by hand"
        " would not be noticed; recording goes on",
        "{path}: no se puede mantener ({fault}): no se notaría una copia de la base de datos repuesta a mano;"
        " se sigue registrando",
    ),
    "store.misfit": (
        "a transition does not fit what is stored and is left out: {fault}",
        "una transición no calza con lo guardado y se deja fuera: {fault}",
    ),
    "store.misfit_open": (
        "{key}: already has an open event, since {since}",
        "{key}: ya tiene un evento abierto, desde {since}",
    ),
    "store.misfit_none": ("{key}: has no open event to {kind}", "{key}: no tiene un evento abierto para {kind}"),
    "store.not_stored": (
        "{count} {count|transition|transitions} could not be stored: {fault}",
        "{count} {count|transición|transiciones} no se pudieron guardar: {fault}",
    ),
    "store.writer_failed": ("the writer failed", "falló el escritor de eventos"),
    "store.works_again": ("storing works again", "se vuelve a guardar"),
    "store.losing": (
        "transitions are being lost: {fault}",
        "se están perdiendo transiciones: {fault}",
        "repair the disk or the file soon",
        "repare pronto el disco o el archivo",
    ),
    "store.queue_full": (
        "the queue was full while storing failed",
        "la cola estaba llena mientras no se podía guardar",
    ),
    "store.failing": (
        "{path}: storing fails: {fault}; transitions are kept in memory",
        "{path}: no se puede guardar: {fault}; las transiciones quedan en memoria",
    ),
    # -- questions -----------------------------------------------------------------------------------------------------
    "hours.by": ("must be one of {known}, got '{value}'", "debe ser uno de {known}, se leyó '{value}'"),
    "hours.order": ("must be later than from", "debe ser posterior a from"),
    "hours.many": (
        "more than {limit} of by={by}; narrow the range",
        "más de {limit} de by={by}; reduzca el intervalo",
    ),
}
