"""What the OPC UA driver says: channel, session, security, nodes, values."""

TEXTS = {
    # -- the driver ----------------------------------------------------------------------------------------------------
    "ua.failed": ("{plc}: {action}: {fault}", "{plc}: {action}: {fault}"),
    "ua.reading_nodes": ("reading {count} {count|node|nodes}", "al leer {count} {count|nodo|nodos}"),
    "ua.reading_types": ("reading data types", "al leer los tipos de dato"),
    "ua.browsing": ("browsing", "al explorar"),
    "ua.browsing_node": ("browsing {node}", "al explorar {node}"),
    "ua.not_connected": (
        "{plc}: reading before connecting, or from a connection that has failed",
        "{plc}: se lee antes de conectar, o de una conexión que falló",
    ),
    "ua.types_too_early": ("{plc}: reading before connecting", "{plc}: se lee antes de conectar"),
    "ua.browsing_too_early": ("{plc}: browsing before connecting", "{plc}: se explora antes de conectar"),
    "ua.bad_node": ("tag {tag}: {fault}", "señal {tag}: {fault}"),
    "ua.no_namespace": (
        "the server has no namespace {uri}",
        "el servidor no tiene el espacio de nombres {uri}",
        "look for the right one with --browse in get_opUA.py",
        "busque el correcto con --browse en get_opUA.py",
    ),
    "ua.no_such_namespace": ("(no such namespace)", "(no existe ese espacio de nombres)"),
    "ua.server_state": (
        "the OPC UA server is in state {state}",
        "el servidor OPC UA está en estado {state}",
        "put the PLC into RUN",
        "ponga el PLC en RUN",
    ),
    "ua.status": ("{name}", "{name}", "{advice}", "{advice}"),
    "ua.fault": ("{subject}: {fault}", "{subject}: {fault}"),
    "ua.refused": ("the server refused: {fault}", "el servidor rechazó: {fault}"),
    "ua.refused_because": (
        "the server refused: {fault}: {words}",
        "el servidor rechazó: {fault}: {words}",
    ),
    "ua.advice.node": (
        "the server has no such node: check the NodeId, look for it with --browse in get_opUA.py",
        "el servidor no tiene ese nodo: revise el NodeId, búsquelo con --browse en get_opUA.py",
    ),
    "ua.advice.access": (
        "allow this user to read it in the PLC (accessible from HMI/OPC UA)",
        "permita en el PLC que este usuario lo lea (accesible desde HMI/OPC UA)",
    ),
    "ua.advice.user": (
        "check user and password in the PLC's configuration and here",
        "revise usuario y contraseña en la configuración del PLC y aquí",
    ),
    "ua.advice.our_certificate": (
        "accept our certificate in the PLC; python -m conectpy opcua own shows its file",
        "acepte nuestro certificado en el PLC; python -m conectpy opcua own muestra su archivo",
    ),
    "ua.advice.sessions": (
        "close other OPC UA clients of the PLC",
        "cierre otros clientes OPC UA del PLC",
    ),
    "ua.advice.security": (
        "set security: auto, or allow this endpoint in the PLC",
        "use security: auto, o permita este endpoint en el PLC",
    ),
    "ua.advice.clock": (
        "set the clocks of the PLC and of this machine",
        "ponga en hora el PLC y este equipo",
    ),
    "ua.no_value": ("the server sent no value", "el servidor no envió ningún valor"),
    "ua.not_reported": (
        "the server has not reported a value yet",
        "el servidor todavía no informa ningún valor",
    ),
    # -- the channel ---------------------------------------------------------------------------------------------------
    "ua.no_name": (
        "the name {host} is not known: {fault}",
        "el nombre {host} no se conoce: {fault}",
        "write the server's IP address, or check the name",
        "escriba la dirección IP del servidor o revise el nombre",
    ),
    "ua.unreachable": (
        "cannot connect to {host}:{port}: {fault}",
        "no se puede conectar a {host}:{port}: {fault}",
        "check power and cable (ping {host}), that the OPC UA server is on, the port, then the firewall (TCP {port})",
        "revise alimentación y cable (ping {host}), que el servidor OPC UA esté activado, el puerto y después el "
        "firewall (TCP {port})",
    ),
    "ua.greeting": (
        "the server answered the greeting with {answer}: is it an OPC UA server?",
        "el servidor respondió al saludo con {answer}: ¿es un servidor OPC UA?",
    ),
    "ua.small_buffer": (
        "the server takes no more than {count} bytes at once",
        "el servidor no acepta más de {count} bytes a la vez",
    ),
    "ua.short_nonce": (
        "the server's nonce has only {count} bytes",
        "el nonce del servidor tiene solo {count} bytes",
    ),
    "ua.other_renewal": (
        "the server renewed another channel than this one",
        "el servidor renovó otro canal, no este",
    ),
    "ua.many_chunks": (
        "a request needs {count} chunks, the server takes {limit}",
        "una consulta necesita {count} partes, el servidor acepta {limit}",
        "configure fewer tags for this PLC",
        "configure menos señales para este PLC",
    ),
    "ua.sending": ("sending a request", "al enviar una consulta"),
    "ua.waiting": ("waiting for the server", "al esperar al servidor"),
    "ua.no_answer": (
        "{action}: no answer in time",
        "{action}: sin respuesta a tiempo",
        "check the network; if the server is only slow, raise timeout_s",
        "revise la red; si el servidor solo es lento, aumente timeout_s",
    ),
    "ua.action_failed": ("{action}: {fault}", "{action}: {fault}"),
    "ua.closed": (
        "the server closed the connection",
        "el servidor cerró la conexión",
        "it may have been restarted, or has too many connections",
        "puede que se haya reiniciado o que tenga demasiadas conexiones",
    ),
    "ua.no_message": (
        "the server sent {bytes}, which is no OPC UA message",
        "el servidor envió {bytes}, que no es un mensaje OPC UA",
        "check address and port",
        "revise la dirección y el puerto",
    ),
    "ua.large_chunk": (
        "the server announced a chunk of {count} bytes; {limit} were agreed on",
        "el servidor anunció una parte de {count} bytes; se acordaron {limit}",
    ),
    "ua.bad_error": (
        "the server sent an error message that does not parse",
        "el servidor envió un mensaje de error que no se entiende",
    ),
    "ua.bad_message": (
        "a message of the server does not parse: {fault}",
        "un mensaje del servidor no se entiende: {fault}",
    ),
    "ua.unexpected": ("the server sent an unexpected {bytes}", "el servidor envió {bytes}, que no se esperaba"),
    "ua.large_message": (
        "the server sent a message of more than {limit} bytes or {chunks} chunks",
        "el servidor envió un mensaje de más de {limit} bytes o {chunks} partes",
    ),
    "ua.other_channel": (
        "a message carries channel {channel}, token {token}, which are not this channel's",
        "un mensaje lleva el canal {channel}, token {token}, que no son de este canal",
    ),
    "ua.other_policy": (
        "the server answered with policy '{policy}'",
        "el servidor respondió con la política '{policy}'",
    ),
    "ua.other_certificate": (
        "the server answered with another certificate than the one that was checked",
        "el servidor respondió con otro certificado que el revisado",
    ),
    "ua.missing": (
        "message {number} is missing: the server sent {got}",
        "falta el mensaje {number}: el servidor envió {got}",
    ),
    # -- services and session ------------------------------------------------------------------------------------------
    "ua.other_answer": (
        "the server answered with {got} instead of a {wanted}",
        "el servidor respondió con {got} en vez de {wanted}",
    ),
    "ua.bad_answer": ("a {wanted} does not parse: {fault}", "un {wanted} no se entiende: {fault}"),
    "ua.read_type": (
        "the server answered a Read with message type {type}",
        "el servidor respondió a un Read con un mensaje de tipo {type}",
    ),
    "ua.publish_type": (
        "the server answered a Publish with message type {type}",
        "el servidor respondió a un Publish con un mensaje de tipo {type}",
    ),
    "ua.unasked": (
        "the server answered request {number}, which was not asked",
        "el servidor respondió la consulta {number}, que no se hizo",
    ),
    "ua.session_certificate": (
        "the session was created with another certificate than the one that was checked",
        "la sesión se creó con otro certificado que el revisado",
    ),
    "ua.not_proven": (
        "the server could not prove that its certificate is its own",
        "el servidor no pudo probar que su certificado es suyo",
    ),
    "ua.bad_address": ("{url} is no OPC UA address: {fault}", "{url} no es una dirección OPC UA: {fault}"),
    "ua.address_form": (
        "{url} is no OPC UA address: write opc.tcp://192.168.1.20:4840",
        "{url} no es una dirección OPC UA: escriba opc.tcp://192.168.1.20:4840",
    ),
    "ua.address_secret": (
        "no user or password in an OPC UA address: it is sent in clear; use user and password_env",
        "sin usuario ni contraseña en una dirección OPC UA: viaja sin cifrar; use user y password_env",
    ),
    "ua.items": (
        "asked for {count} monitored items, the server answered with {found}",
        "se pidieron {count} elementos monitoreados, el servidor respondió con {found}",
    ),
    "ua.silent": (
        "the subscription has been silent for {seconds} s",
        "la suscripción lleva {seconds} s en silencio",
        "if this comes again, set mode: poll",
        "si se repite, use mode: poll",
    ),
    "ua.subscription_over": ("the subscription ended: {fault}", "la suscripción terminó: {fault}"),
    "ua.subscription_ended": (
        "the server ended the subscription: {fault}",
        "el servidor terminó la suscripción: {fault}",
    ),
    "ua.report_missing": (
        "report {number} of the subscription is missing, the server sent {got}",
        "falta el informe {number} de la suscripción, el servidor envió {got}",
    ),
    # -- security ------------------------------------------------------------------------------------------------------
    "ua.offers": (
        "{fault}; the server offers {offers}, security is none",
        "{fault}; el servidor ofrece {offers}, security es none",
        "set security: auto",
        "use security: auto",
    ),
    "ua.no_endpoint": (
        "the server offers {offers}; security: {security} needs {wanted: / }",
        "el servidor ofrece {offers}; security: {security} necesita {wanted: / }",
        "turn it on in the PLC",
        "actívelo en el PLC",
    ),
    "ua.only_open": (
        "the server offers {offers}; security: {security} needs {wanted: / }; without any protection: security: none",
        "el servidor ofrece {offers}; security: {security} necesita {wanted: / }; sin protección: security: none",
    ),
    "ua.no_certificate": (
        "the server has no certificate",
        "el servidor no tiene certificado",
        "make one in the PLC's configuration",
        "créelo en la configuración del PLC",
    ),
    "ua.untrusted": (
        "the server's certificate '{name}', thumbprint {thumbprint}, is not trusted; "
        "if it is your PLC's: python -m conectpy opcua trust {thumbprint}{folder}",
        "el certificado '{name}' del servidor, huella {thumbprint}, no es de confianza; "
        "si es el de su PLC: python -m conectpy opcua trust {thumbprint}{folder}",
    ),
    "ua.untrusted_and_bad": (
        "the server's certificate '{name}', thumbprint {thumbprint}, is not trusted (and {faults:; }); "
        "if it is your PLC's: python -m conectpy opcua trust {thumbprint}{folder}",
        "el certificado '{name}' del servidor, huella {thumbprint}, no es de confianza (y {faults:; }); "
        "si es el de su PLC: python -m conectpy opcua trust {thumbprint}{folder}",
    ),
    "ua.refused_certificate": (
        "the server's certificate '{name}', {thumbprint}, is refused: {faults:; }",
        "el certificado '{name}' del servidor, {thumbprint}, se rechaza: {faults:; }",
        "make a new one in the PLC",
        "cree uno nuevo en el PLC",
    ),
    "ua.certificate_hosts": (
        "{url}: the server's certificate is for {hosts}",
        "{url}: el certificado del servidor es para {hosts}",
        "if the address is right, nothing needs to be done",
        "si la dirección es correcta, no hace falta hacer nada",
    ),
    "ua.no_host": ("no host at all", "ningún equipo"),
    "ua.other_endpoint": (
        "the session knows nothing of the endpoint that the server had offered",
        "la sesión no conoce el endpoint que el servidor había ofrecido",
    ),
    "ua.not_yet_valid": ("it is valid only from {date}", "es válido solo desde {date}"),
    "ua.expired": ("it expired on {date}", "venció el {date}"),
    "ua.no_rsa": ("its key is no RSA key", "su clave no es RSA"),
    "ua.short_key": (
        "its key has only {bits} bits, {needed} are needed",
        "su clave tiene solo {bits} bits, se necesitan {needed}",
    ),
    "ua.weak_hash": (
        "it is signed with {hash}, which can be forged",
        "está firmado con {hash}, que se puede falsificar",
    ),
    "ua.no_hash": ("no hash", "ningún hash"),
    "ua.issuer_fault": ("issuer '{name}': {fault}", "emisor '{name}': {fault}"),
    "ua.other_application": (
        "it is made out to {uris}, the server is {server}",
        "está emitido para {uris}, el servidor es {server}",
    ),
    "ua.no_application": ("no application URI", "ninguna URI de aplicación"),
    "ua.no_anonymous": (
        "the server lets nobody in without a user: set user and password_env",
        "el servidor no deja entrar sin usuario: configure user y password_env",
    ),
    "ua.no_passwords": (
        "the server takes no user name and password here",
        "el servidor no acepta usuario y contraseña aquí",
        "allow it in the PLC, or leave out user",
        "permítalo en el PLC, o quite user",
    ),
    "ua.password_policy": (
        "the server wants passwords encrypted with {offers}; supported is Basic256Sha256",
        "el servidor pide contraseñas cifradas con {offers}; se admite Basic256Sha256",
        "turn Basic256Sha256 on in the PLC",
        "active Basic256Sha256 en el PLC",
    ),
    "ua.password_in_clear": (
        "the password would travel in clear: use security: auto, or allow it with allow_plain_password: true",
        "la contraseña viajaría sin cifrar: use security: auto, o permítalo con allow_plain_password: true",
    ),
    "ua.no_user_certificates": (
        "the server takes no user certificate here",
        "el servidor no acepta un certificado de usuario aquí",
        "allow it in the PLC, or use user and password_env",
        "permítalo en el PLC, o use user y password_env",
    ),
    "ua.no_user_key": (
        "user_certificate needs user_key, the file of its private key",
        "user_certificate necesita user_key, el archivo de su clave privada",
    ),
    "ua.file": ("{path}: {fault}", "{path}: {fault}"),
    "ua.bad_user_certificate": (
        "{certificate} or {key} does not parse: {fault}",
        "{certificate} o {key} no se entiende: {fault}",
        "give DER or PEM, the key without a passphrase",
        "deben ser DER o PEM, la clave sin frase de acceso",
    ),
    "ua.password_env": (
        "environment variable {name} is not set; it must hold the password",
        "la variable de entorno {name} no está definida; debe contener la contraseña",
    ),
    "ua.password_file": ("password_file {path}: {fault}", "password_file {path}: {fault}"),
    "ua.not_utf8": ("is not UTF-8 text", "no es texto UTF-8"),
    "ua.empty_file": (
        "is empty",
        "está vacío",
        "write the password into its first line",
        "escriba la contraseña en su primera línea",
    ),
    "ua.no_password": (
        "user {user} has no password: set password_env or password_file",
        "el usuario {user} no tiene contraseña: configure password_env o password_file",
    ),
    # -- NodeIds -------------------------------------------------------------------------------------------------------
    "node.form": (
        "'{node}' is no NodeId: write ns=4;i=3, ns=3;s=name or nsu=<uri>;s=name",
        "'{node}' no es un NodeId: escriba ns=4;i=3, ns=3;s=nombre o nsu=<uri>;s=nombre",
    ),
    "node.namespace": (
        "'{node}': the namespace index must be 0 to 65535",
        "'{node}': el índice del espacio de nombres debe ser de 0 a 65535",
    ),
    "node.number": ("must be 0 to 4294967295", "debe ser de 0 a 4294967295"),
    "node.bad": ("'{node}' is no NodeId: {fault}", "'{node}' no es un NodeId: {fault}"),
    # -- what does not parse -------------------------------------------------------------------------------------------
    "parse.size": (
        "{count} bytes announced, {left} left",
        "se anuncian {count} bytes, quedan {left}",
    ),
    "parse.node_form": ("unknown form {form} of a NodeId", "forma {form} de NodeId desconocida"),
    "parse.text_bits": ("unknown bits in a LocalizedText", "bits desconocidos en un LocalizedText"),
    "parse.object_form": (
        "unknown form {form} of an ExtensionObject",
        "forma {form} de ExtensionObject desconocida",
    ),
    "ua.slow_decoding": (
        "the answer is so large that it could not be taken apart in time",
        "la respuesta es tan grande que no se pudo leer a tiempo",
    ),
    "parse.walked": (
        "an array of {count} elements of unequal size, more than {limit}",
        "un arreglo de {count} elementos de distinto tamaño, más de {limit}",
    ),
    "parse.nested": (
        "values in values of more than {limit} bytes",
        "valores dentro de valores de más de {limit} bytes",
    ),
    "value.elements": (
        "an array of {count} elements, more than {limit}",
        "un arreglo de {count} elementos, más de {limit}",
        "name single elements of it",
        "nombre elementos sueltos",
    ),
    "value.bytes": (
        "a value of {count} bytes, more than {limit}",
        "un valor de {count} bytes, más de {limit}",
        "name a part of it",
        "nombre una parte",
    ),
    "parse.depth": ("values lie too deep in each other", "hay valores anidados a demasiada profundidad"),
    "parse.diagnostic_bits": ("unknown bits in a DiagnosticInfo", "bits desconocidos en un DiagnosticInfo"),
    "parse.dimensions_alone": ("array dimensions without an array", "dimensiones de un arreglo que no está"),
    "parse.type": ("unknown built-in type {type}", "tipo básico {type} desconocido"),
    "parse.null_array": ("an array of nothing", "un arreglo de nada"),
    "parse.negative": ("a negative array dimension", "una dimensión de arreglo negativa"),
    "parse.fill": (
        "{count} elements do not fill the dimensions {sizes}",
        "{count} elementos no llenan las dimensiones {sizes}",
    ),
    "parse.value_bits": ("unknown bits in a DataValue", "bits desconocidos en un DataValue"),
    "parse.value_cut": ("the message ends inside a value", "el mensaje termina dentro de un valor"),
    "parse.diagnostics": ("diagnostics that were not asked for", "diagnósticos que no se pidieron"),
    "parse.header_cut": ("the header is longer than the message", "el encabezado es más largo que el mensaje"),
    "parse.header": (
        "the header of an answer does not parse: {fault}",
        "el encabezado de una respuesta no se entiende: {fault}",
    ),
    "parse.count": (
        "asked for {count} values, the server answered with {found}",
        "se pidieron {count} valores, el servidor respondió con {found}",
    ),
    "parse.values": (
        "the values of an answer do not parse: {fault}",
        "los valores de una respuesta no se entienden: {fault}",
    ),
    "parse.rest": (
        "{count} bytes behind the values of an answer",
        "{count} bytes después de los valores de una respuesta",
    ),
    "parse.value": (
        "a value of an answer does not parse: {fault}",
        "un valor de una respuesta no se entiende: {fault}",
    ),
    "parse.publish": (
        "a PublishResponse does not parse: {fault}",
        "un PublishResponse no se entiende: {fault}",
    ),
    "parse.notification": (
        "a notification is longer than the message",
        "una notificación es más larga que el mensaje",
    ),
    "parse.items": (
        "the items of a notification are longer than it",
        "los elementos de una notificación son más largos que ella",
    ),
    "parse.signature": ("shorter than its signature", "más corto que su firma"),
    "parse.padding": ("more padding than message", "más relleno que mensaje"),
}
