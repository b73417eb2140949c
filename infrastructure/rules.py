"""Which new object is whose, in EventBridge's wildcards. Tests hold these and the keys of the application together."""

from collections.abc import Mapping

KEYS: Mapping[str, str] = {
    "upload": "incoming/*",
    "process": "raw/*/envio_*.json",
    "predict": "processed/*/preparo_*.json",
}
