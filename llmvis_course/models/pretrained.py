"""GPT-2 as it was published, for our own GPT: from a folder, or from a model hub on request.

Nothing is fetched unless `download=True` is passed. Left out on purpose: every other architecture.
"""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .gpt import GPT, from_gpt2

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Pretrained(NamedTuple):
    """A language model and the tokenizer that it was trained with."""

    model: GPT
    tokenizer: "PreTrainedTokenizerBase"


def load_gpt2(name: str | Path, *, download: bool = False) -> Pretrained:
    """Load a GPT-2 from a folder that transformers saved, or by its name on the hub ("gpt2").

    Without `download`, a name is only looked up among what was fetched before. Raises
    FileNotFoundError saying what to do when the files are not here or the hub cannot be reached.
    """
    from transformers import AutoTokenizer, GPT2LMHeadModel  # slow to import, so only when asked

    try:
        theirs = GPT2LMHeadModel.from_pretrained(str(name), local_files_only=not download)
        tokenizer = AutoTokenizer.from_pretrained(str(name), local_files_only=not download)
    except OSError as error:
        raise FileNotFoundError(_advice(name, download)) from error
    model = from_gpt2(theirs.state_dict(), heads=theirs.config.n_head)
    return Pretrained(model.eval(), tokenizer)


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
