"""The parameters of the models: what `base_params` of a config may hold."""

from open_seq2seq.models.params.components import COMPONENT_PARAMS
from open_seq2seq.models.params.schemas import LANGUAGE_MODEL, SPEECH2TEXT

__all__ = ["COMPONENT_PARAMS", "LANGUAGE_MODEL", "SPEECH2TEXT"]
