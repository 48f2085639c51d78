"""What the HTTP server says."""

TEXTS = {
    "server.no_accept": (
        "web: cannot accept a connection: {fault}",
        "web: no se puede aceptar una conexión: {fault}",
    ),
    "server.no_host": (
        "web: no such host: {host} (set web.host or --host to an address of this machine)",
        "web: no existe el equipo {host} (ponga en web.host o --host una dirección de este equipo)",
    ),
    "server.no_listen": (
        "web: cannot listen on {host}:{port}: {fault}",
        "web: no se puede escuchar en {host}:{port}: {fault}",
    ),
    "server.in_use": (
        "the port is in use by another program; stop it, or choose another port with --port or web.port",
        "otro programa usa el puerto; deténgalo, o elija otro puerto con --port o web.port",
    ),
    "server.held_by_windows": (
        "another program holds the port, or Windows keeps it for itself"
        " (see: netsh interface ipv4 show excludedportrange protocol=tcp);"
        " choose another port with --port or web.port",
        "otro programa ocupa el puerto, o Windows lo reserva"
        " (vea: netsh interface ipv4 show excludedportrange protocol=tcp);"
        " elija otro puerto con --port o web.port",
    ),
    "server.not_permitted": (
        "not permitted; choose a port above 1023 with --port or web.port",
        "no está permitido; elija un puerto mayor que 1023 con --port o web.port",
    ),
    "server.no_address": (
        "this machine has no such address; set web.host or --host to one of its own, or 0.0.0.0 for all",
        "este equipo no tiene esa dirección; ponga en web.host o --host una de las suyas, o 0.0.0.0 para todas",
    ),
    "server.no_file": (
        "web: {option}: cannot read {path}: {fault}",
        "web: {option}: no se puede leer {path}: {fault}",
        "check the path, and that this user may read it",
        "revise la ruta y que este usuario pueda leerlo",
    ),
    "server.bad_certificate": (
        "web: {certificate} and {key} are no certificate and unencrypted key that fit together: {fault}",
        "web: {certificate} y {key} no son un certificado y una clave sin cifrar que se correspondan: {fault}",
    ),
    "web.failed": ("web: {method} {path} failed", "web: {method} {path} falló"),
    "web.failed_because": ("web: {method} {path}: {fault}", "web: {method} {path}: {fault}"),
    "web.see_log": (
        "The request failed; the log says why.",
        "La petición falló; el registro (log) dice por qué.",
    ),
    "server.unprotected": (
        "web: {host} is served to the network unprotected: everybody there can read all values and events",
        "web: {host} se sirve a la red sin protección: cualquiera en ella puede leer todos los valores y eventos",
        "keep it to a trusted network or a firewall, or set web.host to 127.0.0.1",
        "limítelo a una red de confianza o con un firewall, o ponga web.host en 127.0.0.1",
    ),
    "web.exports_taken": (
        "Too many exports are under way: {each} for one address, {all} in all.",
        "Hay demasiadas exportaciones en curso: {each} por dirección, {all} en total.",
        "try again in a few seconds",
        "vuelva a intentarlo en unos segundos",
    ),
    "web.export_broken": (
        "web: the export {name} for {address} broke off: {fault}",
        "web: la exportación {name} para {address} se interrumpió: {fault}",
    ),
    "web.export_stopped": ("the export broke off", "la exportación se interrumpió"),
    "server.too_slow": (
        "the client takes less than {rate} bytes per second",
        "el cliente recibe menos de {rate} bytes por segundo",
    ),
    "server.stream_failed": ("web: the live stream failed", "web: falló la transmisión en vivo"),
    "server.request_failed": ("web: answering a request failed", "web: falló la respuesta a una petición"),
}
