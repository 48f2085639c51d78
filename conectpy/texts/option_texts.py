"""What each option of a configuration means, and the flags that only the scripts have."""

TEXTS = {
    "option.tag.tag": ("the tag's name in the PLC", "nombre de la señal en el PLC"),
    "option.tag.label": ("the name that people know it by", "nombre con que la gente la conoce"),
    "option.tag.unit": ("unit shown behind the value", "unidad que se muestra junto al valor"),
    "option.tag.decimals": (
        "digits shown after the decimal point; cut, not rounded",
        "dígitos después de la coma; se cortan, no se redondean",
    ),
    "option.tag.node": (
        "NodeId of an OPC UA tag: ns=4;i=3 or nsu=URI;s=name",
        "NodeId de una señal OPC UA: ns=4;i=3 o nsu=URI;s=nombre",
    ),
    "option.tag.on_delay_s": ("TRUE must last this long to count", "cuánto debe durar TRUE para contar"),
    "option.tag.off_delay_s": ("FALSE must last this long to count", "cuánto debe durar FALSE para contar"),
    "option.opcua.security": (
        "OPC UA security; auto takes the strongest endpoint, never None",
        "seguridad de OPC UA; auto toma el endpoint más fuerte, nunca None",
    ),
    "option.opcua.mode": (
        "poll, or subscribe to catch pulses shorter than a scan",
        "consultar (poll), o suscribirse (subscribe) para ver pulsos más cortos que un ciclo",
    ),
    "option.opcua.sampling_ms": ("sampling interval of a subscription", "intervalo de muestreo de una suscripción"),
    "option.opcua.queue_size": (
        "changes that the server keeps per tag between two publications",
        "cambios que el servidor guarda por señal entre dos publicaciones",
    ),
    "option.opcua.user": ("user name; anonymous when left out", "usuario; anónimo si falta"),
    "option.opcua.password_env": (
        "environment variable that holds the password",
        "variable de entorno que contiene la contraseña",
    ),
    "option.opcua.password_file": (
        "file whose first line is the password",
        "archivo cuya primera línea es la contraseña",
    ),
    "option.opcua.user_certificate": (
        "certificate (DER or PEM) that identifies the user",
        "certificado (DER o PEM) que identifica al usuario",
    ),
    "option.opcua.user_key": ("private key of that certificate", "clave privada de ese certificado"),
    "option.opcua.allow_plain_password": (
        "send the password even where nothing encrypts it",
        "enviar la contraseña aunque nada la cifre",
    ),
    "option.opcua.session_timeout_s": (
        "how long the server keeps a lost session",
        "cuánto guarda el servidor una sesión perdida",
    ),
    "option.opcua.pki_dir": (
        "folder of the certificates: own, trusted, rejected",
        "carpeta de los certificados: propios, de confianza, rechazados",
    ),
    "option.opcua.trust_device_time": (
        "edges take the device's own time where it fits what was seen",
        "los flancos toman la hora del equipo donde cabe en lo que se vio",
    ),
    "option.plc.name": ("the name that people know the PLC by", "nombre con que la gente conoce el PLC"),
    "option.plc.driver": ("protocol", "protocolo"),
    "option.plc.interval_s": ("scan interval", "intervalo de lectura"),
    "option.plc.timeout_s": ("longest wait for one reply", "espera máxima de una respuesta"),
    "option.plc.tag_lost_s": (
        "a tag missing in the PLC for this long closes its event as tag_lost",
        "una señal que falta este tiempo en el PLC cierra su evento como tag_lost",
    ),
    "option.plc.comm_delay_s": (
        "an outage becomes a @comm event after this time",
        "un corte pasa a ser un evento @comm después de este tiempo",
    ),
    "option.plc.chatter_count": (
        "more transitions than this within the window flag the event",
        "más transiciones que estas dentro de la ventana marcan el evento",
    ),
    "option.plc.chatter_window_s": ("length of that window", "duración de esa ventana"),
    "option.plc.opcua": ("how to talk to an OPC UA server", "cómo hablar con un servidor OPC UA"),
    "option.database.path": ("the event database, a SQLite file", "la base de datos de eventos, un archivo SQLite"),
    "option.database.legacy_timezone": (
        "zone of the local times in an old database file",
        "zona de las horas locales de una base de datos antigua",
    ),
    "option.web.host": ("address to listen on; 0.0.0.0 for all", "dirección en que escucha; 0.0.0.0 para todas"),
    "option.web.port": ("port to listen on; 0 takes a free one", "puerto en que escucha; 0 toma uno libre"),
    "option.web.tls_certificate": ("PEM file: serve HTTPS", "archivo PEM: servir HTTPS"),
    "option.web.tls_key": ("PEM file of its private key", "archivo PEM de su clave privada"),
    "option.web.timezone": ("the plant's zone on the pages", "zona horaria de la planta en las páginas"),
    "option.web.language": ("language of the pages", "idioma de las páginas"),
    "option.web.trusted_hosts": (
        "host names that browsers may ask for",
        "nombres de host que los navegadores pueden pedir",
    ),
    "option.web.threads": ("threads that answer browsers", "hilos que atienden navegadores"),
    "option.web.connections_per_address": (
        "connections that one address may hold idle",
        "conexiones que una dirección puede mantener inactivas",
    ),
    "option.web.history_mb": ("memory for the trends", "memoria para las tendencias"),
    "option.top.database": (
        "the event database; a path, or a mapping",
        "la base de datos de eventos; una ruta, o un mapping",
    ),
    "option.top.web": ("the web server and its pages", "el servidor web y sus páginas"),
    "option.top.log_level": ("how much is logged", "cuánto se registra en el log"),
    "option.top.log_file": (
        "file that the log is written to as well: 5 MB, and the nine before it (FILE.1 ... FILE.9)",
        "archivo en que se escribe también el log: 5 MB, y los nueve anteriores (FILE.1 ... FILE.9)",
    ),
    "option.top.language": (
        "language of console and log, and of the pages unless `web.language` names another",
        "idioma de la consola y del log, y de las páginas si `web.language` no dice otro",
    ),
    "flag.config": (
        "configuration file, instead of PLCS in the script",
        "archivo de configuración, en lugar de PLCS del script",
    ),
    "flag.once": (
        "scan every PLC once, print the values, and end",
        "leer cada PLC una vez, mostrar los valores y terminar",
    ),
    "flag.monitor": (
        "Read PLCs, show live values in a browser, record when boolean states were TRUE.",
        "Lee PLC, muestra los valores en vivo en un navegador y registra cuándo estuvieron en TRUE los estados.",
    ),
    "flag.client": ("Read nodes of an OPC UA server.", "Lee nodos de un servidor OPC UA."),
    "flag.start": (
        "browse: where to begin (i=85, the Objects folder)",
        "browse: dónde empezar (i=85, la carpeta Objects)",
    ),
    "flag.url": (
        "opc.tcp://host:4840; without it, a simulated S7 is started",
        "opc.tcp://host:4840; si falta, se inicia un S7 simulado",
    ),
    "flag.node": ("read this node; repeatable", "leer este nodo; se puede repetir"),
    "flag.read_once": (
        "read once; exit status 0 only if all values are good",
        "leer una vez; termina con 0 solo si todos los valores están bien",
    ),
    "flag.subscribe": (
        "let the server report changes, also short ones",
        "que el servidor avise los cambios, también los cortos",
    ),
    "flag.csv": ("append every reading to FILE", "agregar cada lectura a FILE"),
    "flag.trust": ("trust the server's certificate", "confiar en el certificado del servidor"),
    "flag.depth": ("browse: how deep", "browse: con qué profundidad"),
}
