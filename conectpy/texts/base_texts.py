"""Texts that hold others, and a few words that many need."""

TEXTS = {
    # words of a library or a file, which have no code
    "plain": ("{words}", "{words}"),
    "lines": ("{items:\n}", "{items:\n}"),
    "nothing": ("nothing", "nada"),
    "aborted": ("aborted", "interrumpido"),
    "time.no_zone": (
        "no time zone in '{words}': write 2026-03-01T07:14:02Z",
        "falta la zona horaria en '{words}': escriba 2026-03-01T07:14:02Z",
    ),
    "value.no_state": (
        "{tag}: {value} is no boolean state",
        "{tag}: {value} no es un estado booleano",
        "a state is BOOL, 0/1, TRUE/FALSE or ON/OFF: name a bit of the word ({tag}.0), or put it under tags",
        "un estado es BOOL, 0/1, TRUE/FALSE u ON/OFF: nombre un bit de la palabra ({tag}.0), o póngala en tags",
    ),
    "plc.fault": ("{plc} ({address}): {fault}", "{plc} ({address}): {fault}"),
}
