"""What pages and the HTTP interface answer to a wrong request."""

TEXTS = {
    "web.no_zone": (
        "web.timezone: no such time zone: {name} (IANA names, for example America/Montevideo)",
        "web.timezone: no existe la zona horaria {name} (nombres de IANA, por ejemplo America/Montevideo)",
    ),
    "web.strange_host": (
        "this host name is not served; name it in web.trusted_hosts",
        "este nombre de equipo no se atiende; agréguelo a web.trusted_hosts",
    ),
    "web.no_page": (
        "There is no such page; check the address.",
        "Esa página no existe; revise la dirección.",
    ),
    "web.no_method": (
        "{method} is not possible here; what can be read takes GET.",
        "{method} no es posible aquí; lo que se puede leer se pide con GET.",
    ),
    "web.streams_full": (
        "All places of the live stream are taken; poll /data instead.",
        "Todos los lugares de la transmisión en vivo están ocupados; consulte /data en su lugar.",
    ),
    # -- parameters ----------------------------------------------------------------------------------------------------
    "param.wrong": ("{faults:; }", "{faults:; }"),
    "param.unknown": ("is not known; known are {known}", "no se conoce; se conocen {known}"),
    "param.long": (
        "must be at most {limit} characters without NUL",
        "puede tener {limit} letras, sin NUL",
    ),
    "param.boolean": ("must be true, false, 1 or 0, got {value}", "debe ser true, false, 1 o 0, se leyó {value}"),
    "param.zone": ("is no IANA time zone: {value}", "no es una zona horaria de IANA: {value}"),
    "param.choice": ("must be one of {choices}, got {value}", "debe ser uno de {choices}, se leyó {value}"),
    "param.whole": (
        "must be a whole number from {low} to {high}, got {value}",
        "debe ser un número entero de {low} a {high}, se leyó {value}",
    ),
    "param.number": (
        "must be a number from {low} to {high}, got {value}",
        "debe ser un número de {low} a {high}, se leyó {value}",
    ),
    "param.times": (
        "may be given at most {limit} {limit|time|times}",
        "puede darse a lo más {limit} {limit|vez|veces}",
    ),
    "param.once": ("may be given once only", "puede darse una sola vez"),
    "param.required": ("is required", "es obligatorio"),
    "param.after_from": ("must not be before from", "no debe ser anterior a from"),
    "param.before_to": (
        "must be before to (now, if to is absent)",
        "debe ser anterior a to (ahora, si falta to)",
    ),
    "param.plc_per_tag": (
        "must be given once, or once for each tag",
        "debe darse una vez, o una vez por cada señal",
    ),
    "param.time": (
        "must be an ISO 8601 time such as 2026-03-01T07:14:02Z, or a date such as 2026-03-01",
        "debe ser una hora ISO 8601 como 2026-03-01T07:14:02Z, o una fecha como 2026-03-01",
    ),
    "param.time_range": (
        "must be a time from the years 1970 to 8999, got {value}",
        "debe ser una hora de los años 1970 a 8999, se leyó {value}",
    ),
    "param.no_time": ("is no such time: {value}", "esa hora no existe: {value}"),
    "param.no_plc": ("there is no PLC {plc}", "no hay un PLC {plc}"),
    "param.no_tag": ("{plc} has no tag {tag}", "{plc} no tiene la señal {tag}"),
    "param.no_event": ("there is no event {event}", "no hay un evento {event}"),
}
