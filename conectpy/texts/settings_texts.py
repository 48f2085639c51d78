"""What is wrong with a configuration, an environment variable, a command line or a text file."""

TEXTS = {
    "settings.at": ("{where}: {fault}", "{where}: {fault}"),
    "settings.missing": ("is missing", "falta"),
    "settings.unknown_near": ("unknown key: did you mean {near}?", "clave desconocida: ¿quiso decir {near}?"),
    "settings.unknown": ("unknown key: known are {known}", "clave desconocida: se conocen {known}"),
    "settings.keys": (
        "must hold keys such as {key}, got {value}",
        "debe contener claves como {key}, se leyó {value}",
    ),
    "settings.list": ("must be a list, got {value}", "debe ser una lista, se leyó {value}"),
    "settings.list_of": ("must be a list of {items}, got {value}", "debe ser una lista de {items}, se leyó {value}"),
    "settings.other_driver": (
        "is for driver {driver}, but the driver is {actual}",
        "es para el driver {driver}, pero el driver es {actual}",
    ),
    "settings.choice": ("must be {choices: or }, got {value}", "debe ser {choices: o }, se leyó {value}"),
    "settings.text": ("must be text, got {value}", "debe ser texto, se leyó {value}"),
    "settings.text_quoted": (
        "must be text, got {value} (YAML reads a bare yes, no, on or off as a boolean: put it in quotes)",
        "debe ser texto, se leyó {value} (YAML lee yes, no, on u off como booleano: póngalo entre comillas)",
    ),
    "settings.long": (
        "must be at most {limit} characters, got {count}",
        "puede tener {limit} letras, se leyeron {count}",
    ),
    "settings.control": (
        "must not hold control characters, got {value}",
        "no puede contener caracteres de control, se leyó {value}",
    ),
    "settings.bool": ("must be true or false, got {value}", "debe ser true o false, se leyó {value}"),
    "settings.number": ("must be {low} to {high}, got {value}", "debe ser de {low} a {high}, se leyó {value}"),
    "settings.whole": (
        "must be {low} to {high}, a whole number, got {value}",
        "debe ser de {low} a {high}, un número entero, se leyó {value}",
    ),
    "settings.zone": (
        "must be a time zone such as America/Santiago, got {value}",
        "debe ser una zona horaria como America/Santiago, se leyó {value}",
    ),
    "settings.tls_pair": (
        "tls_certificate and tls_key go together, got only one of them",
        "tls_certificate y tls_key van juntos, se leyó solo uno",
    ),
    # -- PLCs and tags -------------------------------------------------------------------------------------------------
    "settings.no_plcs": (
        'must hold at least one PLC, such as "192.168.11.10": {{tags: [...]}}, got {value}',
        'debe contener al menos un PLC, como "192.168.11.10": {{tags: [...]}}, se leyó {value}',
    ),
    "settings.address_text": (
        "the address must be text, got {value}: put it in quotes",
        "la dirección debe ser texto, se leyó {value}: póngala entre comillas",
    ),
    "settings.plc_keys": (
        "must hold name, tags and state_tags, got {value}",
        "debe contener name, tags y state_tags, se leyó {value}",
    ),
    "settings.twice": ("is there twice", "está dos veces"),
    "settings.tag_twice": ("{tag} is there twice", "{tag} está dos veces"),
    "settings.labels": (
        "must be a mapping of tag to label, got {value}",
        "debe asignar un nombre a cada señal, se leyó {value}",
    ),
    "settings.no_tags": (
        "has no tags: name at least one in tags or state_tags",
        "no tiene señales: nombre al menos una en tags o state_tags",
    ),
    "settings.tags": ("must be a list of tags, got {value}", "debe ser una lista de señales, se leyó {value}"),
    "settings.reserved": ("{tag} is a name of the collector's own", "{tag} es un nombre propio del colector"),
    "settings.no_node": (
        "tag {tag} has no node: write {{tag: {tag}, node: 'ns=4;i=3'}}",
        "la señal {tag} no tiene nodo: escriba {{tag: {tag}, node: 'ns=4;i=3'}}",
    ),
    "settings.path": (
        "must be a path such as 192.168.1.10, 192.168.1.10:44818, 192.168.1.10/0 or 192.168.1.10/bp/2: {fault}",
        "debe ser una ruta como 192.168.1.10, 192.168.1.10:44818, 192.168.1.10/0 o 192.168.1.10/bp/2: {fault}",
    ),
    "settings.url": (
        "must be a URL such as opc.tcp://192.168.1.20:4840: {fault}",
        "debe ser una URL como opc.tcp://192.168.1.20:4840: {fault}",
    ),
    "settings.url_form": (
        "must be a URL such as opc.tcp://192.168.1.20:4840",
        "debe ser una URL como opc.tcp://192.168.1.20:4840",
    ),
    "settings.url_secret": (
        "no user or password in it, it is sent in clear; use user and password_env",
        "sin usuario ni contraseña en ella, viaja sin cifrar; use user y password_env",
    ),
    "settings.no_ip": ("{host} is no IP address", "{host} no es una dirección IP"),
    "settings.no_host": ("{host} is no host", "{host} no es un equipo"),
    # -- the file ------------------------------------------------------------------------------------------------------
    "file.config": ("--config {path}: {fault}", "--config {path}: {fault}"),
    "file.config_at": (
        "--config {path}, line {line}, column {column}: {fault}",
        "--config {path}, línea {line}, columna {column}: {fault}",
    ),
    "file.characters": ("has more than {limit} characters", "tiene más de {limit} letras"),
    "file.deep": ("is nested too deeply", "tiene demasiados niveles"),
    "file.no_plcs": (
        "must hold plcs: and further keys, got {value}",
        "debe contener plcs: y otras claves, se leyó {value}",
    ),
    "file.key_twice": ("{key} stands here twice", "{key} está aquí dos veces"),
    "file.digits": ("a number has at most {limit} digits", "un número tiene a lo sumo {limit} cifras"),
    "file.merged": ("<< copies more than {limit} entries", "<< copia más de {limit} entradas"),
    "file.large": ("is larger than {limit} MiB", "tiene más de {limit} MiB"),
    "file.not_utf8": (
        "is not UTF-8 text: open it in an editor and save it with the encoding UTF-8, in Notepad by Save as; "
        "in PowerShell write it with Out-File -Encoding utf8",
        "no es texto UTF-8: ábralo en un editor y guárdelo con la codificación UTF-8, en el Bloc de notas con Guardar "
        "como; en PowerShell escríbalo con Out-File -Encoding utf8",
    ),
    "file.not_utf8_at": (
        "is not UTF-8 text, line {line}: open it in an editor and save it with the encoding UTF-8, in Notepad by "
        "Save as; in PowerShell write it with Out-File -Encoding utf8",
        "no es texto UTF-8, línea {line}: ábralo en un editor y guárdelo con la codificación UTF-8, en el Bloc de "
        "notas con Guardar como; en PowerShell escríbalo con Out-File -Encoding utf8",
    ),
}
