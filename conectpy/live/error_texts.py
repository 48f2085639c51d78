"""Errors as `/data` serves them: the text in the language of the process, its code, and the text in every language."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ..texts.catalogue import LANGUAGES, as_text
from ..texts.folders import hide_folders


def with_error_texts(fields: Mapping[str, Any], key: str, prefix: str, language: str) -> Dict[str, Any]:
    """The fields with `key` (a text or None) said in `language`, and beside it `<prefix>code` and `<prefix>texts`.

    `<prefix>texts` (language -> text) is for pages, whose readers choose their own. Both are left out while there is
    no text: they would cost every good tag a tenth of its bytes.
    """
    words: Optional[str] = fields.get(key)
    if words is None:
        return dict(fields)
    text = as_text(words)
    texts = {one: hide_folders(text.in_language(one)) for one in LANGUAGES}
    return {**fields, key: texts[language], f"{prefix}code": text.code, f"{prefix}texts": texts}
