"""GPT-2 as it was published, for our own GPT or as it is: from a folder, or a hub on request.

Nothing is fetched unless `download=True` is passed. Left out on purpose: every other architecture.
"""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .gpt import GPT, from_gpt2

if TYPE_CHECKING:
    from transformers import GPT2Model, PreTrainedTokenizerBase


class Pretrained(NamedTuple):
    """A language model and the tokenizer that it was trained with."""

    model: GPT
    tokenizer: "PreTrainedTokenizerBase"


class Published(NamedTuple):
    """The GPT-2 of transformers without its last layer, and the tokenizer it was trained with."""

    model: "GPT2Model"
    tokenizer: "PreTrainedTokenizerBase"


def load_gpt2(name: str | Path, *, download: bool = False) -> Pretrained:
    """Load a GPT-2 from a folder that transformers saved, or by its name on the hub ("gpt2").

    Without `download`, a name is only looked up among what was fetched before. Raises
    FileNotFoundError saying what to do when the files are not here or the hub cannot be reached.
    """
    from transformers import GPT2LMHeadModel  # slow to import, so only when asked

    theirs, tokenizer = _load(GPT2LMHeadModel, name, download)
    model = from_gpt2(theirs.state_dict(), heads=theirs.config.n_head)
    return Pretrained(model.eval(), tokenizer)


def load_gpt2_body(name: str | Path, *, download: bool = False) -> Published:
    """The same as transformers' own `GPT2Model`, to read captions with. Raises as `load_gpt2`."""
    from transformers import GPT2Model

    model, tokenizer = _load(GPT2Model, name, download)
    return Published(model.eval(), tokenizer)


def _load(kind: type, name: str | Path, download: bool) -> tuple:
    from transformers import AutoTokenizer

    try:
        theirs = kind.from_pretrained(str(name), local_files_only=not download)
        tokenizer = AutoTokenizer.from_pretrained(str(name), local_files_only=not download)
    except OSError as error:
        raise FileNotFoundError(_advice(name, download)) from error
    return theirs, tokenizer


def _advice(name: str | Path, download: bool) -> str:
    if Path(name).is_dir():
        return (
            f"{name} is a folder without a whole GPT-2: expected config.json, model.safetensors "
            "and the tokenizer's files, as `save_pretrained` of transformers writes them"
        )
    if download:
        return (
            f"could not fetch {name!r}: no network, or no model of that name. Fetch it once where "
            "there is a network, call save_pretrained(folder), and load that folder"
        )
    return (
        f"{name!r} is neither a folder nor a model that was fetched before; expected a folder, or "
        "download=True to fetch it (GPT-2 is about 0.5 GB)"
    )
