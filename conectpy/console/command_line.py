"""What scripts and commands share: the parser, the settings that a command line leads to, the log."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from typing import Any, Callable, Dict, Mapping, NoReturn, Optional, Sequence

from ..errors import ConfigError
from ..files.rotating_file import RotatingFile
from ..settings.configuration import load_settings, load_yaml
from ..settings.flags import add_flags
from ..settings.types import Settings
from ..texts.catalogue import say, text_of
from .log_output import LogOutput, log_unhandled, write_to
from .output import LanguageFormatter


class ArgumentParser(argparse.ArgumentParser):
    """A parser whose errors are one line, exit status 2."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where to look, and exit."""
        self.exit(2, f"{self.prog}: {message} (see --help)\n")


def monitor_arguments(argv: Optional[Sequence[str]], language: str) -> Dict[str, Any]:
    """The monitor's command line; options that are not given are None."""
    parser = ArgumentParser(
        prog="plc_realtime_demo.py",
        description=say("flag.monitor").in_language(language),
    )
    parser.add_argument("--config", metavar="FILE.yml", help=say("flag.config").in_language(language))
    add_flags(parser, Settings, language)
    parser.add_argument("--once", action="store_true", help=say("flag.once").in_language(language))
    return vars(parser.parse_args(argv))


def read_settings(arguments: Mapping[str, Any], own: Callable[[], Mapping[str, Any]]) -> Settings:
    """The command line over the environment over `--config` or, without it, the script's own document.

    `arguments` as `monitor_arguments` gives them, or some of them. Raises ConfigError.
    """
    path = arguments.get("config") or os.environ.get("CONECTPY_CONFIG")
    return load_settings(load_yaml(path) if path else own(), os.environ, arguments)


def set_up_output(log_level: str, language: str, log_file: Optional[str] = None) -> LogOutput:
    """Log to standard error, and to `log_file`, in `language`; what is returned is closed at the end.

    A console that lacks a letter shows a mark instead of failing. Raises ConfigError for a file that cannot be written.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    formatter = LanguageFormatter("%(asctime)s %(levelname)-7s %(speaker)s%(message)s", language)
    file = open_log_file(log_file) if log_file else None
    output = LogOutput()
    if sys.stderr is not None:  # as under pythonw
        output.add("log", write_to(sys.stderr), formatter)
    if file is not None:
        output.add("log-file", file.write, formatter)
    logging.getLogger().setLevel(log_level)
    for noisy in ("pycomm3", "opcua"):  # their own errors come to us as exceptions and are said once
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    logging.captureWarnings(True)
    threading.excepthook = log_unhandled
    return output


def open_log_file(path: str) -> RotatingFile:
    """Raises ConfigError."""
    try:
        return RotatingFile(path)
    except OSError as exc:
        raise ConfigError([say("log.unusable", path=path, fault=text_of(exc))]) from exc
