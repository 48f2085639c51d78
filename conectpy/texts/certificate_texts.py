"""What the folder of certificates says."""

TEXTS = {
    "certificate.none": (
        "the server's certificate is no certificate",
        "el certificado del servidor no es un certificado",
    ),
    "certificate.cut": ("the server's certificate is cut off", "el certificado del servidor está cortado"),
    "certificate.bad": ("a certificate does not parse: {fault}", "un certificado no se entiende: {fault}"),
    "certificate.own": (
        "our own certificate {path}: {fault}",
        "nuestro certificado {path}: {fault}",
        "allow this user to read and write the folder, or choose another with pki_dir",
        "permita a este usuario leer y escribir la carpeta, o elija otra con pki_dir",
    ),
    "certificate.expiring": (
        "our OPC UA certificate {path} {expiry}; delete it to get a new one",
        "nuestro certificado OPC UA {path} {expiry}; bórrelo para obtener uno nuevo",
        "then accept the new one in the PLC",
        "después acepte el nuevo en el PLC",
    ),
    "certificate.made": (
        "made our OPC UA certificate {path}, thumbprint {thumbprint}",
        "se creó nuestro certificado OPC UA {path}, huella {thumbprint}",
        "accept it in the PLC's list of trusted clients",
        "acéptelo en la lista de clientes de confianza del PLC",
    ),
    "certificate.expires": ("expires in {days} {days|day|days}", "vence en {days} {days|día|días}"),
    "certificate.expired": ("expired {days} {days|day|days} ago", "venció hace {days} {days|día|días}"),
    "certificate.no_thumbprint": (
        "'{words}' is no thumbprint: give at least 8 of its 40 hexadecimal digits",
        "'{words}' no es una huella: escriba al menos 8 de sus 40 dígitos hexadecimales",
    ),
    "certificate.several": (
        "several certificates begin with {digits} in {folder}",
        "varios certificados empiezan con {digits} en {folder}",
        "give more digits",
        "escriba más dígitos",
    ),
    "certificate.unknown": (
        "no certificate begins with {digits} in {folder}",
        "ningún certificado empieza con {digits} en {folder}",
        "python -m conectpy opcua list shows them",
        "python -m conectpy opcua list los muestra",
    ),
    "certificate.left_out": ("{path} is left out: {fault}", "{path} no se usa: {fault}"),
    "certificate.too_large": ("too large for a certificate", "demasiado grande para un certificado"),
    "certificate.no_identity": (
        "{path} holds no key and certificate: {fault}",
        "{path} no contiene clave y certificado: {fault}",
        "delete it to get a new one",
        "bórrelo para obtener uno nuevo",
    ),
    "certificate.open_key": (
        "{path}: its file system cannot keep others from reading our key",
        "{path}: su sistema de archivos no puede impedir que otros lean nuestra clave",
        "choose a folder on a local disk with pki_dir",
        "elija con pki_dir una carpeta en un disco local",
    ),
    # -- files that nobody else may read -------------------------------------------------------------------------------
    "private.unkept": (
        "the file system cannot keep others from reading it",
        "el sistema de archivos no puede impedir que otros lo lean",
        "choose a folder on a local disk",
        "elija una carpeta en un disco local",
    ),
    "private.irregular": ("is no regular file", "no es un archivo normal"),
    "private.owner": ("belongs to another user (number {user})", "pertenece a otro usuario (número {user})"),
    "private.open": (
        "others can read or write it",
        "otros pueden leerlo o escribirlo",
        "take the rights away from them (chmod 600)",
        "quíteles los permisos (chmod 600)",
    ),
    "private.large": ("is larger than {limit} bytes", "tiene más de {limit} bytes"),
}
